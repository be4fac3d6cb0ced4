"""Removing what withdrawn records leave behind: `catalog.withdrawn`, told what the exchange with peers still needs."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select

from catalog.withdrawn import DAY, Clearing
from sync import tables as sync_tables
from sync.streams import PUT, RESET, ROWS

if TYPE_CHECKING:
    from node.site import Site


def clearing(site: "Site") -> Clearing:
    """The job `clear` of a site."""
    holding = sync_tables.holding.c
    return Clearing(
        site.store,
        lambda: site.objects,
        keep=site.settings.upkeep.withdrawn_days * DAY,
        in_streams=given_out,
        elsewhere=[select(holding.disclosures).where(holding.tomb == 0)],
        on_delete=_forget,
    )


def _forget(conn: Connection, name: str) -> None:
    """A deleted file counts as not fetched: a record that names it again has it fetched again."""
    conn.execute(delete(sync_tables.object_want).where(sync_tables.object_want.c.sha256 == name))


def given_out(conn: Connection, ids: Collection[str]) -> set[str]:
    """Of some records those that the stream to a peer still gives out: the sweep that turns them into a removal has not come by yet."""
    stream = sync_tables.stream.c
    return set(conn.execute(select(stream.id).where(stream.id.in_(list(ids)), stream.state.in_((PUT, ROWS, RESET)))).scalars())
