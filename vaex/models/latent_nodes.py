"""Directed graphical models with some nodes latent: a Model like any other."""

from vaex.errors import UsageError
from vaex.model import Distribution, Encode, Model, Params, Value
from vaex.models.graph import Graph, Joint, quoted


def latent_variable_model(joint: Joint, latent: tuple[str, ...], encode: Encode) -> Model:
    """The model in which some nodes of a graph are not observed.

    p(z) = prod_{j latent} p(z_j | parents(z_j)),   p(x|z) = prod_{j observed} p(x_j | parents(x_j))

    Args:
        joint: all nodes' distribution, as in what graph.bind gives: Observed(joint).
        latent: the names of the nodes that are not observed.
        encode: x -> q(z|x).

    Returns:
        A Model, whose z and x are dicts of values by the nodes' names; or the value itself where one node is all.

    Raises:
        UsageError: a name that is no node, nothing or everything latent, or a latent node with an observed parent.

    Source: Kingma and Welling 2019, the section on deep latent variable models.
    """
    graph, shapes = joint.graph, joint.graph.shapes
    z = [node for node in graph.order if node.name in latent]
    x = [node for node in graph.order if node.name not in latent]
    if len(z) != len(latent) or not z or not x:
        raise UsageError(f"latent is {quoted(latent) or 'empty'}: expected some but not all of {quoted(shapes)}")
    for node in z:
        if observed := [parent for parent in node.parents if parent in (n.name for n in x)]:
            raise UsageError(
                f"the latent node {node.name!r} has the observed parent {observed[0]!r}, so that there is no prior "
                f"p(z): make {observed[0]!r} latent too, or an input of the graph"
            )
    prior = Graph(tuple(z), graph.inputs)
    likelihood = Graph(tuple(x), {**graph.inputs, **{node.name: shapes[node.name] for node in z}})

    def decode(value: Value) -> Distribution:
        values = value if len(z) > 1 else {z[0].name: value}
        return _part(likelihood, joint.params, {**joint.inputs, **values})

    return Model(prior=_part(prior, joint.params, joint.inputs), encode=encode, decode=decode)


def _part(graph: Graph, params: Params, inputs: dict[str, Value]) -> Distribution:
    """The distribution of some of the nodes: of a single one its conditional itself, over the bare value."""
    joint = Joint(graph, {node.name: params[node.name] for node in graph.nodes}, inputs)
    names = [node.name for node in graph.nodes]
    return joint if len(names) > 1 else joint.conditional(names[0])
