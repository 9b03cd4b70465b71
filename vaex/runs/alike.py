"""Several processes that train one run have been given the same: otherwise they train past each other, or wait."""

import json
from collections.abc import Mapping

import numpy as np

from vaex.config import Config, told
from vaex.errors import UsageError
from vaex.runs import hosts
from vaex.runs.environment import versions


def check_alike(config: Config, **others: object) -> None:
    """All processes have the same config, the same versions and the same of what else is named; at no cost for one.

    Where a host has its data is its own affair.

    Args:
        config: what is trained.
        others: what else decides what is computed, or how often.

    Raises:
        UsageError: they differ; it is raised on all of them.
    """
    if not hosts.are_several():
        return
    fields = {f"--config.{field.path}": field.value for field in told(config) if field.path != "data.dir"}
    everything = {**fields, **others, **{f"the version of {name}": value for name, value in versions().items()}}
    compare(gathered({name: str(value) for name, value in everything.items()}))


def gathered(said: Mapping[str, str]) -> list[dict[str, str]]:
    """What each process says, the first's first, on all of them."""
    from jax.experimental import multihost_utils

    own = np.frombuffer(json.dumps(said).encode(), np.uint8)
    with hosts.reached():
        sizes = np.asarray(multihost_utils.process_allgather(np.array(own.size)))
        rows = np.asarray(multihost_utils.process_allgather(np.pad(own, (0, int(sizes.max()) - own.size))))
    return [json.loads(bytes(row[:size])) for row, size in zip(rows, sizes, strict=True)]


def compare(said: list[dict[str, str]]) -> None:
    """What all processes say is what the first says.

    Raises:
        UsageError: it is not; the first field that differs is named.
    """
    for i, one in enumerate(said):
        for name in said[0] | one:
            first, here = (of.get(name, "not set") or "empty" for of in (said[0], one))
            if first != here:
                raise UsageError(
                    f"{name} is {first} of process 0, and {here} of process {i}: expected the same on all of them; "
                    "give every process the same command but for --process-id, and the same vaex"
                )
