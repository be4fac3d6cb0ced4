"""Every comparison there is, over every kind of value on either side: the table, and the walk that compares five ways to answer it.

For each sentence that the vocabulary allows (attribute × comparison × written values or other attribute) and each combination of raw values of its sides, the
definition (`facts.truth`), the plan's predicates, SQL on both rails and the plain formula of `oracle` must agree. Random testing alone misses bugs here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise, product
from typing import Any

from policies.actor import Actor
from policies.compile import surely_clause
from policies.expressions import Constant, Sentence
from policies.facts import Env, Facts, truth
from policies.predicates import predicate
from policies.sentences import parse_sentence
from policies.specialise import RECORDS, ROWS, settle_known
from policies.values import UNKNOWN
from policies.vocabulary import Attribute, Comparison, comparable, comparisons_for, with_codes
from tests.policies import engines, oracle

THEMES = ("land", "water", "n-1")
VOCABULARY = with_codes({"record.theme": THEMES})
NOW = 1_800_000_000
DAY = 86_400
ENV = Env("business", "n-1", NOW)
#: Midnight of 2027-01-15 at UTC+8, the day on which NOW falls.
MIDNIGHT = 1_799_942_400

_DIVISIONS = ("000000", "510000", "510100", "510107", "510107001", "510107001002", "510107000", "510107000000", "511000", "511100",
              "519000", "519001", "520000")  # fmt: skip
_DIVISION_LISTS = (
    (), ("510000",), ("000000",), ("510100", "510107"), ("510107", "520000"), ("519000", "511000"), ("510107001", "510107002"), ("510107000000",),
    ("5190",), ("5190", "510107"), ("510107", "51010A", "520000"),
)  # fmt: skip
_WORDS = ("n-1", "n-2", "land", "dataset")
_TIMES = (
    0, NOW - 365 * DAY, NOW - 30 * DAY - 1, NOW - 30 * DAY, NOW - 30 * DAY + 1, NOW - DAY, MIDNIGHT - 1, MIDNIGHT, NOW - 1, NOW, NOW + 1,
    NOW + 40 * DAY, 1 << 50,
)  # fmt: skip
_THEMES: tuple[tuple[str, ...], ...] = (
    (), ("land",), ("land", "water"), THEMES, ("alien",), ("land", "alien"), ("alien", "strange"), ("water", "n-1", "alien"),
)  # fmt: skip
_NODES: tuple[tuple[str, ...], ...] = ((), ("n-1",), ("n-1", "n-2"), ("land", "n-2"), ("",), ("n-1", ""))


@cache
def pool(name: str) -> tuple[Any, ...]:
    """Raw values of an attribute: each kind of legal one, and what a record may hold all the same."""
    attribute = VOCABULARY[name]
    legal = _legal_pool(attribute)
    match attribute.side:
        case "record":
            return (*legal, *_odd(attribute), None, UNKNOWN)
        case "row":
            return (*legal, *_odd(attribute), None)
        case "actor":
            return legal if name in ("actor.kind", "actor.clearance", "actor.roles") else (*legal, None)
    return legal if name != "env.channel" else (*legal, None)


def _legal_pool(attribute: Attribute) -> tuple[Any, ...]:
    if attribute.name == "record.theme":
        return _THEMES
    if attribute.name == "record.audience_nodes":
        return _NODES
    if attribute.name == "actor.roles":
        return (frozenset(), frozenset({"clerk"}), frozenset({"clerk", "officer"}), frozenset({"auditor"}))
    if attribute.name == "actor.reads":
        return tuple(codes for codes in _DIVISION_LISTS if all(len(code) in (6, 9, 12) and code.isdigit() for code in codes))
    if attribute.members == "division":
        return _DIVISION_LISTS
    if attribute.kind == "scale":
        return tuple(oracle.KINDS[attribute.name][2] or ())
    if attribute.kind == "division":
        return _DIVISIONS
    if attribute.kind == "time":
        return _TIMES
    return _WORDS if attribute.codes is None else tuple(sorted(attribute.codes))[:3]


def _odd(attribute: Attribute) -> tuple[Any, ...]:
    """What no writer should store, and a received record may hold."""
    if attribute.many or attribute.kind == "time":
        return ()
    return {"division": ("5190", "51010A"), "scale": ("ultra",)}.get(attribute.kind, ("alien", "") if attribute.codes else ("",))


@dataclass(frozen=True)
class Spoken:
    """One sentence, as the program reads it and as the formula does."""

    text: str
    sentence: Sentence
    plain: tuple[str, str, Any]


def sentences() -> Iterator[Spoken]:
    """Every sentence of the table."""
    for left in VOCABULARY.values():
        if left.internal:
            continue
        for comparison in comparisons_for(left):
            for right, text in _rights(left, comparison):
                said = f"{left.name} {comparison.words}{' ' + text if text else ''}"
                yield Spoken(said, parse_sentence(said, VOCABULARY, lambda _en, _zh: None), (left.name, comparison.words, right))


def _rights(left: Attribute, comparison: Comparison) -> Iterator[tuple[Any, str]]:
    if comparison.right == "none":
        yield None, ""
        return
    if comparison.right == "days":
        for days in (1, 30, 365):
            yield f"{days} days", f"{days} days"
        return
    for values in _written(left, comparison):
        yield list(values), ", ".join(values)
    for other in VOCABULARY.values():
        if not other.internal and other is not left and comparable(left, other, comparison):
            yield other.name, other.name


def _written(left: Attribute, comparison: Comparison) -> list[tuple[str, ...]]:
    if comparison.right == "date":
        return [("2027-01-15",), ("1970-01-01",), ("2030-06-01",)]
    if left.kind == "scale":
        return [(word,) for word in oracle.KINDS[left.name][2] or ()]
    if (left.members or left.kind) == "division":
        singles = [(code,) for code in _DIVISIONS if code not in ("510107000", "510107000000")]
        return singles if comparison.right == "one" else [*singles, ("510107", "520000"), ("511000", "519000"), ("510107001", "510107002", "000000")]
    words = sorted(left.codes)[:4] if left.codes else list(_WORDS)
    singles = [(word,) for word in words]
    return singles if comparison.right == "one" else [*singles, *pairwise(words), tuple(words)]


def _sides(spoken: Spoken) -> list[Attribute]:
    found = [side for side in (spoken.sentence.left, spoken.sentence.right) if isinstance(side, Attribute)]
    return list(dict.fromkeys(found))


class Table:
    """The records and rows over which the sentences are asked: one for each combination of values of one attribute, or of two that can be compared."""

    def __init__(self, spoken: list[Spoken]) -> None:
        self.records: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []
        self.ranges: dict[tuple[str, ...], range] = {}
        for said in spoken:
            names = self.open_names(said)
            if names and names not in self.ranges:
                into = self.rows if names[0].startswith("row.") else self.records
                start = len(into)
                into.extend({name.partition(".")[2]: value for name, value in zip(names, values, strict=True)} for values in product(*map(pool, names)))
                self.ranges[names] = range(start, len(into))

    @staticmethod
    def open_names(said: Spoken) -> tuple[str, ...]:
        sides = _sides(said)
        side = "row" if any(a.side == "row" for a in sides) else "record"
        return tuple(sorted(a.name for a in sides if a.side == side))


def settings(said: Spoken) -> Iterator[tuple[Actor, Env, dict[str, Any]]]:
    """Every (actor, env, known record) of a sentence whose open side is a record or, when it speaks of one, a row."""
    closed = [a.name for a in _sides(said) if a.name not in Table.open_names(said)]
    for values in product(*map(pool, closed)):
        by_side: dict[str, dict[str, Any]] = {"actor": {"kind": "public"}, "env": {}, "record": {}}
        for name, value in zip(closed, values, strict=True):
            side, _, key = name.partition(".")
            by_side[side][key] = value
        yield Actor(**by_side["actor"]), replace(ENV, **by_side["env"]), by_side["record"]


@dataclass
class Walk:
    """What a walk over the table found.

    Attributes:
        compared: Combinations of sentence and values.
        differences: Where two ways disagree, as text.
    """

    compared: int = 0
    differences: list[str] | None = None


def walk(spoken: list[Spoken], db: engines.Database | None, *, stop_at: int = 20) -> Walk:
    """Compares the ways to answer each sentence over its values."""
    table = Table(spoken)
    if db is not None:
        db.fill(table.records, table.rows, {"record.theme": frozenset(THEMES)})
    found = Walk(0, [])
    by_range: dict[tuple[str, ...], list[tuple[Spoken, Actor, Env, dict[str, Any]]]] = {}
    for said in spoken:
        for actor, env, known in settings(said):
            by_range.setdefault(table.open_names(said), []).append((said, actor, env, known))
    for names, jobs in by_range.items():
        for start in range(0, len(jobs), 40):
            _compare(found, table, names, jobs[start : start + 40], db)
            if found.differences and len(found.differences) >= stop_at:
                return found
    return found


def _compare(found: Walk, table: Table, names: tuple[str, ...], jobs: list[tuple[Spoken, Actor, Env, dict[str, Any]]], db: engines.Database | None) -> None:
    of_rows = bool(names) and names[0].startswith("row.")
    docnos = table.ranges.get(names, range(1))
    asked = (table.rows if of_rows else table.records)[docnos.start : docnos.stop] if names else [{}]
    residuals = [
        settle_known(said.sentence, Facts(actor, env, known), ROWS if of_rows else RECORDS) for said, actor, env, known in jobs
    ]  # what a plan and SQL see
    rails = [(predicate(residual, True), predicate(residual, False)) for residual in residuals]
    flags: list[list[bool]] = []
    if db is not None and names:
        columns = engines.ROW_MAP if of_rows else engines.RECORD_MAP
        clauses = [surely_clause(residual, want, columns, NOW, None) for residual in residuals for want in (True, False)]
        flags = db.flags(clauses, engines.ROWS if of_rows else engines.RECORDS, docnos)
    for i, (said, actor, env, known) in enumerate(jobs):
        world = _world(actor, env)
        for at, values in enumerate(asked):
            record, row = (known, values) if of_rows else (values, {})
            expected = oracle.sentence(*said.plain, replace(world, record=record, row=row))
            wanted = None if expected == oracle.UNKNOWN else bool(expected)
            answers: dict[str, Any] = {"truth": truth(said.sentence, Facts(actor, env, record, None, row))}
            answers["plan"] = _from_rails(*(rail if isinstance(rail, bool) else rail(values, NOW, None) for rail in rails[i]))
            if isinstance(residuals[i], Constant):
                answers["settled"] = residuals[i].value  # type: ignore[union-attr]
            if flags:
                answers["sql"] = _from_rails(flags[2 * i][at], flags[2 * i + 1][at])
            found.compared += 1
            if any(answer is not wanted for answer in answers.values()):
                assert found.differences is not None
                found.differences.append(f"{said.text} | {actor.as_dict()} {record} {row}: formula {wanted}, {answers}")
                if len(found.differences) >= 20:
                    return


def _from_rails(true: bool, false: bool) -> bool | str | None:
    return "both" if true and false else True if true else False if false else None


def _world(actor: Actor, env: Env) -> oracle.World:
    values: Mapping[str, Any] = {name: getattr(actor, name) for name in actor.__dataclass_fields__}
    return oracle.World(values, {}, {"zone": env.zone, "node": env.node, "channel": env.channel}, NOW, withheld=UNKNOWN, themes=THEMES)
