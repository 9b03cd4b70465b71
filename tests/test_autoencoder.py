"""Autoencoders: the limit of a VAE without its KL, principal components, noise, and no word of a bound."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import initial, small_vae
from tests.test_bad_input import fails
from vaex import evaluate, objectives
from vaex.__main__ import main
from vaex.config import override
from vaex.config.setup import setup
from vaex.errors import UsageError
from vaex.model import Given, at
from vaex.models import autoencoder
from vaex.models.autoencoder import shown_corrupted
from vaex.models.likelihoods import gaussian_fixed
from vaex.models.noise import NOISES
from vaex.models.vae import VAE
from vaex.networks import MLP
from vaex.runs.experiments import load_experiment
from vaex.runs.folder import read_json
from vaex.runs.results import check_selection

KIND = ["--config.model.name=autoencoder", "--config.objective.name=reconstruction"]
NOISE = ["--config.model.noise.name=masking", "--config.model.noise.level=0.5"]
X = jnp.array([1.0, 0, 0, 1, 1, 0])


def linear_autoencoder() -> VAE:
    """Affine maps from 6 numbers to 2 and back."""
    return VAE(
        x_shape=(6,),
        encoder=MLP((), (2,)),
        decoder=MLP((), (6,)),
        prior=autoencoder.no_prior(),
        posterior=autoencoder.point(),
        likelihood=gaussian_fixed(sigma=1.0),
    )


def test_it_is_the_elbo_without_kl_as_the_variance_goes_to_zero():
    """With the encoder's log-variances at -40; at -2 the two differ."""
    vae = small_vae()
    params = initial(vae.init, jax.random.key(0))

    @jax.jit
    def gap(log_var):
        out = params["encoder"]["params"]["out"] | {"bias": jnp.array([0.3, -0.4, log_var, log_var])}
        moved = params | {"encoder": {"params": params["encoder"]["params"] | {"out": out}}}
        model, key = vae.bind(moved), jax.random.key(1)
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
    params = initial(vae.init, jax.random.key(3))
    params["encoder"] = {"params": {"out": {"kernel": u, "bias": -mean @ u}}}
    params["decoder"] = {"params": {"out": {"kernel": u.T, "bias": mean}}}
    trial = evaluate.Trial(vae.bind(params), x, dataset=None, observe=None)
    found = evaluate.REPORTS["reconstruction"](jax.random.key(0), trial)
    np.testing.assert_allclose(found["test_squared_error"], values[:-2].sum(), rtol=1e-4)
    assert found["bound_on_log_px"].startswith("none")
    loss = objectives.batch_loss(objectives.reconstruction)
    context = objectives.Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
    gradient = jax.jit(jax.grad(lambda p: loss(jax.random.key(0), vae.bind(p), x, context)[0]))
    assert all(np.abs(g).max() < 1e-4 for g in jax.tree.leaves(gradient(params)))
    params["decoder"]["params"]["out"]["bias"] = mean + 0.1
    assert max(np.abs(g).max() for g in jax.tree.leaves(gradient(params))) > 1e-2


def test_without_noise_denoising_is_plain():
    vae = linear_autoencoder()
    params = initial(vae.init, jax.random.key(4))
    reconstruct = lambda model, example: objectives.reconstruction(jax.random.key(0), *at(model, example)).objective
    plain = vae.bind(params)
    denoising = shown_corrupted(plain)
    for noise in NOISES.values():
        clean, corrupted = (Given(X, noise(level=level)(jax.random.key(5), X)) for level in (0.0, 0.7))
        assert reconstruct(denoising, clean) == reconstruct(plain, X)
        z = plain.encode(corrupted.condition).mean
        assert reconstruct(denoising, corrupted) == plain.decode(z).log_prob(X)  # the target stays clean
        assert reconstruct(denoising, corrupted) != reconstruct(plain, X)


def test_noise_is_what_it_says():
    """The share that is masked and the deviation that is added, within 5 standard errors of 10,000 draws."""
    ones = jnp.ones(10_000)
    masked = NOISES["masking"](level=0.3)(jax.random.key(6), ones)
    assert set(np.unique(masked)) == {0.0, 1.0}
    assert abs((1 - masked).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 10_000)
    added = NOISES["gaussian"](level=0.3)(jax.random.key(7), ones) - ones
    assert abs(added.std() - 0.3) < 5 * 0.3 / np.sqrt(2 * 10_000)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (KIND[:1], "'elbo' with model.name 'autoencoder': set --config.objective.name=reconstruction"),
        (KIND[1:], "'reconstruction' with model.name 'vae': set --config.model.name=autoencoder"),
        (
            [*KIND, "--config.model.prior.name=standard"],
            "model 'autoencoder' has no prior, which is of vae, m2",
        ),
        (
            [*KIND, "--config.data.missing=0.5"],
            "'autoencoder', and to impute needs p.z.: unset data.missing",
        ),
        ([*KIND, "--config.train.select=elbo"], "train.select is 'elbo': expected one of log_px_z, squared_error"),
        (NOISE, "model.noise.name: model 'vae' has no noise, which is of autoencoder: set --config.model.name"),
        ([*KIND, *NOISE[:1]], "model.noise.level is not set: expected a value: the probability"),
        ([*KIND, *NOISE[1:]], "model.noise.level is of a section that is not set: set --config.model.noise.name first"),
        (
            [*KIND, *NOISE, "--config.model.noise.level=1.5"],
            "model.noise.level is 1.5: expected a finite number from 0 to 1",
        ),
        (
            [*KIND, *NOISE, "--config.model.noise.name=pepper"],
            "noise.name is 'pepper': expected one of masking",
        ),
        (
            [*KIND, "--config.model.noise.name=gaussian", "--config.model.noise.level=-1.0"],
            "model.noise.level is -1.0: expected a finite number of at least 0",
        ),
    ],
)
def test_what_cannot_be_is_refused(flags, message):
    with pytest.raises(UsageError, match=message):
        check_selection(setup(override(load_experiment("digits"), flags)))


@pytest.mark.parametrize("noise", [[], NOISE], ids=["plain", "denoising"])
def test_a_run_claims_no_bound(capsys, tmp_path, request, noise):
    if noise:  # whose figures are those of the other
        request.getfixturevalue("no_pictures")
    quick = ["--config.train.num_epochs=2", "--config.train.eval_every=1", "--config.model.network.encoder_hidden=(8,)"]
    assert main(["train", "digits", "--runs", str(tmp_path), *KIND, *noise, *quick]) == 0
    out = capsys.readouterr().out
    assert "ELBO" not in out
    assert "none: an autoencoder has no p(z)" in out
    run = str((tmp_path / "latest").resolve())
    results = read_json(tmp_path / "latest" / "results.json")
    assert not {name for name in results if "elbo" in name or "likelihood" in name} - {"is_likelihood"}
    assert np.isfinite(results["test_log_px_z"])
    assert "elbo" not in (tmp_path / "latest" / "metrics.jsonl").read_text()
    assert "an autoencoder has no p(z) to draw from" in fails(capsys, ["sample", run])
    assert "has no bound that has samples: leave it out" in fails(capsys, ["evaluate", run, "--num-samples=5"])
    if not noise:
        request.getfixturevalue("no_results")
        assert main(["train", "--run", run]) == 0
