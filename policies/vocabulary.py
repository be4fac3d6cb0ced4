"""The words of the policy language: attributes and their kinds, comparisons, code lists, scales, actions, fields.

Everything that a policy can say about an actor, a record, a row or the surroundings is one line of `ATTRIBUTES`; everything that it can say about a value is
one line of `COMPARISONS`. The loader, the evaluator, the compiler and the documentation's test read these tables and no others. Invariants:

* A *base* comparison is positive; its opposite is the same base with `negated`. So there is one truth to define for each pair (LANGUAGE 6).
* A closed code list names all of its words; a value outside it cannot be read (LANGUAGE 5). An open list (None) takes any word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

type Kind = Literal["code", "text", "scale", "list", "division", "time", "flag", "grant"]

SCALES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "secrecy": ("public", "internal", "confidential", "secret", "top_secret"),
        "grade": ("general", "important", "core"),
        "level": ("township", "county", "city", "province", "nation"),
    }
)

ACTOR_KINDS = ("public", "person", "agency", "peer")
ROLES = frozenset({"clerk", "officer", "supervisor", "administrator", "security_officer", "auditor"})
ZONES = ("internet", "government", "business", "classified")

#: Actions on data. LANGUAGE 3: allowing one allows what it needs; denying or constraining one denies or constrains what needs it. LANGUAGE 19: `count` needs
#: no `data` and is not needed by it, so that it has allows and constraints of its own.
ACTIONS = ("discover", "read", "data", "hold", "verify", "count", "release")
_NEEDS: Mapping[str, str | None] = MappingProxyType(
    {"discover": None, "read": "discover", "data": "read", "hold": "data", "verify": "discover", "count": "discover", "release": None}
)

#: What `discover` alone discloses of a record (the card).
CARD_FIELDS = frozenset(
    {"title", "keywords", "provider", "sharing", "opening", "kind", "theme", "territory", "update_cycle", "grade", "protected_until", "issued"}
)
#: Fields that search matches, sorts, counts or maps for everyone who may see a record (LANGUAGE 22). `summary` is not one: search leaves it out for those
#: who may not read it.
INDEXED_FIELDS = CARD_FIELDS | {"bbox", "geometry", "time"}
#: Actions whose decisions govern a record's own fields; those of the others govern columns of rows.
FIELD_ACTIONS = frozenset({"discover", "read"})
#: Names of a record's own fields; other names in `hide`, `show` and `mask` are columns of rows.
RECORD_FIELDS = INDEXED_FIELDS | {
    "summary",
    "category",
    "code",
    "items",
    "modified",
    "related",
    "crs",
    "crs_note",
    "scale",
    "lineage",
    "license",
    "quality",
    "operation",
    "contact_name",
    "contact_phone",
    "contact_email",
    "contact_address",
    "responsible_person",
    "responsible_office",
    "impact_assessment",
    "approval",
    "map_approval",
    "secrecy_term",
}


def closure_down(action: str) -> tuple[str, ...]:
    """Returns the actions that an allow of `action` allows: itself and what it needs (LANGUAGE 3)."""
    out: list[str] = []
    at: str | None = action
    while at is not None:
        out.append(at)
        at = _NEEDS[at]
    return tuple(out)


def closure_up(action: str) -> tuple[str, ...]:
    """Returns the actions that a deny or constraint on `action` reaches: itself and what needs it (LANGUAGE 3)."""
    return tuple(other for other in ACTIONS if action in closure_down(other))


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that a sentence can be about.

    Attributes:
        name: As written: `record.theme`.
        kind: What its values are.
        codes: Closed code list of its values or members; None when any word will do.
        scale: Name of the scale, for kind `scale`.
        many: Whether it holds a list of values.
        members: For lists: what the members are (`code`, `text` or `division`).
        internal: Only the built-in terms of a record speak of it; policy files may not.
    """

    name: str
    kind: Kind
    codes: frozenset[str] | None = None
    scale: str | None = None
    many: bool = False
    members: Literal["code", "text", "division"] | None = None
    internal: bool = False

    @property
    def side(self) -> str:
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        """Name within its side: the key in a mapping of attributes."""
        return self.name.partition(".")[2]


def _code(name: str, codes: Iterable[str] | None = None) -> Attribute:
    return Attribute(name, "code", None if codes is None else frozenset(codes))


def _scale(name: str, scale: str) -> Attribute:
    return Attribute(name, "scale", scale=scale)


# fmt: off
_LIST: tuple[Attribute, ...] = (
    _code("actor.kind", ACTOR_KINDS), _code("actor.sector"), _code("actor.purpose"),
    Attribute("actor.node", "text"), Attribute("actor.person", "text"), Attribute("actor.unit", "text"),
    _scale("actor.clearance", "secrecy"), _scale("actor.level", "level"),
    Attribute("actor.roles", "list", ROLES, many=True, members="code"),
    Attribute("actor.division", "division"), Attribute("actor.reads", "division", many=True, members="division"),
    _code("record.kind", ("dataset", "series", "service", "map", "imagery", "standard", "product", "document")),
    _code("record.profile"), _code("record.sharing", ("unconditional", "conditional", "withheld")), _code("record.opening", ("open", "closed")),
    Attribute("record.id", "text"), Attribute("record.authority", "text"),
    _scale("record.secrecy", "secrecy"), _scale("record.grade", "grade"), _scale("record.level", "level"),
    Attribute("record.theme", "list", many=True, members="code"),
    Attribute("record.audience", "list", many=True, members="division"), Attribute("record.audience_nodes", "list", many=True, members="text"),
    Attribute("record.division", "division"), Attribute("record.territory", "division", many=True, members="division"),
    Attribute("record.embargo", "time"), Attribute("record.issued", "time"), Attribute("record.terms_expire", "time"),
    Attribute("record.own", "flag", internal=True), Attribute("record.onward", "flag", internal=True),
    Attribute("record.purposes", "list", many=True, members="code", internal=True),
    _code("row.status"), Attribute("row.owner", "text"), Attribute("row.division", "division"), Attribute("row.observed", "time"),
    _code("env.zone", ZONES), _code("env.node"), Attribute("env.channel", "text"),
)
# fmt: on
ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType({a.name: a for a in _LIST})

#: The attribute whose comparisons are `is granted to actor` and `is not granted to actor`; written `record`.
GRANT = Attribute("record", "grant")


def with_codes(lists: Mapping[str, Iterable[str]]) -> Mapping[str, Attribute]:
    """Returns the attributes with code lists of a site in place of those built in.

    Args:
        lists: Attribute name → its closed list of words, for example `{"record.theme": […], "env.zone": […]}`.

    Raises:
        KeyError: An attribute that is no code and no list of codes.
    """
    changed = dict(ATTRIBUTES)
    for name, codes in lists.items():
        if changed[name].kind != "code" and changed[name].members != "code":
            raise KeyError(name)
        changed[name] = replace(changed[name], codes=frozenset(codes))
    return MappingProxyType(changed)


type Right = Literal["none", "one", "many", "days", "date"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One way to speak about a value.

    Attributes:
        words: As written between attribute and value.
        base: Positive comparison that defines it (policies.comparisons).
        negated: Whether it holds where the base surely does not.
        right: What follows: nothing, one value, values with commas, a number of days, a date. All but `days` may be an attribute instead.
        zh: The same words in Chinese; `{}` stands for the value.
    """

    words: str
    base: str
    negated: bool
    right: Right
    zh: str


def _pair(base: str, right: Right, yes: tuple[str, str], no: tuple[str, str]) -> tuple[Comparison, Comparison]:
    return Comparison(yes[0], base, False, right, yes[1]), Comparison(no[0], base, True, right, no[1])


_WORDS = (*_pair("is_one_of", "one", ("is", "是{}"), ("is not", "不是{}")), *_pair("is_one_of", "many", ("is one of", "属于{}"), ("is none of", "不属于{}")))

#: Kind of attribute → what can be said about it.
COMPARISONS: Mapping[str, tuple[Comparison, ...]] = MappingProxyType(
    {
        "code": _WORDS,
        "text": _WORDS,
        "scale": (
            *_pair("at_least", "one", ("is at least", "不低于{}"), ("is below", "低于{}")),
            *_pair("above", "one", ("is above", "高于{}"), ("is at most", "不高于{}")),
        ),
        "list": (
            Comparison("has", "has_any", False, "one", "含{}"),
            *_pair("has_any", "many", ("has any of", "含{}之一"), ("has none of", "不含{}")),
            Comparison("has all of", "has_all", False, "many", "含{}全部"),
            *_pair("is_empty", "none", ("is empty", "为空"), ("is not empty", "不为空")),
        ),
        "division": (
            *_pair("lies_within", "many", ("lies within", "在{}之内"), ("does not lie within", "不全在{}之内")),
            *_pair("touches", "many", ("touches", "涉及{}"), ("does not touch", "不涉及{}")),
            Comparison("covers", "covers", False, "many", "覆盖{}"),
        ),
        "time": (
            *_pair("has_passed", "none", ("has passed", "已过"), ("has not passed", "未过")),
            *_pair("is_older_than", "days", ("is older than", "早于{}之前"), ("is newer than", "在{}之内")),
            *_pair("is_from", "date", ("is from", "自{}起"), ("is before", "在{}之前")),
        ),
        "flag": (Comparison("is yes", "is_yes", False, "none", "为是"), Comparison("is no", "is_yes", True, "none", "为否")),
        "grant": _pair("is_granted", "none", ("is granted to actor", "已授权予操作者"), ("is not granted to actor", "未授权予操作者")),
    }
)
STATED = _pair("is_stated", "none", ("is stated", "已载明"), ("is not stated", "未载明"))


def comparisons_for(attribute: Attribute) -> tuple[Comparison, ...]:
    """Returns everything that can be said about an attribute."""
    return COMPARISONS[attribute.kind] if attribute.kind == "grant" else (*COMPARISONS[attribute.kind], *STATED)


def _sort(attribute: Attribute) -> str:
    what = attribute.members or attribute.kind
    return "word" if what in ("code", "text") else what


def comparable(left: Attribute, right: Attribute, comparison: Comparison) -> bool:
    """Returns whether `left comparison right` has a meaning, both being attributes.

    Words compare with words, divisions with divisions, ranks on one scale, times with times. A single value is asked for where one is meant.
    """
    if comparison.right in ("none", "days") or right.kind in ("grant", "flag"):
        return False
    if right.many and comparison.right == "one":
        return False
    if left.kind == "scale" or right.kind == "scale":
        return left.scale == right.scale
    return _sort(left) == _sort(right)
