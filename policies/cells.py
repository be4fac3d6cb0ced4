"""Small cells of statistics: what may be shown of counts when a policy names a smallest cell (LANGUAGE 14).

A count of fewer than `smallest` things (but not of none) points at people. It is not shown; and so that it cannot be worked out from a total either,
further cells go with it (complementary suppression). The same floor holds for minimum, maximum, mean and extent: a value of one thing is that thing.
"""

from collections.abc import Hashable, Iterable, Mapping


def may_describe(count: int, smallest: int | None) -> bool:
    """Returns whether minimum, maximum, mean, sum or extent of `count` things may be shown."""
    return smallest is None or count >= smallest


def suppress[K: Hashable](counts: Mapping[K, int], smallest: int | None, *, total_shown: bool = True) -> dict[K, int | None]:
    """Returns one list of counts with the small ones, and what would give them away, as None.

    Args:
        counts: Count of each cell.
        smallest: Smallest count that may be shown; None shows all.
        total_shown: Whether the reader also learns the sum. Then the suppressed cells must be at least two and hold at least `smallest` together.
    """
    if smallest is None:
        return dict(counts)
    hidden = {key for key, count in counts.items() if 0 < count < smallest}
    if total_shown:
        hidden = _cover(counts, hidden, smallest)
    return {key: None if key in hidden else count for key, count in counts.items()}


def suppress_table[R: Hashable, C: Hashable](counts: Mapping[tuple[R, C], int], smallest: int | None) -> dict[tuple[R, C], int | None]:
    """Returns a two-way table of counts, whose row and column totals are shown, with cells as None where needed.

    Each row and each column is covered like a list with its total, until none gives a cell away.
    """
    if smallest is None:
        return dict(counts)
    hidden = {key for key, count in counts.items() if 0 < count < smallest}
    while True:
        before = len(hidden)
        for axis in (0, 1):
            for line in {key[axis] for key in counts}:
                cells = {key: count for key, count in counts.items() if key[axis] == line}
                hidden |= _cover(cells, hidden & cells.keys(), smallest)
        if len(hidden) == before:
            return {key: None if key in hidden else count for key, count in counts.items()}


def _cover[K: Hashable](cells: Mapping[K, int], hidden: Iterable[K], smallest: int) -> set[K]:
    """Adds the smallest other cells until the hidden ones cannot be worked out from their sum. Order of cells with equal counts follows their keys."""
    covered = set(hidden)
    others = sorted((key for key in cells if key not in covered), key=lambda key: (cells[key] == 0, cells[key], repr(key)))
    while covered and others and (len(covered) < 2 or sum(cells[key] for key in covered) < smallest):
        covered.add(others.pop(0))
    return covered
