"""FactorVAE's score: whether the latent that stands still tells which factor was held."""

import numpy as np
from jaxtyping import PRNGKeyArray

from vaex.errors import check_whole
from vaex.evaluate.factors import Codes, Factors, generator, varying
from vaex.evaluate.latents import ACTIVE_VARIANCE


def factor_vae_score(
    key: PRNGKeyArray,
    means: Codes,
    factors: Factors,
    *,
    num_votes: int = 800,
    num_examples: int = 100,
) -> float:
    """How often the latent that varies least among examples with one value of a factor tells which factor that is.

    vote(k) = argmin_j Var(z_j of L examples with one value of v_k) / Var(z_j of all)

    A latent tells of the factor that most votes for it were of. As many votes again are counted, where they are right.
    Where another factor stands still as well there is no vote, but of a factor that has no value without that.

    Args:
        key: a PRNG key.
        means: E_q[z] of each example; latents that are not active units have no vote.
        factors: v of each example; those of one value are left out.
        num_votes: of each kind.
        num_examples: L, drawn again and again where there are fewer with a value.

    Returns:
        A fraction: 1 where each factor has a latent of its own, and 1 / F in expectation where latents know nothing.
        Of a factor that never varies without another it cannot be told which of both a latent is of.

    Raises:
        OptionError: num_votes below 1, or num_examples below 2.
        UsageError: not a row of each for every example, or no factor that varies.

    Source: Kim and Mnih 2018, section 4, where the votes that are counted are those that were learned from.
    """
    check_whole(num_votes=num_votes)
    check_whole(2, num_examples=num_examples)
    groups, means = varying(factors, means), np.asarray(means, float)
    rng, num_factors = generator(key), groups.shape[1]

    def others_vary(rows: np.ndarray, factor: int) -> bool:
        others = np.delete(groups[rows], factor, axis=1)
        return bool((others.min(axis=0) < others.max(axis=0)).all())

    alike = [[np.flatnonzero(group == value) for value in range(group.max() + 1)] for group in groups.T]
    telling = [[rows for rows in values if others_vary(rows, factor)] for factor, values in enumerate(alike)]
    rows_of = [np.sort(np.concatenate(values)) if values else np.arange(len(means)) for values in telling]
    spread = means.var(axis=0)
    active = np.flatnonzero(spread > ACTIVE_VARIANCE)

    def vote() -> tuple[int, int]:
        factor = int(rng.integers(num_factors))
        while True:
            held = alike[factor][groups[rows_of[factor][rng.integers(len(rows_of[factor]))], factor]]
            rows = rng.choice(held, num_examples, replace=len(held) < num_examples)
            if others_vary(rows, factor) or not telling[factor]:
                break
        some = means[rows][:, active]
        return (int(active[np.argmin(some.var(axis=0) / spread[active])]) if len(active) else 0), factor

    learned = np.zeros((means.shape[1], num_factors))
    for latent, factor in (vote() for _ in range(num_votes)):
        learned[latent, factor] += 1
    tells = learned.argmax(axis=1)
    return float(np.mean([tells[latent] == factor for latent, factor in (vote() for _ in range(num_votes))]))
