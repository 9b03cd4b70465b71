"""Latents on a sphere: densities against integrals over it, gradients, the plane that stands for it, and evidence."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import biject_to, kl_divergence
from scipy import integrate, stats

from experiments.studies.spheres import Score, spheres_figure
from vaex import Model, evaluate, inference, objectives
from vaex.config import override
from vaex.config.setup import setup
from vaex.distributions import PowerSpherical, UniformOnSphere, supports
from vaex.distributions.supports import nearest
from vaex.distributions.uniform_mixture import uniform_mixture
from vaex.distributions.unit_vectors import ON_SPHERE, unit
from vaex.distributions.variance import variance
from vaex.errors import OptionError, UsageError
from vaex.evaluate.answers import interpolation
from vaex.evaluate.quadrature import has_a_grid
from vaex.figures.charts import chart
from vaex.inference import ais
from vaex.inference.free_form import free_form, grid
from vaex.models.posteriors import power_spherical
from vaex.runs.experiments import load_experiment
from vaex.runs.page.latents import coordinates

KEY = jax.random.key(0)
SIZES = [(d, kappa) for d in (2, 3, 8) for kappa in (0.0, 0.7, 10.0, 1e3)]
NUM_DRAWS = 20_000


def about(d, kappa):
    direction = np.random.default_rng(d).normal(size=d)
    return PowerSpherical(jnp.asarray(direction / np.linalg.norm(direction), jnp.float32), jnp.float32(kappa))


def over_sphere(d, f):
    """The integral of f(mu.z) over the sphere of d numbers, in slices of equal mu.z = cos(angle)."""
    slices = 2 * math.pi ** ((d - 1) / 2) / math.gamma((d - 1) / 2)  # the surface of the sphere that a slice is
    inside = lambda angle: f(math.cos(angle)) * math.sin(angle) ** (d - 2)
    return slices * integrate.quad(inside, 0, math.pi, epsabs=1e-9, epsrel=1e-9, limit=200, points=[0.05, 0.3])[0]


def log_density(d, kappa):
    """Of mu.z: its height at mu by log_prob, whose other values it is compared with."""
    q = about(d, kappa)
    at_mode = float(q.log_prob(q.direction))
    return lambda t: at_mode + kappa * math.log(max((1 + t) / 2, 1e-300))


@pytest.mark.exact
@pytest.mark.parametrize(("d", "kappa"), SIZES)
def test_the_density_integrates_to_one_and_has_these_moments(d, kappa):
    q, log_p = about(d, kappa), log_density(d, kappa)
    p = lambda t: math.exp(log_p(t))
    z = jnp.asarray(np.random.default_rng(0).normal(size=(5, d)))
    z = (z / jnp.linalg.norm(z, axis=-1, keepdims=True)).astype(q.direction.dtype)
    np.testing.assert_allclose(q.log_prob(z), [log_p(float(t)) for t in z @ q.direction], rtol=2e-5, atol=2e-4)
    assert over_sphere(d, p) == pytest.approx(1, rel=1e-4)
    along = over_sphere(d, lambda t: p(t) * t)
    np.testing.assert_allclose(q.mean, along * q.direction, rtol=2e-4, atol=1e-6)
    square = over_sphere(d, lambda t: p(t) * t * t)
    across = over_sphere(d, lambda t: p(t) * (1 - t * t)) / (d - 1)
    spread = over_sphere(d, lambda t: p(t) * (t - along) ** 2)
    assert square + (d - 1) * across == pytest.approx(1, rel=1e-4)
    mu = np.asarray(q.direction, np.float64)
    np.testing.assert_allclose(variance(q), spread * mu**2 + across * (1 - mu**2), rtol=5e-4)


@pytest.mark.exact
@pytest.mark.parametrize(("d", "kappa"), SIZES)
def test_the_kl_is_its_integral(d, kappa):
    q, log_p, uniform = about(d, kappa), log_density(d, kappa), UniformOnSphere(d)
    area = 2 * math.pi ** (d / 2) / math.gamma(d / 2)
    np.testing.assert_allclose(uniform.log_prob(q.direction), -math.log(area), rtol=1e-6)
    exact = over_sphere(d, lambda t: math.exp(log_p(t)) * (log_p(t) + math.log(area)))
    assert float(kl_divergence(q, uniform)) == pytest.approx(exact, rel=1e-4, abs=2e-5)


def test_at_the_highest_concentrations_the_kl_keeps_its_digits():
    """Of a normal distribution of the variance 2 / kappa in the plane: log of the area over 2 pi e 2 / kappa."""
    for kappa in (1e5, 1e7):
        exact = math.log(4 * math.pi) - math.log(2 * math.pi * math.e * 2 / kappa)
        assert float(kl_divergence(about(3, kappa), UniformOnSphere(3))) == pytest.approx(exact, abs=1e-4)


def test_the_gradient_of_draws_keeps_its_digits_where_they_are_concentrated():
    """That of a gamma variable is about 1, and of the way across -1 / (2 kappa) of it; there and below the switch."""
    kappas = np.array([9e3, 1e5, 1e7, 4.8e9], np.float32)
    aside = lambda log_kappa, key: PowerSpherical(HERE, jnp.exp(log_kappa)).sample(key)[1]
    drawn = jax.jit(jax.vmap(jax.vmap(jax.value_and_grad(aside), (None, 0)), (0, None)))
    for kappa, found, gradient in zip(kappas, *drawn(np.log(kappas), jax.random.split(KEY, 50)), strict=True):
        np.testing.assert_allclose(gradient, -found / 2, atol=0.1 * kappa**-0.5, rtol=0.05)


@pytest.mark.parametrize(("d", "kappa"), [(2, 0.7), (3, 0.0), (3, 10.0), (8, 1e3)])
def test_draws_are_of_this_distribution_and_carry_its_gradient(d, kappa):
    """(1 + mu.z) / 2 is of its Beta by a Kolmogorov-Smirnov test; means within 5 standard errors of closed forms."""
    q = about(d, kappa)
    z = np.asarray(q.sample(KEY, (NUM_DRAWS,)))
    np.testing.assert_allclose(np.linalg.norm(z, axis=-1), 1, atol=1e-6)
    half = (d - 1) / 2
    shares = (1 + z.astype(np.float64) @ np.asarray(q.direction, np.float64)) / 2
    assert stats.kstest(shares, stats.beta(half + kappa, half).cdf).pvalue > 1e-3
    assert (np.abs(z.mean(0) - q.mean) < 5 * z.std(0) / NUM_DRAWS**0.5).all()

    weights = jnp.arange(1.0, d + 1)
    of = lambda raw, log_kappa: PowerSpherical(unit(raw), jnp.exp(log_kappa))
    at = 2 * q.direction, jnp.log(jnp.float32(kappa + 0.1))
    exact = jax.grad(lambda *numbers: of(*numbers).mean @ weights, argnums=(0, 1))(*at)
    drawn = lambda key: jax.grad(lambda *numbers: of(*numbers).sample(key) @ weights, argnums=(0, 1))(*at)
    for found, expected in zip(jax.jit(jax.vmap(drawn))(jax.random.split(KEY, NUM_DRAWS)), exact, strict=True):
        assert (jnp.abs(found.mean(0) - expected) < 5 * found.std(0) / NUM_DRAWS**0.5 + 1e-6).all()


def test_uniform_draws_are_uniform():
    """Each number by itself: (1 + z_i) / 2 is of Beta((d - 1) / 2, (d - 1) / 2)."""
    p = UniformOnSphere(5)
    z = np.asarray(p.sample(KEY, (NUM_DRAWS,)))
    assert all(stats.kstest((1 + column) / 2, stats.beta(2, 2).cdf).pvalue > 1e-3 for column in z.T)
    assert (np.abs(z.var(0) - p.variance) < 5 * (z**2).std(0) / NUM_DRAWS**0.5).all()
    assert p.log_prob(z).shape == (NUM_DRAWS,)


@pytest.mark.exact
@pytest.mark.parametrize("d", [2, 3, 6])
def test_a_plane_stands_for_the_sphere(d):
    """There and back; its volume is that of the Jacobian's Gram matrix."""
    to = biject_to(ON_SPHERE)
    y = jnp.asarray(np.random.default_rng(0).normal(size=d - 1))
    z = to(y)
    assert jnp.linalg.norm(z) == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(to.inv(z), y, rtol=1e-5)
    jacobian = np.asarray(jax.jacobian(to)(y), np.float64)
    exact = 0.5 * np.linalg.slogdet(jacobian.T @ jacobian)[1]
    assert float(to.log_abs_det_jacobian(y, z)) == pytest.approx(exact, abs=1e-5)


@pytest.mark.exact
def test_also_the_point_from_which_it_is_seen_has_numbers():
    """Far ones; near it they keep their digits."""
    p = UniformOnSphere(3)
    to = supports.coordinates(p)
    numbers = to.numbers(jnp.array([-1.0, 0.0, 0.0]))
    assert np.isfinite(numbers).all()
    np.testing.assert_allclose(to.value(numbers), [-1, 0, 0], atol=1e-5)
    far = jnp.array([300.0, -400.0])
    np.testing.assert_allclose(to.numbers(to.value(far)), far, rtol=1e-3)
    begun = inference.svi().init(None, HAT_BOX._replace(encode=lambda x: PowerSpherical(-HERE, 3.0)), X)
    assert np.isfinite(jax.tree.leaves(begun)[0]).all()


def test_what_is_integrated_over_a_plane_is_no_sphere():
    """Nor is a mixture on one, which numpyro can make."""
    for p in (UniformOnSphere(2), uniform_mixture(jax.vmap(PowerSpherical)(jnp.eye(2), jnp.ones(2)))):
        assert not has_a_grid(p)
    assert has_a_grid(dist.Normal(jnp.zeros(2), 1.0).to_event(1))
    with pytest.raises(UsageError, match="lies on a surface between the points of a grid"):
        free_form(grid(low=-1.0, high=1.0, num_points=9, num_latents=2)).init(None, HAT_BOX, X)
    mixture = dist.MixtureSameFamily(dist.Categorical(jnp.ones(2) / 2), PowerSpherical(jnp.eye(2, 3), 2.0))
    np.testing.assert_allclose(nearest(mixture, 2 * HERE), HERE)


def test_units_of_a_large_sphere_are_active_where_their_means_move():
    """The mean of each number of 100 has the variance 0.01 under the prior, and below that under q."""
    encode = lambda x: PowerSpherical(unit(x), 50.0)
    model = Model(UniformOnSphere(100), encode, lambda z: dist.Normal(z, 1.0).to_event(1))
    x = jax.random.normal(KEY, (300, 100))
    measured = evaluate.validator(KEY, lambda params: model, x, metrics=("latents",), options=evaluate.Options())({})
    assert measured["active_units"] == 100
    still = model._replace(encode=lambda x: PowerSpherical(unit(jnp.ones(100) + 0.01 * x), 50.0))
    assert (
        evaluate.validator(KEY, lambda params: still, x, metrics=("latents",), options=evaluate.Options())({})[
            "active_units"
        ]
        == 0
    )


# z uniform on the sphere of three numbers, of which one is as likely anywhere in [-1, 1]: Archimedes' hat box.
X, SCALE, HERE = jnp.array([0.4]), 0.3, jnp.array([1.0, 0.0, 0.0])
HAT_BOX = Model(
    UniformOnSphere(3),
    lambda x: PowerSpherical(jnp.array([0.6, 0.0, 0.8]), 3.0),
    lambda z: dist.Normal(z[:1], SCALE).to_event(1),
)
LOG_PX = math.log((stats.norm.cdf(1.4 / SCALE) - stats.norm.cdf(-0.6 / SCALE)) / 2)


def test_the_evidence_of_a_model_on_a_sphere():
    """By draws of q and by paths from p(z), within 5 standard errors of the average weight; the ELBO is no more."""
    schedule = ais.Schedule(jnp.linspace(0.0, 1.0, 21)[1:], jnp.full(20, 0.5), jnp.ones((20, 2)))

    @jax.jit
    def infer(key):
        drawn = inference.importance(key, HAT_BOX, X, num_samples=20_000)
        paths = ais.anneal(key, HAT_BOX, X, schedule=schedule, num_chains=1000, start="prior")
        bounds = jax.vmap(lambda k: objectives.elbo(k, HAT_BOX, X).elbo)(jax.random.split(key, 2000))
        return drawn.log_w, paths.log_w, bounds

    *found, elbo = infer(KEY)
    for log_w in found:
        weights = np.exp(np.asarray(log_w, np.float64))
        assert abs(weights.mean() - math.exp(LOG_PX)) < 5 * weights.std() / len(weights) ** 0.5
    assert elbo.mean() + 5 * elbo.std() / 2000**0.5 < LOG_PX


def test_a_chain_walks_over_the_sphere():
    """E[z_1 | x] is that of a normal variable between -1 and 1, and E[z_2 | x] is 0: within 5 standard errors."""
    drawn = jax.jit(lambda key: inference.sample(key, inference.random_walk(), HAT_BOX, X))(KEY)
    z = np.asarray(drawn.z).reshape(-1, 3)
    np.testing.assert_allclose(np.linalg.norm(z, axis=-1), 1, atol=1e-5)
    truncated = stats.truncnorm(-1.4 / SCALE, 0.6 / SCALE, 0.4, SCALE)
    error = z.std(0) / np.asarray(drawn.effective_sample_size).reshape(-1) ** 0.5
    assert (np.abs(z.mean(0) - [truncated.mean(), 0, 0]) < 5 * error).all()


def test_a_posterior_is_finite_whatever_the_encoder_says():
    family = power_spherical(10.0)
    bound = lambda raw: kl_divergence(family.apply({}, raw), UniformOnSphere(3))
    drawn = lambda raw: family.apply({}, raw).sample(KEY).sum()
    raw = np.zeros((4, 4), np.float32)
    raw[1:] = [1e-30, 0, 0, 0], [3, 4, 0, 1e4], [-1e20, 1e20, 0, -1e4]
    for value in (bound, drawn):
        found, gradient = jax.jit(jax.vmap(jax.value_and_grad(value)))(raw)
        assert np.isfinite(found).all()
        assert np.isfinite(gradient).all()
    q = family.apply({}, jnp.array([3.0, 4.0, 0.0, 0.0]))
    np.testing.assert_allclose(q.direction, [0.6, 0.8, 0.0], rtol=1e-6)
    assert float(q.concentration) == 11.0


def test_a_plane_shows_a_circle_and_a_sphere():
    """Points of a grid stand for equal areas: their moments are those of the prior. Of larger spheres there is none."""
    for num in (2, 3):
        found = chart(UniformOnSphere(num), num)
        z = found.grid(20)
        np.testing.assert_allclose(np.linalg.norm(z, axis=-1), 1, rtol=1e-6)
        np.testing.assert_allclose(z.mean(0), 0, atol=1e-6)
        np.testing.assert_allclose(z.T @ z / len(z), np.eye(num) / num, atol=5e-3)
    places = found.place(0.5 * z).reshape(10, 20, 2)  # of three numbers, whatever their length
    np.testing.assert_allclose(places[0, :, 0], (np.arange(20) + 0.5) / 10 - 1, rtol=1e-5)
    np.testing.assert_allclose(places[:, 0, 1], 0.9 - 0.2 * np.arange(10), rtol=1e-5, atol=1e-6)
    assert chart(UniformOnSphere(4), 4) is None
    assert chart(uniform_mixture(jax.vmap(PowerSpherical)(jnp.eye(3), jnp.ones(3))), 3).where == found.where
    assert chart(dist.Normal(jnp.zeros(3), 1.0).to_event(1), 3) is None


def test_what_lies_between_two_points_is_decoded_on_the_sphere():
    """Of means that lie within it, too; p(x|z) here has its mean at z."""
    towards = lambda x: PowerSpherical(unit(x), 5.0)
    model = Model(UniformOnSphere(3), towards, lambda z: dist.Normal(z, 1.0).to_event(1))
    ends = jnp.array([1.0, 0.0, 0.0]), jnp.array([0.0, 2.0, 0.0])
    path = np.asarray(interpolation(KEY, model, ends, steps=5))
    np.testing.assert_allclose(np.linalg.norm(path, axis=-1), 1, rtol=1e-6)
    np.testing.assert_allclose(path[2], np.sqrt([0.5, 0.5, 0]), atol=1e-6)
    np.testing.assert_allclose(evaluate.reconstruction(KEY, model, ends[1]), [0, 1, 0], atol=1e-6)
    moved = coordinates(model.prior, jnp.zeros(3)).latent((jnp.array([0.0, 0.0, 3.0]),))
    np.testing.assert_allclose(moved, [0, 0, 1])
    outside = jnp.array([3.0])
    assert nearest(dist.Normal(0.0, 1.0), outside) is outside


SPHERICAL = "--config.model.posterior.name=spherical"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([SPHERICAL, "--config.model.latent_dim=1"], "model.latent_dim is 1: expected 2 or more numbers of a point"),
        ([SPHERICAL, "--config.model.prior.name=standard"], "model.prior is 'standard', over vectors of any real numb"),
        (["--config.model.prior.name=uniform"], "over one-hot latents or a sphere, and z is neither"),
        ([SPHERICAL, "--config.model.posterior.concentration=0.0"], "model.posterior.concentration is 0"),
        ([SPHERICAL, "--config.objective.name=total_correlation"], "does not factorize"),
    ],
)
def test_what_cannot_be_on_a_sphere(flags, message):
    with pytest.raises(UsageError, match=message):
        setup(override(load_experiment("digits"), flags))


def test_the_experiment_is_a_sphere_of_three_numbers():
    task = setup(
        override(load_experiment("mnist_sphere"), ["--config.data.name=digits", "--config.train.batch_size=100"])
    ).task
    prior = task.description.bind(jax.eval_shape(task.description.init, KEY)).prior
    assert (type(prior), prior.num) == (UniformOnSphere, 3)
    assert {"latent", "manifold"} <= {*task.figures}


def test_the_study_has_what_is_published_beside_what_it_finds():
    asked = []

    def train(posterior, size):
        asked.append((posterior, size))
        return Score("mnist", -100.0, -105.0)

    figure, lines = spheres_figure(train, dims="5,2")
    assert asked == [("spherical", 5), ("spherical", 2), ("diagonal", 5), ("diagonal", 2)]
    beside = "published -108.43 ± 0.09, found -100.00 (ELBO -105.00), +8.43"
    assert lines[0] == f"5 dimensions, on a sphere, mnist, L_500, nats: {beside}"
    assert len(figure.axes[0].containers) == 2
    with pytest.raises(OptionError, match="--dims is '3': expected some of 2, 5, 10, 20, 40"):
        spheres_figure(train, dims="3")
