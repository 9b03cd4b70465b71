"""Whether data.missing hides something of the examples and leaves something, before a model is trained on them."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Int

from vaex.config.keys import scoring_keys
from vaex.config.task import Task
from vaex.data.conditions import Pixels
from vaex.data.examples import Stored
from vaex.errors import OptionError
from vaex.model import split


def check_hidden(task: Task) -> None:
    """Some values of the training and of the test examples are hidden, and some are not; a key that is traced passes.

    Raises:
        OptionError: a fraction of what is missing of which that is not so.
    """
    fraction = task.experiment.data.missing
    if fraction is None or isinstance(task.key, Tracer):
        return

    @jax.jit
    def of_training(images: Array) -> Array:
        stored = task.examples.stored(task.dataset.train._replace(images=images))
        parts = jax.tree.leaves(stored, is_leaf=lambda part: type(part) is Stored)  # two of pairs, and their labels
        return jnp.stack([_counts(part.images, part.mask) for part in parts if type(part) is Stored]).sum(axis=0)

    @jax.jit
    def of_test(images: Array) -> Array:
        x = task.examples.observe(scoring_keys(task.key)[0], task.dataset.test._replace(images=images))
        return _counts(images, split(x)[0].mask)

    dataset = task.dataset
    for which, counts in (("training", of_training(dataset.train.images)), ("test", of_test(dataset.test.images))):
        observed, hidden = np.asarray(counts).tolist()
        if not observed or not hidden:
            which = f"of the {observed + hidden:,} values of the {which} examples"
            cure = f"none {which} is hidden: raise it" if observed else f"none {which} is left: lower it"
            raise OptionError("missing", fraction, "a fraction that hides some and leaves some", cure, path="data")


def _counts(images: Pixels, mask: Pixels) -> Int[Array, "2"]:
    """How many values are observed, and how many that are known are not."""
    is_row = jnp.issubdtype(images.dtype, jnp.floating)  # of a table, nan where nobody knows it
    known = jnp.sum(~jnp.isnan(images)) if is_row else mask.size
    return jnp.stack([jnp.sum(mask), known - jnp.sum(mask)])
