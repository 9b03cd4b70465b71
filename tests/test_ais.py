"""Annealed importance sampling and its reverse against exact evidences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests.models import W
from tests.one_step import QUICK
from tests.test_smc import LINEAR, TABLE, X, log_z
from vaex import Model, OptionError, UsageError, bounds
from vaex.distributions import OneHotCategorical
from vaex.evaluate.certificate import Certificate, Lower
from vaex.inference import ais
from vaex.inference.importance import Weighted
from vaex.models import exact

KEY = jax.random.key(0)
Q = dist.Normal(jnp.array([0.3, -0.2]), 0.8).to_event(1)
LINEAR_MODEL = Model(LINEAR.prior(), lambda x: Q, LINEAR.decode)
TABLE_MODEL = exact.bind_table({"encoder": jnp.array([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), "decoder": TABLE})


def schedule(num):
    """Of the linear-Gaussian model, by hand."""
    t = np.arange(1, num + 1) / num
    widths = 1 / (1 / 0.8**2 * (1 - t) + t / 0.12)
    columns = t, np.ones(num), np.stack([widths, widths], axis=1)
    return ais.Schedule(*(jax.device_put(np.float32(a)) for a in columns))


CASES = {  # model, its exact answers, where the path begins, how many temperatures it has
    "linear": (LINEAR_MODEL, LINEAR, "posterior", 32),
    "table": (TABLE_MODEL, TABLE, "prior", 3),
}


@functools.cache
def both_ways(name):
    """A function of a schedule -> log w - log p(x) of 1,000 draws of z and x, by four chains there and back each."""
    model, generator, start, _ = CASES[name]

    def run(key, found):
        z_key, x_key, key, back_key = jax.random.split(key, 4)
        z = model.prior.sample(z_key)
        x = model.decode(z).sample(x_key)
        options = {"schedule": found, "num_chains": 4, "start": start, "num_leapfrog": 3}
        there = ais.anneal(key, model, x, **options)
        back = ais.reverse(back_key, model, x, z, **options)
        log_px = generator.log_px(x)
        return there.log_w - log_px, back - log_px, ais.upper_bound(back) - log_px

    all_of_them = jax.jit(jax.vmap(run, (0, None)), compiler_options=QUICK)
    return lambda found: [np.asarray(a, np.float64) for a in all_of_them(jax.random.split(KEY, 1000), found)]


@functools.cache
def by_hand(name):
    """With the schedule by hand."""
    return both_ways(name)(schedule(CASES[name][-1]))


def standard_errors(values, exact):
    """Of independent rows, how many the mean is away."""
    each = values.reshape(len(values), -1).mean(axis=1)
    return (each.mean() - exact) / (each.std() / np.sqrt(len(each)))


@pytest.mark.parametrize("name", CASES)
def test_there_and_back_the_weights_are_unbiased_and_their_logarithms_bracket_the_evidence(name):
    """Within 5 standard errors; and one chain's log w, and the bounds of four, lie on their sides by more than 3."""
    there, back, upper = by_hand(name)
    assert abs(standard_errors(np.exp(there), 1)) < 5
    assert abs(standard_errors(np.exp(-back), 1)) < 5
    assert np.exp(there).std() > 0.1
    for lower in (there, np.log(np.exp(there).mean(axis=1))):
        assert standard_errors(lower, 0) < -3
    for higher in (back, upper):
        assert standard_errors(higher, 0) > 3
    np.testing.assert_allclose(upper, -np.log(np.exp(-back).mean(axis=1)), rtol=1e-3, atol=1e-4)


def test_the_gap_closes_as_the_temperatures_are_more():
    """By as much as 1/T, to first order: 8 temperatures of 4 moves each, and 32 of one."""
    few = jax.tree.map(lambda column: np.repeat(column[3::4], 4, axis=0), schedule(32))
    gaps = [back.mean() - there.mean() for there, back, _ in (both_ways("linear")(few), by_hand("linear"))]
    assert 2.5 < gaps[0] / gaps[1] < 5.5


def test_the_interval_of_a_certificate_holds_the_evidence():
    """In at least 45 of 50 repeats with 20 drawn images each, where 2 standard errors are 95% and biases outward."""
    held = []
    there, _, upper = by_hand("linear")
    each = jax.jit(jax.vmap(lambda log_w: (bounds.iwae(log_w), Weighted(None, log_w).standard_error)))
    means, errors = map(np.asarray, each(there))
    for i in range(0, 1000, 20):
        some = slice(i, i + 20)
        lower = Lower(*[there[some]] * 3, means[some], errors[some], means[some], means[some])
        low, high = Certificate((), lower, lower, upper[some], there[some]).interval
        held.append(low < 0 < high)
    assert sum(held) >= 45


def test_a_schedule_has_steps_of_one_length_and_the_acceptance_that_is_asked_for():
    """The length of a step is the integral of sqrt(d^2 log Z / dt^2) over it, 0.95 of which are spread by the pilot."""
    options = {"start": "prior", "num_leapfrog": 3}
    found = ais.find_schedule(KEY, LINEAR_MODEL, X[None], num_temperatures=12, num_chains=200, **options)
    t = np.concatenate([[0.0], np.asarray(found.temperatures, np.float64)])
    assert t[-1] == 1
    fine = np.linspace(1e-3, 1, 400)
    h = 1e-3
    spread = np.sqrt([(log_z(u + h) - 2 * log_z(u) + log_z(max(u - h, 1e-12))) / h**2 for u in fine])
    length = np.concatenate([[0.0], np.cumsum(np.diff(fine) * spread[1:])])
    share = 0.95 * np.diff(np.interp(t, fine, length)) / length[-1] + 0.05 * np.diff(t)
    np.testing.assert_allclose(share, 1 / 12, rtol=0.15)
    chains = lambda key: ais.chains(key, LINEAR_MODEL, X, schedule=found, num_chains=500, **options)[1]
    assert np.mean(jax.jit(chains)(KEY).acceptance_rate) == pytest.approx(0.65, abs=0.05)
    widths = np.linalg.inv(np.eye(2) + np.asarray(W).T @ np.asarray(W) / 0.36).diagonal()
    np.testing.assert_allclose(found.variances[-1], widths, rtol=0.4)


def test_a_value_that_q_rules_out_is_never_reached():
    """Of three states, of which p(x|z) has next to nothing in the one that q(z|x) leaves out: log p(x) = log 1/4."""
    q = OneHotCategorical(jnp.array([np.log(2 / 3), np.log(1 / 3), -jnp.inf]))
    likelihoods = jnp.log(jnp.array([0.5, 0.25, 1e-30]))
    decode = lambda z: dist.Unit(jnp.sum(z * likelihoods))
    model = Model(OneHotCategorical(jnp.zeros(3)), lambda x: q, decode)
    few = ais.Schedule(jnp.array([0.5, 1.0]), jnp.ones(2), jnp.ones((2, 1)))
    found = jax.jit(lambda: ais.anneal(KEY, model, jnp.zeros(0), schedule=few, num_chains=64, start="posterior"))()
    np.testing.assert_allclose(found.log_likelihood, np.log(0.25), atol=1e-5)
    assert not np.asarray(found.z[:, 2]).any()


def test_back_from_where_q_is_zero_there_is_no_bound():
    """Half of p(z|x) lies where q(z|x) is 0: of exact draws the mean of p(x) / w is 1 within 5 standard errors."""
    prior, p = OneHotCategorical(jnp.log(jnp.array([0.3, 0.3, 0.4]))), np.array([0.8, 0.4, 0.9])
    q = OneHotCategorical(jnp.array([0.0, 0.0, -jnp.inf]))
    model = Model(prior, lambda x: q, lambda z: dist.Unit(jnp.sum(z * jnp.log(p))))
    few, joint = ais.Schedule(jnp.array([0.3, 0.7, 1.0]), jnp.ones(3), jnp.ones((3, 1))), np.array([0.3, 0.3, 0.4]) * p

    def back(key):
        draw_key, key = jax.random.split(key)
        z = OneHotCategorical(jnp.log(joint)).sample(draw_key)
        log_w = ais.reverse(key, model, jnp.zeros(0), z, schedule=few, num_chains=4)
        return z, jnp.mean(jnp.exp(-log_w)) * joint.sum(), ais.upper_bound(log_w)

    z, ratio, upper = jax.tree.map(np.asarray, jax.jit(jax.vmap(back))(jax.random.split(KEY, 2000)))
    assert abs(ratio.mean() - 1) < 5 * ratio.std() / 2000**0.5
    np.testing.assert_array_equal(np.isposinf(upper), z[:, 2] == 1)


def test_a_schedule_leaves_out_chains_where_p_of_x_and_z_is_zero():
    """Four fifths of q lie outside of the prior's support: temperatures that rise, and the width of its logits."""
    prior = dist.Uniform(jnp.zeros(1), 0.05).to_event(1)
    q = dist.Normal(jnp.zeros(1), 0.1).to_event(1)
    model = Model(prior, lambda x: q, lambda z: dist.Normal(z, 1.0).to_event(1))
    found = ais.find_schedule(KEY, model, jnp.zeros((2, 1)), num_temperatures=12, num_chains=60, num_leapfrog=1)
    ais.ais(found)  # which refuses temperatures that do not rise
    np.testing.assert_allclose(found.variances[-1], np.pi**2 / 3, rtol=0.6)  # of what is uniform
    assert (found.step_sizes > 0.05).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(OptionError, match=r"schedule.temperatures is .* rise from above 0 to 1"):
        ais.ais(schedule(3)._replace(temperatures=jnp.array([0.5, 0.9, 0.8])))
    with pytest.raises(OptionError, match=r'start is .*: expected "posterior"'):
        ais.anneal(KEY, LINEAR_MODEL, X, schedule=schedule(2), start="q")
    with pytest.raises(OptionError, match="num_chains is 1: expected a whole number of at least 2"):
        ais.find_schedule(KEY, LINEAR_MODEL, X[None], num_chains=1)
    counts = dist.Poisson(jnp.ones(2)).to_event(1)
    model = Model(counts, lambda x: counts, LINEAR.decode)
    with pytest.raises(UsageError, match="has no list of its values"):
        ais.anneal(KEY, model, X, schedule=schedule(2))
