"""Covering arrays: few cells in which every two levels of two factors stand together, or two that are seen alike."""

import itertools
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

Cell = dict[str, Any]
Item = tuple[str, Any]  # a factor and a level of it


def covering(
    levels: Mapping[str, Sequence[Any]],
    fits: Callable[[Cell], bool],
    has: Callable[[Cell, str], bool],
    *,
    seen: Callable[[Item, str], Hashable] = lambda item, by: item[1],
    given: Sequence[Cell] = (),
    candidates: int = 10,
    seed: int = 0,
) -> list[Cell]:
    """Cells such that every pair of levels is seen in one, or in a given one, unless it fits in none: greedy, by AETG.

    Args:
        levels: of each factor; the first factor is the one that decides which of the others a cell has.
        fits: whether a cell, or a part of one, is allowed.
        has: whether a cell with a level of the first factor has another factor.
        seen: as what a level is seen by another factor, which is to meet one of those that it sees as the same.
        given: cells that there are already, whose pairs need no other.
        candidates: how many cells are tried for each one taken.
        seed: of the order in which levels are tried.

    Source: Cohen, Dalal, Fredman and Patton 1997.
    """
    rng, first, order = random.Random(seed), next(iter(levels)), list(levels)
    items = [(factor, level) for factor in levels for level in levels[factor]]
    pairs = [(a, b) for a, b in itertools.combinations(items, 2) if a[0] != b[0]]
    rng.shuffle(pairs)

    def view(a: Item, b: Item) -> tuple:
        if order.index(a[0]) > order.index(b[0]):
            a, b = b, a
        return a[0], seen(a, b[0]), b[0], seen(b, a[0])

    left = {view(*pair) for pair in pairs}

    def found(cell: Cell) -> set:
        return {view(a, b) for a, b in itertools.combinations(cell.items(), 2)} & left

    for cell in given:
        left -= found(cell)

    def met(cell: Cell, one: Item) -> int:
        return sum(view(one, other) in left for other in cell.items())

    def filled(cell: Cell) -> Cell | None:
        """The cell with a level of every factor: what meets most others anew, or the first, which is the cheapest."""
        others = [factor for factor in order[1:] if factor not in cell and has(cell, factor)]
        for factor in rng.sample(others, len(others)):
            possible = [level for level in levels[factor] if fits({**cell, factor: level})]
            if not possible:
                return None
            best = max(possible, key=lambda level, cell=cell, factor=factor: met(cell, (factor, level)))
            cell = {**cell, factor: best}
        return cell

    cells = []
    for pair in pairs:
        if view(*pair) not in left or not fits(dict(pair)):
            continue
        starts = [{first: level, **dict(pair)} for level in levels[first] if dict(pair).get(first, level) == level]
        starts = [one for one in starts if fits(one) and all(has(one, factor) for factor, _ in pair)]
        tried = [filled(rng.choice(starts)) for _ in range(candidates if starts else 0)]
        best = max((one for one in tried if one is not None), key=lambda one: len(found(one)), default=None)
        if best is not None:
            left -= found(best)
            cells.append(best)
    return cells
