"""The estimator: fit, transform, inverse_transform, score_samples and sample of rows [N, D]."""

import numbers
from collections.abc import Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from vaex.distributions.masked import Masked
from vaex.errors import OptionError, UsageError, check_positive, check_seed, check_whole
from vaex.evaluate import in_chunks
from vaex.model import Example
from vaex.sklearn.programs import Programs, build_programs

_ROWS = 128  # that are encoded, decoded or scored at a time


class VAETransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A variational autoencoder with Gaussian latents and a Gaussian likelihood of standardized columns.

    Columns are standardized by the rows of fit; nan is a value that is missing, which neither encoder nor likelihood
    sees. Densities are in the units of X, summed over the values that are observed. A column that is the same in all
    rows of fit has no density: it is not scored, and given back as it was.

    Args:
        n_components: the number of latents.
        hidden_layer_sizes: widths of the encoder's hidden layers, and in reverse of the decoder's; one number is one.
        learning_rate: Adam's.
        max_iter: epochs.
        batch_size: rows of an update; all, where there are fewer.
        n_draws: K of the importance-weighted bound that score_samples gives.
        random_state: of the weights, the order of rows and the noise; draws of score_samples are the same for each row.

    Attributes:
        params_: the trained parameters.
        center_: the mean of each column.
        scale_: its standard deviation, 1 where that is 0.
        elbo_: the ELBO of each epoch, in nats per row of standardized values.
        n_iter_: epochs.
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden_layer_sizes: Sequence[int] | int = (64,),
        learning_rate: float = 3e-3,
        max_iter: int = 100,
        batch_size: int = 100,
        n_draws: int = 100,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.n_draws = n_draws
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train on rows [N, D]; y is not looked at. Of a fit that fails nothing stays, and the one before it holds."""
        before = vars(self).copy()
        try:
            self._train(X)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def _train(self, X: ArrayLike) -> None:
        for name, value in self.get_params(deep=False).items():
            if value is None and name != "random_state":
                raise OptionError(name, value, "a number")
        rows = self._rows(X, reset=True)
        widths = tuple(np.ravel(self.hidden_layer_sizes).tolist())
        check_whole(n_components=self.n_components, hidden_layer_sizes=widths)
        check_whole(max_iter=self.max_iter, batch_size=self.batch_size)
        check_positive(learning_rate=self.learning_rate)
        self._seed = _seed(self.random_state)
        with np.errstate(invalid="ignore", divide="ignore"):
            seen = ~np.isnan(rows)
            count = seen.sum(axis=0)
            if not count.all():
                raise UsageError(f"column {int(np.argmin(count))} of X has no value in any row: leave it out")
            self.center_ = np.where(seen, rows, 0.0).sum(axis=0) / count
            variance = (np.where(seen, rows - self.center_, 0.0) ** 2).sum(axis=0) / count
        # A column whose values are one up to rounding, as scikit-learn's StandardScaler has it.
        rounding = count * np.finfo(np.float64).eps
        is_constant = variance <= rounding * variance + (rounding * self.center_) ** 2
        self.scale_ = np.where(is_constant, 1.0, np.sqrt(variance))
        self._varies = ~is_constant
        key, init_key = jax.random.split(jax.random.key(self._seed))
        self._sizes = rows.shape[1], self.n_components, widths
        programs = self._programs()
        state = programs.init(init_key, jnp.float32(self.learning_rate))
        batch_size = min(self.batch_size, len(rows))
        state, bounds = programs.epochs(state, key, self._seen(rows), batch_size=batch_size, num_epochs=self.max_iter)
        self.elbo_ = np.asarray(bounds)
        if (bad := ~np.isfinite(self.elbo_)).any():
            epoch = int(np.argmax(bad)) + 1
            raise UsageError(
                f"the ELBO became non-finite in epoch {epoch}: lower learning_rate, or look for extreme data"
            )
        self.params_ = jax.device_get(state.params)
        self.n_iter_ = self.max_iter
        self._n_features_out = self.n_components  # which set_params changes only for the next fit

    def transform(self, X: ArrayLike) -> np.ndarray:
        """The mean of q(z|x) of each row, [N, n_components]."""
        return self._answer("encode", self._seen(self._rows(X)))

    def inverse_transform(self, Z: ArrayLike) -> np.ndarray:
        """E[p(x|z)] of each latent vector, [N, D], in the units of X."""
        check_is_fitted(self)
        z = np.asarray(Z, np.float32)
        if z.ndim != 2 or z.shape[1] != self._n_features_out:
            raise ValueError(f"Z has shape {z.shape}: expected [N, {self._n_features_out}], as transform gives")
        return self._in_units(self._answer("decode", z))

    def score_samples(self, X: ArrayLike) -> np.ndarray:
        """L_K of each row, [N]: an estimate of log p(x) in nats, in the units of X, from below on average."""
        rows = self._rows(X)
        scores = self._answer("score", self._seen(rows)).astype(np.float64)
        return scores - np.where(np.isnan(rows), 0.0, np.log(self.scale_)).sum(axis=1)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """The mean of score_samples."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, *, random_state: int | np.random.RandomState | None = None) -> np.ndarray:
        """Draws from p(x), [n_samples, D], in the units of X."""
        check_is_fitted(self)
        check_whole(n_samples=n_samples)
        return self._in_units(self._answer("draw", np.arange(n_samples), seed=_seed(random_state)))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _rows(self, X: ArrayLike, *, reset: bool = False) -> np.ndarray:
        if not reset:
            check_is_fitted(self)
        given: Any = X
        found: Any = validate_data(self, given, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
        return found

    def _seen(self, rows: np.ndarray) -> Masked:
        mask = ~np.isnan(rows) & self._varies
        x: Any = np.where(mask, (rows - self.center_) / self.scale_, 0.0).astype(np.float32)
        seen: Any = mask
        return Masked(x, seen)

    def _in_units(self, x: np.ndarray) -> np.ndarray:
        return np.where(self._varies, x, 0.0).astype(np.float64) * self.scale_ + self.center_

    def _answer(self, name: str, examples: Example, *, seed: int | None = None) -> np.ndarray:
        programs = self._programs()
        key = jax.random.key(self._seed if seed is None else seed)
        return in_chunks(getattr(programs, name), key, examples, self.params_, chunk_size=_ROWS)

    def _programs(self) -> Programs:
        check_whole(n_draws=self.n_draws)
        return build_programs(*self._sizes, self.n_draws)


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if isinstance(random_state, numbers.Integral):
        check_seed(random_state=int(random_state))
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))
