"""The latent space of a trained model, live: its own decoder and encoder in the browser, as a part of a page."""

from importlib.resources import files

import numpy as np

from vaex.distributions.masked import filled
from vaex.errors import UsageError
from vaex.evaluate.trial import Trial
from vaex.files import Fields
from vaex.model import first, split
from vaex.runs.page.html import data, tag
from vaex.runs.page.javascript.weights import stored
from vaex.runs.page.live import Live, live

_MEANS, _SHOWN, _SLIDERS, _DRAWS = 500, 24, 12, 64  # test examples, those shown, sliders in all, draws made here
_SCRIPTS = ("runtime.js", "paths.js", "pictures.js", "explorer.js")


def explorer(trial: Trial) -> str:
    """A fragment of HTML: sliders, a pad of two latents, draws, walks, and a canvas to draw on.

    x = E[p(x|z)],   z from the sliders, from p(z), from between two test images, or from q(z|x) of what is drawn

    It needs no network: script, style and weights, of half precision, are within. Where the model is not of images, or
    its decoder has no JavaScript, the fragment is one sentence that says so.

    Args:
        trial: a trained model and test examples.
    """
    try:
        content, source = _content(trial)
    except UsageError as error:
        return tag("section", tag("p", f"No live latent space here: {error}."), class_="explorer") + "\n"
    folder = files("vaex.runs.page") / "static"
    read = lambda name: (folder / name).read_text(encoding="utf-8")
    scripts = "\n".join(map(read, _SCRIPTS))
    return (
        f"<style>{read('explorer.css')}</style>\n{read('explorer.html')}"
        f"{data(content, id='explorer-data')}\n"
        f"<script>(()=>{{\n{scripts}\nexplore(\n{source}\n);\n}})();</script>\n"
    )


def _content(trial: Trial) -> tuple[Fields, str]:
    """What the page's script reads, and the functions that it calls."""
    shape = np.shape(filled(split(first(trial.x, 1))[0], 0.5))[1:]
    if len(shape) != 3:
        raise UsageError(f"x has shape {shape}, and what is shown here are images [H, W, C]")
    made = live(trial)
    parts = made.encoded(first(trial.x, _MEANS))
    weights, notes = made.stored()
    draws = None if made.has_draws else made.drawn(_DRAWS)
    shown = first(trial.x, _SHOWN)
    images = np.asarray(filled(split(shown)[0], 0.5))
    content = {
        "weights": [weight._asdict() for weight in weights],
        "shape": shape,
        "layers": _layers(made, parts),
        "labels": trial.dataset.test.labels[: len(parts[0])].tolist(),
        "images": _bytes(images),
        "points": [_halves(part[:_SHOWN]) for part in parts],
        "is_binary": bool(np.isin(images, (0, 1)).all()),
        "conditions": {"names": made.condition_names, "values": _halves(made.conditions)},
        "condition_moves": made.condition_moves,
        "condition_of": made.condition_of(len(images)),
        "draws": None if draws is None else [_halves(part) for part in draws],
        "has_encoder": made.has_encoder,
        "has_spread": made.has_spread,
        "shows_condition": made.shows_condition,
        "notes": notes,
    }
    return content, made.program.source


def _layers(made: Live, parts: tuple[np.ndarray, ...]) -> list[Fields]:
    """Of each layer what moves: of real ones the most active latents, by the variance of the test images' means."""
    known, count = made.coordinates, made.coordinates.kinds.count("real")
    layers = []
    for name, kind, part in zip(known.layers, known.kinds, parts, strict=True):
        flat = part.reshape(len(part), -1)
        few = {"real": max(2, _SLIDERS // max(count, 1))}.get(kind, 0)
        dims = np.argsort(-flat.var(axis=0), kind="stable")[:few]
        layers.append(
            {"name": name, "kind": kind, "size": flat.shape[1], "dims": dims.tolist(), "means": _halves(flat[:, dims])}
        )
    return layers


def _halves(values: np.ndarray) -> Fields:
    return stored(np.asarray(values, np.float32))._asdict()


def _bytes(images: np.ndarray) -> Fields:
    return stored(np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8))._asdict()
