"""Models as other projects write them: small integers, ends that move, copies of a normal, types of their own."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest

from vaex import Conditional, Given, Model, evaluate, inference, losses, objectives
from vaex.distributions import abilities
from vaex.distributions.divergences import closed_form_kl
from vaex.distributions.free import free
from vaex.distributions.supports import moves_its_support
from vaex.errors import UsageError
from vaex.evaluate.certificate import drawn
from vaex.evaluate.quadrature import log_marginal
from vaex.inference.sampling import warnings

KEY = jax.random.key(0)
NORMAL = Model(dist.Normal(0.0, 1.0), lambda x: dist.Normal(0.5 * x, 1.0), lambda z: dist.Normal(z, 1.0))


class Shown:
    """N(loc, 1) by two methods alone."""

    def __init__(self, loc):
        self.loc = loc

    def sample(self, key, sample_shape=()):
        return self.loc + jax.random.normal(key, (*sample_shape, *jnp.shape(self.loc)))

    def log_prob(self, value):
        return dist.Normal(self.loc, 1.0).log_prob(value)


OWN = Model(Shown(jnp.zeros(())), lambda x: Shown(0.5 * x), lambda z: dist.Normal(z, 1.0))


@pytest.mark.parametrize(("dtype", "num_classes"), [(jnp.uint8, 256), (jnp.uint8, 300), (jnp.int8, 200)])
def test_labels_of_eight_bits_are_among_any_number_of_classes(dtype, num_classes):
    """Log C, and the gradient 1/C, less one at the label."""
    of = jax.value_and_grad(lambda logits, label: losses.categorical_nll(logits, label))
    value, slope = jax.jit(of)(jnp.zeros(num_classes), jnp.asarray(7, dtype))
    np.testing.assert_allclose(value, np.log(num_classes), rtol=1e-6)
    np.testing.assert_allclose(slope, 1 / num_classes - (np.arange(num_classes) == 7), rtol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int32, jnp.float32])
def test_dreams_of_counts_are_the_same_however_small_the_integers_of_x(dtype):
    """Of a Poisson of rate 260 as well, within 5 standard errors; and so are the gradients of the sleep phase."""
    rates = jnp.array([200.0, 260.0])
    encode = lambda slope: lambda x: dist.Bernoulli(logits=slope * (x - 230.0) / 30)
    of = lambda slope: Model(dist.Bernoulli(0.5), encode(slope), lambda z: dist.Poisson(rates[z]))
    counts, z = jax.jit(jax.vmap(lambda key: drawn(key, of(1.0), jnp.asarray(210, dtype))))(jax.random.split(KEY, 2000))
    above = np.asarray(counts, np.float64)[np.asarray(z) == 1]
    assert abs(above.mean() - 260) < 5 * (260 / len(above)) ** 0.5
    slope = lambda x: jax.grad(lambda slope: objectives.wake_sleep(KEY, of(slope), x).objective)(1.0)
    np.testing.assert_allclose(slope(jnp.asarray(210, dtype)), slope(jnp.asarray(210.0)), rtol=1e-5)


@pytest.mark.parametrize("name", ["stl", "dreg", "reinforce", "vimco", "tvo", "wake_sleep"])
def test_where_the_support_moves_no_score_has_mean_zero(name):
    """E_q[d log q / ds] = -1 of a q that is uniform between -e^s and e^s: these would lose it without a word."""
    uniform = NORMAL._replace(encode=lambda x: dist.Uniform(-jnp.ones(1), jnp.ones(1)).to_event(1))
    with pytest.raises(UsageError, match=r"has a support that moves with its parameters, .*: use elbo or iwae"):
        objectives.OBJECTIVES[name](KEY, uniform, jnp.array(0.0))


@pytest.mark.parametrize("q", [dist.LogUniform(1.0, 2.0), dist.Pareto(1.0, 2.0), dist.Uniform(0.0, 1.0).expand([2])])
def test_what_else_moves_its_support(q):
    assert moves_its_support(q)
    assert not moves_its_support(dist.Kumaraswamy(1.0, 2.0))


def test_the_elbo_of_a_q_whose_ends_move_has_the_exact_gradient():
    """1 - e^(2s)/3, within 5 standard errors."""

    def of(s, key):
        q = dist.Uniform(-jnp.exp(s), jnp.exp(s))
        return objectives.elbo(key, NORMAL._replace(encode=lambda x: q, decode=lambda z: dist.Normal(0.0, 1.0)), 0.0)

    slopes = jax.jit(jax.vmap(jax.grad(lambda s, key: of(s, key).objective), (None, 0)))(
        0.3, jax.random.split(KEY, 20_000)
    )
    slopes = np.asarray(slopes, np.float64)
    assert abs(slopes.mean() - (1 - np.exp(0.6) / 3)) < 5 * slopes.std() / len(slopes) ** 0.5


def test_copies_of_a_normal_are_normal():
    copies, written = dist.Normal(1.0, 2.0).expand([2]).to_event(1), dist.Normal(jnp.ones(2), 2.0).to_event(1)
    q = dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2))
    np.testing.assert_allclose(closed_form_kl(q, copies), closed_form_kl(q, written), rtol=1e-6)
    for prior in (copies, dist.Normal(1.0, 2.0)):
        cold = evaluate.draw(KEY, NORMAL._replace(prior=prior, decode=lambda z: dist.Normal(0.0, 1.0)), temperature=0.0)
        np.testing.assert_array_equal(cold.z, np.ones(prior.event_shape))
    numbers, again = free(copies)
    assert {leaf.shape for leaf in jax.tree.leaves(numbers)} == {(2,)}
    np.testing.assert_allclose(again(numbers).log_prob(jnp.array([0.5, 3.0])), written.log_prob(jnp.array([0.5, 3.0])))
    made = jax.vmap(lambda loc: dist.Normal(loc, 2.0).expand([4]))(jnp.arange(3.0))  # by jax.vmap, of three
    mean, scale = abilities.normal_parameters(made) or (None, None)
    np.testing.assert_array_equal(mean, np.arange(3.0)[:, None] * np.ones(4))
    np.testing.assert_array_equal(scale, 2 * np.ones((3, 4)))


def test_classes_are_shown_by_the_most_probable_one():
    model = NORMAL._replace(decode=lambda z: dist.Categorical(logits=jnp.array([0.0, 2.0, 1.0])))
    x = jnp.array(0)
    assert evaluate.reconstruction(KEY, model, x) == 1
    assert evaluate.draw(KEY, model).mean == 1
    assert (evaluate.interpolation(KEY, model, (x, x), steps=3) == 1).all()


def test_a_likelihood_without_a_mean_is_not_shown():
    model = NORMAL._replace(decode=Shown)
    for ask in (lambda: evaluate.draw(KEY, model), lambda: evaluate.reconstruction(KEY, model, jnp.array(0.5))):
        with pytest.raises(UsageError, match=r"^Shown, p\(x\|z\), has no mean, .* give the type a property mean"):
            ask()


def test_what_freezes_or_batches_q_wants_a_pytree():
    x = jnp.arange(4.0)
    for ask in (
        lambda: objectives.piwae(KEY, OWN, x[0]),
        lambda: evaluate.mutual_information(KEY, OWN, x),
        lambda: evaluate.surgery(KEY, OWN, x),
    ):
        with pytest.raises(UsageError, match=r"^Shown is no pytree of arrays, .*register_pytree_node_class makes it"):
            ask()


@pytest.mark.parametrize("q", [dist.Binomial(jnp.array([3, 2]), 0.5), dist.DiscreteUniform(0, jnp.array([2, 3]))])
def test_variables_of_other_values_each_are_not_enumerated(q):
    model = Model(q.to_event(1), lambda x: q.to_event(1), lambda z: dist.Normal(z.sum(), 1.0))
    with pytest.raises(UsageError, match=r"Independent cannot be enumerated: use reinforce or vimco"):
        objectives.enumerate(KEY, model, jnp.array(1.0))
    with pytest.raises(UsageError, match=r"Independent has no list of its values"):
        inference.gibbs().init(KEY, model, jnp.array(1.0))


def test_chains_that_never_move_are_told():
    """Of z ~ Exponential(1) and x ~ U(0, z) no draw of q, nor of ten of p(z), is beyond x = 40."""
    prior = dist.Exponential(1.0)
    model = Model(prior, lambda x: prior, lambda z: dist.Uniform(0.0, z))
    draws = inference.sample(KEY, inference.random_walk(num_warmup=0), model, jnp.array(40.0), num_samples=8)
    assert any(line.startswith("4 of 4 chains accept no step, as where p(x, z) is 0") for line in warnings(draws))


def test_monte_carlo_em_starts_where_its_chains_can_move():
    """Where p(x, z) is 0 for most draws of p(z), from one of ten where it is not."""
    bind = lambda rate: Model(dist.Exponential(jnp.exp(rate)), None, lambda z: dist.Uniform(0.0, z))
    method = inference.monte_carlo_em(bind, optax.adam(0.02), num_leapfrog=4, num_updates=1)
    x = jnp.full(16, 1.0)
    state = method.init(KEY, jnp.zeros(()), x)
    assert (state.z > 1).mean() > 0.9  # of draws of p(z) a third, and of ten 99%


def test_a_conditional_model_is_refused_where_one_model_is_asked_for():
    model = Conditional(lambda c: NORMAL)
    given = Given(jnp.array(0.5), jnp.array(1.0))
    with pytest.raises(UsageError, match=r"found a Conditional, which has a Model for each condition"):
        inspect.unwrap(evaluate.inference_gap)(KEY, model, given, num_steps=2, num_samples=2)
    with pytest.raises(UsageError, match=r"found a Conditional: quadrature is of one condition"):
        inspect.unwrap(log_marginal)(KEY, model, given)
