"""Other models of tables: Gaussians, factor analysers, independent negative binomials, and scikit-learn's imputers."""

from typing import Any

import numpy as np
import scipy.stats
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from vaex.models.columns import Columns, positions

_DRAWS, _INNER = 500, 0.1


def gaussian(train: np.ndarray, test: np.ndarray, columns: Columns) -> np.ndarray:
    """Log p of test rows by a Gaussian with the training rows' mean and full covariance, [N]."""
    return _of_bins(train, test, columns, _fit_gaussian)


def factor_analyser(train: np.ndarray, test: np.ndarray, columns: Columns) -> np.ndarray:
    """Log p of test rows by a factor analyser, its number of factors chosen on a tenth of the training rows, [N]."""
    cut = round(_INNER * len(train))
    order = np.random.default_rng(0).permutation(len(train))
    inner, rest = train[order[:cut]], train[order[cut:]]
    sizes = [k for k in (1, 2, 4, 8, 16) if k < train.shape[1]]
    scores = [_of_bins(rest, inner, columns, lambda x, k=k: _fit_factors(x, k), draws=20).mean() for k in sizes]
    best = sizes[int(np.argmax(scores))]
    return _of_bins(train, test, columns, lambda x: _fit_factors(x, best))


def negative_binomials(train: np.ndarray, test: np.ndarray, columns: Columns) -> np.ndarray:
    """Log p of test rows by a negative binomial for each column, its mean the training rows' and c of most likelihood.

    p(x) = NB(x; mean, c),   Var[x] = mean + mean^2 / c
    """
    found = np.zeros(len(test))
    for x, y in zip(train.T, test.T, strict=True):
        mean = x.mean()
        log_p = lambda log_c, x, mean=mean: scipy.stats.nbinom.logpmf(x, np.exp(log_c), 1 / (1 + mean / np.exp(log_c)))
        best: Any = minimize_scalar(lambda log_c, x=x, p=log_p: -p(log_c, x).sum(), bounds=(-7, 12), method="bounded")
        found += log_p(best.x, y)
    return found


def simple_imputations(train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """Test rows completed by scikit-learn's imputers, fitted to training rows; both with nan where values miss."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

    ways: dict[str, Any] = {
        "IterativeImputer": IterativeImputer(random_state=0, max_iter=20),
        "KNNImputer": KNNImputer(),
        "the mean": SimpleImputer(),
    }
    return {how: imputer.fit(train).transform(test) for how, imputer in ways.items()}


def _of_bins(train: np.ndarray, test: np.ndarray, columns: Columns, fit: Any, *, draws: int = _DRAWS) -> np.ndarray:
    """Log p by a density of rows, standardized; of whole numbers and classes the probability of a bin of width 1.

    P(x) = E_u[p(x + u)],   u ~ U[-1/2, 1/2], by draws, which bound its logarithm from below in expectation
    """
    mean, scale = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    density = fit((train - mean) / scale)
    whole = positions(columns, "count", "binary", "categorical", "ordinal")
    if not len(whole):
        return density.logpdf((test - mean) / scale) - np.log(scale).sum()
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        moved = test.astype(np.float64)
        moved[:, whole] += rng.uniform(-0.5, 0.5, (len(test), len(whole)))
        found.append(density.logpdf((moved - mean) / scale))
    return logsumexp(found, axis=0) - np.log(draws) - np.log(scale).sum()


def _fit_gaussian(x: np.ndarray) -> Any:
    covariance: Any = np.cov(x.T)
    return scipy.stats.multivariate_normal(x.mean(axis=0), covariance)


def _fit_factors(x: np.ndarray, num_factors: int) -> Any:
    from sklearn.decomposition import FactorAnalysis

    fitted = FactorAnalysis(num_factors, max_iter=500).fit(x)
    return scipy.stats.multivariate_normal(fitted.mean_, fitted.get_covariance())
