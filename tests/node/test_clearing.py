"""What withdrawn records leave behind, at a site as it is composed: peers' streams and holdings keep what they need."""

import io
import time

from sqlalchemy import delete, insert, select

from catalog import rows
from catalog.jobs import Worker, enqueue
from catalog.rows import Column, RowChanges
from catalog.withdrawn import DAY
from catalog.writer import Draft
from node.clearing import clearing
from node.site import Site
from sync import tables as sync_tables
from tests.catalog.conftest import OFFICER, complete_fields

PEER = "n-" + "p" * 32


def _clear(site: Site) -> None:
    made = clearing(site)
    made._clock = lambda: int(time.time()) + 40 * DAY
    with site.store.write() as tx:
        enqueue(tx, "clear", key="clear")
    assert Worker(site.store, made.handlers()).run_one()


def test_stream_and_holdings_of_peers_keep_rows_and_files(site: Site) -> None:
    held, unheld = (site.objects.put(io.BytesIO(content)).sha256 for content in (b"held", b"unheld"))
    with site.store.write() as tx:
        id = site.writer.add_draft(tx, Draft(complete_fields(), secrecy="public"), OFFICER)
        site.writer.put_rows(tx, id, "", RowChanges(columns=(Column("no", "text", nullable=False),), key=("no",), puts=[{"no": "1"}]), OFFICER)
        site.writer.publish(tx, id, OFFICER)
        for name in (held, unheld):
            site.objects.note(tx, name)
            tx.conn.execute(insert(sync_tables.object_want).values(sha256=name, source=PEER, id="urn:terrace:x", state="held"))
    with site.store.write() as tx:
        site.writer.withdraw(tx, id, "test", OFFICER)
        given = {"peer": PEER, "id": id, "part": "rows:", "pos": 1, "state": "ROWS", "fingerprint": b"\0" * 32, "first": 1}
        tx.conn.execute(insert(sync_tables.stream).values(**given))
        other = {"source": PEER, "id": "urn:terrace:x", "run": 1, "at": 0, "epoch": 1, "digest": b"", "manifest": "{}", "fingerprint": b""}
        tx.conn.execute(
            insert(sync_tables.holding).values(**other, disclosures=f'{{"resources.a":"[\\"s\\",\\"resources.a\\",{{\\"sha256\\":\\"{held}\\"}}]"}}')
        )
    _clear(site)
    _clear(site)
    with site.store.read() as conn:
        assert rows.tables_of(conn, id)
        assert list(conn.execute(select(sync_tables.object_want.c.sha256)).scalars()) == [held]  # the other may be fetched again
    assert site.objects.has(held) and not site.objects.has(unheld)
    with site.store.write() as tx:
        tx.conn.execute(delete(sync_tables.stream).where(sync_tables.stream.c.id == id))
    _clear(site)
    with site.store.read() as conn:
        assert not rows.tables_of(conn, id)
        assert conn.execute(select(sync_tables.holding.c.id)).scalar()
