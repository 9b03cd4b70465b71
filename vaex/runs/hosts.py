"""Several processes that train one run, on one machine or on several: they meet, compute together and part."""

import contextlib
import threading
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from vaex.errors import LostProcess, OptionError, UsageError, check_whole
from vaex.files import first_line
from vaex.runs import process

Told = TypeVar("Told")  # numbers, and lists of them
_ANSWER = 25  # seconds in which all have to have come
_HEARTBEAT, _SHUTDOWN = 20, 20  # seconds, for jax's own 100 and 300
_CURE = "what was saved is whole: the same command on all of them carries it on"


class Hosts(NamedTuple):
    """Who takes part, as the command line says it."""

    coordinator: str  # ADDRESS:PORT of process 0; "auto" where jax finds all by itself
    num_processes: int | None
    process_id: int | None


def said_hosts(coordinator: str | None, num_processes: int | None, process_id: int | None) -> Hosts | None:
    """The options of the command line together; None where there are none.

    Raises:
        UsageError: one without the others, or a number that cannot be.
    """
    numbers = (num_processes, process_id)
    if coordinator is None:
        if numbers != (None, None):
            raise UsageError("--num-processes and --process-id go with --coordinator=ADDRESS:PORT: give all three")
        return None
    if coordinator == "auto":
        if numbers != (None, None):
            raise UsageError("--coordinator is auto, where jax finds the number of processes by itself: leave it out")
        return Hosts(coordinator, None, None)
    _, colon, port = coordinator.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise OptionError("--coordinator", coordinator, "ADDRESS:PORT of process 0, or auto")
    if num_processes is None or process_id is None:
        raise UsageError("--coordinator goes with --num-processes=N and --process-id=0 to N - 1: give all three")
    check_whole(**{"--num-processes": num_processes})
    check_whole(0, num_processes - 1, **{"--process-id": process_id})
    return Hosts(coordinator, num_processes, process_id)


def meet(hosts: Hosts) -> None:
    """Wait for all processes; before anything is computed.

    jax itself ends a process that waits in vain, by an abort: what is told here comes before it.

    Raises:
        UsageError: jax finds no others by itself.
    """
    import jax

    whom = "the others" if hosts.process_id == 0 else f"the coordinator {hosts.coordinator}"
    told = f"{whom} did not answer within {_ANSWER} s: start all {hosts.num_processes or ''} processes within that time"
    watch = threading.Timer(_ANSWER, lambda: process.end(f"{' '.join(told.split())}, by one --coordinator", 2))
    watch.daemon = True
    watch.start()
    process.end_at_once()
    process.end_if_aborted(f"another process has ended or cannot be reached; {_CURE}", 3)
    try:
        jax.distributed.initialize(
            coordinator_address=None if hosts.coordinator == "auto" else hosts.coordinator,
            num_processes=hosts.num_processes,
            process_id=hosts.process_id,
            initialization_timeout=2 * _ANSWER,
            heartbeat_timeout_seconds=_HEARTBEAT,
            shutdown_timeout_seconds=_SHUTDOWN,
        )
    except (RuntimeError, ValueError) as error:
        found = first_line(error)
        raise UsageError(f"--coordinator is {hosts.coordinator}: {found}; give ADDRESS:PORT of process 0") from None
    finally:
        watch.cancel()


def are_several() -> bool:
    """Whether there is more than one process."""
    import jax

    return jax.process_count() > 1


def is_first() -> bool:
    """Whether this process is the one that writes."""
    import jax

    return jax.process_index() == 0


def part() -> None:
    """All have come to the end of what they compute together."""
    import jax

    with reached():
        jax.distributed.shutdown()


@contextlib.contextmanager
def reached() -> Iterator[None]:
    """What is computed together, within.

    Raises:
        LostProcess: another process has ended, or cannot be reached.
    """
    import jax

    try:
        yield
    except UsageError:
        raise
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        if not are_several():
            raise
        found = first_line(error)
        raise LostProcess(f"another process has ended or cannot be reached ({found}); {_CURE}") from error


def agreed(value: Told) -> Told:
    """What the first process has, on all of them: numbers, and lists of them."""
    if not are_several():
        return value
    import jax
    import numpy as np
    from jax.experimental import multihost_utils

    leaves, tree = jax.tree.flatten(value)
    with reached():
        same = multihost_utils.broadcast_one_to_all([np.asarray(leaf) for leaf in leaves])
    return jax.tree.unflatten(tree, [np.asarray(leaf).tolist() for leaf in same])


def any_of(flag: bool) -> bool:
    """Whether it holds on any of them."""
    if not are_several():
        return flag
    import numpy as np
    from jax.experimental import multihost_utils

    with reached():
        return bool(np.any(multihost_utils.process_allgather(np.array(flag))))
