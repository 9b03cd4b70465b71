"""From objectives to the loss of a train step; objectives that need the whole batch."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, PartitionSpec
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.errors import UsageError
from vaex.model import AnyModel, Example, at, num_examples, split
from vaex.objectives.terms import Terms

BATCH = "batch"  # the axis of a mesh that examples are split over
Batch = TypeVar("Batch")


def sharded(batch: Batch) -> Batch:
    """A batch split over the axis `batch` of the mesh that is set by jax.set_mesh, where there is one and it fits.

    An axis over which the caller has split it already, by jax.shard_map or explicit types, is left alone.
    """
    mesh = jax.sharding.get_abstract_mesh()
    size = mesh.shape.get(BATCH, 1)
    if size == 1 or num_examples(batch) % size:
        return batch
    if mesh.axis_types[mesh.axis_names.index(BATCH)] != AxisType.Auto:
        return batch
    return jax.lax.with_sharding_constraint(batch, PartitionSpec(BATCH))


class Context(NamedTuple):
    """What a loss may know of the training around it."""

    step: Int[Array, ""]
    average: Float[Array, ""]  # a moving average of the ELBO over the steps before


# (key, model, batch, context) -> (loss, metrics): the one type that the train step takes.
BatchLoss = Callable[[PRNGKeyArray, AnyModel, Example, Context], tuple[Float[Array, ""], dict[str, Array]]]


def batch_loss(objective: Callable[..., Terms], *, whole_batch: bool = False, **options: object) -> BatchLoss:
    """The mean over a batch of minus an objective: what a train step minimises.

    loss = -1/M sum_i objective(x_i)

    Args:
        objective: (key, model, x, *, ...) -> Terms, or with whole_batch (key, model, batch, *, ...) -> Terms [M].
        whole_batch: which of the two.
        options: the objective's; a function is called with the Context at each step, which makes it a schedule.

    Returns:
        (key, model, batch, context) -> (loss, metrics), in nats per example; metrics are the means of the Terms that
        are not None.

    Source: Kingma and Welling 2013, equation 8, per example.
    """

    def loss(
        key: PRNGKeyArray, model: AnyModel, batch: Example, context: Context
    ) -> tuple[Float[Array, ""], dict[str, Array]]:
        now = {name: value(context) if callable(value) else value for name, value in options.items()}
        if whole_batch and split(batch)[1] is not None:
            raise UsageError("this objective compares latents under one p(z), and found a p(z|c): use another")
        if whole_batch:
            terms = objective(key, *at(model, batch), **now)
        else:
            keys = jax.random.split(key, num_examples(batch))
            terms = jax.vmap(lambda k, example: objective(k, *at(model, example), **now))(keys, batch)
        _check_terms(terms, num_examples(batch))
        terms = jax.tree.map(jnp.mean, terms)
        return -terms.objective, {name: value for name, value in terms._asdict().items() if value is not None}

    return loss


def _check_terms(terms: Terms, num_examples: Any) -> None:
    for name, value in terms._asdict().items():
        if value is not None and value.shape != (num_examples,):
            raise UsageError(
                f"the objective's {name} has shape {value.shape} for {num_examples} examples: expected "
                f"{(num_examples,)}, one number for each; sum over the event's dimensions"
            )
