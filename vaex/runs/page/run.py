"""The page of a run."""

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from vaex.config import Told
from vaex.files import Json
from vaex.runs.page.curves import bars, clock, curves, panels
from vaex.runs.page.document import document
from vaex.runs.page.html import section, table, tag
from vaex.runs.page.scores import score_rows

_ALTERNATIVES = {
    "reconstructions": "Test images, and below each its reconstruction.",
    "samples": "Images that the model draws from its prior.",
    "samples_by_label": "A row for each class: images that the model draws under it.",
    "manifold": "Images of latents on a grid, or of one latent after another moved from -3 to 3.",
    "interpolations": "Rows of images on the way between two test images.",
    "latent": "The posterior means of test images in the plane, coloured by label.",
    "autoencoded": "Test images, and below each its reconstruction.",
    "analogies": "Test images, and beside each its style under every label.",
    "components": "A row for each cluster of the prior: images drawn from it.",
    "imputations": "What is observed of test images, what the model makes of the rest, and the truth.",
    "enlargements": "Small images, what the model makes of them, interpolation, and the image itself.",
    "completions": "Upper halves of images, what the model draws below them, and the image itself.",
    "roll_outs": "Test sequences, and below each the frames that the model draws one after another.",
    "round_trips": "Test images and draws from the prior, by way of latents and back, and the errors of both ways.",
    "training": "What the same latents become after each validation.",
    "latent_training": "The posterior means of validation images after each validation, coloured by label.",
    "walk": "What the decoder makes of latents that walk from one test image to another.",
    "density": "Test points of the plane beside the density that the model has learned.",
}
_AS_CURVES = ("learning_curves", "kl_per_dimension")  # which the page draws itself
_MOST = 1_800_000  # bytes of pictures: with Bokeh's scripts, and a third more in base64, a page below 4 MB


class RunShown(NamedTuple):
    """What a page shows of a run."""

    folder: str
    state: str  # how far it is, a sentence or two
    is_wrong: bool  # whether it ended as nobody wants
    dataset: Mapping[str, Json]
    results: Mapping[str, Json]  # {} before its end
    rows: Sequence[Mapping[str, Json]]
    config: Sequence[Told]
    figures: Mapping[str, bytes]  # PNG and GIF files by their names
    environment: Mapping[str, Json]  # versions and device
    commands: Sequence[str]
    model: Markup = Markup("")  # its directed graph, or a sentence that says why it is not drawn
    explorer: str = ""  # HTML of the model itself, live


def run_page(run: RunShown) -> str:
    """A run as one file of HTML.

    Args:
        run: what there is of it; whatever there is not has a sentence in its place.
    """
    name, dataset = run.dataset["experiment"], run.dataset["dataset"]
    parts = {
        "scores": ("Scores", _scores(run)),
        "curves": ("Curves", _curves(run)),
        **({"latents": ("Latents", _latents(run.results))} if run.results.get("kl_per_dimension") else {}),
        "pictures": ("Pictures", _pictures(run.figures)),
        **({"explorer": ("The latent space", Markup(run.explorer))} if run.explorer else {}),
        **({"model": ("The model", run.model)} if run.model else {}),
        "config": ("Config", _config(run.config)),
        "made": ("How it was made", _made(run)),
    }
    top = [
        tag("h1", name),
        tag("p", f"on {dataset}; {run.folder}", class_="faint"),
        tag("p", run.state, class_="state wrong" if run.is_wrong else "state", role="status"),
    ]
    links = [(part, title) for part, (title, _) in parts.items()]
    sections = [section(part, title, content) for part, (title, content) in parts.items()]
    return document(f"{name} on {dataset}", links, *top, *sections)


def _scores(run: RunShown) -> Markup:
    rows = score_rows(run.results)
    if not rows:
        return tag("p", "There are no scores: they are measured when training has ended, and by make evaluate.")
    note = None
    if not run.results.get("is_likelihood", True):
        note = tag("p", "The pixels are grey and the likelihood is binary: what follows is a loss, not a likelihood.")
    return tag("div", note, table(["score", "value", "what it means"], rows, class_="told"))


def _curves(run: RunShown) -> Markup:
    if not run.rows:
        return tag("p", "There are no curves: no epoch has ended yet, or metrics.jsonl is not in the folder.")
    return curves([clock(run.rows, run.dataset.get("num_steps"))], panels(run.rows))


def _latents(results: Mapping[str, Json]) -> Markup:
    about = "A dimension whose KL is near 0 carries nothing about x: q(z|x) is the prior there."
    kls = sorted(results["kl_per_dimension"], reverse=True)
    return tag("div", tag("p", about), bars("KL of each latent dimension, nats", "dimension, sorted", kls))


def _pictures(figures: Mapping[str, bytes]) -> Markup:
    own = {name: png for name, png in figures.items() if name not in _AS_CURVES}
    if not own:
        return tag("p", "There are no pictures: they are drawn when training has ended, of images and of the plane.")
    order = [*(name for name in _ALTERNATIVES if name in own), *sorted(set(own) - set(_ALTERNATIVES))]
    order.sort(key=lambda name: _moves(own[name]))
    shown, left_out, room = [], [], _MOST
    for name in order:
        room -= len(own[name])
        (shown if room >= 0 else left_out).append(name)
        room += 0 if room >= 0 else len(own[name])
    note = tag("p", f"Too large for a page, and in figures/ of the run: {', '.join(left_out)}.") if left_out else None
    still = [_picture(name, own[name]) for name in shown if not _moves(own[name])]
    moving = [_picture(name, own[name]) for name in shown if _moves(own[name])]  # which one need not look at
    told = tag("summary", f"pictures that move ({len(moving)})")
    folded = tag("details", told, tag("div", *moving, class_="pictures")) if moving else None
    return tag("div", tag("div", *still, class_="pictures"), folded, note)


def _moves(picture: bytes) -> bool:
    return picture.startswith(b"GIF8")


def _picture(name: str, picture: bytes) -> Markup:
    said = name.replace("_", " ")
    kind = "gif" if _moves(picture) else "png"
    source = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    image = tag("img", src=source, alt=_ALTERNATIVES.get(name, said), loading="lazy")
    return tag("figure", image, tag("figcaption", said))


def _config(config: Sequence[Told]) -> Markup:
    """What differs from the defaults, then every field."""
    if not config:
        return tag("p", "config.json cannot be read by this version of vaex.")
    other = [field for field in config if not field.is_default]
    few = [(f.path, tag("code", f.value), f.about) for f in other]
    cells = [(f.path, tag("code", f.value), "" if f.is_default else "◆ set", f.about) for f in config]
    whole = table(["field", "value", "differs", "what it means"], cells, class_="told")
    every = tag("details", tag("summary", f"every field ({len(config)}), ◆ where it is not the default"), whole)
    return tag(
        "div",
        tag("p", "What differs from the defaults:"),
        table(["field", "value", "what it means"], few, class_="told"),
        every,
    )


def _made(run: RunShown) -> Markup:
    results, dataset = run.results, run.dataset
    versions = ", ".join(f"{k} {v}" for k, v in (run.environment.get("versions") or {}).items() if v)
    rate, origin = results.get("examples_per_second"), results.get("origin")
    seed = next((field.value for field in run.config if field.path == "seed"), None)
    num_train = f"{dataset['num_train']:,} training examples" if type(dataset.get("num_train")) is int else ""
    rows = [
        ("command", tag("pre", "\n".join(run.commands)) if run.commands else None),
        ("started from", f"epoch {origin['epoch']} of {origin['run']}" if origin else None),
        ("data", f"{dataset['dataset']}: {num_train} from {dataset.get('source', 'an unknown place')}"),
        ("seed", seed),
        ("versions", versions or None),
        ("device", run.environment.get("device")),
        ("training", f"{results['train_seconds']:,.1f} s" if "train_seconds" in results else None),
        ("speed", f"{rate:,} examples per second" if rate is not None else None),
        ("evaluation", f"{results['evaluate_seconds']:,.1f} s" if "evaluate_seconds" in results else None),
    ]
    return table(["what", "which"], [row for row in rows if row[1] is not None], class_="told")
