"""The evidence lower bound, with the closed-form and the sampled KL, and its gradient of low variance."""

from jaxtyping import PRNGKeyArray

from vaex.errors import OptionError, check_scalar
from vaex.losses.arithmetic import times
from vaex.model import Example, Model
from vaex.objectives.draws import check_support, frozen
from vaex.objectives.encode import encode
from vaex.objectives.strata import draw_each, weigh_each
from vaex.objectives.terms import Number, Terms, analytic_kl, known_or_sampled_kl, log_weights, terms


def elbo(
    key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 1, kl: str = "auto", beta: Number = 1.0
) -> Terms:
    """The evidence lower bound, averaged over L draws.

    kl="analytic": ELBO = 1/L sum_l log p(x|z_l) - KL(q(z|x) || p(z))
    kl="sampled":  ELBO = 1/L sum_l log p(x|z_l) + log p(z_l) - log q(z_l|x)
    kl="auto", of layers in the generator's order:
                   ELBO = 1/L sum_l log p(x|z_l) - sum_j KL(q(z_j|z_>j,l, x) || p(z_j|z_>j,l))

    A mixture q gives L draws of each component: 1/L sum_l becomes sum_j w_j 1/L sum_l, z_jl ~ q_j, so that the weights
    have their gradient.

    Args:
        key: a PRNG key.
        model: a model.
        x: one example.
        num_samples: L; of a mixture q, of each component.
        kl: "analytic" for the closed form, "sampled" for an estimate from the same draws, "auto" for the first where
            one is known, or is of each layer given the draws above it, as a ladder's, and the second elsewhere.
        beta: weight of the KL in the objective; the reported elbo is never weighted.

    Returns:
        Terms, in nats.

    Raises:
        OptionError: num_samples below 1, another `kl`, or a beta that is negative or not finite.
        UsageError: a q whose draws carry no gradient, or kl="analytic" where no closed form is known.

    Source: Kingma and Welling 2013, equation 7 (SGVB-B) and 6 (SGVB-A); beta as in Higgins et al. 2017, equation 4.
    """
    check_scalar(0, beta=beta)
    if kl not in ("auto", "analytic", "sampled"):
        raise OptionError("kl", kl, '"auto", "analytic" or "sampled"')
    q = encode(model, x)
    w = weigh_each(key, model, x, q, num_samples)
    log_px_z = w.average(w.log_px_z)
    if kl == "analytic":
        divergence = analytic_kl(q, model.prior)
    elif kl == "sampled":
        divergence = w.average(w.log_qz - w.log_pz)
    else:
        divergence = known_or_sampled_kl(q, model.prior, w)
    return Terms(log_px_z - times(beta, divergence), log_px_z - divergence, log_px_z, divergence)


def stl(key: PRNGKeyArray, model: Model, x: Example, *, num_samples: int = 1) -> Terms:
    """The ELBO whose gradient "sticks the landing": exactly zero for every draw where q(z|x) is the posterior.

    1/L sum_l log p(x|z_l) + log p(z_l) - log q(z_l|x),   the parameters of the last q frozen, z_l still moving with q

    The frozen term's gradient, the score of q, has mean zero: the estimator stays unbiased. Its second derivative means
    nothing, since that of the frozen term has not. Of a mixture q there are L draws of each component, and 1/L sum_l
    becomes sum_j w_j 1/L sum_l, the w_j still moving.

    Args:
        key: a PRNG key.
        model: a model, whose q(z|x) is a pytree of arrays as numpyro's are.
        x: one example.
        num_samples: L; of a mixture q, of each component.

    Returns:
        Terms, in nats, with the value of the ELBO with the sampled KL.

    Raises:
        OptionError: num_samples below 1.
        UsageError: a q whose draws carry no gradient, or whose support moves.

    Source: Roeder, Wu and Duvenaud 2017, the path derivative estimator.
    """
    q = encode(model, x)
    check_support(q)
    z, log_share = draw_each(key, q, num_samples)
    w = log_weights(model, x, frozen(q), z)._replace(log_share=log_share)
    return terms(w.average(w.log_w), w)
