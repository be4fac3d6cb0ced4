"""A clock that was set back: what had ended does not begin again, what is timed is closed, nothing with a time is signed, and it is said (PROTOCOL 6.5)."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from catalog.tables import audit
from sync import tables as t
from sync.clock import newest_verified, seconds_behind
from sync.endpoints import STATUSES
from sync.errors import SyncError
from sync.witness import make_request
from tests.sync.sites import TestSite
from tests.sync.test_exchange_faults import EMBARGO, Clock, _bring
from tests.sync.test_row_clock import DAY

type MakeSite = Callable[..., TestSite]


def _date(days: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600 + days * DAY))


class Back:
    """A city, and a county whose clock goes back by a day after the city has witnessed its log."""

    def __init__(self, make_site: MakeSite) -> None:
        self.clock = Clock()
        self.city = make_site("510100", "成都")
        self.county = make_site("510107", "武侯", clock=self.clock, policy=EMBARGO)
        self.county.join(self.city)
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 10 * DAY))
        self.plain = self.county.publish("不限期")
        self.ended = self.county.publish("保护期刚过", protected_until=_date(-0.01))
        self.timed = self.county.publish("限期", terms={"onward": True, "until": until})
        self.later = self.county.publish("保护期内", protected_until=_date(5))
        _bring(self.county, self.city)
        self.county.exchange.worker.publish_once()  # the size that was witnessed is marked, so that a restored log would be noticed without the witness

    def events(self) -> list[str]:
        """What the county's audit log says of its clock."""
        with self.county.store.read() as conn:
            return [line.event for line in conn.execute(select(audit).where(audit.c.event.like("clock.%")).order_by(audit.c.seq))]

    def hand_over(self) -> None:
        """The county's stream without HTTP, whose tokens end where the clocks differ by so much."""
        self.county.exchange.worker.publish_once()
        for _ in range(3):
            with self.city.store.read() as conn:
                gen, cursor = conn.execute(select(t.inlet.c.gen, t.inlet.c.cursor)).one()
            served = self.county.exchange.serve(self.city.node, gen, cursor, 1000)
            if served is not None and served.kind == "batch":
                self.city.exchange.apply(self.county.node, served.body)

    def shown(self) -> list[str]:
        """What the city has of the four."""
        names = ("plain", "ended", "timed", "later")
        return [name for name in names if self.city.record(getattr(self, name)) is not None]


@pytest.fixture
def back(make_site: MakeSite) -> Back:
    """Before the clock goes back."""
    return Back(make_site)


def test_timed_permissions_close_and_open_again_when_the_clock_is_right(back: Back) -> None:
    # PROTOCOL 6.5
    assert back.shown() == ["plain", "ended", "timed"] and back.events() == []
    back.clock.ahead = -2 * DAY
    back.hand_over()
    assert back.shown() == ["plain", "ended"]  # an embargo that had ended stays ended; what could still change is closed
    assert abs(back.county.exchange.status().clock_behind - 2 * DAY) < 60
    back.hand_over()
    assert back.events() == ["clock.behind"]
    back.clock.ahead = 0
    back.hand_over()
    assert back.shown() == ["plain", "ended", "timed"] and back.events() == ["clock.behind", "clock.right"]
    assert back.city.exchange.status().refused == 0


def test_nothing_with_a_time_is_signed(back: Back, make_site: MakeSite) -> None:
    # PROTOCOL 6.5
    township = make_site("510107001", "街道", clock=back.clock)
    line = back.county.exchange.pairing.invite("admin")
    assert township.exchange.pairing.ask(line, back.county.node, "admin") == "waiting"
    back.clock.ahead = -DAY
    for act in (lambda: back.county.exchange.pairing.invite("admin"), lambda: back.county.exchange.pairing.confirm(township.node, "admin")):
        with pytest.raises(SyncError) as refused:
            act()
        assert (refused.value.kind, refused.value.clause) == ("clock", "6.5")
    back.clock.ahead = 0
    back.county.exchange.pairing.confirm(township.node, "admin")
    assert township.exchange.pairing.ask(line, back.county.node, "admin") == "certified"
    township.publish()
    township.exchange.logbook.append()
    with township.store.read() as conn:
        note = conn.scalar(select(t.run.c.note).where(t.run.c.source == ""))
    back.clock.ahead = -DAY
    with pytest.raises(SyncError) as answered:
        back.county.exchange.witness.add_checkpoint(make_request(0, [], note or ""))
    assert (answered.value.kind, STATUSES[answered.value.kind]) == ("clock", 503)
    back.clock.ahead = 0
    assert township.exchange.logbook.ask_witness(township.exchange.peers)


def test_clocks_that_differ_by_less_than_five_minutes_close_nothing(back: Back) -> None:
    back.clock.ahead = -280
    back.hand_over()
    assert back.shown() == ["plain", "ended", "timed"] and back.events() == []


def test_trust_does_not_go_back_with_the_clock(back: Back) -> None:
    # PROTOCOL 6.5
    with back.county.store.read() as conn:
        newest, now = newest_verified(conn), back.county.clock()
        assert abs(newest - now) < 60
        assert back.county.exchange.context.trust.in_(conn, now - 5 * DAY).now >= newest - 60
        assert seconds_behind(conn, now - 5 * DAY) > 4 * DAY and seconds_behind(conn, newest - 300) == 0


def test_own_cosignatures_say_nothing_of_the_time(make_site: MakeSite) -> None:
    """Once ahead, a witness would else never be able to set its clock right."""
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    county.publish()
    _bring(county, city)
    with city.store.write() as tx:
        tx.conn.execute(update(t.run).where(t.run.c.node == county.node).values(cosigned=city.clock() + 400 * DAY))
    with city.store.read() as conn:
        assert seconds_behind(conn, city.clock()) == 0


def test_audit_line_and_status_say_how_far(back: Back) -> None:
    back.clock.ahead = -DAY
    back.county.exchange.worker.publish_once()
    with back.county.store.read() as conn:
        line: Any = conn.execute(select(audit).where(audit.c.event == "clock.behind")).one()
    assert line.outcome == "alarm" and abs(orjson.loads(line.detail)["seconds"] - DAY) < 60
