"""Training as pure functions: a step, and a whole epoch as one scan on the device."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from vaex.errors import OptionError, UsageError, check_whole
from vaex.model import Conditional, Example, Model, Observed, Params, num_examples
from vaex.objectives import BatchLoss, Context
from vaex.objectives.batch import sharded
from vaex.train.averages import Average

_DECAY = 0.99  # of the moving average of the ELBO
_STATISTICS = 1_000_000_007  # folded into a step's key, apart from the keys of its examples
_WEIGHTS = 1_000_000_009  # likewise


class TrainState(NamedTuple):
    """All that changes in training. With the seed it determines the rest of a run."""

    params: Params  # that are evaluated
    opt_state: optax.OptState
    step: Int[Array, ""]
    average: Float[Array, ""]  # a moving average of the ELBO, for baselines
    moved: Params | None = None  # that the optimizer moves, where params are an average of them; else params themselves


class Recipe(NamedTuple):
    """All that stays: how a batch of stored examples becomes an update."""

    bind: Callable[[Params], Model | Conditional | Observed]
    batch_loss: BatchLoss
    optimizer: optax.GradientTransformation
    preprocess: Callable[[PRNGKeyArray, Example], Example]  # stored examples -> what the likelihood is defined on
    penalty: Callable[[Params], Array | float] = lambda params: 0.0  # nats per example: -log p(params) / N for MAP
    draw: Callable[[PRNGKeyArray, Params], Params] | None = None  # a value of the weights for a batch, to be bound
    # Entries that no gradient moves.
    statistics: Callable[[PRNGKeyArray, Params, Example], dict[str, Params]] | None = None
    max_skipped: int = 0  # non-finite updates in a row that an optax.apply_if_finite leaves out; 0 without one
    averaging: Average | None = None  # of the parameters, to be evaluated


Metrics = dict[str, Array]


def init_state(
    params: Params, optimizer: optax.GradientTransformation, *, averaging: Average | None = None
) -> TrainState:
    """The state before the first step.

    Args:
        params: to start from.
        optimizer: what moves them.
        averaging: the recipe's, where an average of them is evaluated.
    """
    params = jax.tree.map(jnp.array, params)  # copies: a step to which the state is donated leaves the caller's alone
    moved = None if averaging is None else jax.tree.map(jnp.array, params)
    return TrainState(params, optimizer.init(params), jnp.zeros((), jnp.int32), jnp.zeros(()), moved)


def train_step(state: TrainState, key: PRNGKeyArray, batch: Example, *, recipe: Recipe) -> tuple[TrainState, Metrics]:
    """One update.

    params <- params - optimizer(d loss / d params)

    Args:
        state: the state before.
        key: the same at every step, whose own is folded in from state.step; train_epoch splits its key before.
        batch: stored examples, [M, ...].
        recipe: what stays.

    Returns:
        The state after, and the loss's metrics before the update, in nats per example, with the loss among them; and
        where updates can be skipped, whether this one was.
    """
    data_key, noise_key = jax.random.split(jax.random.fold_in(key, state.step))
    x = sharded(recipe.preprocess(data_key, sharded(batch)))

    def loss(params: Params):
        drawn = params if recipe.draw is None else recipe.draw(jax.random.fold_in(noise_key, _WEIGHTS), params)
        value, metrics = recipe.batch_loss(noise_key, recipe.bind(drawn), x, Context(state.step, state.average))
        return value + recipe.penalty(params), metrics

    before: Params = state.params if recipe.averaging is None else state.moved
    (value, metrics), grads = jax.value_and_grad(loss, has_aux=True)(before)
    updates, opt_state = recipe.optimizer.update(grads, state.opt_state, before)
    params: Params = optax.apply_updates(before, updates)
    skipped = _skipped(opt_state, recipe.max_skipped)
    if recipe.statistics is not None:
        found = recipe.statistics(jax.random.fold_in(noise_key, _STATISTICS), before, x)
        old = {name: before[name] for name in found}
        params = {**params, **jax.tree.map(lambda a, b: jnp.where(skipped, a, b), old, found)}
    bound = metrics["elbo" if "elbo" in metrics else "objective"]  # an autoencoder has no elbo
    average = jnp.where(state.average == 0, bound, _DECAY * state.average + (1 - _DECAY) * bound)  # 0 until one is
    average = jnp.where(skipped, state.average, average)
    metrics = {"loss": value, **metrics} | ({"skipped": skipped} if recipe.max_skipped else {})
    after = TrainState(params, opt_state, state.step + 1, average)
    if recipe.averaging is not None:
        averaged = recipe.averaging(state.params, params, opt_state, state.step)
        if recipe.max_skipped:
            averaged = jax.tree.map(lambda a, b: jnp.where(skipped, a, b), state.params, averaged)
        after = after._replace(params=averaged, moved=params)
    return after, metrics


def _skipped(opt_state: optax.OptState, max_skipped: int) -> Bool[Array, ""]:
    """Whether optax.apply_if_finite left this update out; never, where none can be."""
    if not max_skipped:
        return jnp.array(False)
    if not isinstance(opt_state, optax.ApplyIfFiniteState):
        cure = f"optax.apply_if_finite(optimizer, {max_skipped}) makes it one"
        raise UsageError(f"max_skipped is {max_skipped}, of an optimizer that skips no updates: {cure}")
    return (opt_state.notfinite_count > 0) & (opt_state.notfinite_count <= max_skipped)


def epoch_order(key: PRNGKeyArray, epoch: Int[Array, ""], num_examples: int) -> Int[Array, " n"]:
    """The order of the examples in an epoch, the same in float32 and in float64."""
    return jax.random.permutation(jax.random.fold_in(key, epoch), num_examples)


def train_epoch(
    state: TrainState, key: PRNGKeyArray, examples: Example, *, recipe: Recipe, batch_size: int
) -> tuple[TrainState, Metrics, Int[Array, ""]]:
    """One pass over the data in an order drawn from the key and the epoch, as one scan.

    The last n mod batch_size examples of the order are left out.

    Args:
        state: the state at the start of an epoch.
        key: the run's key.
        examples: the stored data: an array, on the device at best, or a pytree of them, with a leading axis of n.
        recipe: what stays.
        batch_size: M.

    Returns:
        The state after, the means of the steps' metrics, and the first step whose loss was not finite (-1 if none).
        Steps whose update was skipped count in neither; where any can be, their number is the metric "skipped".

    Raises:
        OptionError: batch_size below 1, or above n.
    """
    examples = jax.tree.map(jnp.asarray, examples)
    n = num_examples(examples)
    order_key, step_key = jax.random.split(key)
    batches = batches_of(order_key, state.step, n, batch_size)
    start = state.step
    state, metrics = train_steps(state, step_key, examples, batches, recipe=recipe)
    return state, *means(start, metrics, max_skipped=recipe.max_skipped)


def batches_of(
    order_key: PRNGKeyArray, step: Int[Array, ""], num_examples: int, batch_size: int
) -> Int[Array, "steps m"]:
    """The examples of each step of the epoch that a step begins, by their indices.

    Raises:
        OptionError: batch_size below 1, or more than there are examples.
    """
    check_whole(batch_size=batch_size)
    if not (num_steps := num_examples // batch_size):
        raise OptionError("batch_size", batch_size, f"at most {num_examples}, the examples")
    order = epoch_order(order_key, step // num_steps, num_examples)
    return order[: num_steps * batch_size].reshape(num_steps, batch_size)


def train_steps(
    state: TrainState, step_key: PRNGKeyArray, examples: Example, batches: Int[Array, "steps m"], *, recipe: Recipe
) -> tuple[TrainState, Metrics]:
    """Several updates as one scan -> the state after, and the metrics of each, [steps]."""

    def step(state: TrainState, indices: Int[Array, " m"]):
        return train_step(state, step_key, jax.tree.map(lambda a: a[indices], examples), recipe=recipe)

    return jax.lax.scan(step, state, batches)


def means(start: Int[Array, ""], metrics: Metrics, *, max_skipped: int) -> tuple[Metrics, Int[Array, ""]]:
    """What train_epoch returns of the metrics of its steps, the first of which is start."""
    num_steps = len(metrics["loss"])
    skipped = metrics.get("skipped", jnp.zeros(num_steps, bool))
    bad = ~jnp.isfinite(metrics["loss"]) & ~skipped
    first_bad = jnp.where(bad.any(), start + jnp.argmax(bad), -1)
    found = {name: jnp.mean(m, where=~skipped) for name, m in metrics.items() if name != "skipped"}
    return found | ({"skipped": jnp.sum(skipped)} if max_skipped else {}), first_bad
