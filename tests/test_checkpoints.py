"""Checkpoints below any name, of either precision, of another optimizer; and what is loaded is what was trained."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import optax
import pytest

import vaex
from tests.refusal import refusal, same
from vaex.config import read_config
from vaex.config.setup import setup
from vaex.distributions import DiagonalNormalMixture, UniformMixture
from vaex.errors import UsageError
from vaex.runs import checkpoints, folder, steady
from vaex.train import init_state


def test_another_optimizer_is_named_by_what_it_has_and_has_not(run):
    made = setup(read_config(run / folder.CONFIG))
    params = made.init().params
    states = {
        "opt_state/0/trace": optax.sgd(0.1, momentum=0.9),
        "opt_state/0/count, which the config's model and optimizer have not": optax.sgd(0.1),
    }
    for message, optimizer in states.items():
        line, _ = refusal(lambda opt=optimizer: checkpoints.restore(run, init_state(params, opt)))
        assert message in str(line)


def small_state():
    """With a tuple, a random key, whole numbers and nothing."""
    params = {"a": jnp.arange(3.0), "b": (jnp.float32(0.1), {})}
    return init_state(params, optax.noisy_sgd(0.1, key=jax.random.key(7)))


@pytest.mark.parametrize(
    "name",
    ["a b", "[v1]", "lr=[1e-3]", "back\\slash", "s*", "q?", "**", "{x}", "p%20", "~", "é", "new\nline", "x" * 255],
)
def test_a_run_below_any_name(tmp_path, name):
    """Also beside another that the name is a pattern of."""
    state, (run, other) = small_state(), (tmp_path / name, tmp_path / "sun")
    for path, by in ((other, 1), (run, 2)):
        path.mkdir()
        now = state._replace(params=jax.tree.map(lambda a, by=by: a * by, state.params))
        checkpoints.save(path, 1, now, {"epoch": 1}, selected=0.0)
    os.symlink(run, tmp_path / "latest")
    for path in (run, tmp_path / "latest", Path(os.path.relpath(run))):
        found, progress = checkpoints.restore(path, jax.eval_shape(small_state))
        assert progress == {"epoch": 1}
        assert same(found.params, jax.tree.map(lambda a: a * 2, state.params))
        assert jax.tree.structure(found) == jax.tree.structure(state)
        assert [leaf.dtype for leaf in jax.tree.leaves(found)] == [leaf.dtype for leaf in jax.tree.leaves(state)]


@pytest.mark.parametrize("saved_in", [False, True])
def test_a_state_of_the_other_precision_is_brought_to_this_one(tmp_path, saved_in):
    def state():
        return init_state({"a": jnp.zeros(3) + 0.1, "n": jnp.arange(2)}, optax.adam(1e-3))

    with jax.enable_x64(saved_in):
        before = state()
        checkpoints.save(tmp_path, 1, before, {"epoch": 1}, selected=0.0)
    with jax.enable_x64(not saved_in):
        found, _ = checkpoints.restore(tmp_path, jax.eval_shape(state))
        params, _ = checkpoints.restore_params(tmp_path, jax.eval_shape(state).params)
        assert found.params["a"].dtype == params["a"].dtype == (jnp.float32 if saved_in else jnp.float64)
        np.testing.assert_allclose(found.params["a"], before.params["a"], rtol=1e-7)
        assert same(found.params, params)
    with pytest.raises(UsageError, match=r"params/a in checkpoint .* is float(32|64): expected int32"):
        checkpoints.restore_params(tmp_path, {"a": jnp.zeros(3, jnp.int32), "n": before.params["n"]})


def test_what_is_removed_while_it_is_read_is_read_of_what_took_its_place(tmp_path, monkeypatch):
    """As by a run that trains; damage that stays is told, and once."""
    monkeypatch.setattr(steady, "_SECONDS", 0.0)
    for epoch in (1, 2):
        (tmp_path / folder.CHECKPOINTS / str(epoch)).mkdir(parents=True)
    tries = []

    def read(*, removes):
        tries.append(newest := folder.checkpoints(tmp_path)[-1])
        if newest.name == "2":
            if removes:
                newest.rename(newest.with_name("3"))
            raise UsageError(f"{newest} cannot be read")
        return newest.name

    with pytest.raises(UsageError, match="2 cannot be read"):
        steady.steadily(tmp_path, lambda: read(removes=False))
    assert len(tries) == 1
    assert steady.steadily(tmp_path, lambda: read(removes=True)) == "3"


def test_what_load_returns_is_on_the_device(saved_run):
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(vaex.load(saved_run)[1]))


def test_mixtures_of_numpy_arrays_are_sampled_under_jit():
    arrays = [np.zeros(3, np.float32), np.arange(6, dtype=np.float32).reshape(3, 2), np.zeros((3, 2), np.float32)]
    normal, key = jax.vmap(lambda mean: dist.Normal(mean, 1.0).to_event(1))(arrays[1]), jax.random.key(0)
    for mixture in (DiagonalNormalMixture(*arrays), UniformMixture(jax.device_get(normal))):
        assert jax.jit(mixture.sample)(key).shape == (2,)


def test_the_first_checkpoint_alone_is_read_back(tmp_path, monkeypatch):
    def not_read(*args):
        raise UsageError("not read")

    monkeypatch.setattr(checkpoints, "restore", not_read)
    line, _ = refusal(lambda: checkpoints.save(tmp_path, 1, small_state(), {"epoch": 1}, selected=0.0))
    assert "not read; it was written just now: train in another folder" in str(line)
    checkpoints.save(tmp_path, 2, small_state(), {"epoch": 2}, selected=0.0)
