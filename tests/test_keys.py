"""No key starts two networks."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from tests.test_combinations import _few_digits, cells, config_of, shown  # noqa: F401
from vaex.config import MODELS, loss
from vaex.config.setup import setup
from vaex.data.conditions import CONDITIONS
from vaex.models import vae

KEY = jax.random.key(0)
# Of each kind one that has a condition, where it can have one: the more parts, the more keys.
OF_EACH = [
    next((cell for cell in own if cell.get("condition") in CONDITIONS), own[0])
    for own in ([cell for cell in cells() if cell["model"] == kind] for kind in MODELS)
]


@pytest.mark.parametrize("cell", OF_EACH, ids=shown)
def test_networks_start_from_keys_of_their_own(cell, monkeypatch):
    whole, found = nn.Module.init_with_output, []  # what init calls, too

    def recorded(module, key, *args, **options):
        start = jax.eval_shape(lambda: whole(module, key, *args, **options))
        if not isinstance(key, jax.core.Tracer):  # asked for shapes alone
            found.append(tuple(jax.random.key_data(key).tolist()))
        return jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), start)

    for check, module in (("_trace", loss), ("_check_latents", vae)):
        monkeypatch.setattr(module, check, lambda *args: ())
    description = setup(config_of(cell)).task.description
    monkeypatch.setattr(nn.Module, "init_with_output", recorded)
    description.init(KEY)
    assert len(set(found)) == len(found) > 0
