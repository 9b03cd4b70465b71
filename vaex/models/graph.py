"""Directed graphical models with neural conditionals: their description."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from vaex.distributions.abilities import factors
from vaex.errors import UsageError
from vaex.model import Conditional, Distribution, Observed, Params, Value
from vaex.models.joint import Joint, Node, Values, check_values, conditional_of, quoted
from vaex.models.structure import LATENT, OBSERVED, Factor, Structure, Variable


@dataclass(frozen=True, eq=False)  # compared by identity, so that it may be static to jit
class Graph:
    """The static description of a directed graphical model.

    log p(x_1, ..., x_n | inputs) = sum_j log p(x_j | parents(x_j))

    >>> graph = Graph((Node("y", one_hot(), MLP((), (10,)), parents=("x",)),), inputs={"x": (64,)})
    >>> joint = graph.bind(graph.init(key)).given({"x": x})

    Attributes:
        nodes: the variables, in any order.
        inputs: what is conditioned on and has no distribution: names and the shapes of their values.

    Raises:
        UsageError: a name given twice, an unknown parent, parents that no network reads, or a cycle.

    Source: Kingma and Welling 2019, An Introduction to Variational Autoencoders, the section on directed graphical
    models and neural networks.
    """

    nodes: tuple[Node, ...]
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [*self.inputs, *(node.name for node in self.nodes)]
        for node in self.nodes:
            if names.count(node.name) > 1:
                raise UsageError(f"the name {node.name!r} is given {names.count(node.name)} times: expected once")
            if unknown := [p for p in node.parents if p not in names]:
                raise UsageError(f"node {node.name!r} has the unknown parent {unknown[0]!r}: known are {quoted(names)}")
            if node.parents and node.network is None:
                raise UsageError(f"node {node.name!r} has parents but no network that reads them: give it one")
        _ = self.order

    @functools.cached_property
    def order(self) -> tuple[Node, ...]:
        """The nodes, each after its parents."""
        nodes = {node.name: node for node in self.nodes}
        try:
            order = list(TopologicalSorter({name: node.parents for name, node in nodes.items()}).static_order())
        except CycleError as error:
            path = " -> ".join(error.args[1])
            raise UsageError(f"the graph has the cycle {path}: expected none, so remove one of its edges") from None
        return tuple(nodes[name] for name in order if name in nodes)

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters drawn from `key`: for each node those of its network and of its family."""
        return self._start(key)[0]

    def bind(self, params: Params) -> Any:
        """The model that these parameters make: an Observed Joint, or with inputs a Conditional from them to one."""
        if not self.inputs:
            return Observed(Joint(self, params, {}))

        def given(condition: Values) -> Joint:
            check_values(condition, self.inputs, "the inputs")
            return Joint(self, params, dict(condition))

        return Conditional(given)

    def check(self, data: Values) -> None:
        """Every node has its values, N of each of the right shape, and all of them can occur.

        Args:
            data: arrays by the names of nodes, each with a leading axis of N.

        Raises:
            UsageError: values missing, unknown, of another shape, or outside the support: a one-hot vector without
                its 1, say, which is what jax.nn.one_hot makes of a label outside the classes.
        """
        if len({len(values) for values in data.values()}) > 1:
            found = ", ".join(f"{len(values)} of {name!r}" for name, values in data.items())
            raise UsageError(f"found {found}: expected as many values of each node")
        check_values({k: jax.eval_shape(lambda a: a[0], v) for k, v in data.items()}, self.shapes, "the graph")
        for name, conditional in self.conditionals.items():
            allowed = np.asarray(conditional.support(jnp.asarray(data[name])))  # pyright: ignore
            wrong = ~allowed.reshape(len(data[name]), -1).all(axis=1)
            if wrong.any():
                raise UsageError(
                    f"node {name!r}: example {np.argmax(wrong)} and {wrong.sum() - 1} more lie outside the support of "
                    f"{type(conditional).__name__}: mend the data (labels outside the classes?) or take another family"
                )

    def structure(self, latent: Iterable[str] = ()) -> Structure:
        """What is drawn of it: each node with its network and its family.

        Args:
            latent: the names of nodes that are not observed.
        """
        hidden, kinds = frozenset(latent), self.conditionals
        by = {name: type(p if (base := factors(p)) is None else base).__name__ for name, p in kinds.items()}
        inputs = [Variable(name, tuple(shape), OBSERVED) for name, shape in self.inputs.items()]
        roles = {name: LATENT if name in hidden else OBSERVED for name in by}
        nodes = [Variable(name, shape, roles[name]) for name, shape in self.shapes.items()]
        made = [Factor(node.name, node.parents, (*_network(node), by[node.name]), (node.name,)) for node in self.order]
        return Structure((*inputs, *nodes), tuple(made))

    @property
    def conditionals(self) -> dict[str, Distribution]:
        """Of each node the distribution without its numbers, for what does not depend on them."""
        return self._abstract[0]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of each node the shape of its value."""
        return {name: value.shape for name, value in self._abstract[1].items()}

    @functools.cached_property
    def _abstract(self) -> tuple[dict[str, Distribution], dict[str, Value]]:
        return jax.eval_shape(lambda key: self._start(key)[1:], jax.random.key(0))

    def _start(self, key: PRNGKeyArray) -> tuple[Params, dict[str, Distribution], dict[str, Value]]:
        params, conditionals = {}, {}
        values: dict[str, Value] = {name: jnp.zeros(shape) for name, shape in self.inputs.items()}
        for i, node in enumerate(self.order):
            keys = jax.random.split(jax.random.fold_in(key, i), 3)
            inputs = [values[parent] for parent in node.parents]
            network = {} if node.network is None else node.network.init(keys[0], *inputs)
            params[node.name] = {"network": network, "family": node.family.init(keys[1])}
            conditionals[node.name] = conditional_of(node, params[node.name], values)
            values[node.name] = conditionals[node.name].sample(keys[2])
        return params, conditionals, {node.name: values[node.name] for node in self.order}


def _network(node: Node) -> tuple[str, ...]:
    return () if node.network is None else (type(node.network).__name__,)
