"""A model says which of its parameters are its recognition model's, and the statistics of gradients go by it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaex import objectives
from vaex.config import MODELS
from vaex.distributions.labelled import Pair
from vaex.evaluate.gradients import gradient_statistics
from vaex.models import Source
from vaex.networks.pairs import mlp

SOURCE = Source((3, 3, 1), num_classes=2)
SMALL = functools.partial(mlp, encoder_hidden=(4,), decoder_hidden=(4,))
OPTIONS = {
    "vae": {"network": SMALL},
    "hierarchy": {"latent_dims": (2, 2), "between_hidden": ((3,),), "encoder_hidden": (4,), "decoder_hidden": (4,)},
    "ladder": {"latent_dims": (2, 2), "between_hidden": ((3,),), "encoder_hidden": (4,), "decoder_hidden": (4,)},
    "deep": {"channels": (4,), "num_blocks": (1,), "latent_dim": 2},
    "vqvae": {"num_codes": 4, "patch": 3, "encoder_hidden": (4,), "decoder_hidden": (4,), "prior_width": 4},
    "m2": {"network": SMALL, "latent_dim": 2},
    "m1m2": {"network": SMALL, "latent_dim": 2, "upper_dim": 2, "upper_hidden": (4,)},
    "autoencoder": {"network": SMALL, "latent_dim": 2},
}


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_names_parameters_that_it_has(name):
    """And leaves some to the generator."""
    description = MODELS[name](SOURCE, **OPTIONS[name])
    params = jax.eval_shape(description.init, jax.random.key(0))
    paths = [tuple(str(key.key) for key in path if hasattr(key, "key")) for path, _ in leaves(params)]
    for part in description.recognition:
        assert any(path[: len(part)] == part for path in paths) or part[-1] == "posterior"
    assert any(not any(path[: len(part)] == part for part in description.recognition) for path in paths)


def leaves(tree):
    return jax.tree_util.tree_flatten_with_path(tree)[0]


def test_gradients_of_m1m2_are_told_apart():
    """The recognition model's average variance is that of the classifier and both encoders."""
    description = MODELS["m1m2"](SOURCE, **OPTIONS["m1m2"])
    x = Pair(jnp.ones((3, 3, 1)), jnp.zeros((3, 3, 1)), jnp.array([1.0, 0.0]))
    objective = functools.partial(objectives.stacked_semi_supervised, num_train=100, num_labels=10)
    params = jax.jit(description.init)(jax.random.key(0))
    found = gradient_statistics(
        jax.random.key(1), objective, params, description.bind, x, num_keys=3, recognition=description.recognition
    )
    variance = found.leaves.variance
    parts = variance["m1"]["encoder"], variance["m2"]["classifier"], variance["m2"]["encoder"]
    expected = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(parts)]).mean()
    np.testing.assert_allclose(found.recognition.variance, expected, rtol=1e-5)
    assert found.generator.variance > 0
