"""What `sync` sends of a table of rows: the changes of one batch with before-images, and the base for a reset (PROTOCOL 5.1–5.4)."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from catalog.canonical import JSON, b64, dumps
from catalog.rows.encode import MAX_ROWS, full_row
from catalog.rows.store import next_prev
from catalog.rows.tables import RowTable
from catalog.tables import row_batch, row_change
from catalog.tree import Hash, leaf_hash, sha256, tree_root

__all__ = ["SharedRow", "base_head", "base_rows", "batch_rows"]


@dataclass(frozen=True, slots=True)
class SharedRow:
    """One member of a batch, in leaf order.

    Attributes:
        key: canonical key; `#<place>` for a leaf that this site itself may not see.
        salt, row: of a put; a removal has no row, one that only left this site's share no salt either.
        leaf: hash of the leaf, empty where there is none.
        before_salt, before_row: what was there before, or None.
    """

    key: str
    salt: bytes | None
    row: str | None
    leaf: bytes
    before_salt: bytes | None
    before_row: str | None

    @property
    def place(self) -> int | None:
        """The place of a hole; None for what has a key."""
        return int(self.key[1:]) if self.key.startswith("#") else None


def batch_rows(conn: Connection, id: str, variant: str, seq: int) -> tuple[str, list[SharedRow]] | None:
    """Head and members of a batch; members are in byte order of keys, holes first. None when the batch is not here or was forgotten."""
    where = (row_batch.c.id == id, row_batch.c.variant == variant, row_batch.c.seq == seq)
    head = conn.execute(select(row_batch.c.head).where(*where)).scalar()
    c = row_change.c
    query = select(c.key, c.salt, c.row, c.leaf, c.before_salt, c.before_row).where(c.id == id, c.variant == variant, c.seq == seq).order_by(c.key)
    members = [SharedRow(row.key, _bytes(row.salt), row.row, bytes(row.leaf), _bytes(row.before_salt), row.before_row) for row in conn.execute(query)]
    return None if head is None or not members else (str(head), members)


def base_rows(conn: Connection, table: RowTable, policy: ColumnElement[bool] | None = None) -> Iterator[tuple[str, bytes, str, bool]]:
    """All rows of a table in leaf order: key, salt, canonical row, and whether the policy's clause lets it through."""
    c = table.sql.c
    columns = [c._key, c._salt, c._row, *((c._wkb,) if table.geometry_column else ())]
    visible = [] if policy is None else [policy.label("visible")]
    after = ""
    while rows := conn.execute(select(*columns, *visible).where(c._key > after).order_by(c._key).limit(MAX_ROWS)).all():
        for row in rows:
            wkb = row._wkb if table.geometry_column else None
            full = full_row(table, row._row, None if wkb is None else bytes(wkb))
            yield row._key, bytes(row._salt), full, policy is None or bool(row.visible)
        after = rows[-1]._key


def base_head(conn: Connection, table: RowTable, hash_: Hash = sha256) -> str | None:
    """The head of the whole table as it is after its newest batch; None when it has had none (PROTOCOL 5.2)."""
    where = (row_batch.c.id == table.id, row_batch.c.variant == table.variant, row_batch.c.seq == table.seq)
    newest = conn.execute(select(row_batch.c.head).where(*where)).scalar()
    if newest is None:
        return None
    leaves = [leaf_hash(salt + row.encode(), hash_) for _, salt, row, _ in base_rows(conn, table)]
    members: dict[str, JSON] = {
        "base": True,
        "count": len(leaves),
        "id": table.id,
        "prev": next_prev(newest, hash_),
        "root": b64(tree_root(leaves, hash_)),
        "seq": table.seq,
        "variant": table.variant,
    }
    return dumps(members).decode()


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)
