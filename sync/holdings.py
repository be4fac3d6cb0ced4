"""What each source told us about each record, and which of it is shown (PROTOCOL 4.7).

Rules:

1. Holdings are per source: what one peer takes back, another may still give.
2. Shown is the highest order = (place in succession, epoch, index), never version or time; a tombstone of the highest order shows nothing.
3. Disclosures are united over the sources that hold the same manifest.
4. After a restore what is held may be older than what peers were given: it is *stale*, and goes to nobody until its source has given it again (6.2).
5. What goes to a reader is drawn only from the sources that it may hear of (valley-free relay, 4.8) and never from that reader itself.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import Any, cast

from sqlalchemy import Connection, Select, delete, select

from catalog.canonical import dumps, loads
from catalog.transaction import WriteTransaction
from sync import tables as t

__all__ = ["STALE", "Holding", "Shown", "holdings_of", "replace_holdings", "shown", "stale_of", "texts_held"]

_CHUNK = 400
#: Round of holdings from before a restore.
STALE = -1


@dataclass(frozen=True, slots=True)
class Holding:
    """What one source told us about one record.

    Attributes:
        run, at: where it is proved. place, epoch: with `at`, its order.
        digest: hash of the manifest. disclosures: name → text.
    """

    source: str
    id: str
    run: int
    at: int
    place: int
    epoch: int
    digest: bytes
    manifest: str
    disclosures: Mapping[str, str]
    fingerprint: bytes
    tomb: bool
    stale: bool

    @property
    def order(self) -> tuple[int, int, int]:
        """PROTOCOL 4.7."""
        return self.place, self.epoch, self.at


@dataclass(frozen=True, slots=True)
class Shown:
    """The holding that is shown, with the disclosures of all its sources.

    Attributes:
        best: the holding whose run proves it: of several sources the one with the most disclosures.
        sources: all that hold this manifest. disclosures: united.
    """

    best: Holding
    sources: tuple[str, ...]
    disclosures: Mapping[str, str]


def holdings_of(conn: Connection, ids: Collection[str], *, but: str | None = None) -> dict[str, list[Holding]]:
    """All holdings of these records, but for those of one source."""
    found: dict[str, list[Holding]] = {}
    query = select(t.holding) if but is None else select(t.holding).where(t.holding.c.source != but)
    for some in batched(ids, _CHUNK):
        for row in conn.execute(query.where(t.holding.c.id.in_(some))):
            found.setdefault(row.id, []).append(_holding(row))
    return found


def shown(holdings: Iterable[Holding], *, digest: bytes | None = None, sources: Collection[str] | None = None) -> Shown | None:
    """What is shown of one record.

    Args:
        holdings: of that record.
        digest: only holdings of this manifest (the one that the catalog shows).
        sources: only holdings of these sources.

    Returns:
        None when nothing is left.
    """
    left = [item for item in holdings if (sources is None or item.source in sources) and (digest is None or item.digest == digest)]
    if not left:
        return None
    top = max(left, key=lambda item: (item.order, item.digest))
    same = sorted((item for item in left if item.digest == top.digest and item.order == top.order), key=lambda item: (-len(item.disclosures), item.source))
    if len(same) == 1:
        return Shown(top, (top.source,), top.disclosures)
    united: dict[str, str] = {}
    for item in same:
        for name, text in item.disclosures.items():
            united.setdefault(name, text)
    return Shown(same[0], tuple(item.source for item in same), united)


def replace_holdings(tx: WriteTransaction, source: str, holdings: Mapping[str, Holding | None], round_: int) -> None:
    """Replaces what a source told us about records.

    Args:
        holdings: by id; None: the source no longer gives it.
        round_: number of the source's full read.
    """
    for some in batched(holdings, _CHUNK):
        tx.conn.execute(delete(t.holding).where(t.holding.c.source == source, t.holding.c.id.in_(some)))
    tx.insert(t.holding, [_row(item, round_) for item in holdings.values() if item is not None])


def stale_of(conn: Connection, source: str, ids: Collection[str]) -> list[str]:
    """Those of these records of which this source's holding is stale."""
    h = t.holding.c
    if conn.scalar(select(h.id).where(h.source == source, h.round == STALE).limit(1)) is None:
        return []
    return [id for id, held in holdings_of(conn, ids).items() if any(item.stale and item.source == source for item in held)]


def _row(item: Holding, round_: int) -> dict[str, Any]:
    return {
        "source": item.source,
        "id": item.id,
        "run": item.run,
        "at": item.at,
        "place": item.place,
        "epoch": item.epoch,
        "digest": item.digest,
        "manifest": item.manifest,
        "disclosures": dumps(item.disclosures).decode(),
        "fingerprint": item.fingerprint,
        "tomb": int(item.tomb),
        "round": round_,
    }


def texts_held() -> Select[Any]:
    """The disclosures of everything that peers give, as texts: they may name files."""
    return select(t.holding.c.disclosures).where(t.holding.c.tomb == 0)


def _holding(row: Any) -> Holding:
    disclosures = cast(dict[str, str], loads(row.disclosures))
    return Holding(
        row.source,
        row.id,
        row.run,
        row.at,
        row.place,
        row.epoch,
        bytes(row.digest),
        row.manifest,
        disclosures,
        bytes(row.fingerprint),
        bool(row.tomb),
        row.round == STALE,
    )
