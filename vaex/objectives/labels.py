"""Bounds of latents with a label, which is seen, or summed over."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray
from numpyro.distributions import kl_divergence

from vaex.distributions import OneHotCategorical
from vaex.distributions.labelled import Labelled, LabelledLatent, with_label
from vaex.distributions.shapes import check_value, log_density
from vaex.errors import UsageError, check_whole
from vaex.losses.arithmetic import times
from vaex.model import Distribution, Example, Model
from vaex.objectives.draws import weigh_draws
from vaex.objectives.encode import encode
from vaex.objectives.terms import Terms, elbo_terms, known_or_sampled_kl


def labelled_bound(key: PRNGKeyArray, model: Model, x: Example, y: Float[Array, " classes"]) -> Terms:
    """The bound on log p(x, y) of an image with its label, -L(x, y).

    E_{q(z|x, y)}[log p(x|y, z)] - KL(q(z|x, y) || p(z|y)) + log p(y)

    Args:
        key: a PRNG key, for one draw of z.
        model: a model whose latents are LabelledLatent.
        x: one example.
        y: its label, one-hot.

    Returns:
        Terms, in nats; kl holds -log p(y) too. Nan where y is no label: jax.nn.one_hot of one outside the classes.

    Raises:
        UsageError: a model without labels, or a label of another shape.

    Source: Kingma, Rezende, Mohamed and Welling 2014, equation 6.
    """
    q, p = labelled_pair(model, x)
    if jnp.shape(y) != q.label.logits.shape:
        raise UsageError(f"a label has shape {jnp.shape(y)}: expected one-hot, {q.label.logits.shape}")
    log_px_z, kl = _at_label(key, model, x, y, q.at(y), p.at(y))
    kl -= jnp.where(jnp.sum(y) == 1, log_density("p(y)", p.label, y), jnp.nan)
    return elbo_terms(log_px_z, kl)


def unlabelled_bound(key: PRNGKeyArray, model: Model, x: Example, *, num_exact: int | None = None) -> Terms:
    """The bound on log p(x) of an image without a label, -U(x), by a sum over all labels or an estimate of it.

    sum_y q(y|x) (-L(x, y)) + H(q(y|x))

    Few labels make up nearly all of the sum once q(y|x) is sure of them. With num_exact, of its f(y) = -L(x, y),

        sum_{y in C} q(y|x) f(y)  +  q(not C|x) f(y'),   C the likeliest labels,   y' drawn of the others by q(y|x)

    is unbiased, and so is its gradient, that of q(y'|x) by the score function with the mean of f over C as a baseline.

    Args:
        key: a PRNG key, for one draw of z for each label, all from the same noise, and for y'.
        model: a model whose latents are LabelledLatent.
        x: one example.
        num_exact: how many labels C are; None, or all but one, for all of them.

    Returns:
        Terms, in nats.

    Raises:
        OptionError: num_exact below 1.
        UsageError: a model without labels.

    Source: Kingma, Rezende, Mohamed and Welling 2014, equation 7; the estimate by Liu, Regier, Tripuraneni, Jordan and
        McAuliffe 2019, algorithm 1.
    """
    check_whole(num_exact=num_exact)
    q, p = labelled_pair(model, x)
    probabilities = q.label.mean
    check_value("p(y)", p.label, probabilities)
    classes = jnp.eye(len(probabilities))
    each, weights, is_whole = (classes, q.given, p.given), probabilities, True
    if num_exact is not None and num_exact < len(classes) - 1:
        key, label_key = jax.random.split(key)
        chosen, weights = _likeliest_and_another(label_key, q.label, num_exact)
        each, is_whole = jax.tree.map(lambda leaf: leaf[chosen], each), False

    def expected(f: Float[Array, " labels"]) -> Float[Array, ""]:
        if is_whole:
            return jnp.sum(times(weights, f))
        mean = jnp.sum(times(weights, f)[:-1]) / jnp.sum(weights[:-1])
        baseline = jax.lax.stop_gradient(jnp.where(jnp.isfinite(mean), mean, 0.0))
        return baseline + jnp.sum(times(weights, f - baseline))

    # The same noise for every label leaves each expectation as it is, and less noise in what tells labels apart.
    log_px_z, kl = jax.vmap(lambda y, q_z, p_z: _at_label(key, model, x, y, q_z, p_z))(*each)
    log_px_z, kl = expected(log_px_z), kl_divergence(q.label, p.label) + expected(kl)
    return elbo_terms(log_px_z, kl)


def labelled_pair(model: Model, x: Example) -> tuple[Labelled, Labelled]:
    """q(y, z|x) and p(y, z)."""
    found = encode(model, x)
    q, p = with_label(found), with_label(model.prior)
    if q is None or p is None:
        raise UsageError(
            f"this objective is for latents with a label, found q(z|x) of type {type(found).__name__}: use one as M2 is"
        )
    return q, p


def _likeliest_and_another(
    key: PRNGKeyArray, q: OneHotCategorical, num: int
) -> tuple[Int[Array, " labels"], Float[Array, " labels"]]:
    """The likeliest labels and a draw of the others; their weights, with the score function's gradient of the last."""
    log_q = jax.nn.log_softmax(q.logits)
    _, likeliest = jax.lax.top_k(jax.lax.stop_gradient(log_q), num)
    log_others = log_q.at[likeliest].set(-jnp.inf)
    another = jax.random.categorical(key, jax.lax.stop_gradient(log_others))
    log_another = jnp.where(jnp.isfinite(log_q[another]), log_q[another], 0.0)  # all others may be ruled out
    score = jnp.exp(log_another - jax.lax.stop_gradient(log_another))  # 1, whose gradient is that of log q
    rest = jax.lax.stop_gradient(jnp.sum(jnp.exp(log_others)))
    return jnp.append(likeliest, another), jnp.append(jnp.exp(log_q[likeliest]), rest * score)


def _at_label(
    key: PRNGKeyArray, model: Model, x: Example, y: Float[Array, " classes"], q: Distribution, p: Distribution
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Log p(x|y, z) at a draw of z ~ q(z|x, y), and KL(q(z|x, y) || p(z|y)), sampled where it has no closed form."""
    given = Model(prior=p, encode=lambda x: q, decode=lambda z: model.decode(LabelledLatent(y, z)))
    w = weigh_draws(key, given, x, q, 1)
    return w.log_px_z[0], known_or_sampled_kl(q, p, w)
