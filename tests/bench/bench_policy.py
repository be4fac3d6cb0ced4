"""Search under 500 rules against search under the shipped policy, over HTTP: processor time of a page of 20, records and questions alike, in the same run.

    python -m tests.bench.bench_policy [--records 20000] [--rules 500] [--requests 200]

Two served sites hold the same records; one has the shipped policy of the business zone, the other the same and as many rules more as make up the number:
allows, denies and constraints about themes, divisions, kinds, dates and grades, most of which still speak for the actors who ask. Pages come from
`package_search` with five facets: who asks, plan, bitmaps, search, the second lock on each record, masks, the audit line. The sites take turns, so that what
else the machine does strikes both alike. Target (W1): 500 rules cost at most 1.3 times in search, for each kind of actor.

Then what is paid once: the first page of a kind of actor before anything is stamped (the compiled clause); and one decision, in process.
"""

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import orjson
import requests

from catalog.attributes import policy_attributes
from catalog.search import maintain
from catalog.store import Store
from node.actors import local_actor
from node.site import open_site
from policies.plan import Env, Plan
from policies.sources import defaults_for
from tests.bench.asking import Asked, in_turn, when_stamped
from tests.bench.figures import Report
from tests.bench.filling import THEMES, fill, rows_of
from tests.bench.serving import new_site, processor_seconds, served, terrace
from tests.catalog.search_corpus import KINDS, PLACES

FACETS = quote('["organization","groups","tags","res_format","license_id"]')
QUESTIONS = [
    f"/api/3/action/package_search?rows=20&facet.field={FACETS}&{more}"
    for more in (
        f"q={quote('滑坡')}", f"q={quote('遥感 成都')}", "q=groundwater", "sort=metadata_modified+desc",
        f"q={quote('水位')}&fq={quote('kind:(dataset OR map)')}", f"q={quote('数据')}&ext_bbox=103.5,30.2,104.5,31.0",
    )
]  # fmt: skip
BECAUSE = "because: {zh: 测量所需, en: for the measurement}"
#: Who asks, and how an account for it is made; the public needs none.
ACTORS = {
    "public": (),
    "clerk": ("--role", "clerk"),
    "agency": ("--kind", "agency", "--sector", "environment", "--division", "510100"),
}
TARGET = 1.3
#: That `new_site` makes.
ZONE = "business"
#: What rules are about, by turns; each is one thing that administrators write.
WHATS: tuple[Callable[[random.Random], str], ...] = (
    lambda r: f"record.theme has {r.choice(THEMES)}",
    lambda r: f"record.territory touches {r.choice(PLACES)[0]}",
    lambda r: f"record.territory lies within {r.choice(PLACES)[0]}",
    lambda r: f"record.kind is {r.choice(KINDS)}",
    lambda r: f"record.issued is older than {r.randint(100, 9000)} days",
    lambda r: "record.sharing is " + r.choice(["unconditional", "conditional"]),
    lambda r: f"record.authority is n-{r.randrange(7)}",
)
WHOS = (
    "everyone",
    "government",
    "own-people",
    "actor.sector is land",
    "actor.sector is environment",
    "actor.division lies within 510000",
    "[actor.kind is agency, actor.level is at least city]",
    "actor.purpose is survey",
)


def more_rules(count: int, seed: int = 1) -> str:
    """A file with so many rules, beside the shipped ones: half allow, a quarter denies a little, a quarter constrains."""
    r = random.Random(seed)
    rules = []
    for n in range(count):
        whats = r.sample(WHATS, 3)
        what = ", ".join(make(r) for make in whats[:2])
        who = r.choice(WHOS)
        if n % 4 < 2:
            what = f"opened, {what}" if who == "everyone" else what  # the public must not see more on one site than on the other
            body = f"allow: {r.choice(['discover', 'read', 'data'])}\n  who: {who}\n  what: [{what}, record.secrecy is at most public]"
        elif n % 4 == 2:  # three conditions and one thing: what is denied stays a small part, or the two sites would show different things
            body = f"deny: {r.choice(['read', 'data'])}\n  who: {who}\n  what: [{what}, record.grade is at least core]"
        else:
            asked = r.choice(["hide: [contact_phone]", "mask: {contact_name: surname}", "hide: [x.remark]", "smallest cell: 5", "no onward sharing: yes"])
            body = f"constrain: {r.choice(['read', 'data'])}\n  who: {who}\n  what: [{what}]\n  unless: {whats[2](r)}\n  then: {{{asked}}}"
        rules.append(f"- rule: r{n}\n  {body}\n  {BECAUSE}\n")
    shipped = ", ".join(f"defaults/{path.name}" for path in defaults_for(ZONE))
    return f"policy: site\ntitle: {{zh: 五百条, en: many rules}}\ninclude: [{shipped}]\n" + ("rules:\n" + "".join(rules) if rules else "")


@dataclass(frozen=True)
class Served:
    """A site under measurement: its tokens by kind of actor, its database, and how many rules are in force there."""

    pid: int
    address: str
    tokens: dict[str, str]
    store: Store
    rules: int

    def headers(self, actor: str) -> dict[str, str]:
        """What an actor sends."""
        return {"Authorization": self.tokens[actor]} if actor in self.tokens else {}

    def first(self, actor: str) -> float:
        """CPU milliseconds of an actor's first page; waits until its plan is stamped."""

        def ask() -> requests.Response:
            return requests.get(self.address + QUESTIONS[0], headers=self.headers(actor), timeout=600)

        began = processor_seconds(self.pid)
        ask().raise_for_status()
        spent = processor_seconds(self.pid) - began
        when_stamped(self.store, ask)
        return spent * 1000


@contextlib.contextmanager
def site_with(folder: Path, policy: str, records: int) -> Iterator[Served]:
    """A served site with records, accounts and a policy."""
    token = new_site(folder)
    (folder / "policies" / "site.yaml").write_text(policy, encoding="utf-8")
    tokens = {}
    for name, options in ACTORS.items():
        if options:
            terrace("-C", str(folder), "user", "add", name, "--no-password", *options)
            tokens[name] = str(orjson.loads(terrace("-C", str(folder), "token", "create", name, "--json"))["token"])
    terrace("-C", str(folder), "policy", "reload")
    site = open_site(folder)
    fill(site.store, records)
    maintain(site.store, at_least=1)
    with served(folder, token) as (pid, address), contextlib.closing(site):
        with site.store.read() as conn:
            rules = len(site.policies.current(conn).policy_set.rules)
        yield Served(pid, address, tokens, site.store, rules)


def measure_decisions(folders: dict[str, Path], rounds: int = 30) -> None:
    """Prints what one decision costs in process: what the second lock adds to a page, 40 times."""
    records = [policy_attributes(orjson.loads(row["manifest"]), orjson.loads(row["fields"]), level="county", division=row["division"], own=True)
               for row, _ in rows_of(200)]  # fmt: skip
    for name, folder in folders.items():
        with contextlib.closing(open_site(folder)) as site:
            with site.store.read() as conn:
                policies = site.policies.current(conn).policy_set
            plan = Plan(policies, local_actor(site.identity), Env(site.identity.zone, site.identity.node, int(time.time())))
            costs = []
            for action in ("read", "data"):
                times = []
                for _ in range(rounds):
                    began = time.thread_time()
                    for each in records:
                        plan.decide(action, each)
                    times.append(time.thread_time() - began)
                costs.append(min(times) / len(records) * 1e6)
        print(f"one decision, {name}: {statistics.mean(costs):.1f} µs")


def main() -> int:
    """Two sites, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--requests", type=int, default=200, help="in each round")
    asked = parser.parse_args()
    report = Report("policy")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        folders = {name: Path(folder) / name.replace(" ", "-") for name in ("shipped rules", f"{asked.rules} rules")}
        one, other = folders.values()
        few = stack.enter_context(site_with(one, more_rules(0), asked.records))
        many = stack.enter_context(site_with(other, more_rules(asked.rules - few.rules), asked.records))
        print(f"{few.rules} and {many.rules} rules, {asked.records} records")
        for actor in ACTORS:
            print(f"{actor}: first page, unstamped: {few.first(actor):.0f} ms under the shipped rules, {many.first(actor):.0f} ms under {asked.rules}")
            servers = [Asked(each.address, [each.pid], QUESTIONS, each.headers(actor)) for each in (few, many)]
            usual, slower = in_turn(asked.requests, *servers)
            report.add(f"page of 20 under {asked.rules} rules, {actor}", slower.cpu / usual.cpu, unit="times", target=TARGET)
            print(f"  {usual.cpu:.2f} ms under the shipped rules, {slower.cpu:.2f} ms under {asked.rules}")
        measure_decisions(folders)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
