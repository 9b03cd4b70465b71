"""Whatever has not the shape of one example is refused while it is traced: nothing here is computed."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.stats

from tests.models import drawn
from vaex import Model, evaluate, objectives
from vaex.distributions import DiagonalNormalMixture, OneHotCategorical
from vaex.distributions.flows.flow import Flow, chain
from vaex.distributions.masked import Masked
from vaex.distributions.shapes import log_density
from vaex.errors import UsageError
from vaex.evaluate.labels import posterior_means
from vaex.evaluate.metrics import METRICS, Options, reconstruction_of
from vaex.inference import imputation
from vaex.model import Conditional, Given, Observed
from vaex.models import MODELS, Source
from vaex.models.missing import partially_observed
from vaex.models.prior_table import PRIORS
from vaex.networks import MLP, NETWORKS, ConvDecoder, ConvEncoder, GatedMLP
from vaex.networks.grid import GridDecoder, GridEncoder
from vaex.objectives import OBJECTIVES, Context, batch_loss
from vaex.objectives.encode import encode

KEY = jax.random.key(0)
X = jnp.ones((3, 2))
normal = lambda mean, ndim: dist.Normal(mean, 1.0).to_event(ndim)
tiled = lambda z: jnp.tile(z, 3).reshape(3, 2)
RIGHT = Model(
    prior=normal(jnp.zeros(2), 1),
    encode=lambda x: normal(jnp.resize(x, 2), 1),  # a batch of one, or a row, is one to it
    decode=lambda z: dist.BernoulliLogits(tiled(z)).to_event(2),
)
CLUSTERS = dist.MixtureSameFamily(dist.Categorical(logits=jnp.zeros(2)), normal(jnp.zeros((2, 2)), 1))
ONE_HOT = RIGHT._replace(prior=OneHotCategorical(jnp.zeros(2)), encode=lambda x: OneHotCategorical(jnp.resize(x, 2)))

# Each takes (key, model, x); what takes a batch is given two of x.
OF_Q = ("elbo", "stl", "iwae", "dreg", "miwae", "piwae", "ciwae", "renyi", "vr_max", "reinforce", "vimco", "tvo")
OF_Q += ("wake_sleep", "reweighted_wake_sleep")
CALLS = {name: OBJECTIVES[name] for name in (*OF_Q, "free_bits", "capacity")} | {
    "total_correlation": lambda key, model, x: objectives.total_correlation(key, model, jnp.stack([x, x]), num_train=9),
    "info": lambda key, model, x: objectives.info(key, model, jnp.stack([x, x])),
    "log_likelihood": functools.partial(evaluate.log_likelihood, num_samples=3, chunk_size=2),
    "evaluate.elbo": evaluate.elbo,
    **{
        name: lambda key, model, x, name=name: METRICS[name](key, model, x[None], Options(num_samples=2))
        for name in ("elbo", "log_likelihood")
    },
    "single": lambda key, model, x: imputation.single(key, partially_observed(model), Masked(x, x > 0), num_samples=2),
}
ONLY_X = {  # these ask for no density of z
    "reconstruction": objectives.reconstruction,
    "reconstruction_of": lambda key, model, x: reconstruction_of(model, x),
    "error": lambda key, model, x: METRICS["error"](key, model, x[None], Options()),
    "mutual_information": lambda key, model, x: evaluate.mutual_information(key, model, jnp.stack([x, x])),
    "posterior_means": lambda key, model, x: posterior_means(key, model, x[None], num_samples=2),
    "cluster_probabilities": lambda key, model, x: evaluate.cluster_probabilities(
        key, model._replace(prior=CLUSTERS), x, num_samples=2
    ),
    "gumbel": lambda key, model, x: objectives.gumbel(
        key, model._replace(prior=ONE_HOT.prior, encode=ONE_HOT.encode), x
    ),
    "enumerate": lambda key, model, x: objectives.enumerate(
        key, model._replace(prior=ONE_HOT.prior, encode=ONE_HOT.encode), x
    ),
}
ELSEWHERE = {"vq", "semi_supervised", "stacked_semi_supervised"}  # by their kinds of model, below

OF_X = {
    "a decoder without to_event": (lambda z: dist.BernoulliLogits(tiled(z)), X),
    "a decoder whose rows are events": (lambda z: dist.BernoulliLogits(tiled(z)).to_event(1), X),
    "a decoder of a batch of one": (lambda z: dist.BernoulliLogits(tiled(z)[None]).to_event(2), X),
    "an example that is a row": (RIGHT.decode, X[0]),
    "an example without its last axis": (RIGHT.decode, X[:, 0]),
    "a flat example": (RIGHT.decode, X.ravel()),
    "a batch of one": (RIGHT.decode, X[None]),
    "a batch": (RIGHT.decode, jnp.stack([X, X])),
}
OF_Z = {
    "a prior without to_event": {"prior": normal(jnp.zeros(2), 0)},
    "a scalar prior": {"prior": normal(0.0, 0)},
    "a prior of one dimension": {"prior": normal(jnp.zeros(1), 1)},
    "a prior of a batch of one": {"prior": normal(jnp.zeros((1, 2)), 1)},
    "a q without to_event": {"encode": lambda x: normal(jnp.resize(x, 2), 0)},
    "a q of a batch of one": {"encode": lambda x: normal(jnp.resize(x, (1, 2)), 1)},
}


def trace(call, model, x):
    return jax.eval_shape(lambda x: call(KEY, model, x), x)


def test_every_objective_of_a_model_is_among_these():
    assert set(OBJECTIVES) == set(CALLS) & set(OBJECTIVES) | {"reconstruction", "gumbel", "enumerate"} | ELSEWHERE


@pytest.mark.parametrize("name", [*CALLS, *ONLY_X])
def test_an_example_is_of_the_shape_of_the_likelihood(name):
    """Each fault, and the right model beside it."""
    call = (CALLS | ONLY_X)[name]
    trace(call, RIGHT, X)
    message = r"p\(x\|z\) (of one example has batch_shape|is over values of shape).*; jax.vmap makes|found an x"
    for decode, x in OF_X.values():
        with pytest.raises(UsageError, match=message):
            trace(call, RIGHT._replace(decode=decode), x)


@pytest.mark.parametrize("name", CALLS)
def test_a_latent_is_of_the_shape_of_the_prior(name):
    message = r"(p\(z\)|q\(z\|x\)) (of one example has batch_shape|is over values of shape)|does not factorize"
    for change in OF_Z.values():
        with pytest.raises(UsageError, match=message):
            trace(CALLS[name], RIGHT._replace(**change), X)


def test_it_is_refused_under_vmap_and_in_a_loss_too():
    bare = RIGHT._replace(decode=OF_X["a decoder without to_event"][0])
    batch, context = jnp.stack([X, X]), Context(jnp.array(0), jnp.array(0.0))
    for call in (
        lambda: jax.vmap(lambda x: objectives.stl(KEY, bare, x))(batch),
        lambda: batch_loss(objectives.iwae)(KEY, bare, batch, context),
    ):
        with pytest.raises(UsageError, match=r"batch_shape \(3, 2\).* add .to_event\(2\); jax.vmap makes"):
            jax.eval_shape(call)
    mine = lambda key, model, x: objectives.elbo(key, RIGHT, x)._replace(objective=x)
    with pytest.raises(UsageError, match=r"objective has shape \(2, 3, 2\) for 2 examples: expected \(2,\)"):
        jax.eval_shape(lambda: batch_loss(mine)(KEY, RIGHT, batch, context))


@pytest.mark.parametrize(
    ("p", "value"),
    [
        (dist.Normal(0.0, 1.0), jnp.zeros(())),
        (dist.Normal(0.0, 1.0), 0.5),
        (dist.Categorical(logits=jnp.zeros(3)), jnp.array(1)),
        (dist.Normal(0.0, 1.0).expand((4,)).to_event(1), jnp.zeros(4)),
        (dist.Normal(0.0, jnp.ones(4)).to_event(1).mask(True), jnp.zeros(4)),
        (OneHotCategorical(jnp.zeros((2, 3))).to_event(1), jnp.zeros((2, 3))),
        (CLUSTERS, jnp.zeros(2)),
        (DiagonalNormalMixture(jnp.zeros(2), jnp.zeros((2, 3)), jnp.zeros((2, 3))), jnp.zeros(3)),
        (Flow(normal(jnp.zeros(2), 1), [], jnp.zeros(0), chain([])), jnp.zeros(2)),
    ],
)
def test_what_is_one_value_has_one_number(p, value):
    """Of scalar events too, and of parameters that broadcast to one event."""
    assert jax.eval_shape(lambda: log_density("p", p, value)).shape == ()
    with pytest.raises(UsageError, match="is over values of shape"):
        log_density("p", p, jnp.stack([jnp.asarray(value)] * 2))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "bool", "float32"])
def test_a_count_is_the_same_in_every_type(dtype):
    """Numpyro's binomial compares x with the number of trials in the type of x, and 300 is 44 in eight bits."""
    x = np.asarray(1 if dtype == "bool" else 255, dtype)
    found = log_density("p(x|z)", dist.BinomialProbs(0.9, 300), jnp.asarray(x))
    np.testing.assert_allclose(found, scipy.stats.binom(300, 0.9).logpmf(int(x)), rtol=1e-4)


def test_a_distribution_with_no_more_than_sample_and_log_prob_answers_by_its_draws():
    class Mine:
        def sample(self, key, sample_shape=()):
            return jnp.zeros((*sample_shape, 3))

        def log_prob(self, value):
            return -(value**2)

    with pytest.raises(UsageError, match=r"is over values of shape \(3,\), found one of shape \(1, 3\)"):
        log_density("p(x|z)", Mine(), jnp.zeros((1, 3)))
    with pytest.raises(UsageError, match=r"log p\(x\|z\) of one example has shape \(3,\): expected \(\), one number"):
        log_density("p(x|z)", Mine(), jnp.zeros(3))


def test_what_is_no_model_of_bare_examples_is_refused():
    with pytest.raises(UsageError, match=r"found a Conditional.*at\(model, x\)"):
        encode(Conditional(lambda c: RIGHT), Given(X, 1.0))
    with pytest.raises(UsageError, match="found an Observed, which has no latents: expected a Model"):
        encode(Observed(RIGHT.prior), X)
    with pytest.raises(UsageError, match=r"p\(x\) of one example has batch_shape \(2,\)"):
        objectives.log_joint(KEY, Observed(normal(jnp.zeros(2), 0)), X[0])


SOURCE = Source(x_shape=(4, 4, 1), num_classes=3)
SMALL = {"encoder_hidden": (5,), "decoder_hidden": (5,)}
KINDS = {
    "vae": {"network": functools.partial(NETWORKS["mlp"], **SMALL)},
    "vae of convolutions": {"network": functools.partial(NETWORKS["conv"], channels=(2,), **SMALL)},
    "vae with a VampPrior": {"prior": functools.partial(PRIORS["vamp"], num_components=2), "latent_dim": 3},
    "hierarchy": {"latent_dims": (3, 2), "between_hidden": ((4,),), **SMALL},
    "ladder": {"latent_dims": (3, 2), "between_hidden": ((4,),), **SMALL},
    "deep": {"channels": (2,), "num_blocks": (2,), "latent_dim": 2},
    "vqvae": {"num_codes": 3, "patch": 2, "latent_dim": 2, **SMALL},
    "m2": {"latent_dim": 2},
    "m1m2": {"upper_dim": 2, "upper_hidden": (4,), "latent_dim": 3},
    "autoencoder": {"latent_dim": 2},
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_model_takes_one_example_and_one_latent(name):
    description = MODELS[name.split()[0]](SOURCE, **KINDS[name])

    def check(key):
        model, x = description.bind(drawn(description.init)), jnp.zeros(SOURCE.x_shape)
        z = model.encode(x).sample(key)
        model.decode(z)
        for wrong in (x[None], jnp.stack([x] * 3), x[..., 0], x.ravel(), x.swapaxes(0, 2)):
            with pytest.raises(UsageError, match=r"of shape .*: expected \(4, 4, 1\), .*; jax.vmap makes a batch"):
                model.encode(wrong)
        with pytest.raises(UsageError, match="found an x of uint8, as images are stored"):
            model.encode(x.astype(jnp.uint8))
        for wrong in (jax.tree.map(lambda a, n=n: jnp.stack([a] * n), z) for n in (1, 3)):
            with pytest.raises(UsageError, match=r"jax\.vmap makes a batch"):
                model.decode(wrong)
        return z

    jax.eval_shape(check, KEY)


@pytest.mark.parametrize(
    ("network", "right", "wrong"),
    [
        (MLP((5,), (3,)), (4, 4, 1), (2, 4, 4, 1)),
        (MLP((), (3,)), (4, 4, 1), (2, 4, 4, 1)),
        (GatedMLP((5,), (3,)), (4,), (2, 4)),
        (ConvEncoder((4,), (0,), (5,), (3,)), (4, 4, 1), (2, 4, 4, 1)),
        (ConvEncoder((4,), (0,), (5,), (3,)), (4, 4, 1), (4, 4, 2)),
        (ConvDecoder((4,), (0,), (5,), (4, 4, 1)), (2,), (3, 2)),
        (GridEncoder(2, (4,), 3), (4, 4, 1), (2, 4, 4, 1)),
        (GridDecoder(2, (4,), (4, 4, 1)), (2, 2, 3), (5, 2, 2, 3)),
    ],
)
def test_a_network_says_what_it_was_made_for(network, right, wrong):
    def check(key):
        params = network.init(key, jnp.zeros(right))
        with pytest.raises(
            UsageError, match=rf"shape {re.escape(str(wrong))}.*; jax.vmap makes a batch|: jax.vmap makes"
        ):
            network.apply(params, jnp.zeros(wrong))
        return network.apply(params, jnp.zeros(right))

    jax.eval_shape(check, KEY)
