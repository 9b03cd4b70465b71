"""What a page computes of a trained model: its functions written as JavaScript, and what these cannot say."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from vaex.distributions.masked import Masked
from vaex.distributions.variance import variance
from vaex.errors import UsageError
from vaex.evaluate.trial import Trial, first
from vaex.model import Condition, Example, Given, at, split
from vaex.objectives.encode import encode
from vaex.pages.javascript import Program, Unwritten, write
from vaex.pages.javascript.program import Function
from vaex.pages.latents import Coordinates, Parts, coordinates, point

_CONDITIONS = 12  # to choose from, of those that are no labels


class Live(NamedTuple):
    """A model's functions of one example as a page has them."""

    program: Program  # decode(parts, condition), and encode(x, condition) and sample(condition) where they can be
    coordinates: Coordinates  # of what moves
    trial: Trial
    conditions: np.ndarray  # to choose from, [N, size], without one [1, 0]
    condition_names: list[str]
    notes: list[str]  # sentences on what is missing

    @property
    def has_encoder(self) -> bool:
        return "encode" in self.program.unused

    @property
    def has_draws(self) -> bool:
        return "sample" in self.program.unused

    @property
    def has_spread(self) -> bool:
        """Whether the encoder gives the deviations of q(z|x) after its parts."""
        return _spread(self.trial)

    @property
    def condition_moves(self) -> bool:
        """Whether what is decoded depends on the condition."""
        return not all(self.program.unused["decode"][len(self.coordinates.layers) :])

    @property
    def shows_condition(self) -> bool:
        """Whether the condition is all that the encoder sees, as the corrupted image of a denoising autoencoder."""
        unused = self.program.unused.get("encode", ())
        return len(unused) == 2 and unused == (True, False)

    def condition_of(self, count: int) -> list[int]:
        """Of each of the first examples, which condition it has among those to choose from; the first if none."""
        condition = split(first(self.trial.x, count))[1]
        if condition is None:
            return [0] * count
        flat = np.asarray(condition).reshape(count, -1)
        return [int(np.argmin(((self.conditions - one) ** 2).sum(axis=-1))) for one in flat]

    def encoded(self, x: Example) -> Parts:
        """The point of q(z|x) of each example, as coordinates."""
        encoded = jax.jit(jax.vmap(lambda one: _encode(self.trial, *_apart(one))))
        return tuple(np.asarray(part) for part in encoded(x)[: len(self.coordinates.layers)])

    def drawn(self, count: int) -> Parts:
        """Draws from the prior, under each condition in turn, as coordinates."""
        chosen = first(self.trial.x, count)
        keys = jax.random.split(jax.random.key(0), len(jax.tree.leaves(chosen)[0]))
        draw = jax.jit(jax.vmap(lambda key, c: _known(self.trial, c).draw(key)))
        return tuple(np.asarray(part) for part in draw(keys, split(chosen)[1]))


def live(trial: Trial) -> Live:
    """Write what can be written of a model.

    Raises:
        Unwritten: its decoder, or what its latents are measured by, has no JavaScript.
        UsageError: a model without latents.
    """
    x, condition = _apart(jax.tree.map(lambda a: a[0], trial.x))
    known = _known(trial, condition)
    shape = jax.eval_shape(lambda: _encode(trial, x, condition))
    parts = shape[: len(known.layers)]
    plain = jax.ShapeDtypeStruct(_pixels(x).shape, jnp.float32)
    functions = {
        "decode": Function(lambda parts, c: _decode(trial, parts, c), (parts, condition)),
        "encode": Function(lambda pixels, c: _encode(trial, _with_pixels(x, pixels), c), (plain, condition)),
        "sample": Function(lambda key, c: _known(trial, c).draw(key), (jax.random.key(0), condition)),
    }
    notes = []
    for name, without in (("sample", "draws from the prior were made beforehand"), ("encode", "nothing can be drawn")):
        try:
            write({name: functions[name]})
        except Unwritten as error:
            notes.append(f"Here {without}, since {error}.")
            del functions[name]
        except UsageError as error:  # an autoencoder has no prior
            notes.append(f"Here is nothing to draw from: {error}.")
            del functions[name]
    values, names = _conditions(trial, condition)
    return Live(write(functions), known, trial, values, names, notes)


def _apart(example: Example) -> tuple[Any, Condition]:
    return split(example)


def _model(trial: Trial, x: Any, condition: Condition) -> tuple[Any, Any]:
    return at(trial.model, x if condition is None else Given(x, condition))


def _encode(trial: Trial, x: Any, condition: Condition) -> tuple[Array, ...]:
    """The point of q(z|x) as coordinates, and after it the deviations where they are known."""
    model, seen = _model(trial, x, condition)
    q = encode(model, seen)
    z = point(q)
    parts = coordinates(model.prior, z).of(z)
    return (*parts, jnp.sqrt(variance(q))) if _spread(trial) else parts  # pyright: ignore[reportArgumentType]


def _spread(trial: Trial) -> bool:
    """Whether z is one vector of which each latent has a known variance."""
    x, condition = _apart(jax.tree.map(lambda a: a[0], trial.x))

    @functools.partial(jax.eval_shape)
    def found() -> Any:
        model, seen = _model(trial, x, condition)
        q = encode(model, seen)
        return variance(q), point(q)

    known, z = found
    return isinstance(known, jax.ShapeDtypeStruct) and known == z and len(known.shape) == 1


def _decode(trial: Trial, parts: Parts, condition: Condition) -> Array:
    x, _ = _apart(jax.tree.map(lambda a: a[0], trial.x))
    model, _ = _model(trial, x, condition)
    return model.decode(_known(trial, condition).latent(parts)).mean


def _known(trial: Trial, condition: Condition) -> Coordinates:
    """The coordinates under a condition."""
    x, _ = _apart(jax.tree.map(lambda a: a[0], trial.x))
    model, seen = _model(trial, x, condition)
    return coordinates(model.prior, jax.eval_shape(lambda: point(encode(model, seen))))


def _conditions(trial: Trial, condition: Condition) -> tuple[np.ndarray, list[str]]:
    if condition is None:
        return np.zeros((1, 0), np.float32), []
    if np.shape(condition) == (trial.num_classes,):
        return np.eye(trial.num_classes, dtype=np.float32), [str(label) for label in range(trial.num_classes)]
    given = np.asarray(split(first(trial.x, _CONDITIONS))[1])
    return given.reshape(len(given), -1), [f"that of test image {i + 1}" for i in range(len(given))]


@functools.singledispatch
def _pixels(x: Example) -> Any:
    return x


@functools.singledispatch
def _with_pixels(x: Example, pixels: Array) -> Any:
    """An example like x, all of it observed."""
    return pixels


_pixels.register(Masked, lambda x: x.x)
_with_pixels.register(Masked, lambda x, pixels: Masked(pixels, jnp.ones(pixels.shape, bool)))
_ = PRNGKeyArray
