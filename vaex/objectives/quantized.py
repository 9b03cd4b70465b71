"""The objective of a model whose latents are the nearest codes of a codebook."""

from jaxtyping import PRNGKeyArray

from vaex.distributions.codes import distance_to_codes
from vaex.errors import UsageError, check_scalar
from vaex.model import Example, Model
from vaex.objectives.draws import sample_weights
from vaex.objectives.encode import encode
from vaex.objectives.terms import Number, Terms


def vq(key: PRNGKeyArray, model: Model, x: Example, *, commitment: Number = 0.25) -> Terms:
    """The ELBO of a point mass on the nearest codes, with the term that keeps the encoder's vectors near them.

    log p(x|e) + log p(codes) - commitment ||v(x) - sg(e)||^2,   e the codes nearest to the encoder's vectors v(x)

    The source's middle term, which moves the codebook, is in its appendix A.1 a moving average instead:
    `vqvae.update_codebook`. Log p(codes) trains the prior alone. The second derivative means nothing, since codes are
    frozen and their gradient is passed on to v(x).

    Args:
        key: unused, since nothing is drawn.
        model: a model whose q(z|x) is a `codes.Quantized`.
        x: one example.
        commitment: beta.

    Returns:
        Terms, in nats; the elbo is without the commitment.

    Raises:
        OptionError: a commitment that is negative or not finite.
        UsageError: q(z|x) has no encoder's vectors and codes.

    Source: van den Oord et al. 2017, equation 3.
    """
    check_scalar(0, commitment=commitment)
    q = encode(model, x)
    if (distance := distance_to_codes(q)) is None:
        raise UsageError(
            f"{type(q).__name__} is no point mass on codes, as vq needs: use elbo, or --config.model.name=vqvae"
        )
    w = sample_weights(key, model, x, q, 1)
    elbo, log_px_z, kl = w.log_w[0], w.log_px_z[0], w.log_qz[0] - w.log_pz[0]
    return Terms(elbo - commitment * distance, elbo, log_px_z, kl)
