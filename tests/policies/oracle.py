"""The language as a plain formula, written apart from the program from policies/LANGUAGE.md alone. It imports nothing of `policies`.

It is slow and simple on purpose: one function for what a value reads as, one `if` for each way to compare, one function for a decision. Divisions compare here
as tuples of segments, lists as Python sets; truths are 1, 0 and "?".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

type Truth = int | str
UNKNOWN = "?"

SECRECY = ["public", "internal", "confidential", "secret", "top_secret"]
GRADE = ["general", "important", "core"]
LEVEL = ["township", "county", "city", "province", "nation"]

#: Attribute → (what it holds, whether it is a list, legal words or ranks).
KINDS: dict[str, tuple[str, bool, Sequence[str] | None]] = {
    "actor.kind": ("word", False, ["public", "person", "agency", "peer"]),
    "actor.sector": ("word", False, None),
    "actor.purpose": ("word", False, None),
    "actor.node": ("word", False, None),
    "actor.person": ("word", False, None),
    "actor.unit": ("word", False, None),
    "actor.clearance": ("rank", False, SECRECY),
    "actor.level": ("rank", False, LEVEL),
    "actor.roles": ("word", True, ["clerk", "officer", "supervisor", "administrator", "security_officer", "auditor"]),
    "actor.division": ("division", False, None),
    "actor.reads": ("division", True, None),
    "record.kind": ("word", False, ["dataset", "series", "service", "map", "imagery", "standard", "product", "document"]),
    "record.profile": ("word", False, None),
    "record.sharing": ("word", False, ["unconditional", "conditional", "withheld"]),
    "record.opening": ("word", False, ["open", "closed"]),
    "record.id": ("word", False, None),
    "record.authority": ("word", False, None),
    "record.secrecy": ("rank", False, SECRECY),
    "record.grade": ("rank", False, GRADE),
    "record.level": ("rank", False, LEVEL),
    "record.theme": ("word", True, None),
    "record.audience": ("division", True, None),
    "record.audience_nodes": ("word", True, None),
    "record.division": ("division", False, None),
    "record.territory": ("division", True, None),
    "record.embargo": ("time", False, None),
    "record.issued": ("time", False, None),
    "record.terms_expire": ("time", False, None),
    "row.status": ("word", False, None),
    "row.owner": ("word", False, None),
    "row.division": ("division", False, None),
    "row.observed": ("time", False, None),
    "env.zone": ("word", False, ["internet", "government", "business", "classified"]),
    "env.node": ("word", False, None),
    "env.channel": ("word", False, None),
}


@dataclass(frozen=True)
class World:
    """Everything that a sentence can be about; values as a program gives them.

    Attributes:
        withheld: The object that stands for a withheld value.
        themes: Closed list of themes, where the site has one.
    """

    actor: Mapping[str, Any]
    record: Mapping[str, Any]
    env: Mapping[str, Any]
    now: int
    granted: bool | None = None
    row: Mapping[str, Any] = field(default_factory=dict)
    withheld: object = None
    themes: Sequence[str] | None = None

    def value(self, attribute: str) -> Any:
        side, key = attribute.split(".")
        return {"actor": self.actor, "record": self.record, "env": self.env, "row": self.row}[side].get(key)


def segments(code: Any) -> tuple[str, ...] | None:
    """A division as its segments without the zero segments at the end; None for what is no division code."""
    if not isinstance(code, str) or len(code) not in (6, 9, 12) or any(c not in "0123456789" for c in code):
        return None
    parts = [code[0:2], code[2:4], code[4:6], code[6:9], code[9:12]]
    parts = [part for part in parts if part]
    while parts and set(parts[-1]) == {"0"}:
        parts.pop()
    return tuple(parts)


def inside(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    return part[: len(whole)] == whole


def read_one(attribute: str, raw: Any, world: World) -> Any:
    """One value as it compares: a word, a rank, segments, seconds; None for what cannot be read."""
    what, _, legal = KINDS[attribute]
    if attribute == "record.theme":
        legal = world.themes
    if what == "time":
        return raw if type(raw) is int else None
    if what == "division":
        return segments(raw)
    if not isinstance(raw, str) or raw == "":
        return None
    if what == "rank":
        assert legal is not None
        return legal.index(raw) if raw in legal else None
    return raw if legal is None or raw in legal else None


def read(attribute: str, world: World) -> tuple[set[Any], bool] | None:
    """(what could be read, whether that is everything); None for what is absent."""
    raw = world.value(attribute)
    if raw is None or raw is world.withheld:
        return None
    if not KINDS[attribute][1]:
        one = read_one(attribute, raw, world)
        return None if one is None else ({one}, True)
    members = [read_one(attribute, member, world) for member in raw]
    known = {member for member in members if member is not None}
    if members and not known:
        return None
    return known, None not in members


def written(attribute: str, texts: Sequence[str]) -> tuple[set[Any], bool]:
    """Values that stand in the policy."""
    what, _, legal = KINDS[attribute]
    if what == "rank":
        assert legal is not None
        return {legal.index(text) for text in texts}, True
    if what == "division":
        return {segments(text) for text in texts}, True
    if what == "time":
        midnight_utc8 = datetime.fromisoformat(texts[0] + "T00:00:00") - datetime(1970, 1, 1) - timedelta(hours=8)
        return {int(midnight_utc8.total_seconds())}, True
    return set(texts), True


OPPOSITE = {
    "is not": "is", "is none of": "is one of", "is below": "is at least", "is at most": "is above", "has none of": "has any of", "is not empty": "is empty",
    "does not lie within": "lies within", "does not touch": "touches", "has not passed": "has passed", "is newer than": "is older than", "is before": "is from",
    "is not granted to actor": "is granted to actor", "is not stated": "is stated",
}  # fmt: skip


def flip(truth: Truth) -> Truth:
    return truth if truth == UNKNOWN else 1 - int(truth)


def sentence(left: str, words: str, right: Sequence[str] | str | None, world: World) -> Truth:
    """Truth of one sentence. `right` is a list of written values, the name of an attribute, "N days", or None."""
    if words in OPPOSITE:
        return flip(sentence(left, OPPOSITE[words], right, world))
    if words == "is granted to actor":
        return UNKNOWN if world.granted is None or world.actor.get("purpose") is None else int(world.granted)
    if words == "is stated":
        return UNKNOWN if world.value(left) is world.withheld and world.withheld is not None else int(read(left, world) is not None)
    a = read(left, world)
    b: tuple[set[Any], bool] | None
    if right is None:
        b = (set(), True)
    elif isinstance(right, str) and right.endswith(" days"):
        b = ({int(right.split()[0]) * 86_400}, True)
    elif isinstance(right, str):
        b = read(right, world)
    else:
        b = written(left, right)
    if a is None or b is None:
        return UNKNOWN
    return compare(words, a[0], a[1], b[0], b[1], world.now)


def compare(words: str, a: set[Any], a_whole: bool, b: set[Any], b_whole: bool, now: int) -> Truth:
    """Truth of a comparison of what was read; `_whole` says whether the side could be read completely."""
    one, other = next(iter(a), None), next(iter(b), None)
    whole = a_whole and b_whole
    if words in ("is", "is one of", "has", "has any of"):
        return 1 if a & b else 0 if whole else UNKNOWN
    if words == "has all of":
        if b_whole and not b:
            return 0
        if b - a:
            return 0 if a_whole else UNKNOWN
        return 1 if b_whole else UNKNOWN
    if words == "is empty":
        return 0 if a else 1
    if words == "lies within":
        if not a:
            return 0
        outside = [part for part in a if not any(inside(part, w) for w in b)]
        if outside:
            return 0 if b_whole else UNKNOWN
        return 1 if a_whole else UNKNOWN
    if words == "touches":
        return 1 if any(inside(x, y) or inside(y, x) for x in a for y in b) else 0 if whole else UNKNOWN
    if words == "covers":
        return 1 if any(inside(y, x) for x in a for y in b) else 0 if whole else UNKNOWN
    if words in ("is at least", "is from"):
        return int(one >= other)
    if words == "is above":
        return int(one > other)
    if words == "has passed":
        return int(now >= one)
    if words == "is older than":
        return int(now >= one + other)
    raise AssertionError(words)


type Condition = tuple[Any, ...] | None


def truth(condition: Condition, world: World) -> Truth:
    """Truth of `("s", left, words, right)`, `("all", …)`, `("any", …)`, `("not", c)`; None is true."""
    if condition is None:
        return 1
    kind, *parts = condition
    if kind == "s":
        return sentence(*parts, world)
    if kind == "not":
        return flip(truth(parts[0], world))
    truths = [truth(part, world) for part in parts]
    decisive = 0 if kind == "all" else 1
    return decisive if decisive in truths else UNKNOWN if UNKNOWN in truths else 1 - decisive


@dataclass(frozen=True)
class Rule:
    """One rule as a test writes it."""

    name: str
    effect: str
    actions: tuple[str, ...]
    who: Condition = None
    what: Condition = None
    unless: Condition = None
    rows: Condition = None
    then: Mapping[str, Any] | None = None

    def truth(self, world: World) -> Truth:
        unless = ("not", self.unless) if self.unless is not None else None
        return truth(("all", self.who, self.what, unless), world)


NEEDED = {
    "discover": {"discover"}, "read": {"discover", "read"}, "data": {"discover", "read", "data"}, "hold": {"discover", "read", "data", "hold"},
    "verify": {"discover", "verify"}, "count": {"discover", "count"}, "release": {"release"},
}  # fmt: skip


def reaches(rule: Rule, action: str) -> bool:
    if rule.effect == "allow":
        return any(action in NEEDED[written_action] for written_action in rule.actions)
    return any(written_action in NEEDED[action] for written_action in rule.actions)


def terms_deny(action: str, world: World) -> bool:
    """The built-in terms, clause 18: whether they stop this action. Whoever is not surely let through is stopped."""

    def says(left: str, words: str, right: str | None = None) -> Truth:
        return sentence(left, words, right, world)

    def stated(*names: str) -> list[Truth]:
        return [says(f"record.{name}", "is stated") for name in names]

    authority = says("actor.node", "is", "record.authority") == 1
    if any(truth_ != 1 for truth_ in stated("secrecy", "sharing", "authority", "division")):
        return True
    restricted = any(truth_ != 0 for truth_ in stated("audience", "audience_nodes"))
    named = says("record.audience_nodes", "has", "actor.node") == 1 or says("actor.division", "lies within", "record.audience") == 1
    if restricted and not authority and not named:
        return True
    purposes = world.record.get("purposes")
    if action in ("data", "hold") and purposes and not authority and world.actor["kind"] != "peer" and world.actor.get("purpose") not in purposes:
        return True
    expires = stated("terms_expire")[0] != 0 and says("record.terms_expire", "has passed") != 0
    if expires and not authority:
        return True
    here = says("actor.node", "is", "env.node") == 1
    return not (world.record.get("own") is True or world.record.get("onward") is True or here or authority)


def permitted(rules: Sequence[Rule], action: str, world: World) -> bool:
    """Clause 1 with 3, 16 and 18."""
    speaking = [rule for rule in rules if reaches(rule, action)]
    if not any(rule.effect == "allow" and rule.truth(world) == 1 for rule in speaking):
        return False
    if any(rule.effect == "deny" and rule.truth(world) != 0 for rule in speaking) or terms_deny(action, world):
        return False
    asks = any(rule.effect == "constrain" and (rule.then or {}).get("require grant") and rule.truth(world) != 0 for rule in speaking)
    return not asks or (world.granted is True and world.actor.get("purpose") is not None)


def row_permitted(rules: Sequence[Rule], action: str, world: World) -> bool:
    """Clause 11: whether a row passes, given that the action is permitted."""
    speaking = [rule for rule in rules if reaches(rule, action)]
    scopes = [rule.rows for rule in speaking if rule.effect == "allow" and rule.truth(world) == 1]
    filters = [(rule.then or {}).get("only rows") for rule in speaking if rule.effect == "constrain" and rule.truth(world) != 0]
    return any(truth(scope, world) == 1 for scope in scopes) and all(truth(one, world) == 1 for one in filters)
