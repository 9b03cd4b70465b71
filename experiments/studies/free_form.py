"""The calculus of variations, made visible: a density without a family climbs the ELBO to Bayes' rule."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from matplotlib.figure import Figure

from vaex.inference import free_form
from vaex.model import Model

_SIGMA, _X = 0.5, 1.0
_SHOWN = (0, 5, 10, 20, 40)  # steps after which q is drawn


class Path(NamedTuple):
    """Densities and derivatives at each step, and what they should end at."""

    z: np.ndarray
    q: np.ndarray  # [T, n]
    derivative: np.ndarray  # [T, n]
    elbo: np.ndarray  # [T]
    posterior: np.ndarray  # by Bayes' rule
    log_px: float  # by quadrature


def model() -> Model:
    """z ~ N(0, 1), x ~ N(z^2, 0.25): one latent, whose sign x does not tell."""
    prior = dist.Normal(jnp.zeros(1), 1.0).to_event(1)
    return Model(prior, lambda x: prior, lambda z: dist.Normal(z**2, _SIGMA).to_event(1))


def ascend(*, num_steps: int = 100, step_size: float = 0.1) -> Path:
    """The ascent from q(z) = N(1, 1), which prefers one of the two modes."""
    points = free_form.grid(low=-4.0, high=4.0, num_points=801)
    z = points.points[:, 0]
    x, start = jnp.full(1, _X), dist.Normal(1.0, 1.0).log_prob(z)

    @jax.jit
    def run() -> Any:
        method = free_form.free_form(points, step_size=step_size, start=start)

        def step(state: Any, _: None) -> Any:
            after, info = method.step(None, state)
            return after, (state, info)

        return jax.lax.scan(step, method.init(None, model(), x), length=num_steps)[1]

    states, info = run()
    z = np.asarray(z, np.float64)
    log_joint = -0.5 * z**2 - 0.5 * ((_X - z**2) / _SIGMA) ** 2 - np.log(2 * np.pi * _SIGMA)
    evidence = np.sum(np.exp(log_joint)) * points.cell
    posterior = np.exp(log_joint) / evidence
    q = np.exp(np.asarray(states.log_q))
    return Path(z, q, np.asarray(info.derivative), np.asarray(info.elbo), posterior, float(np.log(evidence)))


def free_form_figure() -> tuple[Figure, list[str]]:
    """q and the derivative of the ELBO by it on their way, the ELBO, and what they end at."""
    found = ascend()
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    density, derivative, bound = figure.subplots(1, 3)
    density.plot(found.z, found.posterior, color="black", linestyle="--", linewidth=1, label="p(z|x)")
    for step in _SHOWN:
        density.plot(found.z, found.q[step], label=f"step {step}")
        derivative.plot(found.z, found.derivative[step])
    density.set(xlabel="z", ylabel="q(z)", xlim=(-3, 3), ylim=(0, 1))
    derivative.set(xlabel="z", ylabel="derivative of the ELBO by q(z)", xlim=(-2, 2), ylim=(-12, 5))
    bound.plot(found.elbo)
    bound.axhline(found.log_px, color="black", linestyle="--", linewidth=1, label="log p(x)")
    bound.set(xlabel="steps", ylabel="ELBO, nats", ylim=(found.log_px - 2, found.log_px + 0.2))
    density.legend(frameon=False, ncols=2)
    bound.legend(frameon=False)
    return figure, [
        f"ELBO: {found.elbo[-1]:.5f}, log p(x) by quadrature {found.log_px:.5f}",
        f"largest distance of q(z) from p(z|x): {np.abs(found.q[-1] - found.posterior).max():.5f}, exact 0",
    ]
