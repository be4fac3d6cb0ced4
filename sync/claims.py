"""The members of each kind of statement, read strictly (PROTOCOL 6.1–6.3; written by `sync.say`). Pure.

Registered JWT claims keep their meaning (RFC 7519): `iss`, `sub`, and `iat`, `exp` as whole seconds since 1970. Every other time is ISO 8601 UTC.
Order among statements is `version` or `serial`, never a time (6.5).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from catalog.canonical import JSON, unb64
from catalog.errors import CanonicalError
from catalog.ids import is_node_id, is_record_id
from catalog.visible import has_controls
from sync.errors import StatementError, SuiteError
from sync.ids import is_zone, node_id
from sync.merkle import MAX_SIZE
from sync.suite import PublicKey, suite_of

__all__ = ["DAY", "LEVELS", "Body", "Certify", "EpochClose", "NodeStatement", "Succession", "is_name", "read_body", "read_time", "write_time"]

DAY = 86_400
#: From low to high, as in `record.level`.
LEVELS = ("township", "county", "city", "province", "nation")

_MAX_LIFE = 31 * 366 * DAY
_MAX_KEYS = 8
#: Characters of a name.
MAX_NAME = 200
_MAX_DEPTH = 8
_DIVISION = re.compile(r"(?:[0-9]{6}|[0-9]{9}|[0-9]{12})\Z")
_UNIT = re.compile(r"[0-9]{6,12}(?:/[a-z0-9][a-z0-9-]{0,39}){1,4}\Z")
_SECTOR = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


@dataclass(frozen=True)
class NodeStatement:
    """`node`: the root keys of a node.

    Attributes:
        node: the id; follows from version 1.
        version: 1, 2, …; each after the first is signed by `threshold` of the keys before it and by `threshold` of its own.
        suite: suite of the root keys and of the id.
        keys, threshold: m of n.
        iat, exp: UTC seconds.
        prev: digest of the version before; None for the first.
    """

    node: str
    version: int
    suite: str
    keys: tuple[PublicKey, ...]
    threshold: int
    iat: int
    exp: int
    prev: str | None


@dataclass(frozen=True)
class Certify:
    """`certify`: what `iss` says of `sub` in one zone.

    With iss = sub the node's root names the keys of its own site and the widest that its site may claim or hand on. With iss ≠ sub a superior confirms
    keys and scope. Only what both say counts.

    Attributes:
        serial: the highest of one (iss, sub, zone) counts.
        suite: suite of the site's keys and of its log.
        site_keys: sign checkpoints, stream heads, request tokens and statements about subordinates.
        witness_key: cosigns, and does nothing else.
        epoch: epoch of the log for which the keys are named.
        name: language map, for people.
        sector: for example `land`.
        level: one of LEVELS.
        division, unit: what the node is: exactly one of the two.
        divisions: statement scope: what it may be authority for and read.
        units: unit codes that it may hand on, beside those under its own divisions.
        depth: how many levels it may certify below itself.
        witnesses: iss = sub only: neighbours in order of preference; the first that is certified witnesses the log.
        revoked: the certification ends.
    """

    iss: str
    sub: str
    zone: str
    serial: int
    suite: str
    site_keys: tuple[PublicKey, ...]
    witness_key: PublicKey | None
    epoch: int
    name: Mapping[str, str]
    sector: str
    level: str
    division: str | None
    unit: str | None
    divisions: tuple[str, ...]
    units: tuple[str, ...]
    depth: int
    witnesses: tuple[str, ...]
    revoked: bool
    iat: int
    exp: int


@dataclass(frozen=True)
class EpochClose:
    """`epoch`: `iss` closes an epoch of `sub`'s log at a trusted size and opens the next one with these keys.

    Attributes:
        closes, size, root: the log as far as it is trusted.
        opens: closes + 1.
        site_keys: keys of the new epoch.
        reason: `restore`, `stolen-key` or another word.
    """

    iss: str
    sub: str
    zone: str
    closes: int
    size: int
    root: bytes
    opens: int
    site_keys: tuple[PublicKey, ...]
    reason: str
    iat: int
    exp: int


@dataclass(frozen=True)
class Succession:
    """`succession`: `to` answers from now on for what `from_` answered for.

    Attributes:
        ids: record ids, or None for all.
        epoch, size: leaves of `from_`'s log beyond this place are void.
        until: UTC seconds: the others end then.
    """

    iss: str
    zone: str
    from_: str
    to: str
    ids: frozenset[str] | None
    epoch: int
    size: int
    until: int
    iat: int
    exp: int


def is_name(text: object) -> bool:
    """A name as a certification, or `hello`, may say it: short, and nothing in it that a terminal obeys."""
    return isinstance(text, str) and 0 < len(text) <= MAX_NAME and not has_controls(text)


type Body = NodeStatement | Certify | EpochClose | Succession


class _Members:
    """Reads the members of one object, each with its form; the first that has not is named in the error."""

    def __init__(self, value: Mapping[str, JSON]) -> None:
        self.value = value

    def bad(self, name: str, wanted: str) -> StatementError:
        given = self.value.get(name, "(absent)")
        return StatementError(zh=f"声明的 {name} 不合规定：{given!r:.60}（应为 {wanted}）", en=f"the statement's {name} is {given!r:.60}; {wanted} expected")

    def nullable(self, name: str) -> JSON:
        """A member that may be null, but must be there: one statement has one text."""
        if name not in self.value:
            raise self.bad(name, "a value or null")
        return self.value[name]

    def integer(self, name: str, low: int, high: int = MAX_SIZE) -> int:
        value = self.value.get(name)
        if type(value) is not int or not low <= value <= high:
            raise self.bad(name, f"integer {low}…{high}")
        return value

    def text(self, name: str, test: Callable[[object], bool], wanted: str) -> str:
        value = self.value.get(name)
        if not isinstance(value, str) or not test(value):
            raise self.bad(name, wanted)
        return value

    def node(self, name: str) -> str:
        return self.text(name, is_node_id, "node id")

    def texts(self, name: str, test: Callable[[object], bool], wanted: str) -> tuple[str, ...]:
        value = self.value.get(name)
        if not isinstance(value, list):
            raise self.bad(name, f"list of {wanted}")
        found: list[str] = []
        for member in value:
            if not isinstance(member, str) or not test(member):
                raise self.bad(name, f"list of {wanted}")
            found.append(member)
        if len(set(found)) != len(found):
            raise self.bad(name, f"list of {wanted} without doubles")
        return tuple(found)

    def times(self) -> tuple[int, int]:
        iat, exp = self.integer("iat", 0), self.integer("exp", 1)
        if not iat < exp <= iat + _MAX_LIFE:
            raise self.bad("exp", "after iat, at most 31 years")
        return iat, exp

    def key(self, name: str, jwk: JSON, suite: str) -> PublicKey:
        try:
            return suite_of(suite).public(jwk if isinstance(jwk, dict) else {})
        except SuiteError as error:
            raise StatementError(zh=f"声明的 {name}：{error.zh}", en=f"the statement's {name}: {error.en}", kind=error.kind, clause="1.5") from error

    def suite(self) -> str:
        value = self.value.get("suite")
        try:
            return suite_of(value).id
        except SuiteError as error:
            raise StatementError(zh=f"声明：{error.zh}", en=f"statement: {error.en}", kind=error.kind, clause="1.5") from error

    def key_list(self, name: str, value: JSON, suite: str) -> tuple[PublicKey, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= _MAX_KEYS:
            raise self.bad(name, f"1 to {_MAX_KEYS} keys")
        keys = tuple(self.key(name, jwk, suite) for jwk in value)
        if len(set(keys)) != len(keys):
            raise self.bad(name, "keys without doubles")
        return keys

    def site_keys(self, suite: str) -> tuple[tuple[PublicKey, ...], PublicKey | None]:
        keys = self.value.get("keys")
        if not isinstance(keys, dict):
            raise self.bad("keys", "{site, witness}")
        site, witness_jwk = self.key_list("keys.site", keys.get("site"), suite), keys.get("witness")
        witness = None if witness_jwk is None else self.key("keys.witness", witness_jwk, suite)
        # PROTOCOL 3.3: a witness key does nothing else
        if witness in site:
            raise StatementError(zh="见证密钥不得兼作站点密钥", en="a witness key must not be a site key too", clause="3.3")
        return site, witness


def read_body(value: JSON, payload: bytes) -> Body:
    """Reads a statement's claims.

    Args:
        value: parsed payload.
        payload: its canonical bytes (the id of a node is computed over them).

    Raises:
        StatementError: unknown kind (kind `unknown`), or a member has not its form.
    """
    if not isinstance(value, dict) or type(value.get("v")) is not int or value.get("v") != 1:
        raise StatementError(zh="声明须为 v 1 的对象", en="a statement is an object with v 1")
    members, kind = _Members(value), value.get("kind")
    readers: dict[str, Callable[[_Members, bytes], Body]] = {"node": _read_node, "certify": _read_certify, "epoch": _read_epoch, "succession": _read_succession}
    reader = readers.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise StatementError(zh=f"未知的声明种类：{kind!r:.40}", en=f"unknown kind of statement: {kind!r:.40}", kind="unknown")
    return reader(members, payload)


def _read_node(m: _Members, payload: bytes) -> NodeStatement:
    # PROTOCOL 6.1
    suite, version = m.suite(), m.integer("version", 1, 1_000_000)
    keys = m.key_list("keys", m.value.get("keys"), suite)
    iat, exp = m.times()
    iss, prev = m.nullable("iss"), m.nullable("prev")
    if version == 1:
        if iss is not None or prev is not None:
            raise m.bad("iss", "null in version 1, whose digest is the id")
        node, before = node_id(payload, suite_of(suite)), None
    else:
        node, before = m.node("iss"), m.text("prev", _is_digest, "digest of the version before")
    return NodeStatement(node, version, suite, keys, m.integer("threshold", 1, len(keys)), iat, exp, before)


def _read_certify(m: _Members, _payload: bytes) -> Certify:
    # PROTOCOL 6.1
    suite = m.suite()
    site, witness = m.site_keys(suite)
    iat, exp = m.times()
    name, revoked = m.value.get("name"), m.value.get("revoked")
    if not isinstance(name, dict) or not 1 <= len(name) <= 20 or not all(isinstance(text, str) and 0 < len(text) <= MAX_NAME for text in name.values()):
        raise m.bad("name", "language map")
    if not all(is_name(text) for pair in name.items() for text in pair):
        raise m.bad("name", "texts without control characters")
    if type(revoked) is not bool:
        raise m.bad("revoked", "true or false")
    division = None if m.nullable("division") is None else m.text("division", _is_division, "division code")
    unit = None if m.nullable("unit") is None else m.text("unit", _is_unit, "unit code")
    if (division is None) == (unit is None):
        raise m.bad("unit", "exactly one of division and unit")
    iss, sub = m.node("iss"), m.node("sub")
    witnesses = m.texts("witnesses", is_node_id, "node ids")
    if witnesses and iss != sub:
        raise m.bad("witnesses", "empty, unless the node speaks of itself")
    return Certify(
        iss=iss,
        sub=sub,
        zone=m.text("zone", is_zone, "zone"),
        serial=m.integer("serial", 1),
        suite=suite,
        site_keys=site,
        witness_key=witness,
        epoch=m.integer("epoch", 1, 999_999_999),
        name={language: str(text) for language, text in name.items()},
        sector=m.text("sector", lambda text: isinstance(text, str) and _SECTOR.match(text) is not None, "sector"),
        level=m.text("level", lambda text: text in LEVELS, " | ".join(LEVELS)),
        division=division,
        unit=unit,
        divisions=m.texts("divisions", _is_division, "division codes"),
        units=m.texts("units", _is_unit, "unit codes"),
        depth=m.integer("depth", 0, _MAX_DEPTH),
        witnesses=witnesses,
        revoked=revoked,
        iat=iat,
        exp=exp,
    )


def _read_epoch(m: _Members, _payload: bytes) -> EpochClose:
    # PROTOCOL 6.2
    site, _ = m.site_keys(m.suite())
    iat, exp = m.times()
    closes, opens = m.integer("closes", 1, 999_999_998), m.integer("opens", 2, 999_999_999)
    if opens != closes + 1:
        raise m.bad("opens", "closes + 1")
    return EpochClose(
        iss=m.node("iss"),
        sub=m.node("sub"),
        zone=m.text("zone", is_zone, "zone"),
        closes=closes,
        size=m.integer("size", 0),
        root=unb64(m.text("root", _is_digest, "root")),
        opens=opens,
        site_keys=site,
        reason=m.text("reason", lambda text: isinstance(text, str) and _SECTOR.match(text) is not None, "a word"),
        iat=iat,
        exp=exp,
    )


def _read_succession(m: _Members, _payload: bytes) -> Succession:
    # PROTOCOL 6.3
    iat, exp = m.times()
    ids = m.value.get("ids")
    from_, to = m.node("from"), m.node("to")
    if from_ == to:
        raise m.bad("to", "another node than from")
    return Succession(
        iss=m.node("iss"),
        zone=m.text("zone", is_zone, "zone"),
        from_=from_,
        to=to,
        ids=None if ids == "all" else frozenset(m.texts("ids", is_record_id, "record ids, or the text all")),
        epoch=m.integer("epoch", 1, 999_999_999),
        size=m.integer("size", 0),
        until=read_time(m.text("until", _is_time, "time …Z")),
        iat=iat,
        exp=exp,
    )


def read_time(text: str) -> int:
    """ISO 8601 UTC with seconds and `Z` → UTC seconds.

    Raises:
        StatementError: another form, or no such day.
    """
    try:
        if _TIME.match(text) is None:
            raise ValueError(text)
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise StatementError(zh=f"不是时间：{text!r:.40}", en=f"not a time: {text!r:.40}") from error


def write_time(seconds: int) -> str:
    """UTC seconds → ISO 8601 UTC with `Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_time(value: object) -> bool:
    return isinstance(value, str) and _TIME.match(value) is not None


def _is_division(value: object) -> bool:
    return isinstance(value, str) and _DIVISION.match(value) is not None


def _is_unit(value: object) -> bool:
    return isinstance(value, str) and _UNIT.match(value) is not None


def _is_digest(value: object) -> bool:
    try:
        return isinstance(value, str) and len(unb64(value, 32)) == 32
    except CanonicalError:
        return False
