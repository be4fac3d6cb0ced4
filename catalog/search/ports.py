"""What search needs of the store, so that it does not depend on how the store is made."""

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Transaction(Protocol):
    """An open write transaction."""

    @property
    def conn(self) -> Connection: ...


class Database(Protocol):
    """`catalog.store.Store`: one snapshot for each reader, one writer at a time."""

    def read(self) -> AbstractContextManager[Connection]: ...

    def write(self) -> AbstractContextManager[Transaction]: ...
