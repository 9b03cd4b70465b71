"""Chains run side by side, and what tells whether they have forgotten where they began."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PRNGKeyArray

from vaex.errors import check_whole
from vaex.inference.iterate import iterate
from vaex.inference.kernels import blackjax
from vaex.inference.method import Method, State
from vaex.model import AnyModel, Example, Latent

_LARGEST_RHAT = 1.05


class Draws(NamedTuple):
    """The draws of several chains of one posterior; after jax.vmap, of a batch of them."""

    z: Latent  # [chains, steps, ...]
    rhat: Latent  # of each latent number; near 1 where the chains agree, nan where it never moves
    effective_sample_size: Latent  # of each latent number, in all chains together
    acceptance_rate: Float[Array, "*batch chains"]
    num_divergent: Int[Array, "*batch chains"]

    def pooled(self) -> Latent:
        """The draws of all chains of one posterior, [chains * steps, ...]."""
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), self.z)


def sample(
    key: PRNGKeyArray,
    method: Method,
    model: AnyModel,
    x: Example,
    *,
    num_samples: int = 1000,
    num_chains: int = 4,
    thinning: int = 1,
) -> Draws:
    """Draws from p(z|x) by Markov chains.

    z^(t+1) ~ K(z|z^(t)),   of which p(z|x) is the stationary distribution

    Args:
        key: a PRNG key.
        method: hmc(), nuts(), mala(), random_walk() or gibbs().
        model: a model.
        x: one example; for a Conditional model a Given.
        num_samples: draws that each chain keeps, 4 at least.
        num_chains: chains, each with its own start and warm-up, vmapped.
        thinning: steps for each draw that is kept.

    Returns:
        The draws with their split R-hat and bulk effective sample size; `warnings` says what is wrong with them.

    Raises:
        OptionError: a number out of its range.
        UsageError: latents that the method does not move, or a conditional model without a condition.

    Source: Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021 for R-hat and effective sample size by ranks.
    """
    check_whole(4, num_samples=num_samples)
    check_whole(num_chains=num_chains, thinning=thinning)

    def one(key: PRNGKeyArray) -> tuple[Latent, Array, Array]:
        init_key, step_key = jax.random.split(key)

        def keep(state: State, key: PRNGKeyArray) -> tuple[State, tuple[Latent, Array, Array]]:
            state, info = iterate(key, method, state, num_steps=thinning)
            return state, (state.z, jnp.mean(info.acceptance_rate), jnp.sum(info.is_divergent))

        keys = jax.random.split(step_key, num_samples)
        return jax.lax.scan(keep, method.init(init_key, model, x), keys)[1]

    z, acceptance, divergent = jax.vmap(one)(jax.random.split(key, num_chains))
    rhat, size = _diagnostics(z)
    return Draws(z, rhat, size, jnp.mean(acceptance, axis=1), jnp.sum(divergent, axis=1))


def warnings(draws: Draws) -> list[str]:
    """What is wrong with some draws, a line each; none where nothing is. Outside jit; one posterior or a batch.

    An R-hat above 1.05, of chains that do not agree; chains of which no step is accepted, as where p(x, z) is 0 from
    the start; divergent steps, of trajectories that cannot enter a part of it, or that leave it over an edge of p(x|z).
    """
    found = []
    rhat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(draws.rhat)])
    if (high := rhat[(rhat > _LARGEST_RHAT) & (rhat < np.inf)]).size:
        found.append(
            f"R-hat is above {_LARGEST_RHAT} for {high.size} of {rhat.size} latent numbers, {high.max():.3g} at the "
            "most: the chains do not agree; run more steps, or a longer warm-up"
        )
    if still := (~np.isfinite(rhat)).sum():
        found.append(
            f"{still} of {rhat.size} latent numbers never move in any chain, or are not finite: R-hat says nothing of "
            "them; of some that is so by their kind, as of the zeros of a triangular matrix"
        )
    if stuck := int(np.sum(np.asarray(draws.acceptance_rate) == 0)):
        found.append(
            f"{stuck} of {np.size(draws.acceptance_rate)} chains accept no step, as where p(x, z) is 0 from the start "
            "on: give the model an encoder whose draws are possible, or take a smaller step_size"
        )
    if divergent := int(np.sum(draws.num_divergent)):
        found.append(
            f"{divergent} steps are divergent: a part of the posterior may be left out; raise target_acceptance, which "
            "makes steps smaller; where p(x|z) has an edge, or z is rounded onto one of p(z), beyond which such steps "
            "end, lower it, or use random_walk"
        )
    return found


def _diagnostics(z: Latent) -> tuple[Latent, Latent]:
    """R-hat and bulk effective sample size of each number, in the structure of one z."""
    first = jax.tree.map(lambda leaf: leaf[0, 0].astype(jnp.result_type(float)), z)
    _, unravel = ravel_pytree(first)
    leaves = [leaf.reshape(*leaf.shape[:2], -1).astype(jnp.result_type(float)) for leaf in jax.tree.leaves(z)]
    flat = jnp.concatenate(leaves, axis=-1)
    chains, steps, size = flat.shape
    tools = blackjax().diagnostics
    rhat, halves = tools.rhat(flat), flat[:, : steps // 2 * 2].reshape(2 * chains, steps // 2, size)
    # Two values as often as each other are as far from their median, and no ranks of such distances can be scaled; the
    # ranks of the values themselves are an affine map of them.
    rhat = jnp.where(jnp.isnan(rhat), tools.potential_scale_reduction(halves), rhat)
    return unravel(rhat.reshape(size)), unravel(tools.ess_bulk(flat).reshape(size))
