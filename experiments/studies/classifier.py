"""A classifier is a directed graphical model of two variables, one of them given: digits against scikit-learn."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array
from matplotlib.figure import Figure

from vaex import data, objectives
from vaex.model import Given, Params
from vaex.models.graph import Graph, Node
from vaex.models.posteriors import one_hot_categorical
from vaex.networks import MLP
from vaex.train import Recipe, TrainState, init_state, train_epoch

SIGMA = 1.0  # of the Gaussian prior on the weights
_CLASSES = 10
_EVERY = 20  # updates between two points of a curve


class Scores(NamedTuple):
    """Of a classifier, or of each of several along a path."""

    train_loss: np.ndarray  # -log p(y|x), nats per example
    test_loss: np.ndarray
    accuracy: np.ndarray  # on test data
    objective: np.ndarray  # -1/N log p(params, y|x) on training data, without the prior's constant


def examples() -> tuple[Given, Given]:
    """Scikit-learn's digits, 1,618 to train on and 179 to test: y one-hot, given x in [0, 1]."""
    digits = data.load("digits")

    def given(split: data.Split) -> Given:
        x = jnp.asarray(split.images.reshape(len(split.images), -1) / 255, jnp.float32)
        return Given({"y": jax.nn.one_hot(split.labels, _CLASSES)}, {"x": x})

    return given(digits.train), given(digits.test)


def train_classifier(hidden: tuple[int, ...] = (), *, num_updates: int = 2000) -> Scores:
    """Maximum a posteriori for p(y|x) = softmax(network(x)), by Adam on the whole training set.

    maximise 1/N sum_i log p(y_i|x_i) + 1/N log N(params; 0, sigma^2 I)

    Args:
        hidden: the widths of the network's hidden layers; none makes softmax regression.
        num_updates: a multiple of 20.

    Returns:
        Scores after every 20 updates, each [num_updates / 20].

    Source: Kingma and Welling 2019, An Introduction to Variational Autoencoders, the section on parameterizing
    conditional distributions with neural networks.
    """
    train, test = examples()
    num_train, dim = train.condition["x"].shape
    graph = Graph((Node("y", one_hot_categorical(), MLP(hidden, (_CLASSES,), jnp.tanh), ("x",)),), inputs={"x": (dim,)})
    for split in (train, test):
        graph.check(split.x)
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, num_updates))
    penalty = functools.partial(objectives.weight_penalty, sigma=SIGMA, num_train=num_train)
    loss = objectives.batch_loss(objectives.log_joint)
    recipe = Recipe(graph.bind, loss, optimizer, lambda key, batch: batch, penalty)

    def measure(params: Params, split: Given) -> tuple[Array, Array]:
        """The log-loss and the accuracy."""
        logits = jax.vmap(lambda c: graph.bind(params).given(c).conditional("y").logits)(split.condition)
        y = jnp.argmax(split.x["y"], axis=-1)
        log_loss = optax.softmax_cross_entropy_with_integer_labels(logits, y)
        return jnp.mean(log_loss), jnp.mean(jnp.argmax(logits, axis=-1) == y)

    def point(state: TrainState, _: None) -> tuple[TrainState, Scores]:
        def update(state: TrainState, _: None) -> tuple[TrainState, None]:
            return train_epoch(state, jax.random.key(1), train, recipe=recipe, batch_size=num_train)[0], None

        state = jax.lax.scan(update, state, None, length=_EVERY)[0]
        train_loss, (test_loss, accuracy) = measure(state.params, train)[0], measure(state.params, test)
        return state, Scores(train_loss, test_loss, accuracy, train_loss + penalty(state.params))  # pyright: ignore

    state = init_state(graph.init(jax.random.key(0)), optimizer)
    scores = jax.jit(lambda s: jax.lax.scan(point, s, None, length=num_updates // _EVERY)[1])(state)
    return jax.tree.map(np.asarray, scores)


def logistic_regression() -> Scores:
    """Scikit-learn's optimum of the same objective: C = sigma^2, and a column of ones for the penalized bias."""
    from sklearn.linear_model import LogisticRegression

    train, test = examples()
    (x, y), (x_test, y_test) = (
        (np.column_stack([s.condition["x"], np.ones(len(s.condition["x"]))]).astype(float), np.argmax(s.x["y"], -1))
        for s in (train, test)
    )
    fitted = LogisticRegression(C=SIGMA**2, fit_intercept=False, tol=1e-8, max_iter=10_000).fit(x, y)
    train_loss, test_loss = (
        -np.mean(fitted.predict_log_proba(a)[np.arange(len(b)), b]) for a, b in ((x, y), (x_test, y_test))
    )
    penalty = np.sum(fitted.coef_**2) / (2 * SIGMA**2 * len(x))
    return Scores(train_loss, test_loss, np.mean(fitted.predict(x_test) == y_test), train_loss + penalty)


def classifier_figure() -> tuple[Figure, list[str]]:
    """The log-losses of softmax regression and of a network against the updates, and scikit-learn's beside them."""
    exact = logistic_regression()
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    lines = [_line("scikit-learn's logistic regression", exact)]
    for i, (name, hidden) in enumerate({"softmax regression": (), "one hidden layer of 64": (64,)}.items()):
        scores = train_classifier(hidden)
        updates = _EVERY * np.arange(1, len(scores.objective) + 1)
        axes.loglog(updates, scores.test_loss, color=f"C{i}", label=f"{name}, test")
        axes.loglog(updates, scores.train_loss, color=f"C{i}", linestyle=":", label=f"{name}, training")
        lines.append(_line(name, Scores(*(value[-1] for value in scores))))
    axes.axhline(float(exact.test_loss), color="black", linewidth=1, label="scikit-learn's optimum, test")
    axes.axhline(float(exact.train_loss), color="black", linewidth=1, linestyle=":", label="the same, training")
    axes.set_xlabel("updates")
    axes.set_ylabel("-log p(y|x), nats per example")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure, lines


def _line(name: str, scores: Scores) -> str:
    return (
        f"{name}: MAP objective {scores.objective:.5f}, log-loss {scores.train_loss:.4f} in training, "
        f"{scores.test_loss:.4f} in test, accuracy {100 * scores.accuracy:.1f}%"
    )
