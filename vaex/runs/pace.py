"""When a log that has no terminal gets its next line, and how much time is left."""

import datetime
from collections.abc import Callable

SECONDS, SHARE = 30.0, 0.05  # between two lines lie at least both
_LONGEST = 1e9  # seconds that are told of: thirty years


def pace(total: int, done: int, seconds: float) -> Callable[[float, float, bool], tuple[bool, str]]:
    """A function (how much is done, seconds, is a line wanted anyway) -> whether one is due, and the time left.

    A line is due for the first turn, which says how long the whole will take, and then where both SECONDS and SHARE of
    the whole have gone by since the last line.

    Args:
        total: how much there is to do, in any unit.
        done: how much of it was done before.
        seconds: what the clock showed then.
    """
    lines: list[tuple[float, float]] = []  # the last one's

    def turn(done_now: float, now: float, wanted: bool) -> tuple[bool, str]:
        is_due = wanted or not lines
        if not is_due:
            before, then = lines[0]
            is_due = now - then >= SECONDS and done_now - before >= SHARE * total
        if is_due:
            lines[:] = [(done_now, now)]
        left = (now - seconds) * (total - done_now) / max(done_now - done, 1)
        return is_due, str(datetime.timedelta(seconds=round(min(left, _LONGEST))))

    return turn
