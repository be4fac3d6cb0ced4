"""Who asks: the actor, its attributes, and the context variable that carries it through one request.

Invariants:

* An actor always has a clearance (`public` when anonymous), so that no comparison with a record's secrecy is ever unknown for want of one (LANGUAGE 21).
* The context variable has no default. `require_actor()` raises when nobody set it; reading is denied, never allowed by omission.
* Actors are values: two requests with equal actors get the same disclosure plan.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields

from policies.divisions import is_code
from policies.errors import ActorError, ActorUnsetError
from policies.vocabulary import ACTOR_KINDS, ROLES, SCALES


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. What policies call `actor.<name>`; None means that the attribute is absent.

    Attributes:
        kind: `public` (anonymous), `person` (signed in), `agency` (another department's program) or `peer` (another node, certified by statement).
        node: Node id (`n-…`) that the actor belongs to. A site's own staff carry the id of the site's node; peers their own.
        person: Stable name of the person (login, or the identity that a sign-in service gave).
        unit: Unit code of an organisation that is no division.
        sector: Sector code (`land`, `environment`, …).
        division: Division code of 6, 9 or 12 digits.
        reads: Divisions that a statement lets this actor read (the statement scope); None when no statement says so.
        level: Word of the scale `level` (township … nation).
        clearance: Word of the scale `secrecy`; never absent (LANGUAGE 21).
        roles: Roles held at this site.
        purpose: Declared purpose of use; grants and terms compare it.
        name: For display and audit only. Not compared, and no part of equality.
    """

    kind: str
    node: str | None = None
    person: str | None = None
    unit: str | None = None
    sector: str | None = None
    division: str | None = None
    reads: tuple[str, ...] | None = None
    level: str | None = None
    clearance: str = "public"
    roles: frozenset[str] = frozenset()
    purpose: str | None = None
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.kind not in ACTOR_KINDS:
            raise _wrong("kind", self.kind, ACTOR_KINDS)
        if self.clearance not in SCALES["secrecy"]:  # LANGUAGE 21
            raise _wrong("clearance", self.clearance, SCALES["secrecy"])
        if self.level is not None and self.level not in SCALES["level"]:
            raise _wrong("level", self.level, SCALES["level"])
        if not self.roles <= ROLES:
            raise _wrong("roles", ", ".join(sorted(self.roles - ROLES)), sorted(ROLES))
        for code in (*(self.reads or ()), *(() if self.division is None else (self.division,))):
            if not is_code(code):
                raise _wrong("division", code, ("000000", "510107", "510107001"))
        if self.reads is not None:
            object.__setattr__(self, "reads", tuple(sorted(set(self.reads))))
        for name in ("node", "person", "unit", "sector", "purpose"):
            text = getattr(self, name)
            if text is not None:
                if not text or "\0" in text:
                    raise _wrong(name, repr(text), ("text",))
                if not unicodedata.is_normalized("NFC", text):
                    object.__setattr__(self, name, unicodedata.normalize("NFC", text))

    def as_dict(self) -> dict[str, object]:
        """Returns JSON-ready attributes (lists sorted, absent ones left out), from which `from_dict` makes an equal actor."""
        out: dict[str, object] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value is None or value == f.default:
                continue
            out[f.name] = sorted(value) if isinstance(value, (tuple, frozenset)) else value
        return {"kind": self.kind, **out}

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> "Actor":
        """Returns the actor of which `as_dict` gave `data`."""
        values = dict(data)
        roles, reads = values.pop("roles", None), values.pop("reads", None)
        if isinstance(roles, list):
            values["roles"] = frozenset(roles)
        if isinstance(reads, list):
            values["reads"] = tuple(reads)
        return cls(**values)  # type: ignore[arg-type]


def _wrong(name: str, value: object, takes: object) -> ActorError:
    known = "、".join(takes) if isinstance(takes, (tuple, list)) else str(takes)
    return ActorError(zh=f"操作者属性 {name} 不可为“{value}”；可用：{known}", en=f"actor.{name} cannot be {value!s}; it takes: {known.replace('、', ', ')}")


#: Anyone who has not signed in.
PUBLIC = Actor(kind="public")

_actor: ContextVar[Actor] = ContextVar("terrace_actor")


@contextmanager
def acting(actor: Actor) -> Iterator[Actor]:
    """Sets who asks, for the duration of a `with` block and what it calls."""
    token = _actor.set(actor)
    try:
        yield actor
    finally:
        _actor.reset(token)


def require_actor() -> Actor:
    """Returns who asks.

    Raises:
        ActorUnsetError: Nobody said so; the caller denies.
    """
    try:
        return _actor.get()
    except LookupError:
        raise ActorUnsetError from None
