"""Search under 500 rules against search under the shipped policy: CPU milliseconds a page of 20, records and questions alike, in the same run.

    python -m tests.bench.bench_policy [--records 20000] [--rules 500] [--rounds 40]

Two whole sites hold the same records; one has the shipped policy of the business zone, the other the same and as many rules more as make up the number: allows,
denies and constraints about themes, divisions, kinds, dates and grades, most of which still speak for the actors who ask. Pages go through `catalog.reader`:
plan, bitmaps, search with five facets, the second lock on each record, masks, the audit line. Questions alternate between the sites, so that what else the
machine does strikes both alike. Target (W1): 500 rules cost at most 1.3 times in search.

Then what is paid once: putting the policy in force, the first page before anything is stamped (the compiled clause), stamping, one decision.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert, update

from catalog.attributes import policy_attributes, record_columns, record_terms
from catalog.codes import code_list
from catalog.reader import RecordQuery
from catalog.search import maintain
from catalog.store import open_store
from catalog.tables import counter, record, record_term
from policies.actor import PUBLIC, Actor
from policies.plan import Env, Plan
from policies.sources import defaults_for
from tests.bench.bench_search import FACETS
from tests.catalog.conftest import NODE, SITE
from tests.catalog.search_corpus import DOMAINS, KINDS, PLACES, make_records
from tests.catalog.worlds import World

#: Of the vocabulary's themes, as many as the corpus has domains: a closed list knows no others.
THEMES = sorted(code_list("themes").codes)[: len(DOMAINS)]
ACTORS = {
    "public": PUBLIC,
    "clerk": Actor(
        "person", node=NODE, person="li", unit="cadastre", sector="land", division="510107", level="county", clearance="internal", roles=frozenset({"clerk"})
    ),
    "agency": Actor("agency", node="n-env", person="wang", sector="environment", division="510100", level="city", clearance="internal", purpose="survey"),
    "superior": Actor("peer", node="n-city", sector="land", division="510100", reads=("510100",), level="city", clearance="internal"),
}
QUESTIONS = (
    RecordQuery(text="滑坡", limit=20, facets=list(FACETS)),
    RecordQuery(text="遥感 成都", limit=20, facets=list(FACETS)),
    RecordQuery(text="groundwater", limit=20, facets=list(FACETS)),
    RecordQuery(text="", limit=20, sort="-modified", facets=list(FACETS)),
    RecordQuery(text="水位", limit=20, facets=list(FACETS), filters={"kind": ["dataset", "map"]}),
    RecordQuery(text="数据", limit=20, facets=list(FACETS), bbox=(103.5, 30.2, 104.5, 31.0)),
)
BECAUSE = "because: {zh: 测量所需, en: for the measurement}"
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
    shipped = ", ".join(f"defaults/{path.name}" for path in defaults_for(SITE.zone))
    return f"policy: site\ntitle: {{zh: 五百条, en: many rules}}\ninclude: [{shipped}]\n" + ("rules:\n" + "".join(rules) if rules else "")


def rows_of(count: int) -> Iterator[tuple[dict[str, Any], list[tuple[str, str]]]]:
    """The records of the search corpus, with everything that policies compare."""
    r = random.Random(7)
    themes = dict(zip(DOMAINS, THEMES, strict=False))
    for row, terms in make_records(count):
        fields = {
            **orjson.loads(row["fields"]),
            "kind": row["kind"],
            "theme": [themes.get(value, THEMES[0]) for name, value in terms if name == "theme"],
            "territory": [row["division"]],
            "sharing": {"type": r.choice(["unconditional", "unconditional", "conditional", "withheld"])},
            "opening": {"open": r.random() < 0.8},
            "grade": r.choice(["general", "important"]),
            "issued": f"{row['year']}-0{r.randint(1, 9)}-15",
            "contact_name": "张三",
            "contact_phone": "028-12345678",
            "x.remark": "made up",
        }
        secrecy = r.choice(["public", "public", "public", "internal"])
        manifest = {"id": row["id"], "authority": row["authority"], "profile": "core/1", "secrecy": secrecy, "terms": None}
        attributes = policy_attributes(manifest, fields, level="county", division=row["division"], own=True)
        columns = record_columns(attributes, fields, row["modified"] or 1_600_000_000)
        edges = {name: row[name] for name in ("west", "south", "east", "north")}
        kept = {"fields": orjson.dumps(fields).decode(), "manifest": orjson.dumps(manifest).decode(), "signature": None, "stamp_epoch": None}
        yield {**row, **columns, **edges, **kept}, record_terms(attributes)


def fill(world: World, count: int) -> None:
    """Puts records into the table."""
    with world.store.write() as tx:
        rows, terms = [], []
        for n, (row, members) in enumerate(rows_of(count), 1):
            rows.append({"docno": n, **row})
            terms += [{"docno": n, "attribute": attribute, "value": value} for attribute, value in members]
        for start in range(0, count, 5000):
            tx.conn.execute(insert(record), rows[start : start + 5000])
        for start in range(0, len(terms), 20_000):
            tx.conn.execute(insert(record_term), terms[start : start + 20_000])
        tx.conn.execute(update(counter).where(counter.c.name == "position").values(n=count))
    maintain(world.store, at_least=1)


def took(call: Callable[[], object]) -> float:
    """CPU milliseconds of one call."""
    began = time.thread_time()
    call()
    return (time.thread_time() - began) * 1000


def pages(worlds: dict[str, World], actor: Actor, rounds: int) -> dict[str, list[float]]:
    """CPU milliseconds of pages, the sites by turns."""
    found: dict[str, list[float]] = {name: [] for name in worlds}
    for n in range(rounds):
        for name, world in worlds.items():
            times = [took(lambda world=world, q=q: world.reader.records(actor, q)) for q in QUESTIONS]  # type: ignore[misc]
            if n:  # the first round opens segments and fills caches
                found[name].append(sum(times) / len(times))
            world.audit.flush()
    return found


def measure_pages(worlds: dict[str, World], rounds: int) -> None:
    """Prints what a page costs each actor on both sites."""
    print(f"{'CPU ms a page of 20':<22}" + "".join(f"{name:>14}" for name in worlds) + f"{'ratio':>8}{'shown':>16}")
    ratios = []
    for name, actor in ACTORS.items():
        found = {site: statistics.median(times) for site, times in pages(worlds, actor, rounds).items()}
        few, many = found.values()
        ratios.append(many / few)
        totals = " / ".join(str(world.reader.records(actor, RecordQuery(limit=0)).total) for world in worlds.values())
        print(f"{name:<22}" + "".join(f"{ms:>14.2f}" for ms in found.values()) + f"{many / few:>8.2f}{totals:>16}")
    print(f"all together: {statistics.mean(ratios):.2f} times, at worst {max(ratios):.2f} (target: at most 1.3)")
    if alarms := sum(world.reader.alarms for world in worlds.values()):
        print(f"{alarms} ALARMS: search let through what the second lock dropped")


def measure_first(worlds: dict[str, World]) -> None:
    """Prints what the first page costs on a site that knows no plan yet: the compiled clause over all records."""
    print(f"{'first page, unstamped':<22}", end="")
    for world in worlds.values():
        reader = world.new_reader()
        reader.records(PUBLIC, RecordQuery(limit=0))  # opens the index
        print(f"{statistics.mean(took(lambda a=a, reader=reader: reader.records(a, QUESTIONS[0])) for a in ACTORS.values()):>14.1f}", end="")  # type: ignore[misc]
    print()


def measure_decisions(worlds: dict[str, World], rounds: int = 300) -> None:
    """Prints what one decision costs: what the second lock adds to a page, 40 times."""
    records = [policy_of(row) for row, _ in rows_of(200)]
    for name, world in worlds.items():
        with world.store.read() as conn:
            active = world.policies.current(conn)
        costs = []
        for actor in ACTORS.values():
            plan = Plan(active.policy_set, actor, Env(SITE.zone, SITE.node, world.now[0]))
            for action in ("read", "data"):
                times = [took(lambda plan=plan, action=action: [plan.decide(action, each) for each in records]) for _ in range(rounds // 10)]  # type: ignore[misc]
                costs.append(min(times) / len(records) * 1000)
        print(f"one decision, {name}: {statistics.mean(costs):.1f} µs, at worst {max(costs):.1f}")


def policy_of(row: dict[str, Any]) -> dict[str, object]:
    """The attributes of a row that was made above."""
    return policy_attributes(orjson.loads(row["manifest"]), orjson.loads(row["fields"]), level="county", division=row["division"], own=True)


def main() -> None:
    """Two sites, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        worlds: dict[str, World] = {}
        shipped = 0
        for name in ("shipped", f"{options.rules} rules"):
            path = Path(folder) / name.replace(" ", "-")
            path.mkdir()
            world = worlds[name] = World(open_store(path / "terrace.db", data_dir=path), path / "policies")
            world.store.upgrade()
            world.folder.mkdir()
            (world.folder / "site.yaml").write_text(more_rules(options.rules - shipped if shipped else 0), encoding="utf-8")
            began = time.thread_time()
            world.policies.activate("bench")
            with world.store.read() as conn:
                rules = len(world.policies.current(conn).policy_set.rules)
            shipped = shipped or rules
            print(f"{name}: {rules} rules put in force in {(time.thread_time() - began) * 1000:.0f} ms")
            fill(world, options.records)
        print(f"{options.records} records on each site")
        measure_first(worlds)
        for name, world in worlds.items():
            for actor in ACTORS.values():
                world.reader.records(actor, RecordQuery(limit=0))
            stamping = took(world.work)
            print(f"stamping, {name}: {stamping / options.records / len(ACTORS) * 1000:.0f} µs a record and plan")
        worlds = {name: World(world.store, world.folder) for name, world in worlds.items()}  # as after a restart: bitmaps from signatures
        measure_pages(worlds, options.rounds)
        measure_decisions(worlds)
        for world in worlds.values():
            world.store.close()


if __name__ == "__main__":
    main()
