"""A small store of things that are costly to make, the least recently used dropped first. Safe for several threads."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock


class Kept[K: Hashable, V]:
    """Keeps at most `size` values.

    Args:
        size: How many to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Returns the value of a key, made when it is not there. Two threads may both make it; one is kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()
        with self._lock:
            made = self._values.setdefault(key, made)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return made
