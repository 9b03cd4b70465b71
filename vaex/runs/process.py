"""The process of the command line: its streams, its interrupts and its end; imports nothing that takes time."""

import contextlib
import ctypes
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

_at_once: list[bool] = []
_kept: list[object] = []  # what native code calls, and nothing else holds
_GRACE = 2.0  # seconds in which an interrupted process may unwind
_advice: list[str] = []  # how to go on after an interrupt, the innermost last


@contextlib.contextmanager
def interruptible(advice: str) -> Iterator[None]:
    """What an interrupt within says: how to go on. It is kept while one unwinds."""
    _advice.append(advice)
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException:
        _advice.remove(advice)
        raise
    _advice.remove(advice)


def interrupted() -> str:
    """What is said of an interrupt."""
    return f"interrupted; {_advice.pop()}" if _advice else "interrupted"


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command in this process and end it: nothing that a terminal, a pipe or Ctrl-C does ends in a traceback."""
    sys.unraisablehook = _unraisable
    signal.signal(signal.SIGINT, _interrupt)
    _open_streams()
    _end_when_terminated()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it is closed
            stream.reconfigure(errors="replace")  # of a terminal that knows only ASCII
    try:
        code = main()
    except SystemExit as error:  # of argparse, of rich where a pipe was closed
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        leave()
    code = flushed(code)
    if code == 130 or (code and _at_once):
        os._exit(code)  # unwound, but for threads of XLA, which take an interpreter down that ends
    sys.exit(code)


def _open_streams() -> None:
    """What is closed leads nowhere: a file that took its number would have in it what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def end_at_once() -> None:
    """From now on an error ends the process without waiting for others, which may never come to their own end."""
    _at_once.append(True)


def end_if_aborted(message: str, code: int) -> None:
    """Of an abort, as XLA's where its coordinator is gone, which Python cannot catch, this line and code are left.

    What native code prints, dozens of lines before an abort, is dropped; Python's own standard error stays.
    """
    if sys.stderr is not None:
        sys.stderr = os.fdopen(os.dup(2), "w", errors="replace", buffering=1)
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: end(message, code))
    _kept.append(handler)
    ctypes.CDLL(None).signal(int(signal.SIGABRT), handler)


def end(message: str, code: int) -> NoReturn:
    """End the process from any thread, with one line."""
    from vaex import files

    files.sweep()
    complain(message)
    os._exit(code)


def flushed(code: int) -> int:
    """Write out what standard output still holds -> the exit code, another where that fails."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        return unheard(error)
    return code


def unheard(error: OSError) -> int:
    """Nobody takes what is printed -> the exit code; in silence where a pipe was closed, as by `head`."""
    if not isinstance(error, BrokenPipeError):
        complain(f"cannot write to standard output: {error.strerror or error}")
    with contextlib.suppress(OSError, ValueError):  # the interpreter's own last flush goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def is_here_gone() -> bool:
    """Whether the current folder was removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def complain(message: str) -> None:
    """One line on standard error, where there is one."""
    with contextlib.suppress(OSError):
        print(f"vaex: {' '.join(message.splitlines())}", file=sys.stderr, flush=True)


def leave(code: int = 130) -> NoReturn:
    """End an interrupted process without unwinding it."""
    from vaex import files

    files.sweep()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
            stream.write("\x1b[?25h" if stream.isatty() else "")  # a progress bar hides the cursor
            stream.flush()
    os.write(2, f"vaex: {interrupted()}\n".encode(errors="replace"))
    os._exit(code)


def _end_when_terminated() -> None:
    """SIGTERM sweeps up what is half-written, and ends the process at once but where it is noted, as in training.

    A thread hears of it, since Python runs no handler while XLA compiles.
    """
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.signal(signal.SIGTERM, _terminate)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(heard,), daemon=True).start()


def _terminate(number: int, frame: FrameType | None) -> None:
    leave(143)


def _listen(heard: int) -> None:
    count = 0
    while numbers := os.read(heard, 64):
        count += numbers.count(signal.SIGTERM)
        if count > 1 or (count and signal.getsignal(signal.SIGTERM) is _terminate):
            leave(143)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Unwind; at once where nothing can be half-done, and soon where the interrupt is swallowed on its way."""
    signal.signal(signal.SIGINT, lambda number, frame: leave())
    if _imports(frame):  # modules written in C turn an interrupt into errors of their own
        leave()
    timer = threading.Timer(_GRACE, leave)
    timer.daemon = True
    timer.start()
    raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    """Tensorstore's threads print what they could not tell a checkpoint's event loop after it was closed."""
    if not (found.exc_type is RuntimeError and str(found.exc_value) == "Event loop is closed"):
        sys.__unraisablehook__(found)
