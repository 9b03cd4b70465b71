"""Optimizers by their names: every one of optax that takes a learning rate and is a plain gradient transformation."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from optax import contrib

from vaex.choices import Choices
from vaex.errors import OptionError, UsageError, check_finite, check_positive, check_whole, known_numbers
from vaex.model import Params
from vaex.train.averages import AVERAGES


def kernels(params: Params) -> Any:
    """What muon orthogonalizes: leaves named kernel, which are a layer's; not codebooks, means or tables.

    A convolution's kernel, [k, k, inputs, outputs], is the matrix that its patches are multiplied by. Layers that are
    stacked, along an axis before these, are orthogonalized each by itself.
    """

    def one(path: tuple, leaf: Any) -> contrib.MuonDimensionNumbers | None:
        if leaf.ndim < 2 or not path or getattr(path[-1], "key", None) != "kernel":
            return None
        *inputs, outputs = range(leaf.ndim % 2, leaf.ndim)  # an odd one more is the stack's
        return contrib.MuonDimensionNumbers(tuple(inputs), outputs)

    return jax.tree_util.tree_map_with_path(one, params)


_muon = functools.partial(contrib.muon, muon_weight_dimension_numbers=kernels)
_muon.__doc__ = contrib.muon.__doc__  # instead of partial's own, which `make config` would print

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
        "muon": _muon,
        "prodigy": contrib.prodigy,
        "schedule_free_adamw": contrib.schedule_free_adamw,  # evaluated at its own average, see averages.py
        "schedule_free_sgd": contrib.schedule_free_sgd,
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
        "schedule_free_adamw": ("warmup_steps",),
        "schedule_free_sgd": ("warmup_steps", "weight_decay"),
        "sgd": ("momentum",),
    },
)
_BELOW_ONE = ("b1", "b2", "b3", "beta3", "adam_b1", "adam_b2", "betas", "rho", "decay", "momentum")
_BELOW_ONE_OF = {"muon": ("beta",), "signum": ("beta",)}
_POSITIVE = ("learning_rate", "adam_learning_rate", "clipping_threshold", "consistent_rms", "estim_lr0")
_WHOLE = ("rank", "update_proj_gap", "ns_steps")  # at least 1


def check_options(options: Mapping[str, Any]) -> None:
    """The options of an optimizer are values that it can have: optax takes any, and trains to nan.

    Weights of moving averages are below 1, rates and thresholds above 0, coefficients of muon's polynomial finite, and
    all others neither negative nor infinite; what divides is above 0, and nothing is without effect.

    Args:
        options: by their names.

    Raises:
        OptionError: one that is not.
    """
    if options["learning_rate"] is None:
        raise OptionError("learning_rate", None, "a number above 0")
    name = options.get("name", "")
    if name in AVERAGES:
        check_positive(b1=options["b1"])  # by which their average is divided
    for option, value in options.items():
        if option in _POSITIVE:
            check_positive(**{option: value})
        if option in _WHOLE:
            check_whole(**{option: value})
        for found in known_numbers(value):
            if option in (*_BELOW_ONE, *_BELOW_ONE_OF.get(name, ())) and not 0 <= found < 1:
                raise OptionError(option, value, "0 or more, and less than 1")
        check_finite(least=None if option == "ns_coeffs" else 0, **{option: value})
    _check_of_name(name, options)


def _check_of_name(name: str, options: Mapping[str, Any]) -> None:
    """What is asked of an option of some optimizers, or beside another option."""
    if name != "lars" and not any(known_numbers(options.get("eps_root"))):
        check_positive(eps=options.get("eps"))  # without which a gradient of 0 moves by 0/0
    if name == "radam":
        check_finite(least=4, threshold=options["threshold"])  # below it the variance is negative
    if name == "adafactor" and any(known_numbers(options["decay_offset"])):
        raise OptionError("decay_offset", options["decay_offset"], "0, since the first step is counted as 0")
    if options.get("nesterov") and "momentum" in options and not options["momentum"]:
        cure = "set --config.optimizer.momentum=0.9 too"
        raise OptionError("nesterov", options["nesterov"], "False without a momentum, whose form it is", cure)


def tried(name: str, make: Callable[[], optax.GradientTransformation]) -> optax.GradientTransformation:
    """An optimizer whose options have the forms that optax takes, which it tells of at an update only.

    Args:
        name: its name.
        make: what makes it.

    Raises:
        UsageError: optax cannot make it, or no update by it.
    """
    layer = {"kernel": jax.ShapeDtypeStruct((2, 2), jnp.float32), "bias": jax.ShapeDtypeStruct((2,), jnp.float32)}
    try:
        optimizer = make()
        jax.eval_shape(lambda layer: optimizer.update(layer, optimizer.init(layer), layer), layer)
    except UsageError:
        raise
    except (TypeError, ValueError) as error:
        found = f"config.optimizer has an option of another form than {name} takes: optax says {error}".splitlines()[0]
        raise UsageError(f"{found}; give it that of its default, which make config prints") from None
    return optimizer
