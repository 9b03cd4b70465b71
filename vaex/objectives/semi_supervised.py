"""Objectives of a model with labels, some of which are seen: M2, and M2 on the latents of M1."""

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import PRNGKeyArray

from vaex.distributions.labelled import Pair
from vaex.distributions.shapes import log_density
from vaex.distributions.stacked import StackedLatent, generator
from vaex.errors import OptionError, UsageError, check_scalar, check_whole
from vaex.losses.arithmetic import times
from vaex.model import Model
from vaex.objectives.draws import check_draws
from vaex.objectives.encode import encode
from vaex.objectives.labels import labelled_bound, labelled_pair, unlabelled_bound
from vaex.objectives.terms import Number, Terms, analytic_kl


def semi_supervised(
    key: PRNGKeyArray,
    model: Model,
    x: Pair,
    *,
    num_train: int,
    num_labels: int,
    alpha: Number = 0.1,
    num_exact: int | None = None,
) -> Terms:
    """The objective of M2, per image of the data set, for a pair of images.

    (N - N_l)/N (-U(x_u)) + N_l/N (-L(x_l, y_l)) + alpha log q(y_l|x_l)

    Its mean over pairs of one of the N - N_l images without a label and one of the N_l with it, each drawn uniformly
    from its own, is -J^alpha / N, where

        J^alpha = sum_u U(x_u) + sum_l L(x_l, y_l) - alpha N 1/N_l sum_l log q(y_l|x_l)

    The source weighs the mean over labelled images by "alpha = 0.1 N": alpha here is that of the factor before N.

    Args:
        key: a PRNG key.
        model: a model whose latents are LabelledLatent.
        x: a Pair.
        num_train: N, all images.
        num_labels: N_l, those of them that have a label.
        alpha: weight of the classifier's log-likelihood, 0.1 in the source.
        num_exact: labels that U(x_u) is summed over, as of unlabelled_bound; None for all of them.

    Returns:
        Terms, in nats; elbo, log_px_z and kl are those of the image without a label.

    Raises:
        OptionError: num_labels not in 1, ..., num_train; alpha that is negative or not finite; num_exact below 1.
        UsageError: a model without labels.

    Source: Kingma, Rezende, Mohamed and Welling 2014, equations 8 and 9.
    """
    check_scalar(0, alpha=alpha)
    if not 1 <= num_labels <= num_train:
        raise OptionError("num_labels", num_labels, f"1 to {num_train}, the number of training images")
    unlabelled_key, labelled_key = jax.random.split(key)
    unlabelled = unlabelled_bound(unlabelled_key, model, x.unlabelled, num_exact=num_exact)
    labelled = labelled_bound(labelled_key, model, x.labelled, x.label)
    share = num_labels / num_train
    classified = log_density("q(y|x)", labelled_pair(model, x.labelled)[0].label, x.label)
    return unlabelled._replace(
        objective=times(1 - share, unlabelled.objective) + share * labelled.objective + times(alpha, classified)
    )


def stacked_semi_supervised(
    key: PRNGKeyArray,
    model: Model,
    x: Pair,
    *,
    num_train: int,
    num_labels: int,
    alpha: Number = 0.1,
    num_exact: int | None = None,
) -> Terms:
    """The objectives of M1 and of M2 on its latents, the sum of which trains each as if it were alone.

    ELBO of M1, with p(z1) = N(0, I), at x_u,   plus   semi_supervised of M2 at (z1_u, z1_l, y_l),   z1 ~ q(z1|x)

    No gradient flows from M2 into z1: M1 ends as the VAE that x_u alone would make, and M2 is trained on its latents,
    as in the source, where one is trained after the other.

    Args:
        key: a PRNG key.
        model: a model whose latents are StackedLatent, with LabelledLatent above.
        x: a Pair.
        num_train, num_labels, alpha, num_exact: as of semi_supervised.

    Returns:
        Terms, in nats; elbo, log_px_z and kl are of the joint model, at the image without a label.

    Raises:
        OptionError: num_labels not in 1, ..., num_train; alpha that is negative or not finite; num_exact below 1.
        UsageError: a model that is not M1+M2.

    Source: Kingma, Rezende, Mohamed and Welling 2014, section 2, stacked generative semi-supervised model.
    """
    check_scalar(0, alpha=alpha)
    check_whole(num_exact=num_exact)
    if (upper := generator(model.prior)) is None:
        raise UsageError(f"this objective is for M1+M2, found the prior {type(model.prior).__name__}: use another")
    keys = jax.random.split(key, 3)
    q = encode(model, x.unlabelled).below  # pyright: ignore[reportAttributeAccessIssue]
    check_draws(q, 1)
    z1 = q.sample(keys[0])
    z1_labelled = encode(model, x.labelled).sample(keys[1]).below
    log_px = log_density("p(x|z)", model.decode(StackedLatent(z1, None)), x.unlabelled)
    m1 = log_px - analytic_kl(q, dist.Normal(jnp.zeros_like(z1), 1.0).to_event(1))
    pair = Pair(*jax.lax.stop_gradient((z1, z1_labelled)), x.label)
    labels = {"num_train": num_train, "num_labels": num_labels, "alpha": alpha, "num_exact": num_exact}
    m2 = semi_supervised(keys[2], upper, pair, **labels)
    elbo = log_px - log_density("q(z|x)", q, z1) + m2.elbo
    return Terms(m1 + m2.objective, elbo, log_px, log_px - elbo)
