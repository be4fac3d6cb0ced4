"""A full read says that it is complete only when everything was judged, and a head is signed only over what the reader can have (PROTOCOL 4.5, 4.6)."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from sync import tables as t
from sync.streams import SWEEP
from tests.sync.sites import TestSite
from tests.sync.test_exchange_four_levels import NO_LAND

type MakeSite = Callable[..., TestSite]


class Reading:
    """A county, and a city that reads its stream batch by batch."""

    def __init__(self, make_site: MakeSite) -> None:
        self.city, self.county = make_site("510100", "成都"), make_site("510107", "武侯")
        self.county.join(self.city)
        self.ids = [self.county.publish(f"地块{n}") for n in range(3)]
        self.gen = self.county.exchange.serve(self.city.node, None, 0, 1000).gen  # type: ignore[union-attr]

    def read(self, cursor: int, limit: int = 1000) -> dict[str, Any]:
        """One answer; the city applies it."""
        served = self.county.exchange.serve(self.city.node, self.gen, cursor, limit)
        assert served is not None and served.kind == "batch"
        assert self.city.exchange.apply(self.county.node, served.body).outcome == "applied"
        found: dict[str, Any] = orjson.loads(served.body)
        return found


@pytest.fixture
def reading(make_site: MakeSite) -> Reading:
    """Three records, nothing fed to the stream yet."""
    return Reading(make_site)


def test_full_read_does_not_end_while_a_sweep_is_pending(reading: Reading) -> None:
    # PROTOCOL 4.5, 4.6
    assert reading.county.exchange.serve(reading.city.node, reading.gen, 0, 1000) is None  # nothing was judged yet: 204, not an end
    reading.county.exchange.worker.publish_once()
    with reading.county.store.write() as tx:
        tx.conn.execute(update(t.outlet).values(sweep=SWEEP))
    early = reading.read(0)
    assert (len(early["items"]), early["more"], early["head"]) == (3, True, None)
    waiting = reading.county.exchange.serve(reading.city.node, reading.gen, early["to"], 1000)
    assert waiting is not None and waiting.kind == "nothing"
    reading.county.exchange.worker.publish_once()
    last = reading.read(early["to"])
    assert (last["items"], last["more"]) == ([], False) and last["head"] is not None
    assert all(reading.city.record(id) for id in reading.ids)


def test_no_head_is_signed_over_a_removal_that_waits(reading: Reading) -> None:
    # PROTOCOL 4.5, 4.6
    reading.county.exchange.worker.publish_once()
    first = reading.read(0, limit=1)
    sent = orjson.loads(first["items"][0]["manifest"])["id"]
    assert (first["more"], first["head"]) == (True, None)
    reading.county.withdraw(sent)
    reading.county.exchange.worker.publish_once()
    with reading.county.store.read() as conn:
        state = conn.exec_driver_sql("SELECT state FROM sync_stream WHERE id = '" + sent + "'").scalar()
    second = reading.read(first["to"])
    assert second["more"] is False and all(item["op"] != "remove" for item in second["items"])
    if state == "REMOVE":
        assert second["head"] is None
    third = reading.read(second["to"]) if state == "REMOVE" else second
    assert third["head"] is not None and reading.city.record(sent) is None
    assert reading.city.exchange.status().refused == 0 and reading.city.exchange.context.wake.count("position") > 0


def test_removal_by_policy_waits_for_the_end_of_a_full_read(reading: Reading) -> None:
    # PROTOCOL 4.5, 4.6
    reading.county.exchange.worker.publish_once()
    first = reading.read(0, limit=1)
    sent = orjson.loads(first["items"][0]["manifest"])["id"]
    policy = (reading.county.folder / "policies" / "site.yaml").read_text(encoding="utf-8")
    deny = f"""
- rule: no-more
  deny: [discover, read, hold, data]
  who: actor.kind is peer
  what: record.id is {sent}
  because: {{zh: 收回, en: taken back}}
"""
    reading.county.set_policy(policy + deny)
    reading.county.exchange.worker.publish_once()
    second = reading.read(first["to"])
    assert (second["more"], second["head"]) == (False, None) and all(item["op"] == "put" for item in second["items"])
    third = reading.read(second["to"])
    assert [(item["op"], item.get("id")) for item in third["items"]] == [("remove", sent)] and third["head"] is not None
    assert reading.city.record(sent) is None and reading.city.exchange.status().refused == 0


def test_full_read_of_an_emptied_stream_takes_everything_back(reading: Reading) -> None:
    # PROTOCOL 4.5, 6.2: a stream made anew (after a restore) under a policy that gives this peer nothing
    def bring() -> None:
        reading.county.exchange.worker.publish_once()
        for _ in range(3):
            reading.city.exchange.worker.pull_once(reading.county.node)

    bring()
    assert all(reading.city.record(id) for id in reading.ids)
    with reading.county.store.write() as tx:
        for table in (t.stream, t.outlet, t.view_out, t.due):
            tx.conn.execute(table.delete())
    reading.county.set_policy(NO_LAND)
    for _ in range(3):
        bring()
    assert not any(reading.city.record(id) for id in reading.ids)
