"""How a run is scored: at each validation, and at its end by results.json, figures and the summary."""

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

from vaex.config.setup import Setup
from vaex.distributions.masked import observed_size
from vaex.evaluate import reconstruction, summary
from vaex.runs import console, folder
from vaex.train.loop import Progress

_TEST_KEY = 20131220  # folded into the seed's key: the draws of evaluation, the same at each evaluation of a run


def validator(made: Setup) -> Callable[[Any], dict[str, float]]:
    """Validate on the validation split, or on 10,000 training images where there is none."""
    key = jax.random.fold_in(made.key, _TEST_KEY + 1)
    train, held_out = made.dataset.train, made.dataset.validation
    split = held_out if len(held_out.images) else jax.tree.map(lambda a: a[:10_000], train)
    validation_metrics = summary.validation_metrics if made.has_bound else reconstruction.validation_metrics
    return validation_metrics(made.bind, made.observe(key, split), key)


def write(path: Path, made: Setup, progress: Progress) -> None:
    """Write results.json and figures/ of the best checkpoint, and print the summary."""
    from vaex.runs import checkpoints

    state, best = checkpoints.restore(path, jax.eval_shape(made.init), best=True)
    data_key, score_key, figure_key, report_key = jax.random.split(jax.random.fold_in(made.key, _TEST_KEY), 4)
    test = made.dataset.test
    x = made.observe(data_key, test)
    c = made.options
    start = time.perf_counter()
    scores = _scores(score_key, made, state.params, x)
    model = made.bind(state.params)
    reports = [
        report(jax.random.fold_in(report_key, i), model, made.dataset, x) for i, report in enumerate(made.reporters)
    ]
    own_scores = {name: score for report in reports for name, score in report.scores.items()}
    examples = progress.epoch * made.num_steps * c.batch_size
    results = {
        **folder.read_json(path / folder.DATASET),
        **scores,
        **own_scores,
        "is_likelihood": made.is_likelihood,
        "train_seconds": round(progress.seconds, 2),
        "examples_per_second": round(examples / max(progress.epoch_seconds, 1e-9)),
        "evaluate_seconds": round(time.perf_counter() - start, 2),
        "num_epochs": progress.epoch,
        "best_epoch": best["epoch"],
        "seed": c.seed,
        "versions": {name: version(name) for name in ("vaex", "jax", "jaxlib", "flax", "optax", "numpyro", "numpy")},
        "device": jax.devices()[0].device_kind,
    }
    folder.write_json(path / folder.RESULTS, results)
    from vaex import figures  # matplotlib takes a second to import, which the first step need not wait for

    rows = folder.read_metrics(path)
    folder.save_figure(path, "learning_curves", figures.learning_curves(rows))
    if results.get("kl_per_dimension") is not None:
        folder.save_figure(path, "kl_per_dimension", figures.kl_per_dimension(results["kl_per_dimension"]))
    if results.get("kl_per_layer") is not None:
        folder.save_figure(path, "kl_per_layer", figures.kl_per_layer(rows))
    if not made.has_bound:
        drawn = [("reconstructions", figures.of_autoencoder(made.bind, state.params, x))]
    else:
        drawn = figures.of_model(figure_key, made.bind, state.params, x, test.labels)
    for name, figure in drawn:
        folder.save_figure(path, name, figure)
    for name, figure in (pair for report in reports for pair in report.figures.items()):
        folder.save_figure(path, name, figure)
    console.summary(results, folder.shown(path), own_scores)


def _scores(key: jax.Array, made: Setup, params: Any, x: Any) -> dict[str, Any]:
    """The test scores, among which an autoencoder has no bound."""
    if not made.has_bound:
        return reconstruction.scores(made.bind, params, x)
    c = made.options
    with console.evaluating(len(made.dataset.test.images), c.num_samples) as advance:
        return summary.scores(
            key,
            made.bind,
            params,
            x,
            num_dims=observed_size(x, made.num_dims),
            num_samples=c.num_samples,
            chunk_size=c.chunk_size,
            batch_size=c.evaluate_batch_size,
            dequantized=made.dequantized,
            advance=advance,
        )
