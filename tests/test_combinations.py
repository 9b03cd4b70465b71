"""Every two choices of a config together: a step of training, or one line that says why not."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.covering import covering
from tests.one_step import QUICK, untried
from vaex import data
from vaex.config import AUGMENTATIONS, MODELS, OBJECTIVES, OPTIMIZERS, default_config, section
from vaex.config.setup import Setup, setup
from vaex.data.conditions import CONDITIONS
from vaex.errors import UsageError
from vaex.models import KINDS
from vaex.models.weights import WEIGHTS
from vaex.train import train_step

# Small options by their names, and those without a default by their types: a new choice needs no word here.
SMALL = {
    "latent_dim": 2,
    "encoder_hidden": (8,),
    "decoder_hidden": (8,),
    "latent_dims": (2, 2),
    "between_hidden": ((8,),),
    "channels": (2,),
    "num_blocks": (1,),
    "num_flows": 1,
    "hidden": (8,),
    "num_components": 2,
    "num_classes": 2,
    "num_samples": 2,
    "group_size": 1,
    "prior_width": 4,
    "prior_depth": 1,
    "num_codes": 2,
    "patch": 2,
    "upper_dim": 2,
    "upper_hidden": (8,),
}
BY_TYPE = {int: 2, float: 0.3, tuple: (8,)}
BATCH = 4

NESTED = {field.name: field for kind in MODELS for field in MODELS.fields(kind).values() if field.choices is not None}
LEVELS = {
    "model": tuple(MODELS),
    "objective": tuple(OBJECTIVES),
    "condition": (None, *CONDITIONS),
    "missing": (None, 0.3),
    "augment": (None, *AUGMENTATIONS),
    "num_labels": (None, 20),
    "weights": tuple(WEIGHTS),
    **{name: ((None,) if field.is_optional else ()) + tuple(field.choices) for name, field in NESTED.items()},
}
LEVELS["likelihood"] = tuple(name for name in LEVELS["likelihood"] if name != "table")  # of rows, in test_tables


def but(factor, *levels):
    return tuple(level for level in LEVELS[factor] if level not in levels)


MOST = tuple(factor for factor in LEVELS if factor != "missing")
PLAIN = tuple(kind for kind in MODELS if not KINDS[kind].objectives)  # kinds that no objective is for alone
CLAIMED = tuple(name for kind in KINDS.values() for name in kind.objectives)
# They need no path through draws.
SCORE = ("reinforce", "vimco", "tvo", "wake_sleep", "reweighted_wake_sleep", "enumerate", "gumbel")
FLOWS = but("posterior", "diagonal", "full", "mixture", "one_hot", "spherical")
STRATIFIED = ("elbo", "stl", "iwae")  # they draw from each component of a mixture
RAW_OF_MORE = ("gaussian_output", "categorical", "discretized_logistic", "logistic_mixture")
REALS = ("standard", "mixture", "flow")  # over vectors of any real numbers
# What cannot be, as the levels that cannot stand together, and what is said of it.
REFUSED = [
    ({"likelihood": ("table",)}, "over the rows of a table, with images: set --config.model.likelihood.name="),
    *[
        (
            {"model": (kind,), "objective": but("objective", *KINDS[kind].objectives)},
            "is '.*set --config.objec",
        )
        for kind in but("model", *PLAIN)
    ],
    ({"model": PLAIN, "objective": CLAIMED}, "objective.name is '.*set --config.model.name="),
    ({"model": ("vqvae", "m2", "m1m2", "autoencoder"), "condition": but("condition", None)}, "unset data.condition"),
    ({"model": ("autoencoder",), "missing": (0.3,)}, "to impute needs p.z.: unset data.missing"),
    ({"model": but("model", "vae"), "weights": ("variational",)}, "expected 'point' with this kind of model"),
    ({"missing": (0.3,), "augment": ("flip", "shift"), "condition": ("half", "previous")}, "unset one of them"),
    ({"missing": (0.3,), "condition": ("low_resolution", "half_resolution")}, "small images are made of what is miss"),
    ({"missing": (0.3,), "weights": ("variational",)}, "expected 'point' where values are missing"),
    (
        {"model": ("m2", "m1m2"), "num_labels": (None,)},
        "num_labels is unset, and .*: expected 10 .* set --config.data.num_labels",
    ),
    ({"model": ("m2",), "prior": ("uniform",)}, "over the style of model.name"),
    ({"model": ("m2",), "prior": ("conditional",)}, "over the style of model.name"),
    ({"model": ("m2",), "prior": ("vamp",)}, "over the style of model.name"),
    ({"condition": (None,), "prior": ("conditional",)}, "without a condition: set --config.data.condition"),
    (
        {"posterior": but("posterior", "one_hot", "spherical"), "prior": ("uniform",)},
        "over one-hot latents or a sphere, and z is neither",
    ),
    ({"posterior": ("one_hot", "spherical"), "prior": REALS}, "over vectors of any real numbers, and model.posterior"),
    (
        {
            "objective": ("capacity",),
            "posterior": ("spherical",),
            "prior": (None, "conditional"),
            "condition": but("condition", None),
        },
        "closed-form KL",
    ),
    ({"objective": ("free_bits", "total_correlation"), "posterior": ("spherical",)}, "closed-form KL|factorize"),
    (
        {"objective": but("objective", *SCORE, *CLAIMED), "posterior": ("one_hot",)},
        "no gradient|use another|factorize",
    ),
    (
        {"objective": but("objective", *STRATIFIED, *SCORE, *CLAIMED), "posterior": ("mixture",)},
        "use the objective elbo, stl or iwae|use kl=.auto. of the objective elbo, or stl or iwae",
    ),
    ({"objective": ("gumbel",), "posterior": but("posterior", "one_hot")}, "gumbel needs one-hot latents"),
    ({"objective": ("gumbel",), "model": but("model", "vae")}, "gumbel needs one-hot latents|objective.name"),
    ({"objective": ("enumerate",), "posterior": but("posterior", "one_hot")}, "cannot be enumerated"),
    ({"objective": ("enumerate",), "model": but("model", "vae")}, "cannot be enumerated|objective.name"),
    (
        {"objective": ("total_correlation", "info"), "condition": but("condition", None)},
        "and found a p.z.c.",
    ),
    ({"objective": ("capacity", "free_bits"), "posterior": FLOWS}, "closed-form KL"),
    ({"objective": ("capacity", "free_bits"), "prior": ("mixture", "vamp", "flow")}, "closed-form KL"),
    ({"objective": ("capacity",), "model": ("hierarchy", "ladder", "deep")}, "closed-form KL"),
    ({"objective": ("free_bits",), "model": ("hierarchy",)}, "closed-form KL"),
    ({"objective": ("free_bits", "total_correlation"), "posterior": ("full", *FLOWS)}, "closed-form KL|factorize"),
    ({"objective": ("total_correlation",), "prior": ("mixture", "vamp", "flow")}, "does not factorize"),
    ({"objective": ("total_correlation", "info"), "model": ("hierarchy", "ladder", "deep")}, "factorize|compares vec"),
    ({"objective": ("info",), "prior": ("mixture",)}, "carry no gradient to all of its"),
    ({"objective": ("gumbel",), "prior": ("vamp",), "posterior": ("one_hot",)}, "no closed-form KL is known"),
]


def has(cell, factor):
    return factor not in NESTED or factor in MODELS.fields(cell["model"])


def fits(cell):
    return not any(all(f in cell and cell[f] in levels for f, levels in rule.items()) for rule, _ in REFUSED)


# As what the levels of a factor are seen by others, where that is less than what they are: one of each kind, as they
# are told apart by code that the others have a part in, meets each of theirs.
SEEN = [
    # By log p(x|z) alone; by the number of raw values for a pixel, and whether there are parameters beside them.
    ("likelihood", LEVELS["likelihood"], ("objective", "posterior", "prior", "noise")),
    ("likelihood", ("bernoulli", "continuous_bernoulli", "gaussian_fixed"), ("model", "network", "condition")),
    ("likelihood", ("gaussian_scalar", "gaussian_pixel", "student_t"), ("model", "network", "condition")),
    ("likelihood", RAW_OF_MORE, ("model", "network", "condition")),
    ("network", LEVELS["network"], ("objective", "prior", "noise")),  # functions
    ("objective", ("renyi", "vr_max", "miwae", "ciwae"), MOST),  # of what weigh_draws gives
    ("objective", ("dreg", "piwae"), MOST),  # of draws weighed by a frozen q
    ("objective", ("reinforce", "vimco", "tvo", "reweighted_wake_sleep"), MOST),  # of frozen draws
    ("posterior", FLOWS, ("objective", "prior", "condition")),  # a Flow, whatever its steps
    ("augment", but("augment", None), MOST),  # images, whatever they were
    ("condition", but("condition", None), ("objective", "posterior", "prior")),  # an array, whatever it shows
    ("model", ("ladder", "deep"), ("objective",)),  # a chain down the generator's path
]


def seen(item, by):
    """A level as another factor sees it: itself, or the first of its kind."""
    factor, level = item
    kinds = (alike for of, alike, others in SEEN if of == factor and level in alike and by in others)
    return next(kinds, (level,))[0]


def plain(kind, objective):
    """The first level of each other factor that fits: what compiles the fastest."""
    cell = {"model": kind, "objective": objective}
    for factor in LEVELS:
        if factor not in cell and has(cell, factor):
            cell[factor] = next(level for level in LEVELS[factor] if fits({**cell, factor: level}))
    return cell


# Each kind and each objective once are trained; the others are traced only.
KIND_OF = {name: kind for kind in MODELS for name in KINDS[kind].objectives}
TRAINED = [plain(KIND_OF.get(name, "vae"), name) for name in OBJECTIVES]
TRAINED += [plain(kind, "elbo") for kind in PLAIN if kind != "vae"]
TRACED = covering(LEVELS, fits, has, seen=seen, given=TRAINED, candidates=4, seed=29)
CELLS = [*TRAINED, *TRACED]


def small(choices, name, **nested):
    options = {}
    for field in choices.fields(name).values():
        if field.name in nested:
            options[field.name] = nested[field.name]
        elif field.name == "kl" and field.default == "analytic":
            options["kl"] = "sampled"
        elif field.name in SMALL:
            options[field.name] = SMALL[field.name]
        elif field.is_required:
            options[field.name] = BY_TYPE[field.type]
    return section(choices, name, **options)


def config_of(cell):
    config = default_config()
    named = {name: small(NESTED[name].choices, cell[name]) for name in NESTED if cell.get(name) is not None}
    config.model = small(MODELS, cell["model"], **named)
    config.objective = small(OBJECTIVES, cell["objective"])
    for name in ("condition", "missing", "num_labels"):
        config.data[name] = cell.get(name)
    config.data.augment = section(AUGMENTATIONS, cell["augment"]) if cell.get("augment") else None
    config.train.weights = cell.get("weights", "point")
    config.data.name = "bouncing:digits" if cell.get("condition") == "previous" else "digits"
    config.data.binarize = "dynamic" if config.model.likelihood.name == "bernoulli" else None
    config.train.batch_size = BATCH
    config.optimizer = section(OPTIMIZERS, "sgd", learning_rate=1e-3)  # a fifth of a step's operations are Adam's
    return config


def step_of(made: Setup):
    few = jax.tree.map(lambda a: jnp.asarray(a[:BATCH]), made.task.stored)
    return lambda state: train_step(state, made.task.key, few, recipe=made.recipe)


@functools.cache
def few_digits(num_frames, load=data.load):
    """Digits, as often as there are frames, which are channels."""
    whole = load("digits", num_validation=50)
    cut = lambda split: data.Split(split.images[:50].repeat(num_frames, -1), split.labels[:50])
    return whole._replace(train=cut(whole.train), validation=cut(whole.validation), test=cut(whole.test))


@pytest.fixture(autouse=True)
def _few_digits(monkeypatch):
    monkeypatch.setattr(data, "load", lambda name, **options: few_digits(5 if name.startswith("bouncing:") else 1))


def shown(cell):
    return " ".join(f"{factor}={level}" for factor, level in cell.items() if level is not None)


def test_every_choice_is_in_a_cell():
    for factor, levels in LEVELS.items():
        assert {cell[factor] for cell in CELLS if factor in cell} == set(levels)


def test_two_choices_that_fit_are_in_a_cell():
    """Each posterior with each objective, as they see each other, and each of them with each network."""
    as_seen = lambda a, b: (seen(("posterior", a), "objective"), seen(("objective", b), "posterior"))
    found = {as_seen(cell["posterior"], cell["objective"]) for cell in CELLS if "posterior" in cell}
    wanted = [(a, b) for a in LEVELS["posterior"] for b in LEVELS["objective"] if b not in CLAIMED]
    assert found == {as_seen(a, b) for a, b in wanted if fits({"model": "vae", "posterior": a, "objective": b})}
    networks = {(cell["posterior"], cell["network"]) for cell in CELLS if "posterior" in cell}
    assert networks == set(itertools.product(LEVELS["posterior"], LEVELS["network"]))


@pytest.mark.parametrize("cell", TRACED, ids=shown)
def test_a_step_is_traced(cell):
    with untried():
        made = setup(config_of(cell))
    state = jax.eval_shape(made.init)
    after, metrics = jax.eval_shape(step_of(made), state)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, state)
    assert metrics["loss"].shape == ()


# A step of each of these is in test_deep, test_labels_in_configs and test_vqvae, and is to move more.
ELSEWHERE = ("deep", "m2", "m1m2", "vqvae")


@pytest.mark.parametrize("cell", [cell for cell in TRAINED if cell["model"] not in ELSEWHERE], ids=shown)
def test_two_steps_are_finite_and_train(cell):
    """The objective has its own numbers of draws, and its gradient reaches encoder and decoder."""
    config = config_of(cell)
    config.objective = section(OBJECTIVES, cell["objective"])
    made = setup(config)
    step = step_of(made)

    def two():
        start = made.init()
        return start.params, *jax.lax.scan(lambda state, _: step(state), start, length=2)

    before, state, metrics = jax.jit(two, compiler_options=QUICK)()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((metrics, state.params)))
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), before, state.params)
    assert all(max(jax.tree.leaves(moved[side])) > 1e-5 for side in ("encoder", "decoder"))


@pytest.mark.parametrize(("rule", "message"), REFUSED)
def test_what_cannot_be_is_refused_in_one_line(rule, message):
    tried = set()
    for levels in itertools.product(*rule.values()):
        cell = dict(zip(rule, levels, strict=True))
        views = {(seen(a, b[0]), seen(b, a[0])) for a, b in itertools.combinations(cell.items(), 2)}
        if views and views <= tried:
            continue
        tried |= views
        kind = cell.setdefault("model", "vae")
        own = KINDS[kind].objectives
        whole = {"objective": own[0] if own else "elbo", "num_labels": None if kind in PLAIN else 20, **cell}
        with pytest.raises(UsageError, match=message) as refusal:
            setup(config_of(whole))
        assert "\n" not in str(refusal.value), levels
