"""What is said of a flag for a field that there is not: whose it is, or which is nearest."""

import difflib
from collections.abc import Iterator

from vaex.choices import Choices
from vaex.config.fields import walk
from vaex.config.root import ROOT
from vaex.config.section import Config, field_at, get

# What other libraries call them, and their last names here.
USUAL = {
    "lr": "optimizer.learning_rate",
    "learning_rate": "optimizer.learning_rate",
    "epochs": "train.num_epochs",
    "num_epochs": "train.num_epochs",
    "batch_size": "train.batch_size",
    "hidden": "model.network.encoder_hidden",
    "encoder_hidden": "model.network.encoder_hidden",
    "decoder_hidden": "model.network.decoder_hidden",
    "hidden_dim": "model.network.encoder_hidden",
    "k": "objective.num_samples",
    "num_samples": "objective.num_samples",
    "z_dim": "model.latent_dim",
    "latent_dim": "model.latent_dim",
    "latent_size": "model.latent_dim",
    "beta": "objective.beta",
    "kl_weight": "objective.beta",
    "dataset": "data.name",
    "optimizer": "optimizer.name",
    "loss": "objective.name",
    "kind": "model.name",
    "activation": "model.network.activation",
}


def of_flag(config: Config, path: str) -> str:
    """A path that the config has not: in one line which choice has such a field, or which names are near."""
    parent, _, last = path.rpartition(".")
    usual = USUAL.get(last, "")
    is_usual = usual != path and usual in paths(config)
    is_within = is_usual and usual.startswith(f"{parent}.")
    elsewhere = [other for other in paths(config) if other.rpartition(".")[2] == last]
    section, _, missing = _first_unknown(config, path).rpartition(".")
    owner = field_at(ROOT, config, section) if section else None
    is_within |= last != "name" and any(other.startswith(f"{section}.") for other in elsewhere)
    if not is_within and owner is not None and owner.choices is not None and owner.choices.has_names:
        if get(config, section) is None:
            return f"--config.{path} is of a section that is not set: set --config.{section}.name first"
        having = [name for name in owner.choices if missing in owner.choices.fields(name)]
        if having:
            now, having = get(config, section).name, _some(having)
            cure = f"set --config.{section}.name as well"
            return f"--config.{path}: {owner.choices.what} {now!r} has no {missing}, which is of {having}: {cure}"
    if is_usual:
        return f"unknown config field --config.{path}: it is --config.{usual}"
    near = elsewhere if last != "name" else []
    near = near or difflib.get_close_matches(path, list(paths(config)), n=3)
    if near:
        nearest = ", ".join(f"--config.{other}" for other in near[:3])
        return f"unknown config field --config.{path}: nearest: {nearest}"
    having = sorted({f"{choices.what} {name!r}" for choices, name in _everywhere(ROOT) if last in choices.fields(name)})
    if having:
        return f"--config.{path}: {last} is a field of {', '.join(having[:5])}; name that first"
    return f"unknown config field --config.{path}: `make config` lists the fields"


def _some(names: list[str]) -> str:
    """All of a few, the first of many."""
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:6])} and {len(names) - 6} more"


def _first_unknown(config: Config, path: str) -> str:
    """The shortest beginning of a path that is no field: "model.noise" of "model.noise.name"."""
    parts = path.split(".")
    heads = [".".join(parts[:n]) for n in range(1, len(parts))]
    return next((head for head in heads if field_at(ROOT, config, head) is None), path)


def paths(config: Config) -> Iterator[str]:
    """Of every field that is no section."""
    return (path for path, _, _ in walk(ROOT, config, ""))


def _everywhere(choices: Choices) -> Iterator[tuple[Choices, str]]:
    """Every choice of every table, however deep."""
    for name in choices:
        yield choices, name
        for field in choices.fields(name).values():
            if field.choices is not None:
                yield from _everywhere(field.choices)
