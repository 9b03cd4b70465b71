"""A section of a config is a call: how it is made, swapped, kept and called, and what is said of what cannot be."""

import functools

import pytest

from vaex.choices import Choices
from vaex.config import POSTERIORS, default_config, equal, override, section
from vaex.config.root import ROOT
from vaex.config.section import bind, call, keep
from vaex.errors import OptionError, UsageError
from vaex.models import Source
from vaex.models.posterior_table import iaf
from vaex.models.vae import vae
from vaex.runs.experiments import load_experiment

IAF = [
    "--config.model.posterior.name=iaf",
    "--config.model.posterior.num_flows=2",
    "--config.model.posterior.hidden=8,",
]


def overridden(*flags, experiment="digits"):
    """A config with flags, and the lines that were logged."""
    lines = []
    return override(load_experiment(experiment), list(flags), log=lines.append), lines


def small(*, size: int = 1, shared: float = 0.5, own: str = "s") -> tuple:
    """A toy."""
    return size, shared, own


def large(*, size: tuple[int, ...] = (1,), shared: float = 0.25, needed: int, x_shape: tuple[int, ...] = ()) -> tuple:
    """Another, which is told its x_shape."""
    return size, shared, needed, x_shape


TOYS = Choices({"small": small, "large": large}, what="toy", context=("x_shape",))


def test_a_section_has_a_name_and_the_options_of_the_function():
    made = section(TOYS, "large", needed=3)
    assert made.to_dict() == {"name": "large", "size": (1,), "shared": 0.25, "needed": 3}
    assert call(TOYS, made, x_shape=(2,), unknown=5) == ((1,), 0.25, 3, (2,))
    with pytest.raises(UsageError, match=r"^toy 'large' has no option 'x_shape'"):
        section(TOYS, "large", x_shape=(3,))
    with pytest.raises(UsageError, match=r"'iaf' has no option 'num_flow': it has num_flows$"):
        section(POSTERIORS, "iaf", num_flow=2)
    with pytest.raises(UsageError, match=r"^posterior is 'iav': expected one of .*; nearest: iaf$"):
        section(POSTERIORS, "iav")


def test_what_has_no_default_has_to_be_set():
    with pytest.raises(OptionError, match=r"^here.needed is not set: expected a value"):
        bind(TOYS, section(TOYS, "large"), "here")
    with pytest.raises(OptionError, match=r"^shared is not set: expected a value$"):
        bind(TOYS, section(TOYS, "small", shared=None))


def test_what_is_set_is_kept_under_the_same_name_and_type():
    """Not what another choice has as its default; not a number where widths are wanted."""
    new = section(TOYS, "large")
    assert keep(new, section(TOYS, "small", size=4, shared=0.75), TOYS) == ["size"]
    assert (new.size, new.shared) == ((1,), 0.75)
    new = section(TOYS, "large")
    assert keep(new, section(TOYS, "small"), TOYS) == []
    assert new.shared == 0.25


def test_sections_are_of_one_config():
    config, other = default_config(), default_config()
    changed = override(config, ["--config.model.network.encoder_hidden=3,", "--config.data.name=digits"])
    assert equal(config, other)
    assert not equal(config, changed)
    config.model.latent_dim = 3
    assert other.model.latent_dim == 20


@pytest.mark.parametrize(
    "flags",
    [
        IAF,
        ["--config.model.name=autoencoder", "--config.model.noise.name=masking", "--config.model.noise.level=0.5"],
        ["--config.model.name=m2", "--config.model.network.name=conv", "--config.model.network.channels=2,3"],
    ],
)
def test_sections_swap_in_either_order_of_the_flags(flags):
    (config, _), (reversed_, _) = overridden(*flags), overridden(*flags[::-1])
    assert equal(config, reversed_)
    for flag in flags:
        path, _, value = flag.removeprefix("--config.").partition("=")
        found = functools.reduce(getattr, path.split("."), config)
        assert (",".join(map(str, found)) if isinstance(found, tuple) else str(found)) == value.rstrip(",")


def test_a_swap_keeps_the_rest_and_names_what_it_drops_in_one_line():
    before = load_experiment("mnist_iaf")
    config, lines = overridden("--config.objective.name=stl", experiment="mnist_iaf")
    assert lines == []
    config.objective = before.objective
    assert equal(config, before)
    config, lines = overridden("--config.model.posterior.name=diagonal", experiment="mnist_iaf")
    expected = "model.posterior is diagonal instead of iaf, and has no activation, hidden: dropped"  # were set
    assert lines == [expected]
    assert config.model.posterior.to_dict() == {"name": "diagonal", "sigma": 1.0}


def test_a_kind_of_model_keeps_the_networks_and_the_learning_rate_its_value():
    config, lines = overridden("--config.model.name=m2", "--config.optimizer.name=muon")
    assert config.model.network.encoder_hidden == (64,)
    assert config.model.latent_dim == 8
    assert (config.optimizer.name, config.optimizer.learning_rate) == ("muon", 1e-3)
    assert lines == []


def test_the_default_of_one_objective_is_no_choice_of_another():
    """The ELBO's one draw would make of iwae the ELBO."""
    assert overridden("--config.objective.name=iwae")[0].objective.num_samples == 5
    flags = ["--config.objective.num_samples=3", "--config.objective.name=iwae"]
    assert overridden(*flags)[0].objective.num_samples == 3


def test_a_section_that_may_be_unset():
    assert overridden()[0].train.learning_rate is None
    rate = ["--config.train.learning_rate.name=cosine", "--config.train.learning_rate.final=0.01"]
    assert overridden(*rate)[0].train.learning_rate.to_dict() == {"name": "cosine", "final": 0.01}
    config, _ = overridden("--config.train.learning_rate=none", experiment="mnist_iaf")
    assert load_experiment("mnist_iaf").train.learning_rate is not None
    assert config.train.learning_rate is None
    assert overridden("--config.train.learning_rate.name=none", experiment="mnist_iaf")[0].train.learning_rate is None
    config, _ = overridden("--config.train.learning_rate=None", *rate, experiment="mnist_iaf")
    assert config.train.learning_rate.final == 0.01
    with pytest.raises(UsageError, match=r"learning_rate=none unsets --config.train.learning_rate.name, which stands"):
        overridden(*rate, "--config.train.learning_rate=none")


def test_a_field_that_may_be_unset():
    """A name of the field's own that is none is that name."""
    config, _ = overridden(
        "--config.data.condition=none", "--config.data.binarize=none", experiment="mnist_conditional"
    )
    assert config.data.condition is None
    assert config.data.binarize == "none"


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("train.learning_rate.final=0.1", "of a section that is not set: set --config.train.learning_rate.name first"),
        ("model.prior.num_components=3", "of a section that is not set: set --config.model.prior.name first"),
        ("model.likelihood=none", "--config.model.likelihood is none, but there has to be one: name one of bernoulli"),
        ("model.posterior=iaf", "--config.model.posterior is a section: set --config.model.posterior.name"),
        (
            "model.num_codes=4",
            "--config.model.num_codes: model 'vae' has no num_codes, which is of vqvae: set",
        ),
        (
            "model.posterior.num_bins=4",
            "'diagonal' has no num_bins, which is of spline_coupling: set",
        ),
        ("model.noise.name=masking", "model 'vae' has no noise, which is of autoencoder: set --config.model.name"),
        ("model.noise.level=0.5", "model 'vae' has no noise, which is of autoencoder: set --config.model.name"),
        ("model.prior.frequency=3", "set --config.model.prior.name first"),
        ("model.posterior.name=iav", "model.posterior.name is 'iav': expected one of diagonal"),
        ("lr=0.1", "unknown config field --config.lr: it is --config.optimizer.learning_rate"),
        ("train.lr=0.1", "unknown config field --config.train.lr: it is --config.optimizer.learning_rate"),
        ("epochs=3", "unknown config field --config.epochs: it is --config.train.num_epochs"),
        ("model.hidden=3", "--config.model.hidden: it is --config.model.network.encoder_hidden"),
        ("model.encoder_hidden=3,", "it is --config.model.network.encoder_hidden"),
        ("objective.k=3", "--config.objective.k: it is --config.objective.num_samples"),
        ("model.z_dim=3", "--config.model.z_dim: it is --config.model.latent_dim"),
        ("beta=3", "unknown config field --config.beta: it is --config.objective.beta"),
        ("model.kind=hierarchy", "it is --config.model.name"),
        ("loss=elbo", "it is --config.objective.name"),
        (
            "model.posterior.hidden=3,",
            "posterior 'diagonal' has no hidden, which is of iaf, affine_coupling, spline_coupling",
        ),
        ("train.num_epoch=3", "nearest: --config.train.num_epochs"),
        ("num_codes=3", "num_codes is a field of model 'vqvae'; name that first"),
        ("zzzzzz=3", "unknown config field --config.zzzzzz: `make config` lists the fields"),
        ("model.latent_dim=2.5", "--config.model.latent_dim is '2.5': expected int, such as 8"),
        ("data.missing=some", "--config.data.missing is 'some': expected float"),
    ],
)
def test_what_is_said_of_a_flag_in_one_line(flag, message):
    with pytest.raises(UsageError) as error:
        overridden(f"--config.{flag}")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_field_that_another_kind_has_elsewhere_is_found_there():
    layers = ["--config.model.name=vqvae", "--config.model.network.encoder_hidden=3,"]
    with pytest.raises(UsageError, match=r"encoder_hidden: nearest: --config.model.encoder_hidden$"):
        overridden(*layers)


def test_a_check_is_said_with_the_path_of_its_section_once_and_from_python_without():
    source, wrong = Source((8, 8, 1)), "num_flows is 0: expected a whole number of at least 1"
    config, _ = overridden(*IAF, "--config.model.posterior.num_flows=0")
    with pytest.raises(OptionError) as error:
        call(ROOT, config).model(source)
    assert str(error.value) == f"model.posterior.{wrong}"
    with pytest.raises(OptionError) as error:
        vae(source, posterior=functools.partial(iaf, num_flows=0, hidden=(8,)))
    assert str(error.value) == wrong
    config, _ = overridden("--config.train.num_epochs=0")
    with pytest.raises(OptionError, match=r"^train.num_epochs is 0: expected a whole number of at least 1$"):
        call(ROOT, config)
