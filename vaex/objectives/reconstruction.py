"""The objective of an autoencoder: a likelihood without a KL, which bounds nothing."""

from typing import Any, NamedTuple

from jaxtyping import Array, Float, PRNGKeyArray

from vaex.model import Model


class Reconstruction(NamedTuple):
    """What an autoencoder reports of an example, in nats: no elbo and no kl, for it has none."""

    objective: Float[Array, "*batch"]
    log_px_z: Float[Array, "*batch"]


def reconstruction(key: PRNGKeyArray, model: Model, x: Any) -> Reconstruction:
    """The log-likelihood of an example at the mean of q(z|x).

    log p(x|z),   z = E_q[z]

    It is the ELBO without its KL, in the limit of a q without variance. No bound on log p(x): the KL of that limit is
    infinite.

    Args:
        key: a PRNG key, which is not needed.
        model: a model whose q(z|x) has a mean; its prior is not looked at.
        x: one example.

    Returns:
        A Reconstruction, in nats.

    Source: Hinton and Salakhutdinov 2006; where encode sees a corrupted x, Vincent et al. 2008.
    """
    z = model.encode(x).mean  # pyright: ignore[reportAttributeAccessIssue]
    log_px_z = model.decode(z).log_prob(x)
    return Reconstruction(log_px_z, log_px_z)
