"""Boxes and times: which rows of a chunk meet them.

Longitudes are taken modulo 360, so that 170…190 and 170…−170 are one box. A document's box with west > east crosses the antimeridian. A document without a box
or time meets none. Touching counts. Stored boxes are rounded outward to float32 (about 2 m at 180°): a box that comes so near may count as touching.
"""

import numpy as np
from numpy.typing import NDArray

from catalog.search.columns import Chunk
from catalog.search.documents import NO_TIME

type Bools = NDArray[np.bool_]


def meets_box(chunk: Chunk, box: tuple[float, float, float, float]) -> Bools:
    """For each row whether its box meets (west, south, east, north)."""
    west, south, east, north = box
    numbers = chunk.numbers
    meets: Bools = (numbers["south"] <= north) & (numbers["north"] >= south)
    if not (west > east) and east - west >= 360:
        return meets & ~np.isnan(numbers["west"])
    west, east = _wrap(west), _wrap(east)
    w, e = numbers["west"], numbers["east"]
    begins, ends = w <= east, e >= west
    # Two ordinary ones overlap; one that crosses covers [west, 180] and [-180, east]; two that cross always meet, at the antimeridian.
    across: Bools = np.where(w <= e, begins & ends, begins | ends) if west <= east else np.where(w <= e, begins | ends, w > e)
    return meets & across


def _wrap(longitude: float) -> float:
    return longitude if -180 <= longitude <= 180 else (longitude + 180) % 360 - 180


def meets_time(chunk: Chunk, start: int | None, end: int | None) -> Bools:
    """For each row whether its time meets the closed interval; an end that is None is open on both sides alike."""
    begins, ends = chunk.numbers["time_from"], chunk.numbers["time_to"]
    meets: Bools = (begins != NO_TIME) | (ends != NO_TIME)
    if end is not None:
        meets &= begins <= end
    if start is not None:
        meets &= (ends >= start) | (ends == NO_TIME)
    return meets


def has_box(chunk: Chunk) -> Bools:
    """Rows with a box."""
    boxed: Bools = ~np.isnan(chunk.numbers["west"])
    return boxed


def has_time(chunk: Chunk) -> Bools:
    """Rows with a beginning or an end."""
    timed: Bools = (chunk.numbers["time_from"] != NO_TIME) | (chunk.numbers["time_to"] != NO_TIME)
    return timed
