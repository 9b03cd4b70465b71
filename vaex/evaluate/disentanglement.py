"""Whether latents mean anything: three scores of how far each goes with one known factor, and with no other."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from vaex.distributions.abilities import factors as independent
from vaex.distributions.abilities import normal_parameters
from vaex.errors import UsageError
from vaex.evaluate.dci import dci
from vaex.evaluate.factor_votes import factor_vae_score
from vaex.evaluate.factors import Codes, Factors
from vaex.evaluate.information_gap import information_gap
from vaex.evaluate.metrics import latent_arrays, latent_means
from vaex.evaluate.scores import map_examples
from vaex.evaluate.trial import Trial
from vaex.model import AnyModel, Example, Latent, at
from vaex.objectives.encode import encode

_EXAMPLES = 10_000  # of training, as in the papers, whose data sets are not split


class Disentanglement(NamedTuple):
    """Each from 0 to 1 and better where it is higher, but for the error, which is at least 0 and better lower."""

    mig: float | None
    factor_vae_score: float
    dci_disentanglement: float
    dci_completeness: float
    dci_error: float


def disentanglement(
    key: PRNGKeyArray,
    mean: Codes,
    scale: Codes | None,
    factors: Factors,
) -> Disentanglement:
    """MIG, FactorVAE's score, and DCI, as information_gap, factor_vae_score and dci have them.

    Args:
        key: a PRNG key.
        mean: E_q[z] of each example.
        scale: the standard deviation of a normal q(z|x); None of another q, of which there is no MIG.
        factors: what each example was made from, whole numbers.

    Raises:
        UsageError: not a row of each for every example, a scale that is not above 0, or no factor that varies.

    Source: Chen et al. 2018; Kim and Mnih 2018; Eastwood and Williams 2018.
    """
    gap_key, votes_key, dci_key = jax.random.split(key, 3)
    means, found = np.asarray(mean), dci(dci_key, np.asarray(mean), factors)
    return Disentanglement(
        mig=None if scale is None else information_gap(gap_key, mean, scale, factors).mig,
        factor_vae_score=factor_vae_score(votes_key, means, factors),
        dci_disentanglement=found.disentanglement,
        dci_completeness=found.completeness,
        dci_error=found.error,
    )


def disentanglement_scores(key: PRNGKeyArray, trial: Trial) -> dict[str, float]:
    """The scores of some training examples; none of images that are given, whose factors nobody knows.

    Nor are there any of a z that is no vectors, but maps of codes, say, or where no factor varies.
    """
    if trial.dataset.test.factors is None:
        return {}
    data_key, code_key, score_key = jax.random.split(key, 3)
    train = trial.dataset.train
    which = np.random.default_rng(0).permutation(len(train.images))[:_EXAMPLES]  # files are often sorted by factors
    some = jax.tree.map(lambda array: array[which], train)
    mean, scale = _codes(code_key, trial.model, trial.observe(data_key, some))
    if mean is None or not np.isfinite(mean).all():
        return {}
    assert some.factors is not None, "of every split, or of none"
    try:
        found = disentanglement(score_key, mean, scale, some.factors)._asdict()
    except UsageError:
        return {}
    return {name: score for name, score in found.items() if score is not None}


def _codes(key: PRNGKeyArray, model: AnyModel, x: Example) -> tuple[Array | None, Array | None]:
    """E_q[z] of each example as a vector, and the deviations of a normal q(z|x)."""

    def deviations(k: PRNGKeyArray, example: Example) -> Array | None:
        each = independent(encode(*at(model, example)))
        normal = None if each is None else normal_parameters(each)
        return None if normal is None else normal[1]

    @jax.jit
    def codes(x: Example) -> tuple[Latent, Array | None]:
        return latent_means(key, model, x), map_examples(deviations, key, x)

    means, scale = codes(x)
    parts = latent_arrays(means)
    if any(part.ndim != 2 for part in parts):
        return None, None
    return jnp.concatenate(parts, axis=1), scale
