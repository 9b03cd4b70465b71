"""The objective of an autoencoder: a likelihood without a KL, which bounds nothing."""

from jaxtyping import PRNGKeyArray

from vaex.distributions.abilities import mean
from vaex.distributions.shapes import log_density
from vaex.errors import UsageError
from vaex.model import Example, Model
from vaex.objectives.encode import encode
from vaex.objectives.terms import Terms


def reconstruction(key: PRNGKeyArray, model: Model, x: Example) -> Terms:
    """The log-likelihood of an example at the mean of q(z|x).

    log p(x|z),   z = E_q[z]

    It is the ELBO without its KL, in the limit of a q without variance. No bound on log p(x): the KL of that limit is
    infinite.

    Args:
        key: unused, since nothing is drawn.
        model: a model whose q(z|x) has a mean; its prior is not looked at.
        x: one example.

    Returns:
        Terms, in nats, whose elbo and kl are None.

    Raises:
        UsageError: a q(z|x) whose mean is not known.

    Source: Hinton and Salakhutdinov 2006; where encode sees a corrupted x, Vincent et al. 2008.
    """
    q = encode(model, x)
    if (z := mean(q)) is None:
        raise UsageError(
            f"the mean of {type(q).__name__} is not known: use a posterior that has one, as point or diagonal"
        )
    log_px_z = log_density("p(x|z)", model.decode(z), x)
    return Terms(log_px_z, None, log_px_z, None)
