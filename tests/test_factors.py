"""Images that were made from known factors: the shapes that are drawn, and factors in files."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from vaex import Model, data
from vaex.config import override
from vaex.config.task import build_task
from vaex.data.sources import shapes
from vaex.errors import UsageError
from vaex.evaluate import REPORTS, Trial
from vaex.runs.experiments import load_experiment

SPRITES = list(itertools.product(range(3), range(4), range(10)))
IMAGES = np.random.default_rng(0).integers(0, 2, (20, 6, 6), np.uint8)
CLASSES = np.stack([np.zeros(20), np.arange(20) % 3, np.arange(20) // 3], axis=1).astype(np.int64)


def test_shapes_are_a_function_of_their_factors():
    """A place further is two pixels further, a larger scale has the smaller in it, half a turn is a point's mirror."""
    at = lambda *factors: shapes.draw(np.array([factors]))[0]
    for shape in range(3):
        image = at(shape, 1, 3, 5, 9)
        np.testing.assert_array_equal(np.roll(image, (2, 4), (0, 1)), at(shape, 1, 3, 7, 10))
        np.testing.assert_array_equal(at(shape, 1, 8, 10, 6), image[::-1, ::-1])
        assert (at(shape, 2, 3, 5, 9) >= image).all()
    areas = [at(shape, 3, 0, 7, 7).sum() / 15.8**2 for shape in (0, 1)]
    np.testing.assert_allclose(areas, [1.4**2, np.pi / 2], rtol=0.02)


def test_no_rounding_decides_a_pixel_of_a_shape():
    assert min(np.abs(shapes.outside(*one)).min() for one in SPRITES) > 1e-6
    assert all(shapes.outside(*one)[[0, -1], :].min() > 0 < shapes.outside(*one)[:, [0, -1]].min() for one in SPRITES)


def test_the_data_set_has_every_combination_once_and_keeps_the_factors_of_each_image():
    found = data.load("shapes", num_validation=1000)
    splits = (found.train, found.validation, found.test)
    assert [len(split.images) for split in splits] == [26648, 1000, 3072]
    factors = np.concatenate([split.factors for split in splits])
    assert found.factors == ("shape", "scale", "rotation", "x", "y")
    assert {tuple(row) for row in factors.tolist()} == set(itertools.product(*map(range, shapes.FACTORS.values())))
    for split in splits:
        np.testing.assert_array_equal(split.images[:9, ..., 0], 255 * shapes.draw(split.factors[:9]))
        np.testing.assert_array_equal(split.labels, split.factors[:, 0])
    few = data.with_num_train(found, 7).train
    assert len(few.factors) == len(few.images) == 7


def test_factors_in_a_file_and_dsprites_own(tmp_path):
    for name, keys, names in (
        (
            "dsprites",
            {"imgs": IMAGES, "latents_classes": np.repeat(CLASSES, 2, 1)},
            "color shape scale orientation x y",
        ),
        ("own", {"images": IMAGES, "factors": CLASSES, "factor_names": np.array(["a", "b", "c"])}, "a b c"),
        ("unnamed", {"images": IMAGES, "factors": CLASSES[:, :1]}, "factor_1"),
        ("without", {"images": IMAGES}, ""),
    ):
        np.savez(tmp_path / f"{name}.npz", **keys, metadata=np.array({}, object))
        found = data.load(name, dir=tmp_path)
        assert found.factors == tuple(names.split())
        rows = keys.get("factors", keys.get("latents_classes"))
        of_image = dict(zip(map(np.ndarray.tobytes, IMAGES), [] if rows is None else rows, strict=False))
        for image, row in zip(
            found.test.images[..., 0] // 255, () if rows is None else found.test.factors, strict=False
        ):
            np.testing.assert_array_equal(of_image[image.tobytes()], row)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"factors": CLASSES[:5]}, r"train factors are int64, \(5, 3\): expected whole numbers, \[20, F\]"),
        ({"factors": CLASSES / 2}, r"train factors are float64"),
        ({"factors": CLASSES.astype(str)}, r"train factors are <U21"),
        ({"factors": CLASSES, "factor_names": np.array(["a"])}, r"the factors a: expected 3 names"),
        ({"factors": CLASSES, "test_images": IMAGES}, r"has train_factors alone: expected test_factors too"),
    ],
)
def test_factors_that_are_none_are_told(tmp_path, keys, message):
    np.savez(tmp_path / "a.npz", images=IMAGES, **keys)
    with pytest.raises(UsageError, match=message):
        data.load("a", dir=tmp_path)


def test_images_with_factors_are_not_streamed(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, factors=CLASSES)
    few = {"dir": tmp_path, "resident_bytes": 1}
    assert data.load("a", streaming="auto", **few).records is None
    with pytest.raises(UsageError, match="which cannot be streamed: it has factors"):
        data.load("a", streaming="on", **few)


def test_a_run_on_images_of_known_factors_reports_what_its_latents_tell():
    """Brightness is the only latent, and tells all of the first factor; of given images nobody knows factors."""
    split = lambda n: data.Split(
        np.broadcast_to(np.arange(n).astype(np.uint8)[:, None, None, None] % 5 * 50, (n, 8, 8, 1)),
        np.zeros(n, np.int32),
        np.stack([np.arange(n) % 5, np.arange(n) // 5 % 3], axis=1).astype(np.int32),
    )
    dataset = data.Dataset("d", "d", "here", split(150), split(15), split(30), factors=("a", "b"))
    task = build_task(override(load_experiment("digits"), ["--config.data.binarize=none"]), dataset=dataset)
    assert task.reports == ("scores", "disentanglement", "surgery")
    model = Model(
        prior=dist.Normal(jnp.zeros(1), 1.0).to_event(1),
        encode=lambda x: dist.Normal(10 * jnp.mean(x)[None], 0.01).to_event(1),
        decode=lambda z: dist.Normal(jnp.full((8, 8, 1), z[0] / 10), 1.0).to_event(3),
    )
    trial = Trial(model, None, dataset, lambda key, split: jnp.asarray(split.images) / 255)
    found = REPORTS["disentanglement"](jax.random.key(0), trial)
    assert found["mig"] == pytest.approx(0.5, abs=0.02)
    assert found["dci_error"] < 0.6
    assert set(found) == {"mig", "factor_vae_score", "dci_disentanglement", "dci_completeness", "dci_error"}
    given = dataset._replace(test=data.Split(*dataset.test[:2]))
    assert REPORTS["disentanglement"](jax.random.key(0), trial._replace(dataset=given)) == {}
