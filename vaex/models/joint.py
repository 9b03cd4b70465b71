"""The joint distribution of the nodes of a directed graphical model."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from vaex.distributions import abilities
from vaex.distributions.shapes import for_each_draw, log_density, value_shape
from vaex.distributions.sites import joined, sites
from vaex.distributions.states import all_states, check_num_states, sizes_of_states
from vaex.distributions.supports import Coordinates, coordinates
from vaex.errors import UsageError
from vaex.model import Distribution, Family, Params, Value

Values = Mapping[str, Value]  # of nodes, by their names


class Node(NamedTuple):
    """One variable and its conditional, p(x_j | parents(x_j))."""

    name: str
    family: Family  # what the network's raw output means
    network: nn.Module | None = None  # the parents' values, an argument each -> raw; None where the family needs none
    parents: tuple[str, ...] = ()


@functools.partial(jax.tree_util.register_dataclass, data_fields=("params", "inputs"), meta_fields=("graph",))
@dataclass(frozen=True)
class Joint:
    """The distribution of all nodes of a graph, over a dict of their values; one value at a time.

    log p(x) = sum_j log p(x_j | parents(x_j)),   drawn ancestrally: each node after its parents

    Attributes:
        graph: the description.
        params: its parameters.
        inputs: the values of what it is conditioned on.
    """

    graph: Any  # a Graph, which is made of nodes
    params: Params
    inputs: dict[str, Value]

    def sample(self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()) -> dict[str, Value]:
        return self.sample_and_log_prob(key, sample_shape)[0]

    def sample_and_log_prob(
        self, key: PRNGKeyArray, sample_shape: tuple[int, ...] = ()
    ) -> tuple[dict[str, Value], Float[Array, "..."]]:
        """Draws with their log-densities, for which no network is applied a second time."""

        def one(key: PRNGKeyArray) -> tuple[dict[str, Value], Array]:
            keys = {node.name: jax.random.fold_in(key, i) for i, node in enumerate(self.graph.order)}
            conditionals, values = self._walk(lambda name, conditional: conditional.sample(keys[name]))
            return values, _total(conditionals, values)

        return for_each_draw(one, key, sample_shape)

    def log_prob(self, value: Values) -> Float[Array, ""]:
        check_values(value, self.graph.shapes, "the graph")
        return _total(*self._walk(lambda name, conditional: value[name]))

    def conditional(self, name: str, values: Values | None = None) -> Distribution:
        """p(x_j | parents(x_j)) of one node, given the values of its parents that are no inputs."""
        node = next(node for node in self.graph.nodes if node.name == name)
        return conditional_of(node, self.params[name], {**self.inputs, **(values or {})})

    def coordinates(self) -> Coordinates:
        """Free numbers of each node, whose support may depend on the values of its parents."""
        own = lambda values: self._walk(lambda name, conditional: values[name])

        def value(numbers: Values) -> dict[str, Value]:
            return self._walk(lambda name, conditional: coordinates(conditional).value(numbers[name]))[1]

        def numbers(value: Values) -> dict[str, Value]:
            return {name: coordinates(conditional).numbers(value[name]) for name, conditional in own(value)[0].items()}

        def log_det(numbers: Values) -> Array:
            conditionals = own(value(numbers))[0].items()
            return sum((coordinates(p).log_det(numbers[name]) for name, p in conditionals), jnp.array(0.0))

        return Coordinates(value, numbers, log_det)

    def enumerate_support(self) -> dict[str, Array]:
        """All joint states of a graph whose nodes are all discrete."""
        states = {name: all_states(conditional) for name, conditional in self.graph.conditionals.items()}
        sizes = [len(one) for one in states.values()]
        check_num_states(math.prod(sizes))
        grids = jnp.meshgrid(*map(jnp.arange, sizes), indexing="ij")
        return {name: one[grid.ravel()] for (name, one), grid in zip(states.items(), grids, strict=True)}

    def _walk(self, choose: Callable[[str, Distribution], Value]) -> tuple[dict[str, Distribution], dict[str, Value]]:
        """The conditionals of all nodes, and the values chosen for them."""
        conditionals, values = {}, {}
        for node in self.graph.order:
            conditionals[node.name] = self.conditional(node.name, values)
            values[node.name] = choose(node.name, conditionals[node.name])
        return conditionals, values


value_shape.register(Joint, lambda q: None)  # its values are checked by their names
all_states.register(Joint, lambda q: q.enumerate_support())
sites.register(Joint, lambda q: joined({name: sites(p) for name, p in q.graph.conditionals.items()}))
coordinates.register(Joint, lambda q: q.coordinates())
sizes_of_states.register(Joint, lambda q: tuple(len(all_states(one)) for one in q.graph.conditionals.values()))
abilities.own_sample_and_log_prob.register(Joint, lambda q: q.sample_and_log_prob)
abilities.is_cheap_to_evaluate.register(Joint, lambda q: False)
abilities.is_discrete.register(Joint, lambda q: any(map(abilities.is_discrete, q.graph.conditionals.values())))
abilities.has_gradient.register(Joint, lambda q: all(map(abilities.has_gradient, q.graph.conditionals.values())))


def conditional_of(node: Node, params: Params, values: Values) -> Distribution:
    inputs = [values[parent] for parent in node.parents]
    raw = None if node.network is None else node.network.apply(params["network"], *inputs)
    return node.family.apply(params["family"], raw)


def check_values(values: Values, shapes: Mapping[str, tuple[int, ...]], of: str) -> None:
    if set(values) != set(shapes):
        raise UsageError(f"found values of {quoted(values) or 'nothing'}: expected those of {of}, {quoted(shapes)}")
    for name, shape in shapes.items():
        if jnp.shape(values[name]) != tuple(shape):
            raise UsageError(
                f"{name!r} has a value of shape {jnp.shape(values[name])}: expected {tuple(shape)}, one example at a "
                "time; jax.vmap makes a batch"
            )


def quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _total(conditionals: dict[str, Distribution], values: dict[str, Value]) -> Float[Array, ""]:
    return jnp.sum(jnp.stack([log_density(f"p({name}|parents)", c, values[name]) for name, c in conditionals.items()]))
