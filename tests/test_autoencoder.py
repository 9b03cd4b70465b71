"""Autoencoders: the limit of a VAE without its KL, principal components, noise, and no word of a bound."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from vaex.data.noise import NOISES
from vaex.evaluate.reconstruction import scores

from tests.models import small_vae
from tests.test_bad_input import fails
from vaex import objectives
from vaex.__main__ import main
from vaex.config import override
from vaex.config.setup import setup
from vaex.errors import UsageError
from vaex.model import Given, at
from vaex.models import autoencoder
from vaex.models.autoencoder import Denoising
from vaex.models.likelihoods import normal_fixed
from vaex.models.vae import VAE
from vaex.networks import MLP
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import read_json

POINT = ["--config.model.posterior=point", "--config.objective.name=reconstruction"]
NOISE = ["--config.data.noise=masking", "--config.data.noise_level=0.5"]
X = jnp.array([1.0, 0, 0, 1, 1, 0])


def linear_autoencoder() -> VAE:
    """Affine maps from 6 numbers to 2 and back."""
    return VAE(
        x_shape=(6,),
        encoder=MLP((), (2,)),
        decoder=MLP((), (6,)),
        prior=autoencoder.no_prior(),
        posterior=autoencoder.point(),
        likelihood=normal_fixed(1.0),
    )


def test_it_is_the_elbo_without_kl_as_the_variance_goes_to_zero():
    """With the encoder's log-variances at -40; at -2 the two differ."""
    vae = small_vae()
    params = vae.init(jax.random.key(0))

    def gap(log_var):
        params["encoder"]["params"]["out"]["bias"] = jnp.array([0.3, -0.4, log_var, log_var])
        model, key = vae.bind(params), jax.random.key(1)
        without_kl = objectives.elbo(key, model, X, beta=0.0).objective
        return jnp.abs(objectives.reconstruction(key, model, X).objective - without_kl)

    assert gap(-40.0) < 1e-5
    assert gap(-2.0) > 1e-3


def test_principal_components_are_the_optimum_of_a_linear_autoencoder():
    """Its squared error there is the sum of the eigenvalues left out, and its gradient zero (Baldi and Hornik 1989)."""
    x = jax.random.normal(jax.random.key(2), (50, 6)) * jnp.array([3.0, 2.0, 1.0, 0.5, 0.3, 0.1]) + 1
    mean = x.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    u = jnp.asarray(vectors[:, -2:], jnp.float32)
    vae = linear_autoencoder()
    params = vae.init(jax.random.key(3))
    params["encoder"] = {"params": {"out": {"kernel": u, "bias": -mean @ u}}}
    params["decoder"] = {"params": {"out": {"kernel": u.T, "bias": mean}}}
    found = scores(vae.bind, params, x)
    np.testing.assert_allclose(found["test_squared_error"], values[:-2].sum(), rtol=1e-4)
    assert found["bound_on_log_px"].startswith("none")
    loss = objectives.batch_loss(objectives.reconstruction)
    context = objectives.Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
    value = lambda p: loss(jax.random.key(0), vae.bind(p), x, context)[0]
    assert all(jnp.abs(g).max() < 1e-4 for g in jax.tree.leaves(jax.grad(value)(params)))
    params["decoder"]["params"]["out"]["bias"] = mean + 0.1
    assert max(jnp.abs(g).max() for g in jax.tree.leaves(jax.grad(value)(params))) > 1e-2


def test_without_noise_denoising_is_plain():
    vae = linear_autoencoder()
    params = vae.init(jax.random.key(4))
    reconstruct = lambda model, example: objectives.reconstruction(jax.random.key(0), *at(model, example)).objective
    plain, denoising = vae.bind(params), Denoising(vae).bind(params)
    for noise in NOISES.values():
        clean, corrupted = (Given(X, noise(jax.random.key(5), X, level)) for level in (0.0, 0.7))
        assert reconstruct(denoising, clean) == reconstruct(plain, X)
        z = plain.encode(corrupted.condition).mean
        assert reconstruct(denoising, corrupted) == plain.decode(z).log_prob(X)  # the target stays clean
        assert reconstruct(denoising, corrupted) != reconstruct(plain, X)


def test_noise_is_what_it_says():
    """The share that is masked and the deviation that is added, within 5 standard errors of 10,000 draws."""
    ones = jnp.ones(10_000)
    masked = NOISES["masking"](jax.random.key(6), ones, 0.3)
    assert set(np.unique(masked)) == {0.0, 1.0}
    assert abs((1 - masked).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 10_000)
    added = NOISES["gaussian"](jax.random.key(7), ones, 0.3) - ones
    assert abs(added.std() - 0.3) < 5 * 0.3 / np.sqrt(2 * 10_000)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (POINT[:1], "an autoencoder needs 'point' and 'reconstruction' together"),
        (POINT[1:], "an autoencoder needs 'point' and 'reconstruction' together"),
        ([*POINT, "--config.model.prior=standard"], "'point' with model.prior 'standard': an autoencoder is"),
        ([*POINT, "--config.data.missing=0.5"], "data.missing is set with model.posterior 'point': imputation needs"),
        ([*POINT, "--config.evaluate.num_samples=7"], "evaluate.num_samples is set with model.posterior 'point'"),
        (["--config.model.prior=none"], "model.prior is 'none', an autoencoder's"),
        (NOISE, "data.noise is 'masking' with objective.name 'elbo': it is for denoising"),
        ([*POINT, *NOISE[:1]], "data.noise is set without data.noise_level: set"),
        ([*POINT, *NOISE[1:]], "data.noise_level is set without data.noise: set"),
        ([*POINT, *NOISE, "--config.data.noise_level=1.5"], "data.noise_level is 1.5: expected 0 or more, and at most"),
        ([*POINT, *NOISE, "--config.data.noise=pepper"], "data.noise is 'pepper': expected one of masking, gaussian"),
    ],
)
def test_what_cannot_be_is_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        setup(override(load_experiment("digits"), flags))


@pytest.mark.parametrize("noise", [[], NOISE], ids=["plain", "denoising"])
def test_a_run_claims_no_bound(capsys, tmp_path, noise):
    quick = ["--config.train.num_epochs=2", "--config.train.eval_every=1", "--config.model.encoder_hidden=(8,)"]
    assert main(["train", "digits", "--runs", str(tmp_path), *POINT, *noise, *quick]) == 0
    out = capsys.readouterr().out
    assert "ELBO" not in out
    assert "none: an autoencoder has no p(z)" in out
    run = str((tmp_path / "latest").resolve())
    results = read_json(tmp_path / "latest" / "results.json")
    assert not {name for name in results if "elbo" in name or "likelihood" in name} - {"is_likelihood"}
    assert np.isfinite(results["test_log_px_z"])
    assert "elbo" not in (tmp_path / "latest" / "metrics.jsonl").read_text()
    assert "an autoencoder has no p(z) to draw from" in fails(capsys, ["sample", run])
    if not noise:
        assert main(["train", "--run", run]) == 0
