"""A trained model: what it answers about images or rows, each by a pure function of vaex.evaluate or vaex.inference."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from vaex.config import Config
from vaex.data.examples import Stored, example_of
from vaex.data.given.as_trained import Images, Labels, Mask, as_asked, as_given, is_single, stored_of
from vaex.data.given.kept import Kept, in_units, is_masked, seeing, shown
from vaex.data.given.under import to_sample
from vaex.data.tabular.named import named
from vaex.distributions.masked import filled
from vaex.errors import UsageError, check_seed, check_whole
from vaex.evaluate import Estimate, answers, compiled, in_chunks
from vaex.evaluate.chunks import Answer
from vaex.evaluate.labels import Classes, class_probabilities
from vaex.model import Condition, Conditional, Example, Given, Model, Params
from vaex.models import Description
from vaex.runs import questions

_DRAWS = 20  # of what preprocessing draws, over which a label is averaged
_OF_NONE = 2**32 - 1  # the index of no draw


@dataclass(frozen=True, repr=False)
class Trained:
    """A run's model with its trained parameters, which unpacks as description, params, config.

    Images are [N, H, W, C], or [N, H, W] where there is one channel: uint8, or floats in [0, 1]. What is made of them
    is what the run made of its data set. Where labels are the condition they go with the images, labels=[N]. A model
    that was trained with pixels missing takes nan for such a pixel. Whatever is drawn for image i comes from
    fold_in(key(seed), i): chunk_size, how many are computed at a time, changes nothing. Answers are numpy arrays.

    Of a model of a table, images are its rows in their own units, [N, D], a structured array, or {name: values}; nan,
    None or "" is a value that is missing. Rows that are answered, [..., D], have the number of a class whose name is
    none, and `named` gives them their names.
    """

    description: Description
    params: Params
    config: Config
    kept: Kept
    programs: dict[object, Callable] = field(default_factory=dict, compare=False)  # compiled, by what they are of

    def __iter__(self) -> Iterator[Any]:
        return iter((self.description, self.params, self.config))

    def __getitem__(self, i: int) -> Any:
        return (*self,)[i]

    def __repr__(self) -> str:
        return f"Trained(x_shape={self.kept.x_shape})"

    def bind(self) -> Any:
        """The Model of pure functions of one example, or the Conditional."""
        return self.description.bind(self.params)

    def named(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The columns of rows that a model of a table answered, [N, D], by their names, classes by theirs."""
        return named(self.kept.columns, rows)

    def preprocess(self, images: Images, *, labels: Labels = None, seed: int = 0, chunk_size: int = 100) -> Example:
        """The model's x of each image, [N, ...], as every answer with this seed sees it: what p(x|z) is over.

        Pixels binarized, dequantized or in [0, 1], as the run's own; Given(x, condition) under a condition, Masked(x,
        mask) where something is missing, or was in training.
        """
        return self.ask(questions.itself, images, labels, seed, chunk_size)

    def encode(self, images: Images, *, labels: Labels = None, seed: int = 0, chunk_size: int = 100) -> answers.Moments:
        """The means and the variances of q(z|x), each [N, ...] in the structure of z."""
        return self.ask(answers.moments, images, labels, seed, chunk_size)

    def reconstruct(self, images: Images, *, labels: Labels = None, seed: int = 0, chunk_size: int = 100) -> np.ndarray:
        """E[p(x|z)] at the mean of q(z|x), in [0, 1], of all that is modelled of an image: [N, H, W, C]."""
        return in_units(self.ask(answers.reconstruction, images, labels, seed, chunk_size), self.kept)

    def interpolate(
        self, a: Images, b: Images, *, steps: int = 9, labels: Labels = None, seed: int = 0, chunk_size: int = 20
    ) -> np.ndarray:
        """E[p(x|z)] on the line between the posterior means of two batches, pair by pair: [N, steps, H, W, C].

        Of two single images [steps, H, W, C]. Labels are those of a and of b alike.
        """
        is_one = is_single(a, self.kept) and is_single(b, self.kept)
        a, b = (np.asarray(x)[None] if is_one else x for x in (a, b))
        ends = [as_asked(x, self.kept, labels, what) for x, what in ((a, "a"), (b, "b"))]
        if len(ends[0].images) != len(ends[1].images):
            raise UsageError(f"a has {len(ends[0].images)} images and b {len(ends[1].images)}: expected as many")
        any_masked = any(is_masked(end, self.kept) for end in ends)
        pair = tuple(stored_of(end, self.kept, is_masked=any_masked) for end in ends)

        def one(key: PRNGKeyArray, model: Model | Conditional, pair: tuple[Stored, Stored]) -> Array:
            *data_keys, key = jax.random.split(key, 3)
            ends = tuple(self._example(k, end) for k, end in zip(data_keys, pair, strict=True))
            return answers.interpolation(key, seeing(model, pair[0], self.kept), ends, steps=steps)

        paths = in_units(self._run(("interpolation", steps), one, pair, seed, chunk_size), self.kept)
        return paths[0] if is_one else paths

    def sample(
        self, num_samples: int, *, temperature: float = 1.0, condition: Any = None, seed: int = 0, chunk_size: int = 100
    ) -> answers.Drawn:
        """Draws of z ~ p(z), whose deviation a temperature multiplies, E[p(x|z)] and x ~ p(x|z), [num_samples, ...].

        Where labels are the condition, under one, or one for each draw, else under each in turn; where a part of the
        image is, under that image.
        """
        check_whole(num_samples=num_samples)
        check_seed(seed=seed)
        data_key = jax.random.fold_in(jax.random.key(seed), _OF_NONE)
        conditions = to_sample(condition, self.kept, num_samples, key=data_key)

        def one(key: PRNGKeyArray, model: Model | Conditional, drawn: tuple[Array, Condition]) -> answers.Drawn:
            return answers.draw(key, model, drawn[1], temperature=temperature)

        found = self._run(("draw", temperature), one, (np.arange(num_samples), conditions), seed, chunk_size)
        return found._replace(mean=in_units(found.mean, self.kept), x=in_units(found.x, self.kept))

    def log_likelihood(
        self, images: Images, *, num_samples: int = 500, labels: Labels = None, seed: int = 0, chunk_size: int = 20
    ) -> Estimate:
        """L_K of each image's x in nats, [N], and the standard error of that estimate, by estimate_log_likelihood.

        On average it lies below log p(x), by half the squared standard error where that is small.
        """
        return self.ask(questions.score, images, labels, seed, chunk_size, num_samples=num_samples)

    def impute(
        self,
        images: Images,
        mask: Mask = None,
        *,
        num_samples: int = 1000,
        labels: Labels = None,
        seed: int = 0,
        chunk_size: int = 20,
    ) -> np.ndarray:
        """Images in [0, 1] with E[x_m|x_o] where a pixel is missing, of all that is modelled: [N, H, W, C].

        Any model whose pixels are independent given z imputes; one that was trained with pixels missing does it best.
        The mask is True where a pixel is observed; without one, missing is what is nan.
        """
        given = as_given(images, self.kept, labels=labels, mask=mask, may_miss=True)
        if given.mask is None:
            raise UsageError(f"no {self.kept.element} is missing: give a mask too, False where one is, or nan there")
        stored = stored_of(given, self.kept, is_masked=True)
        means = self._ask_stored(questions.imputed, stored, seed, chunk_size, num_samples=num_samples)
        return in_units(np.where(stored.mask, shown(given.images, self.kept), means), self.kept)

    def classify(self, images: Images, *, seed: int = 0, chunk_size: int = 100) -> Classes:
        """The label of each image by q(y|x), of M2 or M1+M2, and the probabilities of all, [N, classes]."""

        def one(key: PRNGKeyArray, model: Model | Conditional, stored: Stored) -> Array:
            now = seeing(model, stored, self.kept)

            def drawn(key: PRNGKeyArray) -> Array:
                data_key, key = jax.random.split(key)
                return class_probabilities(key, now, self._example(data_key, stored), num_samples=100 // _DRAWS)

            return jax.vmap(drawn)(jax.random.split(key, _DRAWS)).mean(axis=0)

        probability = self._run(("classes",), one, self._stored(images, None), seed, chunk_size)
        return Classes(probability.argmax(axis=-1), probability)

    def ask(
        self, f: Callable, images: Images, labels: Labels, seed: int, chunk_size: int, *shared: Any, **options: object
    ) -> Answer:
        """Any question: f(key, model, example, *shared, **options) of each image's x; what is shared is arrays."""
        return self._ask_stored(f, self._stored(images, labels), seed, chunk_size, *shared, **options)

    def _ask_stored(
        self, f: Callable, stored: Stored, seed: int, chunk_size: int, *rest: Any, **options: Any
    ) -> Answer:
        def one(key: PRNGKeyArray, model: Model | Conditional, stored: Stored, *rest: Any) -> object:
            data_key, key = jax.random.split(key)
            return f(key, seeing(model, stored, self.kept), self._example(data_key, stored), *rest, **options)

        return self._run((f, *options.items()), one, stored, seed, chunk_size, *rest)

    def _run(self, name: object, one: Callable, examples: Example, seed: int, chunk_size: int, *rest: Any) -> Answer:
        check_seed(seed=seed)
        if name not in self.programs:
            bind = self.description.bind
            self.programs[name] = compiled(lambda key, x, params, *rest: one(key, bind(params), x, *rest))
        return in_chunks(self.programs[name], jax.random.key(seed), examples, self.params, *rest, chunk_size=chunk_size)

    def _stored(self, images: Images, labels: Labels) -> Stored:
        given = as_asked(images, self.kept, labels)
        return stored_of(given, self.kept, is_masked=is_masked(given, self.kept))

    def _example(self, key: PRNGKeyArray, stored: Stored) -> Example:
        x = example_of(self.kept.by, key, stored)
        # A denoising autoencoder is shown an image as it is: what corrupts it is training's.
        return x if self.description.prepare is None else Given(x, filled(x, 0.0))
