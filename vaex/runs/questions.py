"""Questions about one example of a trained model, whose condition goes with it: functions of (key, model, example)."""

from jaxtyping import Array, Float, PRNGKeyArray

from vaex.evaluate import Estimate, estimate_log_likelihood
from vaex.inference import ais, imputation
from vaex.model import Conditional, Example, Model, at


def itself(key: PRNGKeyArray, model: Model | Conditional, example: Example) -> Example:
    """The example."""
    return example


def imputed(
    key: PRNGKeyArray, model: Model | Conditional, example: Example, *, num_samples: int
) -> Float[Array, "..."]:
    """What it is with the conditional mean of what is missing."""
    return imputation.single(key, *at(model, example), num_samples=num_samples)


def score(key: PRNGKeyArray, model: Model | Conditional, example: Example, *, num_samples: int) -> Estimate:
    """L_K and the standard error of its estimate."""
    return estimate_log_likelihood(key, *at(model, example), num_samples=num_samples)


def annealed(
    key: PRNGKeyArray, model: Model | Conditional, example: Example, schedule: ais.Schedule, *, num_chains: int
) -> Estimate:
    """Log p(x) by annealed importance sampling, and the standard error of its estimate."""
    found = ais.anneal(key, model, example, schedule=schedule, num_chains=num_chains)
    return Estimate(found.log_likelihood, found.standard_error)
