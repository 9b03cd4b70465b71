"""The fields of a config, with what each means; an experiment changes some of them, and flags change more."""

import difflib
import json
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, FieldReference, config_flags
from ml_collections.config_dict import placeholder

from vaex.errors import UsageError

Config = Any  # a ConfigDict, whose fields have no static types


def default_config() -> Config:
    """Every field there is. A placeholder is unset until somebody sets it."""
    return ConfigDict(
        {
            "seed": 0,
            "data": {
                "name": "mnist",  # a TFDS image data set, a folder or an npz file
                "dir": "",  # where to look first; "" takes VAEX_DATA_DIR
                "num_validation": 1000,  # from the tail of train
                "missing": placeholder(float),  # fraction of each image's pixels that nothing sees; unset: none
                "binarize": placeholder(str),  # "dynamic", "threshold" or "none": for a Bernoulli likelihood
                "noise": placeholder(str),  # of a denoising autoencoder: a name in NOISES of vaex/data/noise.py
                "noise_level": placeholder(float),  # the share of masked pixels, or gaussian noise's deviation
                "condition": placeholder(str),  # of kind conditional: a name in CONDITIONS of vaex/data/conditions.py
                "num_classes": placeholder(int),  # labels are 0 to num_classes - 1
                "num_labels": placeholder(int),  # training images that keep their labels: for m2, m1m2 or an SVM
            },
            "model": {
                "kind": "vae",  # a name in MODELS of vaex/experiment/models.py; beside it, the tables of names below
                "latent_dim": FieldReference(20),  # at each position of a deep model; None where latent_dims is set
                "latent_dims": placeholder(tuple),  # of a hierarchy's z_1, ..., z_L, z_1 nearest to x
                "between_hidden": placeholder(tuple),  # widths between z_l and z_{l+1}: one tuple for each l
                "posterior": "diagonal",  # a name in POSTERIORS
                "num_classes": placeholder(int),  # of each one_hot latent
                "num_flows": placeholder(int),  # steps of a flow posterior
                "flow_hidden": placeholder(tuple),  # widths in the network of each; planar steps have none
                "flow_context": placeholder(int),  # numbers of the encoder that each network sees; unset: latent_dim
                "num_bins": placeholder(int),  # of a spline_coupling; unset: 8
                "prior": placeholder(str),  # in PRIORS; unset: "standard", "uniform" if one_hot, a network's p(z|c)
                "num_components": placeholder(int),  # of a mixture or vamp prior
                "prior_flows": placeholder(int),  # steps of a flow prior
                "prior_hidden": placeholder(tuple),  # widths in the network of each
                "num_codes": placeholder(int),  # of a vqvae, whose codes have latent_dim numbers each
                "patch": placeholder(int),  # the side, in pixels, of what each of its codes stands for
                "codebook_decay": placeholder(float),  # of its moving averages; unset: 0.99
                "prior_width": placeholder(int),  # channels of its causal prior; unset: 32
                "prior_depth": placeholder(int),  # layers of its causal prior; unset: 4
                "network": "mlp",  # a name in NETWORKS
                "encoder_hidden": (500,),  # of a convolutional network: between its coarsest features and the output
                "decoder_hidden": (500,),
                "upper_dim": placeholder(int),  # of M2's latents on top of M1's, which latent_dim counts
                "upper_hidden": placeholder(tuple),  # of M2's networks there
                "channels": placeholder(tuple),  # of a convolutional network at H/2, H/4, ...
                "num_blocks": placeholder(tuple),  # residual ones at each of these resolutions
                "activation": "relu",  # a name in vaex.networks.ACTIVATIONS
                "likelihood": "bernoulli",  # a name in LIKELIHOODS
                "likelihood_components": placeholder(int),  # of a logistic_mixture, for each pixel
                "sigma": placeholder(float),  # of gaussian_fixed, or where learning a scale starts; unset: 0.1
            },
            "objective": {  # an unset option is the objective's own default
                "name": "elbo",  # a name in OBJECTIVES of vaex/experiment/losses.py
                "num_samples": placeholder(int),  # K, draws of z for an example
                "num_groups": placeholder(int),  # M of miwae and piwae: as many groups of K draws
                "kl": placeholder(str),  # of elbo: "analytic" or "sampled"
                "alpha": placeholder(float),  # the order of renyi; a weight of total_correlation, info, semi_supervised
                "beta": placeholder(float),  # the weight of the KL, of the total correlation, or in ciwae of the ELBO
                "gamma": placeholder(float),  # a weight of total_correlation, capacity
                "nats": placeholder(float),  # of capacity: the capacity; of free_bits: those of each group
                "group_size": placeholder(int),  # of free_bits: latents in a group
                "strength": placeholder(float),  # of info: the weight of the MMD
                "commitment": placeholder(float),  # of vq: the weight of what draws the encoder to its code
                "temperature": placeholder(float),  # of gumbel
                "straight_through": placeholder(bool),  # of gumbel: draws one-hot going forward
                "baseline": placeholder(str),  # of reinforce: "leave_one_out" or "moving_average"
            },
            "schedule": {  # of one of the objective's options, which ends at the value set above
                "option": placeholder(str),
                "kind": placeholder(str),  # a name in SCHEDULES there; unset: "linear"
                "start": placeholder(float),  # unset: 0
                "steps": placeholder(int),
            },
            "optimizer": {
                "name": "adam",  # a name in OPTIMIZERS of vaex/experiment/__init__.py
                "learning_rate": 1e-3,
                "final_learning_rate": placeholder(float),  # where a cosine schedule ends; unset: constant
                "eps": placeholder(float),  # unset: optax's own
                "clip_norm": placeholder(float),  # of the whole gradient; unset: never clipped
                "max_skipped": placeholder(int),  # updates in a row that are left out where not finite; unset: none
            },
            "train": {
                "batch_size": 128,
                "num_epochs": 10,
                "eval_every": 1,  # epochs between validations, each of which writes a checkpoint
                "fit_prior_after": placeholder(int),  # epochs before a mixture prior is fitted to latents; unset: never
                "weight_sigma": placeholder(float),  # MAP: the deviation of a Gaussian prior on the weights
                "patience": 0,  # stop after so many validations without a better ELBO; 0: never
            },
            "evaluate": {
                "num_samples": 100,  # K of the importance-weighted bound
                "chunk_size": 100,  # of these, how many are held at a time
                "batch_size": 20,  # test images at a time
            },
        }
    )


def override(config: Config, arguments: list[str]) -> Config:
    """The config with --config.FIELD=VALUE flags applied; of a field named twice, the last one."""
    last = {argument.split("=")[0]: i for i, argument in enumerate(arguments) if "=" in argument}
    arguments = [a for i, a in enumerate(arguments) if last.get(a.split("=")[0], i) == i]  # absl would join tuples
    values = flags.FlagValues()
    try:
        holder = config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=["vaex", *arguments])
        rest = values(["vaex", *arguments])
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(_explain(config, arguments, error)) from None
    if len(rest) > 1:
        raise UsageError(f"unexpected argument {rest[1]!r}: overrides are written --config.FIELD=VALUE")
    return holder.value


def save_config(config: Config, path: Path) -> None:
    """Write a config as JSON."""
    path.write_text(json.dumps(config.to_dict(), indent=2) + "\n")


def read_config(path: Path) -> Config:
    """A config from its JSON, with the fields and types that default_config has."""
    config = default_config()
    config.update(_with_tuples(json.loads(path.read_text())))
    return config


def equal(config: Config, other: Config) -> bool:
    """Whether all fields are; ConfigDict's own == tells fields that may be unset from those that may not."""
    return config.to_dict() == other.to_dict()


def _with_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _with_tuples(v) for k, v in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list) else value


def _explain(config: Config, arguments: list[str], error: Exception) -> str:
    """One line: the first unknown field with its nearest names, else what is wrong with a value."""
    fields = {f"config.{path}": value for path, value in _leaves(config)}
    for argument in arguments:
        flag, _, value = argument.lstrip("-").partition("=")
        if flag in fields and flag in str(error):
            section, _, field = flag.removeprefix("config.").rpartition(".")
            kind = (config[section] if section else config).get_type(field)
            now = fields[flag]
            return f"--{flag} is {value!r}: expected {kind.__name__}" + (f", such as {now}" if now is not None else "")
        if flag not in fields and argument.startswith("-"):
            near = difflib.get_close_matches(flag, fields, n=3)
            cure = (
                f"nearest: {', '.join('--' + n for n in near)}" if near else "the fields are listed in vaex/config.py"
            )
            return f"unknown config field --{flag}: {cure}"
    return " ".join(str(error).split())


def _leaves(config: Config, prefix: str = "") -> list[tuple[str, Any]]:
    return [
        leaf
        for key, value in config.items()
        for leaf in (
            _leaves(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else [(f"{prefix}{key}", value)]
        )
    ]
