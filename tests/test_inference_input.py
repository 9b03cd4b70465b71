"""What methods of inference are asked for and cannot do: one line that says what can."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models import linear_gaussian
from vaex import Conditional, Model, UsageError
from vaex.distributions.masked import Masked
from vaex.inference import abc, abc_smc, free_form, imputation, missing
from vaex.model import Given
from vaex.models import exact
from vaex.models.missing import partially_observed

KEY, X = jax.random.key(0), jnp.zeros(5)
MODEL = linear_gaussian()
UNDER = Conditional(lambda condition: MODEL._replace(decode=lambda z: MODEL.decode(z + condition)))
TABLE = exact.bind_table(
    {"encoder": jnp.zeros((2, 3)), "decoder": exact.DiscreteTable(jnp.zeros(3), jnp.zeros((3, 2)))}
)
PARTS = Conditional(lambda condition: partially_observed(UNDER.given(condition)))
HIDDEN = Masked(X, jnp.arange(5) < 3)
GRID = free_form.free_form(free_form.grid(low=-3.0, high=3.0, num_points=5, num_latents=2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GRID.init(None, TABLE, jnp.array(0)), "free_form moves continuous .* use inference.cavi.discrete"),
        (lambda: GRID.init(None, UNDER, X), "found an example without condition: pass Given"),
        (
            lambda: abc_smc.smc(tolerance=0.1).init(KEY, abc.simulator(TABLE), jnp.array(0)),
            "abc_smc moves continuous .* use inference.abc.rejection",
        ),
        (lambda: abc.simulator(UNDER), r"Conditional model for a simulator: expected .* model.given\(condition\)"),
        (lambda: imputation.single(KEY, PARTS, HIDDEN), "found an example without condition: pass Given"),
        (lambda: missing.conditional_mean(KEY, PARTS, HIDDEN), "found an example without condition: pass Given"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(call, message):
    with pytest.raises(UsageError, match=message) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_under_a_condition_what_is_missing_is_that_of_the_model_of_it():
    """And free form and imputation give what they give for that model."""
    condition = jnp.array([0.5, -1.0])

    @jax.jit
    def both(condition):
        whole: Model = partially_observed(UNDER.given(condition))
        impute = functools.partial(imputation.single, KEY, num_samples=20)
        imputed = impute(PARTS, Given(HIDDEN, condition)), impute(whole, HIDDEN)
        states = GRID.init(None, UNDER, Given(X, condition)), GRID.init(None, UNDER.given(condition), X)
        return imputed, [state.log_p for state in states]

    for given, plain in both(condition):
        np.testing.assert_array_equal(given, plain)
