"""A site's object store as its reader sees it: whoever asks for a file that is not here yet has it fetched from the peer that gave the record.

The first question still says that the file is not here; a moment later it is, when the peer gives it.
"""

from collections.abc import Callable, Iterator
from typing import IO

from catalog.objects import Objects, Stored
from catalog.transaction import WriteTransaction

__all__ = ["OnDemand"]


class OnDemand:
    """Wraps a store. `node` gives it to the reader: `OnDemand(objects, lambda name: exchange.objects.request(name))`."""

    def __init__(self, inner: Objects, ask: Callable[[str], object]) -> None:
        self._inner = inner
        self._ask = ask

    def has(self, sha256: str) -> bool:
        """Whether the file is here; when it is not, it is asked for."""
        found = self._inner.has(sha256)
        if not found:
            self._ask(sha256)
        return found

    def size(self, sha256: str) -> int:
        """See `catalog.objects.Objects`, as for all that follow."""
        return self._inner.size(sha256)

    def put(self, file: IO[bytes], *, media_type: str | None = None, expect: str | None = None, limit: int | None = None) -> Stored:
        """As the store."""
        return self._inner.put(file, media_type=media_type, expect=expect, limit=limit)

    def open(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """As the store."""
        return self._inner.open(sha256, start, end)

    def delete(self, sha256: str) -> None:
        """As the store."""
        self._inner.delete(sha256)

    def names(self) -> Iterator[str]:
        """As the store."""
        return self._inner.names()

    def note(self, tx: WriteTransaction, sha256: str, *, media_type: str | None = None) -> None:
        """As the store."""
        self._inner.note(tx, sha256, media_type=media_type)
