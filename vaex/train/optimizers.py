"""Optimizers by their names: every one of optax that takes a learning rate and is a plain gradient transformation."""

import functools
from typing import Any

import jax
import optax
from optax import contrib

from vaex.choices import Choices
from vaex.model import Params


def kernels(params: Params) -> Any:
    """What muon orthogonalizes: matrices named kernel, which are a layer's; not codebooks, means or tables."""

    def one(path: Any, leaf: Any) -> Any:
        is_kernel = leaf.ndim == 2 and bool(path) and getattr(path[-1], "key", None) == "kernel"
        return contrib.MuonDimensionNumbers() if is_kernel else None

    return jax.tree_util.tree_map_with_path(one, params)


OPTIMIZERS = Choices(
    {
        "adabelief": optax.adabelief,
        "adadelta": optax.adadelta,
        "adafactor": optax.adafactor,
        "adagrad": optax.adagrad,
        "adam": optax.adam,
        "adamax": optax.adamax,
        "adamaxw": optax.adamaxw,
        "adamw": optax.adamw,
        "adan": optax.adan,
        "amsgrad": optax.amsgrad,
        "fromage": optax.fromage,
        "lamb": optax.lamb,
        "lars": optax.lars,
        "lion": optax.lion,
        "nadam": optax.nadam,
        "nadamw": optax.nadamw,
        "noisy_sgd": optax.noisy_sgd,
        "novograd": optax.novograd,
        "optimistic_adam_v2": optax.optimistic_adam_v2,
        "optimistic_gradient_descent": optax.optimistic_gradient_descent,
        "radam": optax.radam,
        "rmsprop": optax.rmsprop,
        "sgd": optax.sgd,
        "sign_sgd": optax.sign_sgd,
        "signum": optax.signum,
        "yogi": optax.yogi,
        "acprop": contrib.acprop,
        "ademamix": contrib.ademamix,
        "adopt": contrib.adopt,
        "cocob": contrib.cocob,
        "dadapt_adamw": contrib.dadapt_adamw,
        "dog": contrib.dog,
        "dowg": contrib.dowg,
        "galore": contrib.galore,
        "madgrad": contrib.madgrad,
        "muon": functools.partial(contrib.muon, muon_weight_dimension_numbers=kernels),
        "prodigy": contrib.prodigy,
        "simplified_ademamix": contrib.simplified_ademamix,
    },
    what="optimizer",
    others={  # options besides those whose default is a number, a string or a tuple
        "adafactor": ("momentum", "weight_decay_rate"),
        "dog": ("weight_decay",),
        "dowg": ("init_estim_sq_dist", "weight_decay"),
        "muon": ("adam_learning_rate", "consistent_rms"),
        "prodigy": ("beta3",),
        "rmsprop": ("momentum",),
        "sgd": ("momentum",),
    },
)
LEFT_OUT = {  # what else of optax and optax.contrib takes a learning rate, and why it has no name here
    "dpsgd": "takes each example's gradient",
    "lbfgs": "takes the loss's value and function",
    "momo": "takes the loss's value",
    "momo_adam": "takes the loss's value",
    "optimistic_adam": "takes no schedule; optimistic_adam_v2 does",
    "rprop": "takes no schedule",
    "scale_by_learning_rate": "a part of an optimizer",
    "scale_by_madgrad": "a part of an optimizer",
    "scale_by_rprop": "a part of an optimizer",
    "schedule_free": "evaluates at other parameters than it trains",
    "schedule_free_adamw": "evaluates at other parameters than it trains",
    "schedule_free_sgd": "evaluates at other parameters than it trains",
    "sm3": "takes no schedule",
    "sophia": "takes the loss's function",
}
