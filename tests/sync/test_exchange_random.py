"""Random walks of three sites with lost answers, changing policies and withdrawals, against a specification written apart from the code (I1, I3, I4, I7)."""

import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from catalog.tables import record
from sync import tables as t
from sync.serve_batch import Served
from tests.sync.sites import OPEN_POLICY, TestSite

type MakeSite = Callable[..., TestSite]

THEMES = ("land", "water", "minerals")


def policy(denied: frozenset[str], hidden: bool) -> str:
    """A policy that gives peers nothing of some themes, and perhaps no phone."""
    text = OPEN_POLICY
    if denied:
        text += f"""
- rule: denied
  deny: discover
  who: actor.kind is peer
  what: record.theme has any of {", ".join(sorted(denied))}
  because: {{zh: 不外传, en: stays here}}
"""
    if hidden:
        text += """
- rule: no-phone
  constrain: read
  who: actor.kind is peer
  what: record.kind is dataset
  then: {hide: [contact_phone]}
  because: {zh: 电话不外传, en: phones stay here}
"""
    return text


class Walk:
    """County → city → province, and what the specification says of them."""

    def __init__(self, make_site: MakeSite, seed: int) -> None:
        self.random = random.Random(seed)
        self.province, self.city, self.county = make_site("510000", "四川"), make_site("510100", "成都"), make_site("510107", "武侯")
        self.city.join(self.province)
        self.county.join(self.city)
        self.records: dict[str, tuple[str, int]] = {}
        self.rules: dict[TestSite, tuple[frozenset[str], bool]] = {site: (frozenset(), False) for site in (self.county, self.city)}
        self.told: dict[tuple[str, str], set[str]] = {}
        for site in (self.county, self.city):
            self._listen(site)

    def _listen(self, site: TestSite) -> None:
        """Invariant I3: notes which ids each reader was ever sent, and refuses a REMOVE of any other."""
        genuine = site.exchange.serve

        def serve(peer: str, gen: str | None, cursor: int, limit: int) -> Served | None:
            served = genuine(peer, gen, cursor, limit)
            if served is not None and served.kind == "batch":
                told = self.told.setdefault((site.node, peer), set())
                for item in orjson.loads(served.body)["items"]:
                    if item["op"] == "put":
                        told.add(orjson.loads(item["manifest"])["id"])
                    elif item["op"] == "remove":
                        assert item["id"] in told, "a REMOVE names an id that was never sent"
            return served

        site.exchange.serve = serve  # type: ignore[method-assign]

    # --- steps -------------------------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One random act."""
        act = self.random.choice(["publish", "publish", "edit", "withdraw", "policy", "flow", "flow", "flow", "lose", "sweep", "restart"])
        getattr(self, f"_{act}")()

    def _publish(self) -> None:
        theme = self.random.choice(THEMES)
        self.records[self.county.publish("0", theme=[theme])] = (theme, 0)

    def _edit(self) -> None:
        if self.records:
            id = self.random.choice(sorted(self.records))
            theme, n = self.random.choice(THEMES), self.records[id][1] + 1
            self.county.edit(id, title={"zh": str(n)}, theme=[theme])
            self.records[id] = (theme, n)

    def _withdraw(self) -> None:
        if self.records:
            id = self.random.choice(sorted(self.records))
            self.county.withdraw(id)
            del self.records[id]

    def _policy(self) -> None:
        site = self.random.choice([self.county, self.city])
        denied = frozenset(theme for theme in THEMES if self.random.random() < 0.3)
        self.rules[site] = (denied, self.random.random() < 0.3)
        site.set_policy(policy(*self.rules[site]))

    def _flow(self) -> None:
        below, above = self.random.choice([(self.county, self.city), (self.city, self.province)])
        below.exchange.worker.publish_once()
        above.exchange.worker.pull_once(below.node, limit=self.random.choice([1, 2, 1000]))

    def _lose(self) -> None:
        """An answer that never arrives."""
        below, above = self.random.choice([(self.county, self.city), (self.city, self.province)])
        with above.store.read() as conn:
            row = conn.execute(select(t.inlet.c.gen, t.inlet.c.cursor).where(t.inlet.c.peer == below.node)).one_or_none()
        if row is not None:
            below.exchange.serve(above.node, row.gen, row.cursor, self.random.choice([1, 1000]))

    def _sweep(self) -> None:
        """Log and streams at one site move on, nobody reads."""
        self.random.choice([self.county, self.city]).exchange.worker.publish_once()

    def _restart(self) -> None:
        """A reader asks for everything again."""
        below, above = self.random.choice([(self.county, self.city), (self.city, self.province)])
        with above.store.write() as tx:
            tx.conn.execute(t.inlet.update().where(t.inlet.c.peer == below.node).values(cursor=0))

    # --- the specification ---------------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything flows until nothing moves."""
        for _ in range(8):
            for below, above in ((self.county, self.city), (self.city, self.province)):
                below.exchange.worker.publish_once()
                for _ in range(3):
                    above.exchange.worker.pull_once(below.node)

    def expected(self, site: TestSite) -> dict[str, tuple[str, bool]]:
        """What a site shows at rest: id → (title, whether with the phone)."""
        hops = [self.county] if site is self.city else [self.county, self.city]
        denied = frozenset().union(*(self.rules[hop][0] for hop in hops))
        phone = not any(self.rules[hop][1] for hop in hops)
        return {id: (str(n), phone) for id, (theme, n) in self.records.items() if theme not in denied}

    def shown(self, site: TestSite) -> dict[str, tuple[str, bool]]:
        """What it does show."""
        found: dict[str, tuple[str, bool]] = {}
        with site.store.read() as conn:
            for id, fields in conn.execute(select(record.c.id, record.c.fields)):
                value: dict[str, Any] = orjson.loads(fields)
                found[id] = value["title"]["zh"], "contact_phone" in value
        return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(6))
def test_at_rest_every_site_shows_what_the_specification_says(make_site: MakeSite, seed: int) -> None:
    walk = Walk(make_site, seed)
    for _ in range(3):
        for _ in range(25):
            walk.step()
        walk.settle()
        for site in (walk.city, walk.province):
            assert walk.shown(site) == walk.expected(site), f"seed {seed}"
            assert site.exchange.status().refused == 0
            with site.store.read() as conn:
                assert conn.execute(select(t.inlet.c.full, t.inlet.c.held)).all() in ([(0, 0)], [(0, 0), (0, 0)])
                drift = conn.exec_driver_sql("SELECT count(*) FROM audit WHERE event = 'sync.apply' AND outcome = 'alarm'").scalar()
            assert drift == 0, "the head disagreed between honest peers"
