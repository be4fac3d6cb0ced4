"""A set of policies once read: rules, what they ask, and where each stands in its file.

Invariants: a rule's identity is `policy/rule`; rules are kept in the order of their ids, so that nothing can depend on the order of files; conditions hold no
names any more (`define` is resolved); the digest covers everything that can change a decision or its reasons, and nothing else.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from policies.actor import Actor
from policies.errors import Problem
from policies.expressions import Condition, attributes, join_all, negate
from policies.kept import Kept
from policies.vocabulary import ATTRIBUTES, GRANT, Attribute

if TYPE_CHECKING:
    from policies.form import Specialised

type Effect = Literal["allow", "deny", "constrain"]


class Place(NamedTuple):
    """Where something was written; line and column from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Because:
    """The reason of a rule, for the person whom it stops or lets pass."""

    zh: str
    en: str

    def text(self, language: str) -> str:
        return self.zh if language.lower().startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Then:
    """What a constraint asks. Members that are not asked are None, empty or False."""

    hide: frozenset[str] = frozenset()
    show: frozenset[str] | None = None
    masks: tuple[tuple[str, str], ...] = ()
    variant: str | None = None
    rows: Condition | None = None
    smallest_cell: int | None = None
    no_onward: bool = False
    require_grant: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: `policy/rule`.
        actions: The actions written (the closure of LANGUAGE 3 is applied by whoever decides).
        who, what, when: Conditions that must hold; None when not written.
        unless: Condition under which the rule does not apply; None when not written.
        zone: Condition that the file's `zone:` puts on all of its rules; None when not written.
        rows: Scope of an allow (`only rows`).
        then: What a constraint asks.
        law: Clause that the rule carries out, or empty.
        was: Former ids.
        locked: Whether `leave out` is refused.
        shipped: Whether it comes with the program.
    """

    id: str
    effect: Effect
    actions: tuple[str, ...]
    because: Because
    place: Place
    who: Condition | None = None
    what: Condition | None = None
    when: Condition | None = None
    unless: Condition | None = None
    zone: Condition | None = None
    rows: Condition | None = None
    then: Then | None = None
    law: str = ""
    was: tuple[str, ...] = ()
    locked: bool = False
    shipped: bool = False

    def __hash__(self) -> int:
        """An id is unique in a set; hashing every sentence of every rule of every decision would cost more than deciding."""
        return hash(self.id)

    def condition(self) -> Condition:
        """Returns the one condition of the rule: who ∧ what ∧ when ∧ ¬unless."""
        parts = [part for part in (self.zone, self.who, self.what, self.when) if part is not None]
        return join_all(parts if self.unless is None else [*parts, negate(self.unless)])


@dataclass(frozen=True, slots=True)
class Case:
    """One line of `cases`: what an actor may do with a record, exactly.

    Attributes:
        actor, record: Names in cases.yaml of the same folder; `anyone` means each actor there in turn.
        may: Exactly the actions that are permitted.
        rows: Names of exactly the rows that pass, of those that cases.yaml gives for the record; None when the case says nothing.
        files: Whether the original files are served; None when the case says nothing.
        granted: Whether an active grant exists for this actor and record.
        zone: Zone of the site; None for the zone of the file.
        channel: Channel of a release; None when nothing is released.
        at: Time of the decision, UTC seconds; None for the time of cases.yaml.
    """

    actor: str
    record: str
    may: frozenset[str]
    place: Place
    rows: tuple[str, ...] | None = None
    files: bool | None = None
    granted: bool = False
    zone: str | None = None
    channel: str | None = None
    at: int | None = None
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """One file.

    Attributes:
        name: Its `policy:`.
        file: Name of the file as it was given.
        zones: Zones in which its rules hold; empty for all.
    """

    name: str
    file: str
    title: Because | None = None
    zones: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    shipped: bool = False


@dataclass
class World:
    """The actors, records and rows of one cases.yaml.

    Attributes:
        actors: Name → actor.
        records: Name → attributes of the record, keys without prefix.
        rows: Name → (name of the record, attributes of the row).
        node: Node id of the site.
        at: Time of the decisions, UTC seconds.
    """

    actors: dict[str, Actor] = field(default_factory=dict)
    records: dict[str, dict[str, object]] = field(default_factory=dict)
    rows: dict[str, tuple[str, dict[str, object]]] = field(default_factory=dict)
    node: str = "n-site"
    at: int = 1_767_225_600


@dataclass(frozen=True)
class PolicySet:
    """All policies of a site, checked as a whole.

    Attributes:
        rules: In the order of their ids.
        left_out: Ids of shipped rules that the site left out.
        vocabulary: Attributes by name, with the site's code lists.
        warnings: What was mended on loading, such as retired division codes.
        texts: Name → text of every file that was read, from which the same set can be loaded again.
        worlds: Name → content of each cases.yaml that was read.
        forms: What plans keep of the set, partially evaluated for each kind of actor (policies.form).
    """

    policies: tuple[Policy, ...]
    rules: tuple[Rule, ...]
    left_out: tuple[str, ...] = ()
    vocabulary: Mapping[str, Attribute] = field(default_factory=lambda: ATTRIBUTES)
    warnings: tuple[Problem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    worlds: Mapping[str, World] = field(default_factory=dict)
    forms: Kept[tuple[object, ...], "Specialised"] = field(default_factory=lambda: Kept(512), compare=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """64 hexadecimal digits; equal for sets that decide alike and give the same reasons."""
        h = hashlib.sha256(b"terrace/1 policies\n")
        for rule in self.rules:
            h.update(repr((rule.id, rule.effect, sorted(rule.actions), rule.because, rule.law, rule.was, rule.locked)).encode())
            h.update(_stable(rule.condition()) + _stable(rule.rows) + _stable(rule.then) + b"\n")
        return h.hexdigest()

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases of the site's own files."""
        return tuple(case for policy in self.policies if not policy.shipped for case in policy.cases)

    @cached_property
    def by_id(self) -> Mapping[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def record_mentions(self) -> frozenset[str]:
        """Names of the `actor.*` and `env.*` attributes on which decisions about records depend (row scopes left aside)."""
        mentioned = {a for rule in self.rules for a in attributes(rule.condition())}
        granted = GRANT in mentioned or any(rule.then and rule.then.require_grant for rule in self.rules)
        names = {a.name for a in mentioned if a.side in ("actor", "env")}
        return frozenset(names | {"actor.purpose"} if granted else names)  # LANGUAGE 10: a grant counts by purpose

    @cached_property
    def record_attributes(self) -> tuple[str, ...]:
        """Keys of the `record.*` attributes that rules compare: records alike in these and in their terms are decided alike, grants and rows left aside."""
        return tuple(sorted({a.key for rule in self.rules for a in attributes(rule.condition()) if a.side == "record"}))

    @cached_property
    def all_record_attributes(self) -> tuple[str, ...]:
        """The same with those that row scopes and row filters compare: records alike in these, in their terms and in their variants are decided alike in all
        that concerns them and their rows, grants left aside."""
        of_rows = [rows for rule in self.rules for rows in (rule.rows, rule.then.rows if rule.then else None)]
        return tuple(sorted({*self.record_attributes, *(a.key for rows in of_rows for a in attributes(rows) if a.side == "record")}))

    @cached_property
    def row_mentions(self) -> frozenset[str]:
        """Names of the `actor.*` and `env.*` attributes that row scopes and row filters mention."""
        scopes = [rows for rule in self.rules for rows in (rule.rows, rule.then.rows if rule.then else None)]
        return frozenset(a.name for rows in scopes for a in attributes(rows) if a.side in ("actor", "env"))


def _stable(part: object) -> bytes:
    """Writes a condition so that equal meaning in one process gives equal bytes in another (frozen sets have no order of their own)."""
    if isinstance(part, Attribute):
        return repr((part.name, None if part.codes is None else sorted(part.codes))).encode()
    if isinstance(part, frozenset):
        return repr(sorted(part)).encode()
    if isinstance(part, tuple):
        return b"(" + b",".join(map(_stable, part)) + b")"
    if hasattr(part, "__dataclass_fields__"):
        return type(part).__name__.encode() + b"".join(_stable(getattr(part, name)) for name in part.__dataclass_fields__)
    return repr(part).encode()
