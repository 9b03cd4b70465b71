"""Monotone rational-quadratic splines of one variable, the identity outside an interval."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from vaex.distributions.flows.coupling import Elementwise
from vaex.errors import check_whole

_LEAST = 1e-3  # width and height of a bin, as a share of the interval; and slope at a knot


class _Bin(NamedTuple):
    """The bin that each value lies in, each [d]."""

    left: Array
    width: Array
    bottom: Array
    height: Array
    slope_left: Array
    slope_right: Array


def rational_quadratic(num_bins: int, *, bound: float = 5.0) -> Elementwise:
    """Increasing splines of K bins on [-bound, bound], with slope 1 at both ends and the identity beyond.

    y = y_k + h (s t^2 + d_k t (1 - t)) / (s + (d_k + d_{k+1} - 2 s) t (1 - t)),   t = (z - z_k) / w,   s = h / w

    Args:
        num_bins: K; a spline has K widths, K heights and K - 1 slopes, 3K - 1 numbers.
        bound: where the tails begin.

    Raises:
        OptionError: num_bins of 1, which is the identity, or so many that their least widths fill the interval.

    Source: Durkan et al. 2019, section 3.1.
    """
    check_whole(2, round(1 / _LEAST) - 1, num_bins=num_bins)

    def knots(raw: Float[Array, "k d"]) -> Float[Array, "k+1 d"]:
        shares = _LEAST + (1 - num_bins * _LEAST) * jax.nn.softmax(raw, axis=0)
        inner = 2 * bound * jnp.cumsum(shares[:-1], axis=0) - bound
        return jnp.pad(inner, ((1, 1), (0, 0)), constant_values=((-bound, bound), (0, 0)))

    def find(theta: Float[Array, "n d"], value: Float[Array, " d"], *, by_height: bool) -> _Bin:
        x, y = knots(theta[:num_bins]), knots(theta[num_bins : 2 * num_bins])
        # The shift makes the slope of zero be 1.
        slopes = _LEAST + jax.nn.softplus(theta[2 * num_bins :] + jnp.log(jnp.expm1(1 - _LEAST)))
        slopes = jnp.pad(slopes, ((1, 1), (0, 0)), constant_values=1.0)
        index = jnp.sum(value >= (y if by_height else x)[1:-1], axis=0)
        chosen = index == jnp.arange(num_bins)[:, None]  # a mask and a sum: a gather's gradient is slow

        def pick(a: Array) -> Array:
            return jnp.sum(jnp.where(chosen, a, 0.0), axis=0)

        widths, heights = jnp.diff(x, axis=0), jnp.diff(y, axis=0)
        return _Bin(*(pick(a) for a in (x[:-1], widths, y[:-1], heights, slopes[:-1], slopes[1:])))

    def log_slope(b: _Bin, t: Array) -> Array:
        s, between = b.height / b.width, t * (1 - t)
        top = b.slope_right * t**2 + 2 * s * between + b.slope_left * (1 - t) ** 2
        return 2 * jnp.log(s) + jnp.log(top) - 2 * jnp.log(s + (b.slope_left + b.slope_right - 2 * s) * between)

    def forward(theta: Float[Array, "n d"], z: Float[Array, " d"]) -> tuple[Array, Array]:
        inside = jnp.clip(z, -bound, bound)
        b = find(theta, inside, by_height=False)
        t, s = (inside - b.left) / b.width, b.height / b.width
        top = s * t**2 + b.slope_left * t * (1 - t)
        y = b.bottom + b.height * top / (s + (b.slope_left + b.slope_right - 2 * s) * t * (1 - t))
        return _with_tails(z, bound, y, log_slope(b, t))

    def inverse(theta: Float[Array, "n d"], y: Float[Array, " d"]) -> tuple[Array, Array]:
        inside = jnp.clip(y, -bound, bound)
        b = find(theta, inside, by_height=True)
        s, above = b.height / b.width, inside - b.bottom
        bend = above * (b.slope_left + b.slope_right - 2 * s)
        quadratic, linear, constant = b.height * (s - b.slope_left) + bend, b.height * b.slope_left - bend, -s * above
        root = jnp.sqrt(jnp.maximum(linear**2 - 4 * quadratic * constant, 1e-30 * b.height**2))
        t = jnp.clip(2 * constant / (-linear - root), 0, 1)  # which rounding may leave
        return _with_tails(y, bound, b.left + b.width * t, log_slope(b, t))

    return Elementwise(3 * num_bins - 1, forward, inverse)


def _with_tails(value: Array, bound: float, mapped: Array, log_slope: Array) -> tuple[Array, Array]:
    inside = jnp.abs(value) < bound
    return jnp.where(inside, mapped, value), jnp.where(inside, log_slope, 0.0)
