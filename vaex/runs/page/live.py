"""What a page computes of a trained model: its functions written as JavaScript, and what these cannot say."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from vaex.distributions.masked import Masked
from vaex.distributions.variance import variance
from vaex.errors import UsageError
from vaex.evaluate.trial import Trial
from vaex.model import AnyModel, Condition, Example, Given, Latent, at, first, num_examples, one_of, split
from vaex.objectives.encode import encode
from vaex.runs.page.javascript import Program, write
from vaex.runs.page.javascript.program import Function
from vaex.runs.page.javascript.weights import Stored
from vaex.runs.page.latents import Coordinates, Parts, coordinates, point

_CONDITIONS = 12  # to choose from, of those that are no labels
_MOST, _TOO_MANY = 2_900_000, 12_000_000  # characters of weights: where fewer bits are taken, and where a page ends
_WITHOUT = {
    "sample": "The browser draws nothing from the prior, and where there is one shows draws made beforehand",
    "encode": "What is drawn by hand cannot be encoded in the browser",
}


class Live(NamedTuple):
    """A model's functions of one example as a page has them."""

    program: Program  # decode(parts, condition), and encode(x, condition) and sample(condition) where they can be
    coordinates_of: Callable[[Condition], Coordinates]  # of what moves, under a condition
    trial: Trial
    conditions: np.ndarray  # to choose from, [N, size], without one [1, 0]
    condition_names: list[str]
    has_spread: bool  # whether the encoder gives the deviations of q(z|x) after its parts

    def stored(self) -> tuple[list[Stored], list[str]]:
        """The weights as text, and sentences on what is missing, or less exact.

        The encoder's have 8 bits where halves would be too much for a page: it only says where a drawing lies.

        Raises:
            UsageError: they would be too much even so.
        """
        notes = [f"{_WITHOUT[name]}: {why}." for name, why in self.program.missing.items()]
        weights = self.program.stored({})
        size = lambda: sum(len(weight.text) for weight in weights)
        if size() > _MOST and self.has_encoder:
            weights = self.program.stored({"encode": 8})
            notes.append("The encoder's weights have 8 bits here, so that the page is smaller, the decoder's 16.")
        if size() > _TOO_MANY:
            raise UsageError(f"the networks' weights would be {size() / 1e6:.0f} MB of the page")
        return weights, notes

    @property
    def coordinates(self) -> Coordinates:
        """What moves, under the first condition."""
        return self.coordinates_of(split(one_of(self.trial.x))[1])

    @property
    def has_encoder(self) -> bool:
        return "encode" in self.program.unused

    @property
    def has_draws(self) -> bool:
        return "sample" in self.program.unused

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

    def encoded(self, x: Example) -> tuple[np.ndarray, ...]:
        """The point of q(z|x) of each example, as coordinates."""
        encoded = jax.jit(jax.vmap(lambda one: _encode(self.trial.model, *split(one)).parts))
        return tuple(np.asarray(part) for part in encoded(x))

    def drawn(self, count: int) -> tuple[np.ndarray, ...] | None:
        """Draws from the prior as coordinates, under the examples' conditions; None where there is no prior."""
        chosen = first(self.trial.x, count)
        keys = jax.random.split(jax.random.key(0), num_examples(chosen))
        draw = jax.jit(jax.vmap(lambda key, c: self.coordinates_of(c).draw(key)))
        try:
            return tuple(np.asarray(part) for part in draw(keys, split(chosen)[1]))
        except UsageError:  # an autoencoder has none, as the note says
            return None


def live(trial: Trial) -> Live:
    """Write what can be written of a model.

    Raises:
        Unwritten: its decoder, or what its latents are measured by, has no JavaScript.
        UsageError: a model without latents.
    """
    x, condition = split(one_of(trial.x))
    model_of = lambda c: at(trial.model, x if c is None else Given(x, c))[0]
    encoded = jax.eval_shape(lambda: _encode(trial.model, x, condition))
    known = lambda c: coordinates(model_of(c).prior, encoded.z)
    pixels = jax.ShapeDtypeStruct(_pixels(x).shape, jnp.float32)
    functions = {
        "decode": Function(
            lambda parts, c: model_of(c).decode(known(c).latent(parts)).mean, (encoded.parts, condition)
        ),
        "encode": Function(lambda pixels, c: _encode(trial.model, _with_pixels(x, pixels), c)[1:], (pixels, condition)),
        "sample": Function(lambda key, c: known(c).draw(key), (jax.random.key(0), condition)),
    }
    program = write(functions, optional=("sample", "encode"))
    return Live(program, known, trial, *_conditions(trial, condition), has_spread=encoded.spread is not None)


class _Encoded(NamedTuple):
    """The point of q(z|x)."""

    z: Latent
    parts: Parts  # as coordinates
    spread: Array | None  # the deviations of q(z|x), where they are known and z is one vector


def _encode(model: AnyModel, x: Example, condition: Condition) -> _Encoded:
    now, seen = at(model, x if condition is None else Given(x, condition))
    q = encode(now, seen)
    z = point(q)
    parts, spread = coordinates(now.prior, z).of(z), variance(q)
    is_vector = len(parts) == 1 and parts[0] is z and z.ndim == 1
    return _Encoded(z, parts, jnp.sqrt(spread) if is_vector and spread is not None else None)


def _conditions(trial: Trial, condition: Condition) -> tuple[np.ndarray, list[str]]:
    if condition is None:
        return np.zeros((1, 0), np.float32), []
    if np.shape(condition) == (trial.num_classes,):
        return np.eye(trial.num_classes, dtype=np.float32), [str(label) for label in range(trial.num_classes)]
    given = np.asarray(split(first(trial.x, _CONDITIONS))[1])
    return given.reshape(len(given), -1), [f"that of test image {i + 1}" for i in range(len(given))]


@functools.singledispatch
def _pixels(x: Example) -> Example:
    return x


@functools.singledispatch
def _with_pixels(x: Example, pixels: Array) -> Example:
    """An example like x, all of it observed."""
    return pixels


_pixels.register(Masked, lambda x: x.x)
_with_pixels.register(Masked, lambda x, pixels: Masked(pixels, jnp.ones(pixels.shape, bool)))
