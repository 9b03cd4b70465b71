"""The directed graph of a model: each parameter at one arrow, latents of the model's own sizes, a sound drawing."""

import xml.etree.ElementTree as ET

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.test_page import EVIL
from vaex.config import MODELS, default_config, override, section
from vaex.config.graph import graph_of_run
from vaex.config.task import describe_run
from vaex.models import KINDS
from vaex.models.graph import Graph
from vaex.models.joint import Node
from vaex.models.mixture import GaussianMixture, free_parameters
from vaex.models.posteriors import diagonal_normal, one_hot_categorical
from vaex.models.structure import OBSERVED, Factor, Structure, Variable, count, plain
from vaex.networks import MLP, LookupTable
from vaex.runs.page.diagram import diagram

SHAPE, CLASSES = (8, 8, 1), 3
LAYERS = {"latent_dims": (4, 3), "between_hidden": ((5,),)}
MAPS = {"channels": (2, 3), "num_blocks": (1, 2), "latent_dim": 2}
# A kind, its options, and flags; the latents of its model in the order of their leaves.
CASES = {
    "vae": ({}, [], "z"),
    "vae conditional": ({}, ["data.condition=label"], "z"),
    "vae vamp": ({}, ["model.prior.name=vamp", "model.prior.num_components=4", "data.condition=label"], "z"),
    "vae one_hot": ({}, ["model.posterior.name=one_hot", "model.posterior.num_classes=5"], "z"),
    "vae flows": (
        {},
        [
            *("model.posterior.name=iaf", "model.posterior.num_flows=1", "model.posterior.hidden=6"),
            *("model.prior.name=flow", "model.prior.num_flows=1", "model.prior.hidden=6"),
        ],
        "z",
    ),
    "vae variational": ({}, ["train.weights=variational"], "z"),
    "vae missing": ({}, ["data.missing=0.5", "model.likelihood.name=gaussian_pixel", "data.binarize=none"], "z"),
    "hierarchy": (LAYERS, [], "z_1 z_2"),
    "hierarchy conditional": (LAYERS, ["data.condition=label"], "z_1 z_2"),
    "ladder conditional": (LAYERS, ["data.condition=label"], "z_1 z_2"),
    "deep conditional": (MAPS, ["data.condition=low_resolution"], "z_1 z_2 z_3"),
    "vqvae": ({"num_codes": 4, "patch": 4}, [], "z"),
    "m2": ({}, ["data.num_labels=9"], "y z"),
    "m1m2": ({"upper_dim": 2, "upper_hidden": (5,)}, ["data.num_labels=9"], "z_1 y z_2"),
    "autoencoder noise": ({}, ["model.noise.name=masking", "model.noise.level=0.5"], "z"),
}


def config_of(case):
    kind, (options, flags, latents) = case.split()[0], CASES[case]
    config = default_config()
    config.model = section(MODELS, kind, **options)
    return override(config, [f"--config.{flag}" for flag in flags]), latents.split()


def arrows(structure):
    return {(one, f.of, "q" if f.is_recognition else "p") for f in structure.factors for one in f.given or ("",)}


def sizes(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_every_kind_has_a_case():
    assert {case.split()[0] for case in CASES} == set(KINDS)


@pytest.mark.parametrize("case", CASES)
def test_every_parameter_is_at_one_arrow(case):
    structure, params = graph_of_run(config_of(case)[0], SHAPE, CLASSES)
    counts = count(structure, params)
    assert counts.total == sizes(params)
    assert set(counts.shared) == {said for _, said in structure.shared}  # nothing is left over
    claims = [path for factor in structure.factors for path in factor.params]
    assert len(set(claims)) == len(claims)
    shapes = {variable.name: variable.shape for variable in structure.variables}
    assert all({factor.of, *factor.given} <= set(shapes) for factor in structure.factors)
    assert "own" not in {name for factor in structure.factors for name in factor.by}


@pytest.mark.parametrize("case", ["vae one_hot", "ladder conditional", "deep conditional", "vqvae", "m2", "m1m2"])
def test_latents_have_the_sizes_of_what_the_model_draws(case):
    config, latents = config_of(case)
    structure, params = graph_of_run(config, SHAPE, CLASSES)
    shapes = {variable.name: variable.shape for variable in structure.variables}

    def draw(params):
        model = describe_run(config, SHAPE, CLASSES).bind(params)
        model = model.given(jnp.zeros(shapes["c"])) if "c" in shapes else model
        return model.encode(jnp.zeros(shapes["x"])).sample(jax.random.key(0))

    drawn = [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(draw, params))]
    assert [np.prod(shapes[name]) for name in latents] == [np.prod(shape) for shape in drawn]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("vae", {("", "z", "p"), ("z", "x", "p"), ("x", "z", "q")}),
        (
            "hierarchy",
            {("", "z_2", "p"), ("z_2", "z_1", "p"), ("z_1", "x", "p"), ("x", "z_1", "q"), ("z_1", "z_2", "q")},
        ),
        (
            "m2",
            {("", "y", "p"), ("", "z", "p"), ("y", "x", "p"), ("z", "x", "p")}
            | {("x", "y", "q"), ("x", "z", "q"), ("y", "z", "q")},
        ),
        (
            "vae conditional",
            {("c", "z", "p"), ("z", "x", "p"), ("c", "x", "p"), ("x", "z", "q"), ("c", "z", "q")},
        ),
    ],
)
def test_arrows_are_those_of_the_model(case, expected):
    assert arrows(graph_of_run(config_of(case)[0], SHAPE, CLASSES)[0]) == expected


def test_an_arrow_counts_the_parameters_of_what_computes_it():
    """By hand, of 64 pixels, 20 latents and hidden layers of 500."""
    structure, params = graph_of_run(config_of("vae")[0], SHAPE, CLASSES)
    of_q, of_p = 64 * 500 + 500 + 500 * 40 + 40, 20 * 500 + 500 + 500 * 64 + 64
    assert {f.name: (f.by, n) for f, n in zip(structure.factors, count(structure, params).factors, strict=True)} == {
        "p(z)": (("standard",), 0),
        "p(x|z)": (("mlp", "bernoulli"), of_p),
        "q(z|x)": (("mlp", "diagonal"), of_q),
    }


def test_graphs_and_mixtures_have_one_too():
    node = Node("rain", one_hot_categorical(), LookupTable((2,)))
    graph = Graph((node, Node("wet", diagonal_normal(), MLP((3,), (4,)), ("rain", "c"))), inputs={"c": (5,)})
    structure, params = graph.structure(latent=("rain",)), jax.eval_shape(graph.init, jax.random.key(0))
    assert count(structure, params).factors == (2, 3 * 7 + 3 + 4 * 3 + 4)
    assert [factor.by for factor in structure.factors] == [("LookupTable", "OneHotCategorical"), ("MLP", "Normal")]
    assert [(v.name, v.shape) for v in structure.variables if v.role == OBSERVED] == [("c", (5,)), ("wet", (2,))]
    mixture = GaussianMixture(jnp.zeros(3), jnp.zeros((3, 2)), jnp.tile(jnp.eye(2), (3, 1, 1)))
    params = {"decoder": free_parameters(mixture)}
    assert count(mixture.structure, params).factors == (3, 3 * 2 + 3 * 3, 0)


def test_a_model_that_says_nothing_has_its_parameters_by_their_top_names():
    params = {"encoder": jnp.zeros((2, 3)), "decoder": {"a": jnp.zeros(4), "b": jnp.zeros(())}, "prior": jnp.zeros(7)}
    structure = plain(params, (("encoder",), ("posterior",)), (3,))
    counts = count(structure, params)
    assert dict(zip([f.name for f in structure.factors], counts.factors, strict=True)) == {"p(x, z)": 12, "q(z|x)": 6}
    assert structure.factors[0].by == ("decoder", "prior")
    assert counts.total == 18
    unknown = count(structure, {**params, "more": jnp.zeros(5)})  # of a structure that does not name it
    assert (unknown.shared, unknown.total) == ({"more": 5}, 23)


@pytest.mark.parametrize("case", ["vae conditional", "m2", "deep conditional", "vae missing", "autoencoder noise"])
def test_a_drawing_is_sound_and_has_every_number(case):
    structure, params = graph_of_run(config_of(case)[0], SHAPE, CLASSES)
    drawn = ET.fromstring(diagram(structure, params))
    (svg,) = drawn.findall("{*}svg")
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    text = " ".join("".join(one.itertext()) for one in svg.findall(".//{*}text")).replace("\u200b", "")
    for number in count(structure, params).factors:
        assert f"{number:,} parameters" in text
    assert f"{sizes(params):,} parameters" in "".join(drawn.itertext())
    circles = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in svg.findall(".//{*}circle")]
    assert len(set(circles)) == len(structure.variables)
    assert all(34 <= x <= width - 34 and 34 <= y <= height - 34 for x, y in circles)
    dashed = [path.get("stroke-dasharray") is not None for path in svg.findall(".//{*}path") if path.get("marker-end")]
    known = arrows(structure)
    assert (len(dashed), sum(dashed)) == (len(known), sum(side == "q" for _, _, side in known))


def test_what_a_model_is_called_is_never_run():
    structure = Structure(
        (Variable(EVIL, (2,)), Variable("x", (3,), OBSERVED)),
        (Factor(EVIL, (), (EVIL,), (EVIL,)), Factor("x", (EVIL,), (EVIL,))),
        (("b", EVIL),),
    )
    drawn = ET.fromstring(diagram(structure, {EVIL: jnp.zeros(2), "b": jnp.zeros(3), EVIL * 2: jnp.zeros(1)}))
    assert not {"script", "img"} & {element.tag.rpartition("}")[2] for element in drawn.iter()}
    assert not any(name.startswith("on") for element in drawn.iter() for name in element.attrib)
