"""The VQ-VAE: its gradients, its codebook, its prior over codes, and its bound."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from tests.models import drawn, linear_gaussian
from tests.one_step import configured, first_step, untried
from vaex import evaluate, objectives
from vaex.distributions.codes import Quantized, nearest
from vaex.errors import UsageError
from vaex.evaluate.codes import codebook_use
from vaex.models.codebook import Codebook, update_codebook
from vaex.models.likelihoods import bernoulli
from vaex.models.vqvae import VQVAE
from vaex.networks.grid import CausalGrid, GridDecoder, GridEncoder

RNG = np.random.default_rng(0)
K, D, N = 5, 3, 40
CODES, VECTORS = (jax.device_put(np.float32(RNG.normal(size=(n, D)))) for n in (K, N))
BRUTE = ((np.asarray(VECTORS)[:, None] - np.asarray(CODES)) ** 2).sum(-1).argmin(-1)

# 2x2 places of 3 codes: 81 grids in all
TINY = VQVAE(
    x_shape=(4, 4, 1),
    encoder=GridEncoder(2, (5,), width=2),
    decoder=GridDecoder(2, (5,), out_shape=(4, 4, 1)),
    prior=CausalGrid(num_codes=3, width=4, depth=3),
    likelihood=bernoulli(),
    num_codes=3,
)
MODEL = TINY.bind(drawn(TINY.init, scale=1.0))
IMAGE = jax.device_put(np.float32(RNG.integers(0, 2, (4, 4, 1))))
GRIDS = np.array(list(itertools.product(range(3), repeat=4)), np.int32)
UPDATE = jax.jit(update_codebook, static_argnames="decay")


def test_nearest_is_what_brute_force_finds():
    np.testing.assert_array_equal(jax.jit(nearest)(VECTORS, CODES), BRUTE)


def test_the_gradient_goes_straight_through():
    """Values are codes, and the gradient of any function of them is the identity's at the codes."""
    f = lambda z: jnp.sum(jnp.sin(z) * jnp.arange(D))

    @jax.jit
    def compute(key):
        q = Quantized(VECTORS, CODES)
        through = jax.grad(lambda v: f(q._replace(vectors=v).sample(key)))(VECTORS)
        return q.sample(key, (2,)), through, CODES[BRUTE], jax.grad(f)(CODES[BRUTE])

    draws, found, own, expected = compute(jax.random.key(0))
    np.testing.assert_array_equal(np.asarray(draws)[1], own)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_point_mass_has_all_its_probability_at_its_draws():

    @jax.jit
    def compute(key):
        q = Quantized(VECTORS, CODES)
        z, log_q = q.sample_and_log_prob(key, (4,))
        return log_q, q.log_prob(z[0]), q.log_prob(z[0].at[0].set(CODES[(BRUTE[0] + 1) % K]))

    log_q, same, other = compute(jax.random.key(0))
    assert log_q.tolist() == [0.0] * 4
    assert same == 0
    assert other == -np.inf


def test_without_decay_each_code_is_the_mean_of_its_vectors():
    after = UPDATE(jax.random.key(0), Codebook(CODES, jnp.ones(K)), VECTORS, decay=0.0)
    means = [np.asarray(VECTORS)[k == BRUTE].mean(0) for k in range(K)]
    np.testing.assert_allclose(after.codes, means, rtol=1e-5)
    np.testing.assert_array_equal(after.counts, np.bincount(BRUTE, minlength=K))


def test_with_decay_codes_are_ratios_of_moving_averages():
    """Against the sums and counts of the source, carried on for three batches."""
    decay, book = 0.9, Codebook(CODES, jnp.full(K, 8.0))
    sums, counts = np.asarray(CODES) * 8, np.full(K, 8.0)
    for i in range(3):
        batch = np.asarray(VECTORS)[i * 10 : (i + 1) * 10 + 10]
        own = ((batch[:, None] - sums[None] / counts[:, None]) ** 2).sum(-1).argmin(-1)
        hot = np.eye(K)[own]
        sums, counts = decay * sums + (1 - decay) * hot.T @ batch, decay * counts + (1 - decay) * hot.sum(0)
        book = UPDATE(jax.random.key(i), book, jax.device_put(batch), decay=decay)
    np.testing.assert_allclose(book.codes, sums / counts[:, None], rtol=1e-4)
    np.testing.assert_allclose(book.counts, counts, rtol=1e-5)


def test_a_dead_code_starts_again_from_a_vector_far_from_its_code():
    """All vectors lie on the first code but two, which are far: the dead second code becomes one of these."""
    vectors = np.repeat(np.float32([0.0, 0.4]), [30, 2])[:, None] * np.ones(D, np.float32)
    codebook = Codebook(np.float32([[0.0] * D, [9.0] * D]), np.float32([30.0, 0.1]))
    after = jax.tree.map(np.asarray, UPDATE(jax.random.key(0), codebook, vectors))
    np.testing.assert_allclose(after.codes[1], 0.4)
    assert after.counts[1] == 1


def test_with_few_vectors_for_each_code_those_in_use_stay():
    """One vector for every two codes in each batch, half of the codes in turn: each code is a vector of its own."""
    codes = np.arange(8, dtype=np.float32)[:, None]
    book = Codebook(codes, np.full(8, 0.5, np.float32))
    for i in range(200):
        book = UPDATE(jax.random.key(i), book, codes[i % 2 :: 2] + np.float32(0.1))
    np.testing.assert_allclose(book.codes, codes + 0.1, atol=0.02)


def test_a_grid_decoder_makes_several_numbers_for_a_pixel():
    decoder = GridDecoder(2, (5,), out_shape=(4, 6, 1, 3))
    decoded = lambda z: decoder.apply(decoder.init(jax.random.key(0), z), z)
    assert jax.eval_shape(decoded, jnp.ones((2, 3, 2))).shape == (4, 6, 1, 3)


QUANTIZED = ["name=vqvae", "patch=2", "latent_dim=3", "num_codes=6", "prior_width=4", "prior_depth=1"]
FLAGS = [*(f"--config.model.{flag}" for flag in (*QUANTIZED, "encoder_hidden=8,")), "--config.objective.name=vq"]


def test_the_codebook_moves_where_pixels_are_missing():
    with untried():
        made = configured(*FLAGS, "--config.data.missing=0.3")
    before, state, _ = first_step(made)
    assert not np.array_equal(state.params["codebook"].codes, before.params["codebook"].codes)


def test_the_prior_over_codes_sums_to_one_and_samples_what_it_says():
    """Over all 81 grids; the frequencies of 4,000 draws within 5 standard errors."""
    prior = MODEL.prior
    draw = lambda key: nearest(prior.sample(key, (4000,)), prior.codes)
    compute = jax.jit(lambda key: (jax.vmap(prior.log_prob_of)(GRIDS), draw(key)))
    log_probs, draws = map(np.asarray, compute(jax.random.key(1)))
    probs = np.exp(log_probs)
    np.testing.assert_allclose(probs.sum(), 1, rtol=1e-5)
    assert probs.std() > 1e-4
    counts = np.bincount(draws @ [27, 9, 3, 1], minlength=81)
    assert (np.abs(counts / 4000 - probs) < 5 * np.sqrt(probs * (1 - probs) / 4000) + 1e-6).all()


def test_each_code_depends_on_all_before_it_and_on_none_after():
    """On 3x4 places, by changing each: no place within reach is blind."""
    net = CausalGrid(num_codes=3, width=8, depth=3, activation=jnp.tanh)  # whose derivative is nowhere zero
    grids = np.concatenate([np.zeros((1, 12), np.int32), np.eye(12, dtype=np.int32)]).reshape(13, 3, 4)
    params = drawn(net.init, grids[0])
    logits = np.asarray(jax.jit(jax.vmap(lambda grid: net.apply(params, grid)))(grids))
    moved = np.abs(logits[1:] - logits[0]).reshape(12, 12, 3).max(-1) > 1e-7  # [changed, place]
    np.testing.assert_array_equal(moved, np.triu(np.ones((12, 12)), 1).astype(bool))


def test_the_bound_is_below_the_sum_over_all_codes():
    """Log p(x) by enumeration of every grid; the ELBO is the term of the encoder's own grid."""

    @jax.jit
    def compute(key, x, grids):
        def log_joint(grid):
            z = MODEL.prior.codes[grid]
            return MODEL.decode(z).log_prob(x) + MODEL.prior.log_prob(z)

        q = MODEL.encode(x)
        terms = evaluate.elbo(key, MODEL, x), objectives.vq(key, MODEL, x, commitment=2.0)
        return jax.vmap(log_joint)(grids), q.indices, jnp.sum((q.vectors - q.mean) ** 2), *terms

    joints, own, distance, terms, found = compute(jax.random.key(0), IMAGE, GRIDS)
    np.testing.assert_allclose(terms.elbo, joints[int(np.asarray(own) @ [27, 9, 3, 1])], rtol=1e-5)
    assert terms.elbo < scipy.special.logsumexp(joints)
    np.testing.assert_allclose(found.objective, terms.elbo - 2 * distance, rtol=1e-5)


def test_codebook_use():
    fraction, perplexity = jax.jit(codebook_use, static_argnums=1)(np.int32([[0, 1], [1, 0]]), 4)
    assert fraction == 0.5
    np.testing.assert_allclose(perplexity, 2, rtol=1e-6)


def test_one_step_moves_every_part():
    """The codebook by its averages, all else by gradients."""
    with untried():
        made = configured(*FLAGS)
    before, state, metrics = first_step(made)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((metrics, state.params)))
    for part in ("encoder", "codebook", "decoder", "prior"):
        moved = jax.tree.map(lambda a, b: np.abs(np.subtract(a, b)).max(), state.params[part], before.params[part])
        assert max(jax.tree.leaves(moved)) > 1e-5, part


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("patch=3", "do not divide into patches of 3x3"),
        ("name=vae", "model 'vae' has no patch, which is of vqvae"),
        ("prior.name=standard", "model 'vqvae' has no prior, which is of vae, m2"),
        ("codebook_decay=1.0", "codebook_decay is 1.0"),
        ("num_codes=0", "num_codes is 0"),
    ],
)
def test_what_cannot_be_is_refused(flag, message):
    with pytest.raises(UsageError, match=message):
        configured(*FLAGS, f"--config.model.{flag}")


def test_vq_needs_codes():
    with pytest.raises(UsageError, match=r"with model.name 'vae': set --config.model.name=vqvae"):
        configured("--config.objective.name=vq")
    with pytest.raises(UsageError, match="is no point mass on codes"):
        jax.eval_shape(lambda: objectives.vq(jax.random.key(0), linear_gaussian(), jnp.zeros(5)))


def test_a_prior_on_the_weights_is_of_no_code():
    with untried():
        fields = [f"--config.model.{field}" for field in QUANTIZED]
        made = configured("--config.train.weight_sigma=0.1", "--config.objective.name=vq", *fields)
    params = made.task.description.init(made.task.init_key)
    weights = {name: entry for name, entry in params.items() if name != "codebook"}
    num_train = len(made.task.dataset.train.images)
    expected = objectives.weight_penalty(weights, sigma=0.1, num_train=num_train)
    assert expected > 0
    np.testing.assert_allclose(made.recipe.penalty(params), expected, rtol=1e-6)
