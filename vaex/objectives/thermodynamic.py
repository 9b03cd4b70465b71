"""The thermodynamic variational objective: a lower bound by steps from q(z|x) to the posterior."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.bounds import with_value
from vaex.errors import OptionError, check_fraction, check_whole
from vaex.losses.arithmetic import times
from vaex.model import Example, Model
from vaex.objectives.draws import weigh_frozen_draws
from vaex.objectives.encode import encode
from vaex.objectives.terms import Terms, terms


def tvo(
    key: PRNGKeyArray,
    model: Model,
    x: Example,
    *,
    num_samples: int = 10,
    num_partitions: int = 5,
    first: float | None = None,
) -> Terms:
    """The lower bound of thermodynamic integration, a left Riemann sum with the score-function gradient of q.

    log p(x) = int_0^1 E_b[log w] db >= sum_k (b_{k+1} - b_k) E_{b_k}[log w],   E_b over p_b(z) ~ q(z|x)^(1-b) p(x, z)^b

    gradient of E_b[log w]:  E_b[d log w] + Cov_b[(1 - b) d log q + b d log p(x, z), log w]

    Expectations are self-normalized over K draws from q(z|x), so that value and gradient have a bias of order 1/K.
    Where a weight is zero the bound is -inf, as E_0[log w] is. The second derivative means nothing, since the
    covariances are frozen.

    Args:
        key: a PRNG key.
        model: a model with any q, discrete or not.
        x: one example.
        num_samples: K.
        num_partitions: steps of the sum; 1 is the ELBO.
        first: where the first step ends, the others growing by a constant factor; unset, all are of one size.

    Returns:
        Terms, in nats.

    Raises:
        OptionError: num_samples or num_partitions below 1; a first that is not between 0 and 1, or of one partition.

    Source: Masrani, Le and Wood 2019, equations 7, 11 and 12; the log-uniform partition of section 6.
    """
    betas = partition(num_partitions, first)
    w = weigh_frozen_draws(key, model, x, encode(model, x), num_samples)
    log_p = w.log_px_z + w.log_pz

    def term(beta: Float[Array, ""]) -> tuple[Array, Array]:
        """E_b[log w], and what has its gradient."""
        log_w = jax.lax.stop_gradient(w.log_w)
        power = times(beta, log_w)
        share = jax.nn.softmax(jnp.where(jnp.all(power == -jnp.inf), 0.0, power))
        value = jnp.sum(times(share, w.log_w))
        signal = times(share, log_w - jax.lax.stop_gradient(value))
        signal = jnp.where(jnp.isfinite(signal), signal, 0.0)
        return value, value + jnp.sum(signal * ((1 - beta) * w.log_qz + beta * log_p))

    values, surrogates = jax.vmap(term)(betas[:-1])
    steps = jnp.diff(betas)
    return terms(with_value(steps @ values, steps @ surrogates), w)


def partition(num_partitions: int, first: float | None = None) -> Float[Array, " n"]:
    """0 = b_0 < b_1 < ... < b_n = 1, evenly, or from b_1 on by a constant factor."""
    check_whole(num_partitions=num_partitions)
    if first is None:
        return jnp.linspace(0.0, 1.0, num_partitions + 1)
    check_fraction(first=first)
    if num_partitions == 1:
        raise OptionError("num_partitions", num_partitions, "at least 2, where the first step ends before 1")
    return jnp.concatenate([jnp.zeros(1), jnp.geomspace(first, 1.0, num_partitions)])
