"""The only file that reads a config: config -> model, objective, optimizer and data."""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from vaex import data, model, objectives, schedules
from vaex.config import Config, read_config
from vaex.data.preprocess import BINARIZE, Preprocess, dequantize
from vaex.errors import UsageError
from vaex.model import VAE, Family, Params
from vaex.networks import ACTIVATIONS, MLP
from vaex.run_folder import CONFIG, DATASET, open_run, read_json
from vaex.train import Recipe, TrainState, init_state

T = TypeVar("T")


class Likelihood(NamedTuple):
    """A likelihood by its name: the family for (sigma, x_shape), and what it is defined on."""

    family: Callable[[float, tuple[int, ...]], Family]
    discrete: bool


LIKELIHOODS = {
    "bernoulli": Likelihood(lambda sigma, shape: model.bernoulli(), discrete=True),
    "gaussian_fixed": Likelihood(lambda sigma, shape: model.normal_fixed(sigma), discrete=False),
    "gaussian_scalar": Likelihood(lambda sigma, shape: model.normal_learned(sigma), discrete=False),
    "gaussian_pixel": Likelihood(lambda sigma, shape: model.normal_learned(np.full(shape, sigma)), discrete=False),
}
_SIGMA = 0.1  # where learning starts: wide enough that no pixel is an outlier at first
OBJECTIVES: dict[str, objectives.Objective] = {
    "elbo": objectives.elbo,
    "stl": objectives.stl,
    "iwae": objectives.iwae,
    "dreg": objectives.dreg,
    "miwae": objectives.miwae,
    "piwae": objectives.piwae,
    "ciwae": objectives.ciwae,
    "renyi": objectives.renyi,
    "vr_max": objectives.vr_max,
    "reinforce": objectives.reinforce,
    "vimco": objectives.vimco,
    "gumbel": objectives.gumbel,
    "enumerate": objectives.enumerate,
    "free_bits": objectives.free_bits,
    "capacity": objectives.capacity,
}
BATCH_OBJECTIVES: dict[str, objectives.Objective] = {
    "total_correlation": objectives.total_correlation,
    "info": objectives.info,
}
SCHEDULES = {
    "linear": schedules.linear,
    "cyclical": schedules.cyclical,
    "exponential": schedules.exponential,
}


class Latents(NamedTuple):
    """A kind of latent by its name: prior, posterior and the shape of the encoder's output for (dim, classes)."""

    prior: Callable[[int, int], Family]
    posterior: Callable[[], Family]
    raw_shape: Callable[[int, int], tuple[int, ...]]


LATENTS = {
    "gaussian": Latents(
        lambda dim, classes: model.standard_normal(dim), model.diagonal_normal, lambda dim, classes: (2 * dim,)
    ),
    "categorical": Latents(model.uniform_one_hot, model.one_hot, lambda dim, classes: (dim, classes)),
}
OPTIMIZERS = {"adam": optax.adam, "adagrad": optax.adagrad, "sgd": optax.sgd}


class Options(NamedTuple):
    """The numbers of a config that the loop and the evaluation go by."""

    seed: int
    batch_size: int
    num_epochs: int
    eval_every: int
    patience: int
    num_samples: int
    chunk_size: int
    evaluate_batch_size: int


class Setup(NamedTuple):
    """What a config means, with its data at hand."""

    options: Options
    vae: VAE
    recipe: Recipe
    dataset: data.Dataset
    init: Callable[[], TrainState]
    key: jax.Array  # the run's key for training
    num_steps: int  # in an epoch
    label: str  # what results are printed under
    dequantized: bool
    is_likelihood: bool


def setup(config: Config) -> Setup:
    """Check a config, load its data, and build all that training and evaluation need.

    Raises:
        UsageError: a field with a value that cannot be; the message names the field, and how to mend it.
    """
    preprocess = _preprocess(config)
    _check_numbers(config)
    dataset = data.load(config.data.name, dir=config.data.dir or None, num_validation=config.data.num_validation)
    images = dataset.train.images
    if config.train.batch_size > len(images):
        raise UsageError(
            f"train.batch_size is {config.train.batch_size}: expected at most {len(images)}, "
            f"the training images of {dataset.label}"
        )
    num_steps = len(images) // config.train.batch_size
    optimizer = _optimizer(config, config.train.num_epochs * num_steps)
    vae = build_vae(config, images.shape[1:], mean=images.mean(axis=0, dtype=np.float32) / 255)
    loss = _batch_loss(config, len(images), vae)
    recipe = Recipe(vae.bind, loss, optimizer, preprocess.apply, _penalty(config, len(images)))
    init_key, train_key = jax.random.split(jax.random.key(config.seed))
    is_likelihood = preprocess.discrete == LIKELIHOODS[config.model.likelihood].discrete
    return Setup(
        options=Options(
            seed=config.seed,
            **{name: config.train[name] for name in ("batch_size", "num_epochs", "eval_every", "patience")},
            **{name: config.evaluate[name] for name in ("num_samples", "chunk_size")},
            evaluate_batch_size=config.evaluate.batch_size,
        ),
        vae=vae,
        recipe=recipe,
        dataset=dataset,
        init=jax.jit(lambda: init_state(vae.init(init_key), recipe.optimizer)),
        key=train_key,
        num_steps=num_steps,
        label=dataset.label if is_likelihood else f"{dataset.label} (grey pixels: not a likelihood)",
        dequantized=preprocess.apply is dequantize,
        is_likelihood=is_likelihood,
    )


def build_vae(config: Config, x_shape: tuple[int, ...], *, mean: np.ndarray | None = None) -> VAE:
    """The VAE of a config.

    Args:
        config: a config.
        x_shape: the shape of one image.
        mean: of each training pixel in [0, 1], from which the output's bias starts; not needed where parameters are at
            hand.

    Returns:
        The VAE.
    """
    c = config.model
    likelihood = _lookup(LIKELIHOODS, c.likelihood, "model.likelihood")
    latents = _lookup(LATENTS, c.latent, "model.latent")
    activation = _lookup(ACTIVATIONS, c.activation, "model.activation")
    bias = nn.initializers.zeros if mean is None else _output_bias(mean, logits=likelihood.discrete)
    return VAE(
        x_shape=x_shape,
        encoder=MLP(tuple(c.encoder_hidden), latents.raw_shape(c.latent_dim, c.num_classes or 0), activation),
        decoder=MLP(tuple(c.decoder_hidden), x_shape, activation, out_bias=bias),
        prior=latents.prior(c.latent_dim, c.num_classes or 0),
        posterior=latents.posterior(),
        likelihood=likelihood.family(_SIGMA if c.sigma is None else c.sigma, x_shape),
    )


def load(run_folder: str | Path) -> tuple[VAE, Params, Config]:
    """A finished or unfinished run's VAE, the parameters of its best checkpoint, and its config.

    >>> vae, params, config = vaex.load("runs/latest")
    >>> model = vae.bind(params)

    Raises:
        UsageError: not a run folder, or a damaged checkpoint.
    """
    from vaex import checkpoints

    path = open_run(run_folder)
    config = read_config(path / CONFIG)
    described = read_json(path / DATASET)
    vae = build_vae(config, tuple(described["x_shape"]))
    optimizer = _optimizer(config, 1)
    abstract = jax.eval_shape(lambda: init_state(vae.init(jax.random.key(0)), optimizer))
    state, _ = checkpoints.restore(path, abstract, best=True)
    return vae, state.params, config


def _preprocess(config: Config) -> Preprocess:
    likelihood, binarize = config.model.likelihood, config.data.binarize
    if _lookup(LIKELIHOODS, likelihood, "model.likelihood").discrete:
        if binarize is None:
            raise UsageError(
                f"model.likelihood is {likelihood!r} on grey pixels, which it is no distribution over: set "
                '--config.data.binarize to "dynamic" or "threshold", or to "none" for a loss that is not a likelihood'
            )
        return _lookup(BINARIZE, binarize, "data.binarize")
    if binarize is not None:
        raise UsageError(
            f"data.binarize is {binarize!r} with model.likelihood {likelihood!r}, a density, which needs dequantized "
            "pixels: leave data.binarize unset, or set --config.model.likelihood=bernoulli"
        )
    return Preprocess(dequantize, discrete=False)


def _batch_loss(config: Config, num_train: int, vae: VAE) -> objectives.BatchLoss:
    name = config.objective.name
    objective = _lookup(OBJECTIVES | BATCH_OBJECTIVES, name, "objective.name")
    options: dict[str, Any] = {k: v for k, v in config.objective.items() if k != "name" and v is not None}
    known = [p.name for p in inspect.signature(objective).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            takes = ", ".join(k for k in known if k != "num_train") or "no options"
            raise UsageError(f"objective.{option} is set, but objective {name!r} takes {takes}: unset it")
    if options.get("baseline") == "moving_average":
        options["baseline"] = lambda context: context.average
    if "num_train" in known:
        options["num_train"] = num_train
    scheduled = _schedule(config, options)
    ends: list[dict[str, Any]] = [{}, *({name: config.schedule.start or 0.0} for name in scheduled)]
    make: Any = functools.partial(objectives.batch_loss, objective, whole_batch=name in BATCH_OBJECTIVES)
    for end in ends:  # what an objective refuses is said before a run folder is made
        _trace(make(**options | end), vae)
    return make(**options | scheduled)


def _trace(loss: objectives.BatchLoss, vae: VAE) -> None:
    def once(params: Params, batch: jax.Array) -> jax.Array:
        context = objectives.Context(jnp.zeros((), jnp.int32), jnp.zeros(()))
        return loss(jax.random.key(0), vae.bind(params), batch, context)[0]

    batch = jax.ShapeDtypeStruct((2, *vae.x_shape), jnp.float32)
    jax.eval_shape(once, jax.eval_shape(vae.init, jax.random.key(0)), batch)


def _schedule(config: Config, options: dict[str, Any]) -> dict[str, Callable]:
    """The scheduled option as a function of the training's context; {} where nothing is scheduled."""
    c = config.schedule
    if c.option is None:
        if unused := [name for name, value in c.items() if value is not None]:
            raise UsageError(
                f"schedule.{unused[0]} is set without schedule.option: name the option to schedule, or unset it"
            )
        return {}
    if c.steps is None:
        raise UsageError("schedule.option is set without schedule.steps: set --config.schedule.steps=5000, say")
    numbers = [name for name, value in options.items() if isinstance(value, float) and config.objective.name != "renyi"]
    if c.option not in numbers:
        raise UsageError(
            f"schedule.option is {c.option!r}: expected an option of the objective that is set to the number where the "
            f"schedule ends; set are {', '.join(numbers) or 'none'}"
        )
    kind = _lookup(SCHEDULES, c.kind or "linear", "schedule.kind")
    value = kind(c.start or 0.0, options[c.option], c.steps)
    return {c.option: lambda context: value(context.step)}


def _penalty(config: Config, num_train: int) -> Callable[[Params], jax.Array | float]:
    sigma = config.train.weight_sigma
    if sigma is None:
        return lambda params: 0.0
    return functools.partial(objectives.weight_penalty, sigma=sigma, num_train=num_train)


def _optimizer(config: Config, num_steps: int) -> optax.GradientTransformation:
    c = config.optimizer
    rate = c.learning_rate
    if c.final_learning_rate is not None:
        rate = optax.cosine_decay_schedule(rate, num_steps, alpha=c.final_learning_rate / rate)
    options = {} if c.eps is None else {"eps": c.eps}
    if options and c.name == "sgd":
        raise UsageError("optimizer.eps is set, but optimizer 'sgd' has none: unset it")
    return _lookup(OPTIMIZERS, c.name, "optimizer.name")(rate, **options)


def _check_numbers(config: Config) -> None:
    if config.model.sigma is None and config.model.likelihood == "gaussian_fixed":
        raise UsageError("model.likelihood is 'gaussian_fixed' without a sigma: set --config.model.sigma=0.1, say")
    if config.model.sigma is not None and config.model.likelihood == "bernoulli":
        raise UsageError("model.sigma is set, but model.likelihood 'bernoulli' has none: unset it")
    positive = {
        "model.latent_dim": config.model.latent_dim,
        "model.sigma": config.model.sigma,
        "model.num_classes": config.model.num_classes,
        "schedule.steps": config.schedule.steps,
        "train.weight_sigma": config.train.weight_sigma,
        "optimizer.learning_rate": config.optimizer.learning_rate,
        "optimizer.final_learning_rate": config.optimizer.final_learning_rate,
        "optimizer.eps": config.optimizer.eps,
        "objective.num_samples": config.objective.num_samples,
        "train.batch_size": config.train.batch_size,
        "train.num_epochs": config.train.num_epochs,
        "train.eval_every": config.train.eval_every,
        "evaluate.num_samples": config.evaluate.num_samples,
        "evaluate.chunk_size": config.evaluate.chunk_size,
        "evaluate.batch_size": config.evaluate.batch_size,
        **{
            f"model.{side}_hidden[{i}]": w
            for side in ("encoder", "decoder")
            for i, w in enumerate(config.model[f"{side}_hidden"])
        },
    }
    for field, value in positive.items():
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{field} is {value}: expected a number above 0")
    if (config.model.latent == "categorical") != (config.model.num_classes is not None):
        raise UsageError(
            f"model.latent is {config.model.latent!r} and model.num_classes {config.model.num_classes}: "
            "set num_classes for categorical latents, and only for them"
        )
    if config.train.patience < 0:
        raise UsageError(f"train.patience is {config.train.patience}: expected 0 (never stop early) or more")
    if config.objective.kl not in (None, "analytic", "sampled"):
        raise UsageError(f'objective.kl is {config.objective.kl!r}: expected "analytic" or "sampled"')


def _lookup(table: Mapping[str, T], name: str, field: str) -> T:
    if name not in table:
        near = difflib.get_close_matches(str(name), table, n=3) or list(table)
        raise UsageError(f"{field} is {name!r}: expected one of {', '.join(table)}; nearest: {', '.join(near)}")
    return table[name]


def _output_bias(mean: np.ndarray, *, logits: bool) -> Callable:
    """Start the output at the training mean, or at its log-odds, which constant pixels would make infinite."""
    p = np.clip(mean, 1e-3, 1 - 1e-3)
    start = np.log(p) - np.log1p(-p) if logits else mean
    return lambda key, shape, dtype=jnp.float32: jnp.array(start, dtype).reshape(shape)  # a copy: it will be donated
