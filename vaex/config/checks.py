"""What a config's fields may hold: errors name the field, what it is, and what it should be."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from vaex.config.fields import Config, default_config
from vaex.errors import UsageError

T = TypeVar("T")


def lookup(table: Mapping[str, T], name: str, field: str) -> T:
    """The entry of a table of names; field is what names it in a config."""
    if name not in table:
        near = difflib.get_close_matches(str(name), table, n=3) or list(table)
        raise UsageError(f"{field} is {name!r}: expected one of {', '.join(table)}; nearest: {', '.join(near)}")
    return table[name]


LAYERED = ("hierarchy", "ladder")  # kinds of model with a tuple of latents

_HIDDEN = ("encoder", "decoder", "upper", "flow", "prior")
_WITH_SIGMA = ("gaussian_fixed", "gaussian_scalar", "gaussian_pixel", "gaussian_output", "discretized_logistic")

# Fields of config.model that belong to a choice: field -> (the choosing field, its names, an example if required).
OWNED: dict[str, tuple[str, tuple[str, ...], str | None]] = {
    "sigma": ("likelihood", _WITH_SIGMA, None),
    "likelihood_components": ("likelihood", ("logistic_mixture",), "3"),
    "num_classes": ("posterior", ("one_hot",), "10"),
    "upper_dim": ("kind", ("m1m2",), "10"),
    "upper_hidden": ("kind", ("m1m2",), "300"),
    "num_flows": ("posterior", ("planar", "iaf", "affine_coupling", "spline_coupling"), "2"),
    "flow_hidden": ("posterior", ("iaf", "affine_coupling", "spline_coupling"), "128"),
    "flow_context": ("posterior", ("iaf", "affine_coupling", "spline_coupling"), None),
    "num_bins": ("posterior", ("spline_coupling",), None),
    "prior_flows": ("prior", ("flow",), "2"),
    "prior_hidden": ("prior", ("flow",), "128"),
    "num_components": ("prior", ("mixture", "vamp"), "100"),
    "num_codes": ("kind", ("vqvae",), "64"),
    "patch": ("kind", ("vqvae",), "4"),
    "codebook_decay": ("kind", ("vqvae",), None),
    "prior_width": ("kind", ("vqvae",), None),
    "prior_depth": ("kind", ("vqvae",), None),
    "latent_dims": ("kind", LAYERED, "100,50"),
    "between_hidden": ("kind", LAYERED, "((100,100),)"),
    "channels": ("network", ("conv", "residual"), "16,32"),
    "num_blocks": ("network", ("residual",), "1,1"),
}


def check_fields(config: Config) -> None:
    """Each field of config.model is set where something reads it, and only there.

    Raises:
        UsageError: a field that would be ignored, or that is missing.
    """
    c, default = config.model, default_config().model
    for field, (owner, names, example) in OWNED.items():
        owned = c[owner] in names
        if c[field] != default[field] and not owned:
            raise UsageError(
                f"model.{field} is set, but model.{owner} {c[owner]!r} has none: {_back(field, default)}, or set "
                f"--config.model.{owner} to {' or '.join(names)}"
            )
        if owned and example and c[field] is None:
            raise UsageError(
                f"model.{owner} is {c[owner]!r} without model.{field}: set --config.model.{field}={example}, say"
            )
    if c.network == "gated" and c.activation != default.activation and not _other_networks(config):
        raise UsageError(
            f"model.activation is set, but model.network 'gated' has none: {_back('activation', default)}, or set "
            "--config.model.network to mlp or conv or residual"
        )
    if c.posterior == "one_hot" and c.prior not in (None, "uniform"):
        raise UsageError(f"model.prior is {c.prior!r} over continuous latents: leave it unset with one_hot latents")
    if c.prior == "uniform" and c.posterior != "one_hot":
        raise UsageError("model.prior is 'uniform', over one-hot latents: set --config.model.posterior=one_hot")
    if c.kind == "deep":
        _check_deep(c, default)
    if c.num_blocks is not None and len(c.num_blocks) != len(c.channels):
        raise UsageError(
            f"model.num_blocks is {c.num_blocks} with model.channels {c.channels}: expected one for each resolution"
        )
    if c.likelihood == "gaussian_fixed" and c.sigma is None:
        raise UsageError("model.likelihood is 'gaussian_fixed' without a sigma: set --config.model.sigma=0.1, say")
    if c.kind == "vqvae" and (c.posterior, c.prior, c.network) != ("diagonal", None, "mlp"):
        raise UsageError(
            "model.kind 'vqvae' has a posterior, a prior and networks of its own: leave model.posterior, "
            "model.prior and model.network as they are"
        )
    if c.kind == "vqvae" and config.objective.name != "vq":
        raise UsageError(
            f"model.kind is 'vqvae' with objective.name {config.objective.name!r}, which would not train its encoder: "
            "set --config.objective.name=vq"
        )
    if c.kind in LAYERED:
        _check_layers(c)
    elif c.latent_dim is None:
        raise UsageError(f"model.kind is {c.kind!r} without model.latent_dim: set --config.model.latent_dim")


def _other_networks(config: Config) -> bool:
    """Whether there are networks with an activation beside those that model.network names."""
    c = config.model
    hidden = (c.flow_hidden, c.prior_hidden, c.upper_hidden)
    of_condition = config.data.condition is not None and c.prior is None
    return c.kind == "m2" or of_condition or any(widths is not None for widths in hidden)


def _back(field: str, default: Config) -> str:
    """How to take a field of config.model back to its default."""
    value = default[field]
    if value is None:
        return "unset it"
    return f"set --config.model.{field}={','.join(map(str, value)) if isinstance(value, tuple) else value}"


def _check_layers(c: Config) -> None:
    """The fields of a hierarchy fit one another, and none is set that it does not read."""
    for field, plain in (("latent_dim", None), ("prior", None), ("posterior", "diagonal"), ("network", "mlp")):
        if c[field] != plain:
            cure = f"set config.model.{field} = {plain!r} in the experiment"
            raise UsageError(f"model.{field} is {c[field]!r}, which model.kind {c.kind!r} does not read: {cure}")
    if not c.latent_dims or not all(isinstance(dim, int) for dim in c.latent_dims):
        raise UsageError(f"model.latent_dims is {c.latent_dims}: expected the size of each layer, such as (100, 50)")
    between = c.between_hidden
    if len(between) != len(c.latent_dims) - 1 or not all(isinstance(widths, tuple) for widths in between):
        raise UsageError(
            f"model.between_hidden is {between}: expected {len(c.latent_dims) - 1} tuples of widths, one between each "
            f"two of the {len(c.latent_dims)} layers of model.latent_dims, such as ((100, 100),) for two layers"
        )


def check_autoencoder(config: Config) -> None:
    """The choices that make an autoencoder come together, and its noise with its level.

    Raises:
        UsageError: one without the other.
    """
    posterior, objective, kind = config.model.posterior, config.objective.name, config.model.kind
    noise, level = config.data.noise, config.data.noise_level
    if (posterior == "point") != (objective == "reconstruction"):
        raise UsageError(
            f"model.posterior is {posterior!r} with objective.name {objective!r}: an autoencoder needs 'point' and "
            "'reconstruction' together, and nothing else may have either"
        )
    if posterior == "point" and (kind != "vae" or config.model.prior is not None):
        found = f"model.kind {kind!r}" if kind != "vae" else f"model.prior {config.model.prior!r}"
        raise UsageError(f"model.posterior is 'point' with {found}: an autoencoder is of kind 'vae', its prior unset")
    if posterior == "point" and config.data.missing is not None:
        raise UsageError("data.missing is set with model.posterior 'point': imputation needs p(z), so unset it")
    unread = [field for field, value in default_config().evaluate.items() if config.evaluate[field] != value]
    if posterior == "point" and unread:
        raise UsageError(f"evaluate.{unread[0]} is set with model.posterior 'point', which draws nothing: unset it")
    if config.model.prior == "none" and posterior != "point":
        raise UsageError("model.prior is 'none', an autoencoder's: set another, or --config.model.posterior=point")
    if noise is not None and objective != "reconstruction":
        raise UsageError(
            f"data.noise is {noise!r} with objective.name {objective!r}: it is for denoising autoencoders; unset it, "
            "or set --config.objective.name=reconstruction --config.model.posterior=point"
        )
    if noise is not None and config.data.num_labels is not None:
        raise UsageError("data.num_labels is set with data.noise, whose latents are of corrupted images: unset one")
    if (noise is None) != (level is None):
        missing, there = ("data.noise_level", "data.noise") if level is None else ("data.noise", "data.noise_level")
        raise UsageError(f"{there} is set without {missing}: set --config.{missing}, or unset it")
    if level is not None and (level < 0 or (level > 1 and noise == "masking")):
        raise UsageError(f"data.noise_level is {level}: expected 0 or more, and at most 1 where noise masks")


def _check_deep(c: Config, default: Config) -> None:
    if c.network != "residual":
        raise UsageError(
            f"model.kind is 'deep' with model.network {c.network!r}: set --config.model.network=residual, whose "
            "channels and num_blocks are the deep model's"
        )
    for field in ("encoder_hidden", "decoder_hidden", "posterior", "prior"):
        if c[field] != default[field]:
            raise UsageError(
                f"model.{field} is {c[field]!r}, which model.kind 'deep' does not read: {_back(field, default)}"
            )


def check_numbers(config: Config) -> None:
    """Every number is one that can be.

    Raises:
        UsageError: one is not.
    """
    positive = {
        "data.num_labels": config.data.num_labels,
        "data.num_classes": config.data.num_classes,
        "model.latent_dim": config.model.latent_dim,
        "model.upper_dim": config.model.upper_dim,
        "model.sigma": config.model.sigma,
        "model.num_classes": config.model.num_classes,
        "model.num_components": config.model.num_components,
        "model.num_flows": config.model.num_flows,
        "model.flow_context": config.model.flow_context,
        "model.num_bins": config.model.num_bins,
        "model.prior_flows": config.model.prior_flows,
        "model.num_codes": config.model.num_codes,
        "model.patch": config.model.patch,
        "model.prior_width": config.model.prior_width,
        "model.prior_depth": config.model.prior_depth,
        "model.likelihood_components": config.model.likelihood_components,
        "schedule.steps": config.schedule.steps,
        "train.weight_sigma": config.train.weight_sigma,
        "optimizer.learning_rate": config.optimizer.learning_rate,
        "optimizer.final_learning_rate": config.optimizer.final_learning_rate,
        "optimizer.eps": config.optimizer.eps,
        "optimizer.clip_norm": config.optimizer.clip_norm,
        "optimizer.max_skipped": config.optimizer.max_skipped,
        "objective.num_samples": config.objective.num_samples,
        "train.batch_size": config.train.batch_size,
        "train.num_epochs": config.train.num_epochs,
        "train.eval_every": config.train.eval_every,
        "evaluate.num_samples": config.evaluate.num_samples,
        "evaluate.chunk_size": config.evaluate.chunk_size,
        "evaluate.batch_size": config.evaluate.batch_size,
        **{f"model.latent_dims[{i}]": dim for i, dim in enumerate(config.model.latent_dims or ())},
        **{
            f"model.between_hidden[{j}][{i}]": w
            for j, widths in enumerate(config.model.between_hidden or ())
            for i, w in enumerate(widths)
        },
        **{
            f"model.{field}[{i}]": w
            for field in (*(f"{part}_hidden" for part in _HIDDEN), "channels", "num_blocks")
            for i, w in enumerate(config.model[field] or ())
        },
    }
    for field, value in positive.items():
        number, what = (int, "whole number") if field.endswith("]") else ((int, float), "number")
        if value is not None and not (isinstance(value, number) and 0 < value < float("inf")):
            raise UsageError(f"{field} is {value!r}: expected a {what} above 0")
    if not 0 <= (config.model.codebook_decay or 0) < 1:
        raise UsageError(f"model.codebook_decay is {config.model.codebook_decay}: expected 0 or more, and less than 1")
    missing = config.data.missing
    if missing is not None and not 0 < missing < 1:
        raise UsageError(f"data.missing is {missing}: expected a fraction of the pixels above 0 and below 1, or unset")
    if config.train.patience < 0:
        raise UsageError(f"train.patience is {config.train.patience}: expected 0 (never stop early) or more")
    if config.objective.kl not in (None, "analytic", "sampled"):
        raise UsageError(f'objective.kl is {config.objective.kl!r}: expected "analytic" or "sampled"')
