"""Figures of a trained model that is known."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from vaex import Model, figures
from vaex.data import Dataset, Split
from vaex.evaluate import Trial
from vaex.figures import plots
from vaex.model import Given

IMAGES = np.repeat(np.arange(0, 160, 10, dtype=np.uint8), 16).reshape(16, 4, 4, 1)
X = jnp.asarray(IMAGES, jnp.float32) / 255
SPLIT = Split(IMAGES, np.zeros(16, np.int32))
MODEL = Model(  # z is twice the brightness
    prior=dist.Normal(jnp.zeros(3), 1.0).to_event(1),
    encode=lambda x: dist.Normal(jnp.full(3, 2 * x.mean()), 0.1).to_event(1),
    decode=lambda z: dist.Normal(jnp.full((4, 4, 1), z[0] / 2), 1.0).to_event(3),
)
TRIAL = Trial(MODEL, X, Dataset("", "", "", SPLIT, SPLIT, SPLIT), lambda key, split: X)


def shown(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


def test_interpolations_go_from_one_image_to_the_next_in_equal_steps():
    picture = shown(figures.FIGURES["interpolations"](jax.random.key(0), TRIAL))
    steps = picture[1, 1::5]  # one pixel of each tile of the first row
    np.testing.assert_allclose(steps, np.linspace(0, 10 / 255, 11), atol=1e-5)
    np.testing.assert_allclose(picture[-2, 1], 140 / 255, atol=1e-5)


def test_a_single_image_has_none_to_go_to():
    assert figures.FIGURES["interpolations"](jax.random.key(0), TRIAL._replace(x=X[:1])) is None


def test_examples_without_a_label_are_in_no_class():
    labels = np.where(np.arange(16) < 3, -1, np.arange(16) % 2)
    axes = plots.latent_scatter(np.zeros((16, 2)), labels).axes[0]
    assert [len(dots.get_offsets()) for dots in axes.collections] == [3, 13]
    assert set(np.asarray(axes.collections[1].get_array()).tolist()) == {0, 1}


def test_learning_curves_leave_out_what_was_not_finite():
    rows = [{"epoch": 1, "elbo": None, "kl": 1.0}, {"epoch": 2, "elbo": -3.0, "kl": None}]
    lines = [axes.get_lines()[0].get_xydata().tolist() for axes in plots.learning_curves(rows).axes]
    assert lines == [[[2.0, -3.0]], [[1.0, 1.0]]]


def test_none_where_there_is_a_condition():
    conditional = TRIAL._replace(x=Given(X, X))
    assert figures.FIGURES["interpolations"](jax.random.key(0), conditional) is None
