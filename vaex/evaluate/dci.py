"""DCI: what of the latents is needed to predict each factor."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from vaex.errors import check_whole
from vaex.evaluate.factors import Codes, Factors, generator, varying

_DEPTHS, _TREES = (4, 8, 16), 30  # of the forests


class DCI(NamedTuple):
    """Disentanglement, completeness, and informativeness as an error."""

    disentanglement: float  # from 0 to 1, where each latent tells of one factor
    completeness: float  # from 0 to 1, where each factor is told of by one latent
    error: float  # on examples that nothing was fitted to: 0 is exact, 1 that of predicting the mean
    importance: Float[np.ndarray, "d g"]  # of each latent for each factor that varies; those of a factor add up to 1


def dci(
    key: PRNGKeyArray,
    means: Codes,
    factors: Factors,
    *,
    num_examples: int = 5000,
) -> DCI:
    """Disentanglement, completeness and informativeness, by random forests that predict each factor from all latents.

    D = sum_j rho_j (1 - H(R_j. / sum_k R_jk) / log F),   rho_j = sum_k R_jk / sum_jk R_jk
    C = 1/F sum_k (1 - H(R_.k / sum_j R_jk) / log d),   R_jk the importance of z_j for v_k, H an entropy

    Args:
        key: a PRNG key.
        means: E_q[z] of each example.
        factors: v of each example, numbers in their order; those of one value are left out.
        num_examples: what forests are fitted to, at most half of all; the error is on as many others.

    Returns:
        The three, and R.

    Raises:
        OptionError: num_examples below 2.
        UsageError: not a row of each for every example, or no factor that varies.

    Source: Eastwood and Williams 2018, section 2; here by scikit-learn's RandomForestRegressor, its depth the best of
        4, 8 and 16 on the examples that a tree has not seen. The error is the root of the mean square by the factor's
        deviation, averaged over factors.
    """
    from sklearn.ensemble import RandomForestRegressor  # a second to import

    check_whole(2, num_examples=num_examples)
    groups, means = varying(factors, means), np.asarray(means, float)
    n = min(num_examples, len(means) // 2)
    order = generator(key).permutation(len(means))
    some, others = order[:n], order[n : 2 * n]

    def forest(target: np.ndarray) -> RandomForestRegressor:
        make = lambda depth: RandomForestRegressor(_TREES, max_depth=depth, oob_score=True, random_state=0)
        return max((make(depth).fit(means[some], target) for depth in _DEPTHS), key=lambda one: one.oob_score_)

    forests = [forest(group[some].astype(float)) for group in groups.T]
    importance = np.stack([one.feature_importances_ for one in forests], axis=1)
    misses = [np.mean((one.predict(means[others]) - v[others]) ** 2) for one, v in zip(forests, groups.T, strict=True)]
    weight = importance.sum(axis=1) / max(importance.sum(), 1e-300)  # 0 where no tree finds anything to split by
    return DCI(
        disentanglement=float(weight @ (1 - _evenness(importance.T))),
        completeness=float(np.mean(1 - _evenness(importance))),
        error=float(np.mean(np.sqrt(misses) / groups.std(axis=0))),
        importance=importance,
    )


def _evenness(shares: Float[np.ndarray, "m c"]) -> Float[np.ndarray, " c"]:
    """The entropy of each column, in shares of what it can be at most; of one of zeros all of it."""
    total = shares.sum(axis=0)
    p = shares / np.maximum(total, 1e-300)
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=0)
    return np.where(total > 0, entropy / max(np.log(len(shares)), 1e-300), 1.0)
