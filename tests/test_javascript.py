"""What is written as JavaScript computes what JAX does: each primitive, and the functions of each kind of model."""

import functools
import json
from importlib.resources import files

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.models import drawn
from tests.one_step import QUICK, configured
from vaex.evaluate.trial import Trial
from vaex.model import at
from vaex.runs.page.javascript import Unwritten, write
from vaex.runs.page.javascript.program import Function
from vaex.runs.page.latents import point
from vaex.runs.page.live import live

A = np.linspace(-2.0, 2.0, 24, dtype=np.float32).reshape(2, 3, 4)
V = np.linspace(0.1, 0.9, 5, dtype=np.float32)
K = np.cos(np.arange(3 * 3 * 2 * 3)).astype(np.float32).reshape(3, 3, 2, 3)
IMAGE = np.sin(np.arange(6 * 5 * 2)).astype(np.float32).reshape(1, 6, 5, 2)
A_HALVES = np.arange(-5, 6, dtype=np.float32)
PLACES = np.array([3, 0, 4, 4], np.int32)


def convolved(x, **options):
    return lax.conv_general_dilated(x, K, dimension_numbers=("NHWC", "HWIO", "NHWC"), **options)


def scanned(x, reverse):
    def step(state, row):
        low, high = state
        return (high, jnp.tanh(low + row)), low * row

    return lax.scan(step, (jnp.ones(4), jnp.zeros(4)), x[0], reverse=reverse)


UNARY = (
    *(jnp.exp, jnp.log, jnp.log1p, jnp.expm1, jnp.tanh, jnp.sqrt, jnp.sin, jnp.cos, jnp.arctan, jnp.floor, jnp.sign),
    *(lax.rsqrt, lax.erf, lax.erfc, lax.erf_inv, lax.lgamma, lax.cbrt, jnp.square, jnp.round, jnp.abs, jnp.exp2),
    *(jax.nn.relu, jax.nn.elu, jax.nn.gelu, jax.nn.softplus, jax.nn.silu, jax.nn.sigmoid, jax.nn.log_softmax),
    jax.nn.logsumexp,
)
CASES = {
    **{f"unary_{i}": (f, V) for i, f in enumerate(UNARY)},
    "powers": (lambda v: v**3 + v**-2 + v**0.3 + jnp.arctan2(v, 1 - v), V),
    "stretched": (lambda a: a + a[:, :1] * a[..., :1] - a[:1, :1, :1], A),
    "integers": (lambda i: (i * 7 - 3) // 2 + i % 3 + (i << 2) ^ (i >> 1), PLACES),
    "truths": (lambda a: jnp.where((a > 0) & ~(a > 1) | (a < -1), a, -1.0), A),
    "cases": (lambda i: lax.select_n(i % 3, i, i + 10, i + 20), PLACES),
    "clipped": (lambda a: jnp.clip(a, -1, 1).astype(jnp.int32), A),
    "moved": (lambda a: jnp.concatenate([a.transpose(2, 0, 1)[::-1, :, 1:], jnp.ones((1, 2, 2))]), A),
    "repeated": (lambda a: (jnp.tile(a, (2, 1, 3)), jnp.repeat(a, 2, axis=1), jnp.broadcast_to(a, (2, 2, 3, 4))), A),
    "padded": (lambda a: lax.pad(a, 7.0, [(1, -1, 0), (-1, 2, 1), (0, 1, 2)]), A),
    "split": (lambda a: (jnp.split(a, 2, axis=-1), jnp.unstack(a, axis=1)), A),
    "sums": (lambda a: (a.sum(1), a.max((0, 2)), a.min(), jnp.prod(a, 0), (a > 0).any(2), (a > -9).all()), A),
    "so_far": (lambda a: (jnp.cumsum(a, 1), lax.cumsum(a, 2, reverse=True), lax.cummax(a, 0)), A),
    "places": (lambda a: (jnp.argmax(a, 1), jnp.argmin(jnp.abs(a), -1)), A),
    "taken": (lambda i: (jnp.asarray(V)[i], jnp.take_along_axis(A[0, :, :1] + V, jnp.stack([i] * 3), 1)), PLACES),
    "put": (lambda i: (jnp.zeros(5).at[i].add(2.0), jnp.zeros((5, 2)).at[i[0]].set(1.0)), PLACES),
    "slices": (lambda i: (lax.dynamic_slice(V, (i[0],), (2,)), lax.dynamic_update_slice(V, V[:2], (i[1],))), PLACES),
    "product": (lambda a: (a[0] @ a[1].T, a @ jnp.ones((4, 5)) * 0.1, A[0] @ a[0, 0], a @ a.transpose(0, 2, 1)), A),
    "convolution": (functools.partial(convolved, window_strides=(2, 1), padding=[(1, 0), (2, 1)], rhs_dilation=(1, 2)),
                    IMAGE),
    "transposed_convolution": (functools.partial(convolved, window_strides=(1, 1), padding=[(1, 2), (2, 1)],
                                                 lhs_dilation=(2, 2)), IMAGE),
    "scan": (lambda a: scanned(a, False), A),
    "scan_back": (lambda a: scanned(a, True), A),
    "loops": (lambda a: lax.while_loop(lambda s: s[0] < 5, lambda s: (s[0] + 1, s[1] - s[1].sum()), (0, a[0, 0])), A),
    "no_scan": (lambda a: lax.scan(lambda s, x: (s + x, s * x), a[0, 0], a[0, :0]), A),
    "wrapped": (lambda i: (1.0 * (i.astype(jnp.uint32) << 30), 1.0 * (-i).astype(jnp.uint32),
                           1.0 * -i.astype(jnp.uint32), 1.0 * lax.shift_right_logical(-i, 1 - i // 4)), PLACES),
    "rounded": (lambda a: (lax.round(4 * a, lax.RoundingMethod.AWAY_FROM_ZERO), jnp.round(4 * a)), 0.125 * A_HALVES),
    "beyond": (lambda i: (jnp.take(V, i + 2), jnp.take(PLACES, i + 2), jnp.take(V, i + 2, mode="clip")), PLACES),
    "branches": (lambda i: lax.switch(i[1], [lambda v: v + 1, lambda v: v * 2], i), PLACES),
}  # fmt: skip


def computed(driver, program, calls):
    """The answers of a program's functions, its weights in single precision."""
    weights = [weight._asdict() for weight in program.stored(dict.fromkeys(program.unused, 32))]
    runtime = (files("vaex.runs.page") / "static" / "runtime.js").read_text()
    script = (
        f"{runtime}\nconst run=({program.source})({json.dumps(weights)}.map(arrayOf));"
        "return arguments[0].map(([name,given])=>run[name](...given.map(g=>Float32Array.from(g)))"
        ".map(leaf=>Array.from(leaf)));"
    )
    plain = [(name, [np.asarray(leaf).ravel().tolist() for leaf in jax.tree.leaves(given)]) for name, given in calls]
    return driver.execute_script(script, plain)


def agree(found, wanted, name):
    for one, want in zip(found, jax.tree.leaves(wanted), strict=True):
        numbers = [np.nan if number is None else number for number in one]  # the driver's word for nan
        np.testing.assert_allclose(numbers, np.asarray(want).ravel(), rtol=1e-5, atol=1e-5, err_msg=name)


def test_each_primitive_is_that_of_jax(chromium):
    program = write({name: Function(f, (x,)) for name, (f, x) in CASES.items()})
    found = computed(chromium, program, [(name, (x,)) for name, (_, x) in CASES.items()])
    wanted = jax.jit(lambda: {name: f(jnp.asarray(x)) for name, (f, x) in CASES.items()}, compiler_options=QUICK)()
    for answer, name in zip(found, CASES, strict=True):
        agree(answer, wanted[name], name)


def test_random_numbers_are_the_browsers_own(chromium):
    program = write({"draw": Function(lambda key: jax.random.normal(key, (4000,)), (jax.random.key(0),))})
    first, second = (np.array(answer[0]) for answer in computed(chromium, program, [("draw", ()), ("draw", ())]))
    assert not np.allclose(first, second)
    assert abs(first.mean()) < 4 / np.sqrt(4000)  # standard errors
    assert abs(first.std() - 1) < 4 / np.sqrt(8000)


def test_what_is_missing_is_named():
    with pytest.raises(Unwritten, match="'sort' has no JavaScript"):
        write({"f": Function(jnp.sort, (V,))})
    program = write({"f": Function(jnp.sort, (V,)), "g": Function(jnp.exp, (V,))}, optional=("f",))
    assert list(program.unused) == ["g"]
    assert "'sort'" in program.missing["f"]


KINDS = {
    "iaf": ("--config.model.posterior.name=iaf", "--config.model.posterior.num_flows=1",
            "--config.model.posterior.hidden=8"),
    "spherical": ("--config.model.posterior.name=spherical", "--config.model.latent_dim=3"),
    "deep": ("--config.model.name=deep", "--config.model.channels=3,", "--config.model.num_blocks=2,"),
    "vqvae": ("--config.model.name=vqvae", "--config.objective.name=vq", "--config.model.num_codes=5",
              "--config.model.patch=4", "--config.model.prior_width=4", "--config.model.prior_depth=2",
              "--config.model.latent_dim=3"),
    "m2": ("--config.model.name=m2", "--config.objective.name=semi_supervised", "--config.data.num_labels=100"),
    "autoencoder": ("--config.model.name=autoencoder", "--config.objective.name=reconstruction"),
}  # fmt: skip


def trial_of(*flags):
    """A model of digits of any parameters, with 8 test images."""
    made = configured(*flags)
    task = made.task
    test = task.dataset.test._replace(images=task.dataset.test.images[:8], labels=task.dataset.test.labels[:8])
    x = task.examples.observe(jax.random.key(0), test)
    model = task.description.bind(drawn(task.description.init))
    return Trial(model, x, task.dataset, task.examples.observe, num_classes=task.num_classes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_decoded_and_encoded_as_by_jax(kind, chromium):
    trial = trial_of(*KINDS[kind])
    made = live(trial)
    parts = made.encoded(trial.x)
    condition = [] if not made.condition_names else [made.conditions[made.condition_of(1)[0]]]
    x = jax.tree.leaves(trial.x)[0][0]
    calls = [("encode", (x, *condition)), ("decode", (*[part[0] for part in parts], *condition))]
    if made.has_draws:
        calls.append(("sample", (*condition,)))
    encoded, decoded, *draws = computed(chromium, made.program, calls)
    agree(encoded[: len(parts)], [part[0] for part in parts], kind)
    agree(decoded, reconstructed(trial), kind)
    assert (kind == "autoencoder") == (not draws)
    assert all(np.isfinite(leaf).all() for answer in draws for leaf in answer)


def reconstructed(trial):
    """E[p(x|z)] at the point of q(z|x) of the first example, past all coordinates."""

    @functools.partial(jax.jit, compiler_options=QUICK)
    def mean(example):
        model, seen = at(trial.model, example)
        return model.decode(point(model.encode(seen))).mean

    return mean(jax.tree.map(lambda a: a[0], trial.x))
