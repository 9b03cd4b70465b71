"""Figures of a trained model that is known."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from vaex import Model, figures
from vaex.data import Dataset, Split
from vaex.evaluate import Trial
from vaex.figures import plane, plots
from vaex.figures.grids import image_grid, interleaved
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


def test_parts_stand_below_one_another_in_full_rows():
    images = np.arange(13).reshape(13, 1, 1, 1)
    found = interleaved((images, 100 + images), columns=5).ravel().tolist()
    assert found == [*range(5), *range(100, 105), *range(5, 10), *range(105, 110)]
    assert interleaved((images[:3], -images[:3]), columns=5).ravel().tolist() == [0, 1, 2, 0, -1, -2]


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


def test_no_line_of_the_bound_falls_out_of_its_panel():
    rows = [{"epoch": e, "elbo": -99.0 + e, "kl": 1.0, "validation_elbo": -100.0 - 5 * e} for e in range(1, 21)]
    axes = plots.learning_curves(rows).axes[0]
    assert axes.get_ylim()[0] <= min(line.get_ydata().min() for line in axes.lines)


def test_a_cell_of_a_density_lies_around_its_point(monkeypatch):
    monkeypatch.setattr(plane, "_log_p", lambda key, trial, points: np.zeros(len(points)))
    x = jnp.array([[0.0, 0.0], [1.0, 2.0]])  # the points of the grid are 0.2 and 0.4 apart
    figure = plane.density(jax.random.key(0), TRIAL._replace(x=x), side=8)
    np.testing.assert_allclose(figure.axes[1].images[0].get_extent(), [-0.3, 1.3, -0.6, 2.6], rtol=1e-5)


def test_none_where_there_is_a_condition():
    conditional = TRIAL._replace(x=Given(X, X))
    assert figures.FIGURES["interpolations"](jax.random.key(0), conditional) is None


@pytest.mark.parametrize(("count", "size", "columns"), [(6, 28, 3), (10, 8, 10), (400, 28, 20), (1, 5, 1)])
def test_each_pixel_is_a_whole_number_of_the_figures(count, size, columns):
    figure = image_grid(np.zeros((count, size, size, 1)), columns=columns, title="a title " * 20, row_names=["0"])
    axes = figure.axes[0]
    box, shape = axes.get_window_extent(), axes.images[0].get_array().shape
    np.testing.assert_allclose(np.round(box.bounds), box.bounds, atol=1e-6)
    scale = np.array([box.height, box.width]) / shape
    np.testing.assert_allclose(scale, np.round(scale[0]), atol=1e-6)


def test_names_stand_beside_the_middle_of_their_images():
    figure = image_grid(np.zeros((6, 4, 8, 1)), columns=2, title="", row_names=["a", "b", "c"], column_names=["0", "1"])
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.get_yticks(), [1.5, 6.5, 11.5])
    np.testing.assert_allclose(axes.get_xticks(), [3.5, 12.5])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b", "c"]


@pytest.mark.parametrize("classes", [np.arange(10), np.array([2, 5]), np.array([4]), np.arange(47)], ids=len)
def test_a_tick_of_the_colour_bar_stands_in_the_middle_of_the_colour_of_its_points(classes):
    figure = plots.latent_scatter(np.zeros((len(classes), 2)), classes)
    bar, dots = figure.axes[1], figure.axes[0].collections[0]
    ticks, names = bar.get_yticks(), [int(text.get_text()) for text in bar.get_yticklabels()]
    np.testing.assert_array_equal(classes[ticks.astype(int)], names)
    edges = dots.norm.boundaries
    np.testing.assert_allclose(ticks, ((edges[1:] + edges[:-1]) / 2)[ticks.astype(int)])
    colours = dots.to_rgba(dots.get_array())[:, :3]
    assert len(np.unique(colours, axis=0)) == len(classes)


@pytest.mark.parametrize("num_epochs", [1, 3])
def test_epochs_are_whole_and_a_title_stands_above_all(num_epochs):
    rows = [{"epoch": e, "elbo": -e, "kl": 1.0, "validation_kl_per_layer": [1.0]} for e in range(1, num_epochs + 1)]
    for figure in (
        plots.learning_curves(rows),
        plots.kl_per_layer(rows),
        image_grid(np.asarray(X), columns=4, title="images"),
    ):
        title = plots.titled(figure, "digits, epoch 3")._suptitle
        figure.draw_without_rendering()
        others = [axes.get_tightbbox() for axes in figure.axes] + [
            text.get_window_extent() for text in figure.texts if text is not title
        ]
        lower = title.get_window_extent().y0
        assert all(box.y1 <= lower for box in others)
        for axes in figure.axes if figure.get_layout_engine() else []:
            ticks = axes.get_xticks()
            np.testing.assert_array_equal(ticks, np.round(ticks))
