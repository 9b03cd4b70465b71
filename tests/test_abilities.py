"""What a distribution says that it can do is what it can: against quadrature, sums over states, and ties of draws."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.tree_util import Partial

from tests.test_graphs import LAWN, TRUE_LAWN
from vaex import Model, objectives
from vaex.distributions import (
    CategoricalLevels,
    ContinuousBernoulli,
    DiagonalNormalMixture,
    DiscretizedLogistic,
    IndependentBernoulli,
    OneHotCategorical,
    PowerSpherical,
    UniformMixture,
    abilities,
    divergences,
    flows,
)
from vaex.distributions.chain import Chain, Link
from vaex.distributions.codes import Quantized
from vaex.distributions.labelled import Labelled, LabelledLatent
from vaex.distributions.masked import Masked, ObservedPart
from vaex.distributions.stacked import Generated, StackedLatent, StackedPosterior
from vaex.distributions.states import all_states
from vaex.distributions.unit_vectors import unit
from vaex.distributions.variance import variance
from vaex.errors import UsageError

KEY = jax.random.key(0)
PLANAR = flows.planar(1, 1)
LINE = np.linspace(-9, 9, 1201, dtype=np.float32)[:, None]
PLANE = np.stack(np.meshgrid(*[np.linspace(-8, 8, 161, dtype=np.float32)] * 2, indexing="ij"), -1).reshape(-1, 2)
CIRCLE = np.stack([f(2 * np.pi * np.arange(400) / 400) for f in (np.cos, np.sin)], -1).astype(np.float32)
ALL_LEVELS = np.arange(256, dtype=np.float32) / 255
NUM_DRAWS = 40_000


def normal(p):
    return dist.Normal(p["loc"], jnp.exp(p["log_scale"])).to_event(1)


def step(below, above):
    """q(z1) q(z2|z1), the second a distribution of tanh(z1)."""
    return lambda p: Chain(
        (Link(lambda p, state: below(p)), Link(lambda p, z: above(p, jnp.tanh(z)))), (p, p), state=None, top_down=False
    )


def shifted(p, z):
    return dist.Normal(p["loc"] + z, jnp.exp(p["log_scale"])).to_event(1)


def one_hot_of(p, z):
    return OneHotCategorical(p["logits"] * z)


def stacked(above):
    return lambda p: StackedPosterior(normal(p), Partial(lambda p, z: above(p, jnp.tanh(z)), p))


def array(values):
    return np.array(values, np.float32)


NORMAL = {"loc": array([0.4]), "log_scale": array([-0.3])}
PARTS = {"logits": array([0.5, -0.2]), "loc": array([[1.0], [-0.5]]), "log_scale": array([[-0.4], [0.1]])}
BOTH = {**NORMAL, "logits": array([0.5, -0.2])}
TWICE = np.concatenate([LINE, LINE])
EACH = np.repeat(np.eye(2, dtype=np.float32), len(LINE), 0)

# name: (parameters, parameters -> q, points of quadrature, the volume of each)
CASES = {
    "normal": (NORMAL, normal, LINE, 0.015),
    "masked": (NORMAL, lambda p: normal(p).mask(True), LINE, 0.015),
    "expanded": ({"loc": array(0.4)}, lambda p: dist.Normal(p["loc"], 1.0).expand([1]).to_event(1), LINE, 0.015),
    "gamma": (
        {"concentration": array(2.5)},
        lambda p: dist.Gamma(**p, rate=1.5),
        np.linspace(1e-4, 16, 4001, dtype=np.float32),
        0.004,
    ),
    "continuous bernoulli": (
        {"logits": array(1.3)},
        lambda p: ContinuousBernoulli(**p),
        np.linspace(0.0005, 0.9995, 1000, dtype=np.float32),
        0.001,
    ),
    "numpyro's mixture": (
        PARTS,
        lambda p: dist.MixtureSameFamily(
            dist.Categorical(logits=p["logits"]), dist.Normal(p["loc"], jnp.exp(p["log_scale"])).to_event(1)
        ),
        LINE,
        0.015,
    ),
    "mixture": (
        PARTS, lambda p: DiagonalNormalMixture(p["logits"], p["loc"], 2 * p["log_scale"]), LINE, 0.015
    ),
    "uniform mixture": (
        {name: PARTS[name] for name in NORMAL}, lambda p: UniformMixture(jax.vmap(normal)(p)), LINE, 0.015
    ),
    "power spherical": (
        {"raw": array([0.8, -0.6]), "log_concentration": array(0.7)},
        lambda p: PowerSpherical(unit(p["raw"]), jnp.exp(p["log_concentration"])),
        CIRCLE,
        2 * np.pi / len(CIRCLE),
    ),
    "uniform mixture of mixtures": (
        jax.tree.map(lambda a: np.stack([a, a + 0.5]), PARTS),
        lambda p: UniformMixture(jax.vmap(lambda q: DiagonalNormalMixture(q["logits"], q["loc"], q["log_scale"]))(p)),
        LINE,
        0.015,
    ),
    "flow": (
        {**NORMAL, "context": array([0.7, 0.9, -0.3])},
        lambda p: flows.Flow(normal(p), {}, p["context"], PLANAR),
        LINE,
        0.015,
    ),
    "chain": (NORMAL, step(normal, shifted), (PLANE[:, :1], PLANE[:, 1:]), 0.01),
    "chain with a one-hot layer": (
        BOTH,
        step(normal, one_hot_of),
        (TWICE, EACH),
        0.015,
    ),
    "stacked": (NORMAL, stacked(shifted), StackedLatent(PLANE[:, :1], PLANE[:, 1:]), 0.01),
    "stacked under a one-hot": (
        BOTH,
        stacked(one_hot_of),
        StackedLatent(TWICE, EACH),
        0.015,
    ),
    "labelled": (
        PARTS,
        lambda p: Labelled(
            OneHotCategorical(p["logits"]), jax.vmap(normal)({"loc": p["loc"], "log_scale": p["log_scale"]})
        ),
        LabelledLatent(EACH, TWICE),
        0.015,
    ),
    "one-hot": ({"logits": array([0.5, -0.2, 0.1])}, lambda p: OneHotCategorical(**p), array(np.eye(3)), 1.0),
    "bernoulli": (
        {"logits": array([0.5])}, lambda p: IndependentBernoulli(p["logits"], 1), array([[0.0], [1.0]]), 1.0
    ),
    "levels": (
        {"logits": array(np.sin(np.arange(256)))}, lambda p: CategoricalLevels(**p), ALL_LEVELS, 1.0
    ),
    "logistic levels": (
        {"loc": array(0.4), "log_scale": array(-2.0)}, lambda p: DiscretizedLogistic(**p), ALL_LEVELS, 1.0
    ),
    "quantized": (
        {"vectors": array([[0.4]]), "codes": array([[0.1], [1.0]])},
        lambda p: Quantized(**p),
        array([[[0.1]], [[1.0]]]),
        1.0,
    ),
}  # fmt: skip
NO_GRADIENT = {
    "numpyro's mixture", "mixture", "uniform mixture of mixtures", "chain with a one-hot layer",
    "stacked under a one-hot", "labelled", "one-hot", "bernoulli", "levels", "logistic levels", "quantized",
}  # fmt: skip
DISCRETE = {
    "chain with a one-hot layer", "stacked under a one-hot", "labelled", "one-hot", "bernoulli", "levels",
    "logistic levels",
}  # fmt: skip
DEAR = {"flow", "chain", "chain with a one-hot layer", "stacked", "stacked under a one-hot", "quantized"}
MEANS = {
    "normal", "masked", "expanded", "gamma", "continuous bernoulli", "numpyro's mixture", "mixture", "power spherical",
    "labelled", "one-hot", "bernoulli", "levels", "logistic levels", "quantized",
}  # fmt: skip


@functools.cache
def made(name):
    params, bind, _, _ = CASES[name]
    return jax.jit(bind)(params)


def some_function(z):
    """Of no symmetry, so that no gradient of its expectation is zero by chance."""
    return sum(
        jnp.sum(jnp.sin(leaf + 0.3 * i) * (1 + jnp.arange(leaf.size))) for i, leaf in enumerate(jax.tree.leaves(z))
    )


def integrate(name, f, params):
    _, bind, points, volume = CASES[name]
    if name == "quantized":  # its density is a point's, whose place is what the parameters move
        return f(bind(params).mean)
    weights = volume * jnp.exp(jax.vmap(bind(params).log_prob)(points))
    return jax.tree.map(lambda values: jnp.tensordot(weights, values, 1), jax.vmap(f)(points))


@functools.cache
def computed(name):
    """All that the tests below compare of a case, in one program."""
    params, bind, _, _ = CASES[name]

    def estimate(p, key):
        draws = bind(p).sample(key, (NUM_DRAWS // 100,))
        return jnp.mean(jax.vmap(some_function)(draws)), draws

    def moments(p):
        whole, integral, value = integrate(name, lambda z: (jnp.array(1.0), z, some_function(z)), p)
        return value, (whole, integral)

    @jax.jit
    def compute(params, key, other):
        q = bind(params)
        gradient, (whole, integral) = jax.grad(moments, has_aux=True)(params)
        each = jax.vmap(jax.grad(estimate, has_aux=True), (None, 0))
        keys = jax.random.split(key, 100)
        estimates, draws = each(params, keys)
        some = jax.tree.map(lambda a: a[0], draws)
        return {
            "whole": whole,
            "gradient": gradient,
            "estimates": estimates,
            "integral": integral,
            "mean": abilities.mean(q),
            "estimated mean": abilities.estimate_mean(other, q, 2000),
            "draws": jax.tree.map(lambda a: a[:5].reshape(2000, *a.shape[2:]), draws),
            "with density": abilities.sample_and_log_prob(keys[0], q, NUM_DRAWS // 100),
            "apart": (some, jax.vmap(q.log_prob)(some)),
        }

    return jax.tree.map(np.asarray, compute(params, KEY, jax.random.key(1)))


@pytest.mark.parametrize("name", CASES)
def test_it_says_whether_draws_carry_the_gradient_that_quadrature_finds(name):
    """Of 40,000 draws, in 100 means, within 5 standard errors; or not, in at least one parameter."""
    found = computed(name)
    np.testing.assert_allclose(found["whole"], 1.0, rtol=1e-3)  # no part of it lies elsewhere
    agrees = jax.tree.map(
        lambda g, e: bool((np.abs(g.mean(0) - e) < 5 * g.std(0, ddof=1) / 10 + 1e-3 * (1 + np.abs(e))).all()),
        found["estimates"],
        found["gradient"],
    )
    assert abilities.has_gradient(made(name)) == all(jax.tree.leaves(agrees)), agrees
    assert abilities.has_gradient(made(name)) == (name not in NO_GRADIENT)


@pytest.mark.parametrize("name", CASES)
def test_it_is_discrete_where_a_part_of_its_draws_has_ties(name):
    """Of 2,000 draws; a point is no variable."""
    leaves = jax.tree.leaves(computed(name)["draws"])
    ties = [len(np.unique(leaf.reshape(2000, -1), axis=0)) < 1000 for leaf in leaves]
    assert abilities.is_discrete(made(name)) == (any(ties) and name != "quantized") == (name in DISCRETE)


@pytest.mark.parametrize("name", CASES)
def test_a_mean_is_the_integral_and_an_estimate_is_near_it(name):
    """Within 5 standard errors of the mean of 2,000 draws, above which no estimate's error lies."""
    found = computed(name)
    known, exact = found["mean"], found["integral"]
    assert (known is not None) == (name in MEANS)
    if known is not None:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3), known, exact)
    error = jax.tree.map(lambda z: 5 * z.std(0) / np.sqrt(2000) + 2e-3, found["draws"])
    near = lambda a, b, e: np.testing.assert_array_less(np.abs(a - b), e)
    jax.tree.map(near, found["estimated mean"], exact, error)


@pytest.mark.parametrize("name", ["chain", "stacked"])
def test_conditionals_means_have_less_noise_than_draws(name):
    params, bind, _, _ = CASES[name]
    last = lambda z: jax.tree.leaves(z)[1]

    @jax.jit
    def both(key):
        q = bind(params)
        each = lambda k: (last(abilities.estimate_mean(k, q, 50)), last(q.sample(k, (50,))).mean(0))
        return jax.vmap(each)(jax.random.split(key, 200))

    own, plain = jax.tree.map(np.asarray, both(KEY))
    assert own.std() < 0.8 * plain.std()


@pytest.mark.parametrize("name", CASES)
def test_a_draw_has_its_own_density(name):
    (z, log_q), (same, again) = computed(name)["with density"], computed(name)["apart"]
    np.testing.assert_allclose(log_q, again, rtol=1e-3, atol=1e-4)
    assert len(set(log_q.tolist())) > 1 or name in {"quantized", "expanded"} | DISCRETE
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), z, same)
    own = abilities.own_sample_and_log_prob(made(name))
    assert (own is not None) == (name in DEAR)  # those whose densities cost something when they are not drawn with it
    assert abilities.is_cheap_to_evaluate(made(name)) == (name not in DEAR)


def test_what_wraps_another_answers_as_that_does():
    one_hot = OneHotCategorical(jnp.zeros((2, 3)))
    for wrapped in (one_hot.to_event(1), one_hot.mask(True), one_hot.expand([4, 2]), one_hot.to_event(1).mask(True)):
        assert abilities.is_discrete(wrapped)
        assert not abilities.has_gradient(wrapped)

    @jax.jit
    def both(key, params):
        two = jax.vmap(CASES["flow"][1])(params)
        assert not abilities.is_cheap_to_evaluate(UniformMixture(two))
        labelled = Labelled(OneHotCategorical(jnp.zeros(2)), two)
        assert not abilities.is_cheap_to_evaluate(labelled)
        assert abilities.mean(labelled) is None
        return abilities.estimate_mean(key, labelled, 5), labelled.sample(key, (5,))

    drawn, draws = both(KEY, jax.tree.map(lambda a: np.stack([a, a]), CASES["flow"][0]))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, np.mean(b, axis=0), rtol=1e-6), drawn, draws)
    assert abilities.is_discrete(jax.eval_shape(jax.vmap(OneHotCategorical), jnp.zeros((5, 3))))
    for name in ("normal", "one-hot", "mixture"):
        generated = Generated(Model(made("normal"), lambda x: made("normal"), lambda z: made(name)))  # noqa: B023
        assert abilities.is_discrete(generated) == (name in DISCRETE)
        assert abilities.has_gradient(generated) == (name not in NO_GRADIENT)


def test_of_a_batch_of_mixtures_or_of_discrete_components_none_are_drawn_by_component():
    def found():
        batch = dist.MixtureSameFamily(dist.Categorical(logits=jnp.zeros((3, 2))), dist.Normal(jnp.zeros((3, 2)), 1.0))
        discrete = dist.MixtureSameFamily(dist.Categorical(logits=jnp.zeros(2)), dist.BernoulliLogits(jnp.zeros(2)))
        return [abilities.draws_of_components(q) for q in (batch, discrete, made("normal"))]

    assert jax.eval_shape(found) == [None, None, None]


def test_a_conditional_without_a_mean_is_averaged_over_its_draws():
    flow = lambda p, z: flows.Flow(shifted(p, z), {}, jnp.array([0.7, 0.9, -0.3]), PLANAR)

    @jax.jit
    def both(key, other):
        qs = step(normal, flow)(NORMAL), stacked(flow)(NORMAL)
        return [(abilities.estimate_mean(key, q, 4000), q.sample(other, (4000,))) for q in qs]

    for estimate, draws in jax.tree.map(np.asarray, both(KEY, jax.random.key(1))):
        for a, z in zip(jax.tree.leaves(estimate), jax.tree.leaves(draws), strict=True):
            assert abs(a - z.mean(0)) < 5 * z.std(0) * np.sqrt(2 / 4000)


def test_the_kl_of_each_dimension():
    q, p = (
        OneHotCategorical(jnp.array([[0.5, -0.3], [1.0, 0.2]])).to_event(1),
        OneHotCategorical(jnp.zeros((2, 2))).to_event(1),
    )
    per_dimension, kl = jax.jit(lambda: (divergences.kl_per_dimension(q, p), divergences.closed_form_kl(q, p)))()
    probabilities = np.asarray(jax.nn.softmax(q.base_dist.logits))
    np.testing.assert_allclose(per_dimension, (probabilities * np.log(2 * probabilities)).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(np.sum(per_dimension), kl, rtol=1e-5)
    assert abilities.factors(made("flow")) is None
    assert divergences.kl_per_dimension(made("normal"), made("mixture")) is None
    assert divergences.kl_per_dimension(*[dist.Normal(jnp.zeros((3, 2)), 1.0).to_event(2)] * 2) is None  # no vector
    assert divergences.kl_per_dimension(made("normal"), dist.Laplace(jnp.zeros(1), 1.0).to_event(1)) is None


def test_a_series_is_no_closed_form():
    """Numpyro's KL of a Kumaraswamy variable to a Beta one is cut off: -0.01 of the same density."""
    q, p = dist.Kumaraswamy(jnp.ones(1), jnp.array([1.5])), dist.Beta(jnp.ones(1), jnp.array([1.5]))
    assert divergences.closed_form_kl(q.to_event(1), p.to_event(1)) is None
    model = Model(p.to_event(1), lambda x: q.to_event(1), lambda z: dist.Normal(z, 1.0).to_event(1))
    terms = jax.jit(lambda: objectives.elbo(jax.random.key(0), model, jnp.zeros(1)))()
    np.testing.assert_allclose(terms.kl, 0.0, atol=1e-5)  # equal densities at every draw


def test_the_number_of_a_class_has_no_mean():
    logits = jnp.array([[0.0, 2.0, 1.0], [1.0, -1.0, 0.0]])
    expanded = dist.Categorical(logits=logits[0]).expand((2,))
    assert abilities.mean(expanded.to_event(1)) is None
    assert variance(expanded.to_event(1)) is None
    for q in (dist.Categorical(logits=logits), dist.Categorical(probs=jax.nn.softmax(logits))):
        assert abilities.mean(q.to_event(1)) is None
        assert variance(q.to_event(1)) is None
        probabilities, read = abilities.average(q.to_event(1))
        np.testing.assert_array_equal(read(probabilities), [1, 0])


def test_a_class_that_is_ruled_out():
    q = OneHotCategorical(jnp.array([0.0, -jnp.inf]))
    np.testing.assert_array_equal(q.mean, [1.0, 0.0])
    for wrong in (jnp.nan, jnp.inf):
        with pytest.raises(ValueError, match="logits"):
            OneHotCategorical(jnp.array([0.0, wrong]))
    with pytest.raises(ValueError, match="logits"):
        OneHotCategorical(jnp.full(2, -jnp.inf))


def test_components_and_layers_add_up_to_the_whole():
    mixtures = ("numpyro's mixture", "mixture", "uniform mixture")

    @jax.jit
    def compute(params, z):
        qs = {name: bind(params[name]) for name, (_, bind, _, _) in CASES.items() if name in params}
        by_component: list[Any] = [abilities.component_log_probs(qs[name]) for name in mixtures]
        log_probs = [log_prob(z) for log_prob in by_component]
        log_prob_per_layer: Any = abilities.log_prob_per_layer(qs["chain"])
        wholes = [qs[name].log_prob(z) for name in mixtures]
        return log_probs, wholes, log_prob_per_layer((z, -z)), qs["normal"].log_prob(z), qs["chain"].log_prob((z, -z))

    params = {name: CASES[name][0] for name in (*mixtures, "chain", "normal")}
    log_probs, wholes, per_layer, first, both = jax.tree.map(np.asarray, compute(params, array([0.3])))
    for parts, whole in zip(log_probs, wholes, strict=True):
        assert parts.shape == (2,)
        np.testing.assert_allclose(np.logaddexp(*parts), whole, rtol=1e-5)
    np.testing.assert_allclose(per_layer[0], first, rtol=1e-5)
    np.testing.assert_allclose(per_layer.sum(), both, rtol=1e-5)
    assert abilities.component_log_probs(made("normal")) is None
    assert abilities.log_prob_per_layer(made("normal")) is None


@pytest.mark.parametrize(
    ("q", "number"),
    [
        (OneHotCategorical(jnp.array([0.5, -0.2, 0.1])), 3),
        (OneHotCategorical(jnp.array([[0.5, -0.3], [1.0, 0.2]])).to_event(1), 4),
        (dist.Categorical(logits=jnp.array([0.5, -0.2, 0.1])), 3),
        (IndependentBernoulli(jnp.array([0.5, -0.2, 0.1]), 1), 8),
        (TRUE_LAWN, 16),
    ],
)
def test_all_states_are_each_once_and_have_all_of_the_probability(q, number):
    states, log_p = jax.jit(lambda: (states := all_states(q), jax.vmap(q.log_prob)(states)))()
    flat = np.concatenate([np.asarray(a).reshape(number, -1) for a in jax.tree.leaves(states)], axis=1)
    assert len(np.unique(flat, axis=0)) == number
    np.testing.assert_allclose(np.exp(log_p).sum(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("q", [made("normal"), made("flow"), dist.Poisson(2.0), made("levels")])
def test_what_has_no_end_of_states_is_refused(q):
    with pytest.raises(UsageError, match=f"{type(q).__name__} cannot be enumerated"):
        all_states(q)


@pytest.mark.parametrize(
    "q", [dist.Categorical(logits=jnp.zeros(10_001)), OneHotCategorical(jnp.zeros((5, 7))).to_event(1)]
)
def test_more_states_than_can_be_summed_over_are_refused(q):
    with pytest.raises(UsageError, match=r"z has 1[06],\d* states: expected at most 10,000"):
        all_states(q)


def test_a_graph_answers_by_its_nodes():
    assert abilities.is_discrete(TRUE_LAWN)
    assert not abilities.has_gradient(TRUE_LAWN)
    assert not abilities.is_cheap_to_evaluate(TRUE_LAWN)
    assert LAWN.bind({}).distribution.params == {}  # and by nothing of its parameters
    assert abilities.is_discrete(LAWN.bind({}).distribution)


class Mine:
    """A distribution of a stranger, no pytree: N(loc, 1)."""

    def __init__(self, loc):
        self.loc = loc

    def sample(self, key, sample_shape=()):
        return self.loc + jax.random.normal(key, (*sample_shape, *self.loc.shape))

    def log_prob(self, value):
        return dist.Normal(self.loc, 1.0).to_event(1).log_prob(value)


class Known(Mine):
    """One that registers what it knows."""


class Counts(Mine):
    """One that registers that it is discrete, and no more."""


abilities.mean.register(Known, lambda q: q.loc)
abilities.is_discrete.register(Counts, lambda q: True)


def test_a_distribution_of_two_methods_is_enough():
    q, zero = Mine(jnp.array([1.0, 2.0])), jnp.zeros(2)
    assert not abilities.is_discrete(q)
    assert abilities.has_gradient(q)
    assert abilities.is_cheap_to_evaluate(q)
    for unknown in (abilities.mean, abilities.factors, abilities.component_log_probs, abilities.log_prob_per_layer):
        assert unknown(q) is None
    known = lambda loc: dist.Normal(loc, 1.0).to_event(1)
    model, x = Model(Mine(zero), lambda x: Mine(x / 2), known), jnp.array([0.3, -1.0])

    @jax.jit
    def compute(key):
        reference = Model(known(zero), lambda x: known(x / 2), known)
        cases = ((model, "sampled"), (reference, "sampled"), (model, "auto"))
        means = abilities.estimate_mean(key, q, 50), q.sample(key, (50,)).mean(0)
        return means, [objectives.elbo(key, m, x, kl=kl).elbo for m, kl in cases]

    means, (found, expected, auto) = compute(KEY)
    np.testing.assert_array_equal(*means)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert auto == found
    for name in ("reconstruction", "enumerate", "free_bits", "gumbel", "vq"):
        with pytest.raises(UsageError, match="Mine"):
            jax.eval_shape(lambda: getattr(objectives, name)(KEY, model, x))  # noqa: B023


def test_a_distribution_registers_what_it_knows():
    model, x = Model(Mine(jnp.zeros(2)), Known, lambda z: dist.Normal(z, 1.0).to_event(1)), jnp.array([0.3, -1.0])
    assert not abilities.has_gradient(Counts(x))
    with pytest.raises(UsageError, match="Counts is discrete, so its draws carry no gradient: use"):
        jax.eval_shape(lambda: objectives.elbo(KEY, model._replace(encode=Counts), x))
    loss_of = objectives.batch_loss(objectives.reconstruction)

    @jax.jit
    def compute(key):
        terms = objectives.reconstruction(key, model, x)
        loss = loss_of(key, model, x[None], objectives.Context(jnp.array(0), jnp.array(0.0)))
        return abilities.estimate_mean(key, Known(x), 1), terms, loss

    mean, terms, (loss, metrics) = compute(KEY)
    np.testing.assert_array_equal(mean, x)
    np.testing.assert_allclose(terms.objective, -np.log(2 * np.pi), rtol=1e-6)
    assert terms.elbo is None
    assert terms.kl is None
    assert metrics == {"objective": -loss, "log_px_z": -loss}


def test_a_part_of_an_example_has_the_whole_ones_mean():
    seen = Masked(jnp.zeros(3), jnp.array([True, False, False]))

    @jax.jit
    def compute(loc):
        part = ObservedPart(dist.Normal(loc, 1.0).to_event(1))
        return abilities.mean(part), part.log_prob(seen)

    mean, log_prob = compute(jnp.arange(3.0))
    np.testing.assert_array_equal(mean, np.arange(3.0))
    np.testing.assert_allclose(log_prob, -0.5 * np.log(2 * np.pi), rtol=1e-6)
