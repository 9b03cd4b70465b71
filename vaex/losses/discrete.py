"""Bernoulli and categorical variables: negative log-likelihoods from logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax.core import Tracer

from vaex.errors import UsageError
from vaex.losses.alignment import check_aligned
from vaex.losses.arithmetic import all_in_unit_interval, at_least_float32, flattened, sum_event, widened

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Array, Float, Num

    Floats = Float[Array | np.ndarray, "..."]  # what is given
    Values = Float[Array, "..."]  # what comes of it


def bernoulli_nll(logits: Floats, x: Num[Array | np.ndarray, "..."], *, event_ndims: int = 1) -> Values:
    """-log p(x) for independent Bernoulli variables.

    nll = sum_j (softplus(logits_j) - x_j * logits_j)

    Args:
        logits: log-odds of a one, [..., d]; infinite ones are right for zeros and ones.
        x: zeros and ones, [..., d]. Values in between give a cross-entropy, which is not a likelihood; one outside
            [0, 1] gives nan, so that levels of 255 do not pass for pixels.
        event_ndims: how many trailing axes make one example: 1 for [d], 3 for images [H, W, C].

    Returns:
        Nats, [...]. Shapes that do not match raise a UsageError.

    Source: Kingma and Welling 2013, appendix C.1.
    """
    check_aligned(event_ndims, logits=jnp.shape(logits), x=jnp.shape(x))
    logits = at_least_float32(logits)
    flat = [flattened(a, event_ndims) for a in (logits, jnp.asarray(x, logits.dtype))]
    return jnp.where(all_in_unit_interval(flat[1]), binary_cross_entropy(*flat), jnp.nan)


def categorical_nll(logits: Floats, labels: Num[Array | np.ndarray, "..."], *, event_ndims: int = 0) -> Values:
    """-log softmax(logits)[label].

    nll = logsumexp(logits) - logits[label]

    Args:
        logits: unnormalized log-probabilities, [..., classes].
        labels: classes as integers in [0, classes), [...]. A label outside gives nan, -1 too.
        event_ndims: how many trailing axes of labels make one example: 0 for one label, 3 for the levels of an image.

    Returns:
        Nats, [...], without the example's axes.

    Raises:
        UsageError: shapes that do not match, or labels that are no integers, or one-hot.

    Source: the categorical likelihood, as in Kingma et al. 2014, equation 9.
    """
    logits, labels = at_least_float32(logits), jnp.asarray(labels)
    if not logits.ndim:
        raise UsageError("logits have shape (): expected [..., classes]")
    if not jnp.issubdtype(labels.dtype, jnp.integer) or _are_one_hot(labels, logits):
        found = f"labels are {labels.dtype} of shape {labels.shape}, and logits of {logits.shape}"
        cure = "of one-hot ones, for which traced ones of the shape of logits are taken, pass their argmax"
        raise UsageError(f"{found}: expected classes as integers; {cure}")
    shape = check_aligned(event_ndims, logits=jnp.shape(logits)[:-1], labels=jnp.shape(labels))
    classes = jnp.broadcast_to(widened(labels), shape)[..., None]
    chosen = jnp.take_along_axis(jnp.broadcast_to(logits, (*shape, logits.shape[-1])), classes, axis=-1, mode="clip")
    inside = (classes >= 0) & (classes < logits.shape[-1])  # negative indices would count from the end
    return sum_event(jax.nn.logsumexp(logits, axis=-1) - jnp.where(inside, chosen, jnp.nan)[..., 0], event_ndims)


def _are_one_hot(labels: Num[Array, "..."], logits: Float[Array, "... classes"]) -> bool:
    """Whether integers have a class to a column: by their values, or where they are traced by the shape of logits."""
    if labels.ndim != logits.ndim or labels.shape[-1] != logits.shape[-1]:
        return False
    match labels:
        case Tracer():
            return labels.shape == logits.shape
    return bool(jnp.all((labels == 0) | (labels == 1)) & jnp.all(jnp.sum(labels, axis=-1) == 1))


@jax.custom_jvp
def binary_cross_entropy(logits: Float[Array, "... d"], x: Float[Array, "... d"]) -> Float[Array, "..."]:
    """sum_j softplus(logits_j) - x_j * logits_j, with one logarithm for every 16 elements."""
    e = jnp.exp(-jnp.abs(logits))
    # (1 + a)(1 + b) = 1 + (a + b + ab): carried without its leading 1, so that tiny terms keep their digits.
    fold = next(n for n in (16, 8, 4, 2, 1) if logits.shape[-1] % n == 0)
    while fold > 1:
        a, b = jnp.split(e, 2, axis=-1)
        e, fold = a + b + a * b, fold // 2
    # Element by element the large terms cancel exactly, so that logits of 1e4 cost no digits; infinite ones leave nan.
    gap = jnp.maximum(logits, 0) - x * logits
    gap = jnp.where(jnp.isinf(logits), jnp.where(x == jnp.where(logits > 0, 1.0, 0.0), 0.0, jnp.inf), gap)
    return jnp.sum(gap, axis=-1) + jnp.sum(jnp.log1p(e), axis=-1)


@binary_cross_entropy.defjvp
def _binary_cross_entropy_jvp(primals, tangents):
    (logits, x), (logits_dot, x_dot) = primals, tangents
    finite = jnp.where(jnp.isinf(logits), 0.0, logits)  # a tangent of x that is 0 must not meet an infinity
    slope = (jax.nn.sigmoid(logits) - x) * logits_dot - finite * x_dot
    return binary_cross_entropy(logits, x), jnp.sum(slope, axis=-1)
