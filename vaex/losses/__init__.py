"""Closed forms on plain arrays: one value per example in nats, summed over the example's own axes, never averaged.

The last `event_ndims` axes make one example: 1 unless said, 3 for images [..., H, W, C]. Arguments are aligned at their
last axes, which must be equal: no axis of one is stretched over the examples of another. Leading axes may be absent
altogether, so that one x of [d] meets the outputs [K, d] of K draws, and a batch [n, d] those of [K, n, d].

Sums are taken, and returned, in float32 at least; float64 stays float64.
"""

from vaex.losses.discrete import bernoulli_nll, categorical_nll
from vaex.losses.elbo import negative_elbo
from vaex.losses.gaussian import gaussian_nll, kl_normal, kl_standard_normal, reparameterize

__all__ = [
    "bernoulli_nll",
    "categorical_nll",
    "gaussian_nll",
    "kl_normal",
    "kl_standard_normal",
    "negative_elbo",
    "reparameterize",
]
