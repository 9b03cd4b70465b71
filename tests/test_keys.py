"""No key is used twice: not to start networks, and not for data and draws."""

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.one_step import untried
from tests.test_combinations import TRACED, _few_digits, config_of, shown  # noqa: F401
from vaex.config import MODELS, measure
from vaex.config.setup import setup
from vaex.data import Split
from vaex.data.conditions import CONDITIONS
from vaex.models.description import Description, Refit
from vaex.train import TrainState
from vaex.train.refit import refit_prior

KEY = jax.random.key(0)
# Of each kind one that has a condition, where it can have one: the more parts, the more keys.
OF_EACH = [
    next((cell for cell in own if cell.get("condition") in CONDITIONS), own[0])
    for own in ([cell for cell in TRACED if cell["model"] == kind] for kind in MODELS)
]


@pytest.mark.parametrize("cell", OF_EACH, ids=shown)
def test_networks_start_from_keys_of_their_own(cell, monkeypatch):
    whole, found = nn.Module.init_with_output, []  # what init calls, too

    def recorded(module, key, *args, **options):
        start = jax.eval_shape(lambda: whole(module, key, *args, **options))
        if not isinstance(key, jax.core.Tracer):  # asked for shapes alone
            found.append(tuple(jax.random.key_data(key).tolist()))
        return jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), start)

    with untried():
        description = setup(config_of(cell)).task.description
    monkeypatch.setattr(nn.Module, "init_with_output", recorded)
    description.init(KEY)
    assert len(set(found)) == len(found) > 0


def words(*keys):
    return {tuple(jax.random.key_data(key).tolist()) for key in keys}


def test_held_out_examples_are_observed_and_scored_by_keys_apart(monkeypatch):
    """Masks are drawn from split(key), which is fold_in(key, i) of examples 0 and 1."""
    found, split = [], Split(np.zeros((3, 4)), np.zeros(3, np.int32))
    monkeypatch.setattr(measure, "validator", lambda key, *_, **options: found.append(key))
    task = SimpleNamespace(
        key=KEY,
        dataset=SimpleNamespace(train=split, validation=split),
        experiment=SimpleNamespace(evaluate=SimpleNamespace(validation_samples=1)),
        examples=SimpleNamespace(observe=lambda key, split: found.append(key)),
        description=SimpleNamespace(bind=None, metrics=()),
    )
    measure.measure(SimpleNamespace(task=task, bound=None))
    observed, scored = found
    assert not words(*jax.random.split(observed)) & words(*(jax.random.fold_in(scored, i) for i in range(3)))


def test_a_prior_is_refitted_by_keys_that_no_epoch_has():
    """The key of training is split(key)[1], which is fold_in(key, 1)."""

    class Stop(Exception):
        pass

    def preprocess(key, few):
        found.append(key)
        raise Stop

    found, seed = [], 0
    train_key = jax.random.split(jax.random.key(seed))[1]
    for after in (1, 2):
        bind = lambda params: params
        described = Description(bind, bind, refit=Refit("prior", after, 1, lambda z, seed: z))
        before_epoch = refit_prior(described, preprocess, lambda: np.zeros((2, 1)), 2, num_epochs=3, seed=seed)
        with pytest.raises(Stop):
            before_epoch(TrainState({}, (), jnp.array(0), jnp.array(0.0)), after)
    assert not words(*found) & words(*(jax.random.fold_in(train_key, i) for i in range(4)))
