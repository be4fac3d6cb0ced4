"""Rows that the clock alone lets through or takes away: no change of record, rows or policy comes to wake their stream (PROTOCOL 5.2)."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select

from catalog.rows.batches import RowChanges
from catalog.rows.columns import Column
from sync import tables as t
from sync.row_clock import same_filter, stamp, stamped, step
from tests.sync.sites import OPEN_POLICY, TestSite
from tests.sync.test_exchange_rows import RESOURCE, _count

type MakeSite = Callable[..., TestSite]

DAY = 86_400


def _policy(condition: str) -> str:
    return (
        OPEN_POLICY
        + f"""
- rule: row-embargo
  constrain: data
  who: actor.kind is peer
  then: {{only rows: {condition}}}
  because: {{zh: 观测值有保护期, en: readings are protected for a while}}
"""
    )


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return int(time.time()) + self.ahead


class Pair:
    """A county with a table of readings, and the city that follows it, pulled by hand."""

    def __init__(self, make_site: MakeSite, kind: str, condition: str) -> None:
        self.clock, self.kind = Clock(), kind
        self.city = make_site("510100", "成都", clock=self.clock)
        self.county = make_site("510107", "武侯", clock=self.clock, policy=_policy(condition))
        self.county.join(self.city)

    def reading(self, code: str, days: float) -> dict[str, Any]:
        """A row observed so many days ago."""
        at = datetime.fromtimestamp(self.clock(), UTC) - timedelta(days=days)
        local = at.astimezone(timezone(timedelta(hours=8)))
        value = {"date": f"{local:%Y-%m-%d}", "datetime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "text": f"{local:%Y-%m-%d}"}[self.kind]
        return {"code": code, "observed": value}

    def publish(self, *rows: dict[str, Any]) -> str:
        """Publishes the table."""
        columns = (Column("code", "text"), Column("observed", self.kind))
        resource = {name: value for name, value in RESOURCE.items() if name != "geometry"}
        changes = RowChanges(puts=list(rows), columns=columns, key=["code"])
        return self.county.publish("水位", rows=changes, items=[column.as_item() for column in columns], **{"resources.data": resource})

    def add(self, id: str, *rows: dict[str, Any]) -> None:
        """Adds readings."""
        with self.county.store.write() as tx:
            self.county.writer.put_rows(tx, id, "", RowChanges(puts=list(rows)), self.county.staff)

    def bring(self) -> None:
        """What the loops would do."""
        self.county.exchange.worker.publish_once()
        for _ in range(3):
            self.city.exchange.worker.pull_once(self.county.node)

    def seen(self, id: str) -> list[str]:
        """Codes that the city has."""
        return sorted(key[2:-2] for key in _count(self.city, id))


@pytest.mark.parametrize("kind", ["date", "datetime", "text"])
def test_row_whose_embargo_ends_appears_without_another_change(make_site: MakeSite, kind: str) -> None:
    pair = Pair(make_site, kind, "row.observed is older than 30 days")
    id = pair.publish(pair.reading("OLD", 40), pair.reading("SOON", 29), pair.reading("NEW", 3))
    pair.bring()
    assert pair.seen(id) == ["OLD"]
    with pair.county.store.read() as conn:
        (due,) = conn.scalars(select(t.due.c.at).where(t.due.c.id == id))
    assert 0 < due - pair.clock() <= 2 * DAY
    pair.clock.ahead += due - pair.clock()
    pair.clock.ahead += 0 if kind != "text" else DAY
    pair.bring()
    assert pair.seen(id) == ["OLD", "SOON"]
    pair.clock.ahead += 29 * DAY
    pair.bring()
    assert pair.seen(id) == ["NEW", "OLD", "SOON"] and pair.city.exchange.status().refused == 0
    with pair.county.store.read() as conn:
        assert (list(conn.scalars(select(t.due.c.at).where(t.due.c.id == id))) == []) == (kind != "text")


def test_row_that_grows_too_old_goes(make_site: MakeSite) -> None:
    pair = Pair(make_site, "datetime", "row.observed is newer than 30 days")
    id = pair.publish(pair.reading("OLD", 40), pair.reading("SOON", 29), pair.reading("NEW", 3))
    pair.bring()
    assert pair.seen(id) == ["NEW", "SOON"]
    pair.clock.ahead += DAY + 1
    pair.bring()
    assert pair.seen(id) == ["NEW"]


def test_late_readings_come_as_a_batch_of_their_own_and_begin_nothing_anew(make_site: MakeSite) -> None:
    pair = Pair(make_site, "datetime", "row.observed is older than 30 days")
    id = pair.publish(pair.reading("OLD", 40))
    pair.bring()
    for n in range(3):
        pair.clock.ahead += 100
        pair.add(id, pair.reading(f"LATE{n}", 30 + 30 / DAY), pair.reading(f"FRESH{n}", n))
        pair.county.exchange.worker.publish_once()
        with pair.county.store.read() as conn:
            assert conn.execute(select(t.stream.c.anew, t.stream.c.had).where(t.stream.c.id == id, t.stream.c.part == "rows:")).one() == (0, n + 1)
        pair.bring()
    assert pair.seen(id) == ["LATE0", "LATE1", "LATE2", "OLD"]


def test_moments_of_large_tables_are_taken_together() -> None:
    assert [step(rows) for rows in (0, 4_999, 5_000, 10_000, 1_000_000)] == [1, 1, 2, 4, 256]


def test_stamp_tells_the_filter_and_the_moment() -> None:
    made = stamp(None, 1_700_000_000)
    assert len(made) == 32 and stamped(made, None) == 1_700_000_000
    assert stamped(b"\xff" * 32, None) is None and stamped(None, None) is None
    assert stamped(made[:24] + b"\xff" * 8, None) is None  # as an older program left it
    assert same_filter(made, stamp(None, 5)) and not same_filter(None, made)
