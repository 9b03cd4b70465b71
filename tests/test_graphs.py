"""Directed graphical models: fitted to the closed form, summed over all states, and the same as a VAE with a latent."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize
import scipy.special

from tests.models import drawn, small_vae
from vaex import objectives
from vaex.errors import UsageError
from vaex.model import Conditional, Given, at
from vaex.models.graph import Graph, Joint, Node
from vaex.models.latent_nodes import latent_variable_model
from vaex.models.likelihood_parts import learned_normal
from vaex.models.likelihoods import bernoulli
from vaex.models.posteriors import diagonal_normal, one_hot_categorical
from vaex.models.priors import standard_normal
from vaex.networks import MLP, LookupTable
from vaex.train import Recipe, init_state, train_epoch

KEY = jax.random.key(0)
PARENTS = {"wet": ("sprinkler", "rain"), "rain": ("cloudy",), "sprinkler": ("cloudy",), "cloudy": ()}
NAMES = ("cloudy", "sprinkler", "rain", "wet")
YES = {  # P(yes | parents' states), the classical lawn
    "cloudy": np.array(0.5),
    "sprinkler": np.array([0.5, 0.1]),
    "rain": np.array([0.2, 0.8]),
    "wet": np.array([[0.05, 0.9], [0.9, 0.99]]),
}
ONE_HOT = one_hot_categorical()
LAWN = Graph(tuple(Node(name, ONE_HOT, LookupTable((2,)), parents) for name, parents in PARENTS.items()))
SIGMA = 0.5  # of the weights
STATES = list(itertools.product([0, 1], repeat=4))


def tables(params):
    return {name: params[name]["network"]["params"]["table"] for name in params}


def from_tables(probabilities):
    table = lambda p: jax.device_put(np.float32(np.log(np.stack([1 - p, p], -1))))
    return {name: {"network": {"params": {"table": table(p)}}, "family": {}} for name, p in probabilities.items()}


def probability(state, yes=YES):
    """Of a joint state (cloudy, sprinkler, rain, wet), by the product of the tables' entries."""
    c, s, r, w = state
    ps = [yes["cloudy"], yes["sprinkler"][c], yes["rain"][c], yes["wet"][s, r]]
    return np.prod([p if value else 1 - p for p, value in zip(ps, (c, s, r, w), strict=True)])


def encode_states(states):
    columns = np.eye(2, dtype=np.float32)[np.array(states)]
    return {name: jax.device_put(columns[:, i]) for i, name in enumerate(NAMES)}


TRUTH = from_tables(YES)
TRUE_LAWN = LAWN.bind(TRUTH).distribution
DATA = np.array(STATES)[np.random.default_rng(0).choice(16, 400, p=[probability(s) for s in STATES])]  # each is met


def fit(graph, data, *, num_steps=700, penalty=lambda params: 0.0, scales=(0.0,)):
    """Full-batch maximum likelihood, through the same train_epoch as everything, for each scale of the penalty."""
    graph.check(data)
    optimizer = optax.adam(optax.cosine_decay_schedule(0.1, num_steps))
    loss = objectives.batch_loss(objectives.log_joint)

    @jax.jit
    def run(key, scales):
        def one(scale):
            recipe = Recipe(graph.bind, loss, optimizer, lambda key, x: x, lambda params: scale * penalty(params))
            epoch = functools.partial(train_epoch, recipe=recipe, batch_size=len(jax.tree.leaves(data)[0]))
            state = init_state(graph.init(key), optimizer)
            return jax.lax.scan(lambda s, _: (epoch(s, key, data)[0], None), state, None, length=num_steps)[0].params

        return jax.lax.map(one, scales)

    found = jax.tree.map(np.asarray, run(KEY, jnp.array(scales)))
    return [jax.tree.map(lambda a, i=i: a[i], found) for i in range(len(scales))]


@pytest.fixture(scope="module")
def lawns():
    """The lawn fitted without and with a Gaussian prior on its weights, in one program."""
    penalty = functools.partial(objectives.weight_penalty, sigma=SIGMA, num_train=len(DATA))
    return [tables(params) for params in fit(LAWN, encode_states(DATA), penalty=penalty, scales=(0.0, 1.0))]


def test_maximum_likelihood_is_counting(lawns):
    """Every conditional's table equals the relative frequencies in the data."""
    fitted, _ = lawns
    for name, parents in PARENTS.items():
        column = DATA[:, NAMES.index(name)]
        for states in itertools.product([0, 1], repeat=len(parents)):
            rows = np.all([DATA[:, NAMES.index(p)] == s for p, s in zip(parents, states, strict=True)], axis=0)
            found = scipy.special.softmax(fitted[name], axis=-1)[(*states, 1)]
            np.testing.assert_allclose(
                found, column[rows | (not parents)].mean(), atol=1e-3, err_msg=f"{name}|{states}"
            )


def test_a_gaussian_prior_on_the_weights_pulls_as_an_optimizer_of_another_library_says(lawns):
    shapes = {name: (2,) * (len(parents) + 1) for name, parents in PARENTS.items()}
    columns = {name: DATA[:, [*map(NAMES.index, (*parents, name))]] for name, parents in PARENTS.items()}

    def loss(flat):
        ends = np.cumsum([np.prod(shape) for shape in shapes.values()])[:-1]
        total = flat @ flat / (2 * SIGMA**2 * len(DATA))
        for (name, shape), part in zip(shapes.items(), np.split(flat, ends), strict=True):
            table = part.reshape(shape)
            log_p = table - np.log(np.exp(table).sum(-1, keepdims=True))
            total -= log_p[tuple(columns[name].T)].mean()
        return total

    best = scipy.optimize.minimize(loss, np.zeros(sum(int(np.prod(s)) for s in shapes.values())), tol=1e-10)
    _, fitted = lawns
    found = np.concatenate([np.ravel(fitted[name]) for name in shapes])
    np.testing.assert_allclose(found, best.x, atol=2e-3)


def test_densities_sum_to_one_and_ancestral_draws_have_them():
    """16 frequencies among 20,000 draws, each within 5 standard errors of the product of the tables' entries."""
    expected = np.array([probability(state) for state in STATES])

    @jax.jit
    def compute(key, states):
        joint = TRUE_LAWN
        each = jax.vmap(joint.log_prob)
        draws, densities = joint.sample_and_log_prob(key, (100, 200))
        return each(states), each(joint.enumerate_support()), draws, densities, jax.vmap(each)(draws)

    log_p, everything, draws, densities, again = compute(KEY, encode_states(STATES))
    np.testing.assert_allclose(np.exp(log_p), expected, rtol=1e-5)
    np.testing.assert_allclose(np.sum(np.exp(everything)), 1.0, rtol=1e-5)
    np.testing.assert_allclose(again, densities, rtol=1e-5)
    index = sum(8 // 2**i * np.argmax(draws[name], -1) for i, name in enumerate(NAMES))
    frequencies = np.bincount(index.ravel(), minlength=16) / 20_000
    assert (np.abs(frequencies - expected) < 5 * np.sqrt(expected * (1 - expected) / 20_000)).all()


def test_a_linear_gaussian_node_is_fitted_as_least_squares():
    rng = np.random.default_rng(1)
    a = rng.normal(2.0, 1.5, size=(500, 2)).astype(np.float32)
    b = (a @ np.array([[0.5], [-1.0]]) + 0.3 + 0.4 * rng.normal(size=(500, 1))).astype(np.float32)
    graph = Graph(
        (
            Node("a", diagonal_normal(), LookupTable((4,))),
            Node("b", learned_normal(1.0), MLP((), (1,)), ("a",)),
        )
    )
    (params,) = fit(graph, jax.device_put({"a": a, "b": b}))
    mean, log_var = np.split(params["a"]["network"]["params"]["table"], 2)
    np.testing.assert_allclose(mean, a.mean(0), atol=1e-2)
    np.testing.assert_allclose(np.exp(log_var), a.var(0), rtol=1e-2)
    solution, residual, _, _ = np.linalg.lstsq(np.column_stack([a, np.ones(500)]), b, rcond=None)
    out = params["b"]["network"]["params"]["out"]
    np.testing.assert_allclose(np.append(out["kernel"], out["bias"]), solution[:, 0], atol=2e-3)
    np.testing.assert_allclose(np.exp(2 * params["b"]["family"]["log_sigma"]), residual[0] / 500, rtol=1e-2)


OBJECTIVES = ("elbo", "stl", "iwae", "dreg", "reinforce")


@pytest.fixture(scope="module")
def graph_and_vae():
    """Of a graph with a latent node and of the VAE: objectives with their gradients, and draws from the prior."""
    vae = small_vae()
    graph = Graph((Node("x", bernoulli(), vae.decoder, ("z",)), Node("z", standard_normal(2))))
    x = jnp.array([1.0, 0, 1, 1, 0, 0])

    def bind(p):
        generator = {"z": {"network": {}, "family": p["prior"]}, "x": {"network": p["decoder"], "family": {}}}
        return latent_variable_model(graph.bind(generator).distribution, ("z",), vae.bind(p).encode)

    def objective(params, key, bind, name):
        return getattr(objectives, name)(key, bind(params), x, num_samples=3).objective

    @jax.jit
    def both(key, params):
        return [
            (
                {name: jax.value_and_grad(objective)(params, key, f, name) for name in OBJECTIVES},
                f(params).prior.sample(key, (3,)),
            )
            for f in (bind, vae.bind)
        ]

    return both(KEY, drawn(vae.init))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_with_a_latent_node_it_is_the_vae(name, graph_and_vae):
    """Draw by draw: the same objective and the same gradients, and the same draws from the prior."""
    (found, mine), (expected, other) = graph_and_vae
    near = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(near, found[name], expected[name])
    np.testing.assert_array_equal(mine, other)


def test_enumeration_over_two_latents_is_exact():
    """With q(z|x) the posterior, itself a graph, the bound is log p(x); with another q, the sum over all states."""
    latents = ("cloudy", "sprinkler")
    recognition = Graph(
        (
            Node("sprinkler", ONE_HOT, LookupTable((2,)), ("cloudy", "rain", "wet")),
            Node("cloudy", ONE_HOT, LookupTable((2,)), ("rain", "wet")),
        ),
        inputs={"rain": (2,), "wet": (2,)},
    )
    p = np.array([probability(state) for state in STATES]).reshape(2, 2, 2, 2)
    exact = from_tables({"cloudy": p[1].sum(0) / p.sum((0, 1)), "sprinkler": p[:, 1] / p.sum(1)})
    other = from_tables({"cloudy": np.full((2, 2), 0.3), "sprinkler": np.full((2, 2, 2), 0.6)})
    q = np.outer([0.7, 0.3], [0.4, 0.6])

    def of(objective):
        def bound(params, rain, wet):
            model = latent_variable_model(TRUE_LAWN, latents, recognition.bind(params).given)
            return objective(KEY, model, {"rain": jax.nn.one_hot(rain, 2), "wet": jax.nn.one_hot(wet, 2)}).elbo

        return bound

    bound = jax.jit(of(objectives.enumerate))
    for rain, wet in itertools.product([0, 1], repeat=2):
        seen = p[:, :, rain, wet]
        np.testing.assert_allclose(bound(exact, rain, wet), np.log(seen.sum()), rtol=1e-4)
        np.testing.assert_allclose(bound(other, rain, wet), np.sum(q * (np.log(seen) - np.log(q))), rtol=1e-4)
    with pytest.raises(UsageError, match="is discrete"):
        jax.eval_shape(of(functools.partial(objectives.elbo, kl="sampled")), other, 0, 0)


def node(name, *parents):
    return Node(name, ONE_HOT, LookupTable((2,)), parents)


WRONG = {
    "a cycle": (lambda: Graph((node("a", "c"), node("b", "a"), node("c", "b"))), "the cycle .* -> .* -> .* -> "),
    "an unknown parent": (lambda: Graph((node("a", "b"),)), "'a' has the unknown parent 'b': known are 'a'"),
    "a name twice": (lambda: Graph((node("a"),), inputs={"a": (2,)}), "'a' is given 2 times"),
    "no network": (
        lambda: Graph((node("b"), Node("a", ONE_HOT, None, ("b",)))),
        "no network that reads them",
    ),
    "a missing value": (lambda: TRUE_LAWN.log_prob({"wet": jnp.zeros(2)}), "found values of 'wet': expected"),
    "a batch": (
        lambda: TRUE_LAWN.log_prob(encode_states(STATES)),
        r"shape \(16, 2\): expected \(2,\), one exam",
    ),
    "a label outside": (
        lambda: LAWN.check(encode_states(STATES) | {"rain": jax.nn.one_hot(jnp.arange(16), 2)}),
        "'rain': example 2 and 13 more lie outside the support of OneHotCategorical",
    ),
    "fewer of one": (
        lambda: LAWN.check(encode_states(STATES) | {"rain": jnp.eye(2)}),
        "found 16 of 'cloudy', 16 of 'sprinkler', 2 of 'rain'",
    ),
    "everything latent": (lambda: latent_variable_model(TRUE_LAWN, NAMES, lambda x: x), "some but not all of"),
    "an unknown latent": (lambda: latent_variable_model(TRUE_LAWN, ("snow",), lambda x: x), "latent is 'snow'"),
    "an observed parent": (
        lambda: latent_variable_model(TRUE_LAWN, ("rain",), lambda x: x),
        "'rain' has the observed parent 'cloudy'",
    ),
    "a condition": (lambda: at(LAWN.bind(TRUTH), Given(0, 1)), "a condition for a model without one"),
    "latents": (lambda: objectives.log_joint(KEY, small_vae().bind(drawn(small_vae().init)), 0), "Model with latents"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused(name):
    call, message = WRONG[name]
    with pytest.raises(UsageError, match=message):
        call()


def test_inputs_make_a_conditional_that_wants_them_all():
    graph = Graph((Node("y", ONE_HOT, MLP((), (3,)), ("x",)),), inputs={"x": (5,)})
    model = graph.bind(drawn(graph.init))
    assert isinstance(model, Conditional)

    @jax.jit
    def compute():
        joint, value = at(model, Given({"y": jnp.eye(3)[1]}, {"x": jnp.ones(5)}))
        assert isinstance(joint, Joint)
        return joint.log_prob(value), joint.conditional("y").logits

    log_prob, logits = compute()
    np.testing.assert_allclose(log_prob, scipy.special.log_softmax(logits)[1], rtol=1e-6)
    with pytest.raises(UsageError, match=r"'x' has a value of shape \(4,\)"):
        model.given({"x": jnp.ones(4)})
