"""What the command line does before a command: its arguments in words, and jax with a cache and a device."""

import os
import re
import shlex
import warnings

from vaex.errors import UsageError
from vaex.files import cache_dir
from vaex.runs.hosts import Hosts, any_of, meet


def with_args(argv: list[str]) -> list[str]:
    """`--args TEXT`, which make writes, in words: split as a shell splits it, but nothing in it is run.

    What stands between brackets stays together: --config.model.network.encoder_hidden=(8, 4) is one word. ~/ is the
    user's folder, also behind an option as in --runs=~/runs, where a shell leaves it.
    """
    if "--args" not in argv[:-1]:
        return [_at_home(word) for word in argv]
    at = argv.index("--args")
    try:
        found = shlex.split(argv[at + 1])
    except ValueError as error:
        raise UsageError(f"ARGS is {argv[at + 1]!r}: {error}; quotation marks go in pairs") from None
    words: list[str] = []
    for word in found:
        if words and words[-1].startswith(("--config.", "--sweep.")) and words[-1].count("(") > words[-1].count(")"):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return [_at_home(word) for word in (*argv[:at], *words, *argv[at + 2 :])]


def _at_home(word: str) -> str:
    found = re.fullmatch(r"(--(?!config\.|sweep\.)[\w-]+=|)(~/.*)", word, re.DOTALL)  # fields have a ~ as it is said
    return found[1] + os.path.expanduser(found[2]) if found else word


def set_up_jax(computes: bool, *, on_each_core: bool = False, hosts: Hosts | None = None) -> None:
    """Compiled programs are kept between runs, unless the user has set JAX's own variable for it; a device is there.

    Args:
        computes: whether a device is needed.
        hosts: the processes that it is one of, which it waits for.
        on_each_core: whether a CPU is to be one device a core, where the user has not said how many it is.
    """
    if on_each_core:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores))
    # Before jax is imported, which reads them then.
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_dir() / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    # Of an operation's place a line is kept, not all its callers: 0.3 s of a cold start.
    os.environ.setdefault("JAX_INCLUDE_FULL_TRACEBACKS_IN_LOCATIONS", "0")
    # A cache that cannot be read or written is done without.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache")
    if not computes:
        return
    if hosts is not None:
        meet(hosts)
    try:
        import jax

        jax.devices()
    except Exception as error:  # of a backend, by an assertion too, and of a variable that jax cannot read
        asked = os.environ.get("JAX_PLATFORMS")
        found = f"JAX_PLATFORMS is {asked!r}, and jax" if asked else "jax"
        cure = (
            "unset it, or make setup ACCEL=cuda13 for an NVIDIA GPU" if asked else "mend it, or set JAX_PLATFORMS=cpu"
        )
        why = f" ({error})" if str(error) else ""
        raise UsageError(f"{found} finds no device to compute on{why}: {cure}") from error
    if hosts is not None:
        any_of(False)  # the first collective connects them, and gives up after 30 s: later one may be still at its data
