"""Withdrawn records on the command line: `edit` and `publish` find them, and say what they are."""

from typing import TYPE_CHECKING, Any

from catalog.errors import NotFoundError
from node.cli.base import Run

if TYPE_CHECKING:
    from collections.abc import Mapping


def resolve_to_write(run: Run, id: str) -> str:
    """As `run.resolve`, and also a record of this site's own that was withdrawn, by whatever name.

    Raises:
        NotFoundError: there is none that the acting person may know of. Who could not see it before it was withdrawn is not told of it afterwards.
    """
    from catalog.versions import could_discover
    from catalog.withdrawn import id_of_withdrawn

    with run.site.store.read() as conn:
        found = id_of_withdrawn(conn, id)
    if found is None:
        return run.resolve(id)
    if run.as_login != "local" and not could_discover(run.site.reader, run.actor, found):
        raise NotFoundError
    return found


def tombstone_of(run: Run, id: str) -> "Mapping[str, Any] | None":
    """The tombstone of a withdrawn record, or None."""
    from catalog.withdrawn import withdrawal

    with run.site.store.read() as conn:
        return withdrawal(conn, id)
