"""A site's object store as its reader sees it: whoever asks for a file that is not here yet has it fetched from the peer that gave the record.

The first question is answered with when to ask again (`ObjectComingError`); by then it is here, when the peer gives it.
"""

from collections.abc import Callable, Iterator
from typing import IO

from catalog.errors import NotFoundError, ObjectComingError
from catalog.objects import Objects, Stored
from catalog.transaction import WriteTransaction

__all__ = ["OnDemand"]


class OnDemand:
    """Wraps a store. `node` gives it to the reader: `OnDemand(objects, lambda name: exchange.objects.request(name))`."""

    def __init__(self, inner: Objects, ask: Callable[[str], int | None]) -> None:
        self._inner = inner
        self._ask = ask

    def has(self, sha256: str) -> bool:
        """Whether the file is here."""
        return self._inner.has(sha256)

    def size(self, sha256: str) -> int:
        """Bytes of the file; when it is not here, it is asked for.

        Raises:
            ObjectComingError: a peer may have it; says when to ask again.
            NotFoundError: nobody has, or this site's settings do not let it in.
        """
        try:
            return self._inner.size(sha256)
        except NotFoundError:
            seconds = self._ask(sha256)
            if seconds is None:
                raise
        raise ObjectComingError(seconds)

    def put(self, file: IO[bytes], *, media_type: str | None = None, expect: str | None = None, limit: int | None = None) -> Stored:
        """See `catalog.objects.Objects`, as for all that follow."""
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
