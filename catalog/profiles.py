"""Profiles: which fields a kind of data has beside the core, what must be there before it is published, and what its rows mean to a policy.

A profile is one file `profiles/<name>.yaml` (format: profiles/README.md). Each but `core` builds on `core`. `check` names everything that is missing or
wrong at once, in Chinese and English: a clerk is never sent back twice (政务数据共享条例 13–15).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from catalog.canonical import JSON
from catalog.codes import code_list, read_yaml
from catalog.errors import ProfileError
from catalog.field_types import is_type
from catalog.record import CORE, Cleaned, Problem, clean, resources

__all__ = ["Field", "Profile", "ProfileColumn", "check", "clean_fields", "field_names", "profile", "profile_names"]

type Required = Literal["always", "own", "no"]
ROLES = ("owner", "status", "division", "observed")

_FOLDER = Path(__file__).parent / "profiles"
_REQUIRED: Mapping[str, Required] = {"always": "always", "own": "own", "no": "no"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a profile.

    Attributes:
        required: `always`; `own`: for records that this node originates, not for harvested ones; `no`.
        kinds: the requirement holds for these kinds of record only; empty: for all.
        law: what asks for it.
    """

    name: str
    type: str
    zh: str
    en: str
    required: Required
    kinds: frozenset[str]
    law: str


@dataclass(frozen=True, slots=True)
class ProfileColumn:
    """A column that rows of this profile have; its type guides intake."""

    name: str
    type: str
    zh: str
    en: str
    required: bool
    sensitivity: str
    key: bool


@dataclass(frozen=True)
class Profile:
    """A profile with everything that it takes over from the core.

    Attributes:
        id: `<name>/<version>` as in manifests.
        fields: every field that it names, core first; each of them always has a disclosure (PROTOCOL 2.3).
        needs_resource: own records must say in which form the data are (信息资源格式).
        rows: what a policy calls `row.<role>` → names of columns that may hold it, the first that is there counts.
        columns: columns known by name.
        defaults: what a new draft of this profile is filled with.
    """

    id: str
    name: str
    zh: str
    en: str
    fields: Mapping[str, Field]
    needs_resource: bool
    rows: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, ProfileColumn]
    defaults: Mapping[str, JSON]

    @cached_property
    def types(self) -> Mapping[str, str]:
        """Types of the fields, for cleaning."""
        return {name: field.type for name, field in self.fields.items()}

    @cached_property
    def required(self) -> tuple[Field, ...]:
        """The fields that must be there, of some records at least."""
        return tuple(field for field in self.fields.values() if field.required != "no")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(self.fields)

    def row_column(self, role: str, present: "Mapping[str, Any] | frozenset[str] | tuple[str, ...]") -> str | None:
        """The column that serves as `row.<role>` among those present, or None."""
        return next((name for name in self.rows.get(role, ()) if name in present), None)


@cache
def profile_names() -> tuple[str, ...]:
    """Names of all profiles, `core` first."""
    found = sorted(path.stem for path in _FOLDER.glob("*.yaml"))
    return tuple(sorted(found, key=lambda name: (name != "core", name)))


@cache
def profile(id: str) -> Profile:
    """Gets a profile by `<name>/<version>` or by its bare name.

    Raises:
        ProfileError: there is no such profile or version, or its file is wrong.
    """
    name, _, version = id.partition("/")
    path = _FOLDER / f"{name}.yaml"
    if not name.isidentifier() or not path.is_file():
        raise ProfileError(zh=f"没有描述档 {id}；有：{', '.join(profile_names())}", en=f"no profile {id}; there are: {', '.join(profile_names())}")
    data = read_yaml(path)
    try:
        built = _profile(name, data)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ProfileError(zh=f"描述档 {path.name} 有误：{error}", en=f"the profile {path.name} is wrong: {error}") from error
    if version and built.id != id:
        raise ProfileError(zh=f"描述档 {name} 只有 {built.id}，没有 {id}", en=f"the profile {name} is {built.id}, not {id}")
    return built


def _profile(name: str, data: Mapping[str, Any]) -> Profile:
    core = None if name == "core" else profile("core")
    fields = dict(core.fields) if core else {}
    for field_name, entry in (data.get("fields") or {}).items():
        if not core and field_name not in CORE:
            raise ValueError(f"{field_name} is not a core field")
        if core and not field_name.startswith("x.") and field_name not in CORE:
            raise ValueError(f"{field_name}: fields of a profile begin with x.")
        kind = CORE.get(field_name) or entry["type"]
        if not is_type(kind):
            raise ValueError(f"{field_name}: no type {kind}")
        old = fields.get(field_name)
        fields[field_name] = Field(
            name=field_name,
            type=kind,
            zh=entry["zh"] if not old else entry.get("zh", old.zh),
            en=entry["en"] if not old else entry.get("en", old.en),
            required=_REQUIRED[entry.get("required", "no")],
            kinds=frozenset(entry.get("kinds") or ()),
            law=str(entry.get("law", old.law if old else "")),
        )
    if not core and fields.keys() != CORE.keys():
        raise ValueError(f"core fields without entry: {sorted(CORE.keys() - fields.keys())}")
    own_rows = {role: tuple(columns) for role, columns in (data.get("rows") or {}).items()}
    if not own_rows.keys() <= set(ROLES):
        raise ValueError(f"rows: unknown role in {sorted(own_rows)}")
    rows = {role: (*own_rows.get(role, ()), *(core.rows.get(role, ()) if core else ())) for role in ROLES}
    columns = {column: _column(column, entry) for column, entry in (data.get("columns") or {}).items()}
    defaults, _, problems = clean(data.get("defaults") or {}, {key: field.type for key, field in fields.items()})
    if problems:
        raise ValueError(f"defaults: {problems[0].field}: {problems[0].en}")
    needs = bool(data.get("needs_resource", core.needs_resource if core else True))
    title = data["title"]
    frozen = MappingProxyType
    return Profile(f"{name}/{data['version']}", name, title["zh"], title["en"], frozen(fields), needs, frozen(rows), frozen(columns), frozen(defaults))


def _column(name: str, entry: Mapping[str, Any]) -> ProfileColumn:
    return ProfileColumn(
        name, entry["type"], entry["zh"], entry["en"], bool(entry.get("required")), str(entry.get("sensitivity", "none")), bool(entry.get("key"))
    )


def field_names(profile_id: str) -> tuple[str, ...]:
    """The names of the fields that always have a disclosure, `null` when absent (PROTOCOL 2.3).

    Raises:
        ProfileError: no such profile.
    """
    return profile(profile_id).names


def clean_fields(profile_id: str, fields: Mapping[str, Any]) -> Cleaned:
    """`record.clean` with the types of a profile."""
    try:
        types = profile(profile_id).types
    except ProfileError as error:
        return Cleaned(dict(fields), {}, [Problem("profile", error.zh, error.en)])
    return clean(fields, types)


def check(profile_id: str, fields: Mapping[str, Any], *, attested: bool = False) -> list[Problem]:
    """Names everything that keeps a record from being published: the problems that `checked` returns."""
    return checked(profile_id, fields, attested=attested).problems


def checked(profile_id: str, fields: Mapping[str, Any], *, attested: bool = False, known: Mapping[str, str] = MappingProxyType({})) -> Cleaned:
    """Brings a record's fields into their stored form and names everything that keeps it from being published.

    Args:
        profile_id: for example `groundwater/1`.
        fields: the draft's content.
        attested: True for harvested records, of which only title and provider are asked.
        known: as for `record.clean`.

    Returns:
        The good fields, and the problems in the order of the profile's fields; none when it may be published. The scale of secrecy, the authority and its
        division are members of the manifest and are the writer's to check.
    """
    try:
        found = profile(profile_id)
    except ProfileError as error:
        return Cleaned(dict(fields), {}, [Problem("profile", error.zh, error.en)])
    cleaned, written, problems = clean(fields, found.types, known)
    wrong = {problem.field for problem in problems}
    kind = cleaned.get("kind")
    for field in found.required:
        asked = field.required == "always" or not attested
        if not asked or field.name in cleaned or field.name in wrong or (field.kinds and kind not in field.kinds):
            continue
        law = f"（{field.law}）" if field.law else ""
        zh, en = _allowed(field.type)
        problems.append(Problem(field.name, f"缺少{field.zh}{law}{zh}", f"missing: {field.en}{' (' + field.law + ')' if field.law else ''}{en}"))
    if not attested:
        problems += _sharing_problems(cleaned)
        problems += _resource_problems(found, cleaned)
        problems += _column_problems(found, cleaned)
    if problems:
        order = {name: place for place, name in enumerate(found.names)}
        problems.sort(key=lambda problem: order.get(problem.field, len(order)))
    return Cleaned(cleaned, written, problems)


def _allowed(type_: str) -> tuple[str, str]:
    """What a field may hold, as the end of a sentence, in Chinese and English; nothing for what is free."""
    if type_ == "opening":
        return "；open：true 或 false", "; open: true or false"
    member, name = ("type", type_) if type_ == "sharing" else ("", type_.partition(":")[2])
    if not name or not code_list(name).closed:
        return "", ""
    zh, en = code_list(name).known
    return f"；{member + '：' if member else '可用：'}{zh}", f"; {member or 'known'}: {en}"


def _sharing_problems(fields: Mapping[str, Any]) -> list[Problem]:
    """政务数据共享条例 13–15: the way of sharing; conditions of what is conditional; the legal basis of what is withheld."""
    sharing = fields.get("sharing")
    if sharing is None:
        return []
    problems = []
    if sharing["type"] != "withheld" and "method" not in sharing:
        problems.append(Problem("sharing", "缺少共享方式 method（政务数据共享条例 13）", "missing: the way of sharing, method (政务数据共享条例 13)"))
    if sharing["type"] == "conditional" and "conditions" not in sharing:
        problems.append(
            Problem("sharing", "有条件共享须列明条件 conditions（政务数据共享条例 15）", "conditional sharing must list its conditions (政务数据共享条例 15)")
        )
    if sharing["type"] == "withheld" and "legal_basis" not in sharing:
        problems.append(
            Problem(
                "sharing",
                "不予共享须载明法律、行政法规或国务院决定依据 legal_basis（政务数据共享条例 14）",
                "what is withheld must cite a law, an administrative regulation or a State Council decision, legal_basis (政务数据共享条例 14)",
            )
        )
    opening = fields.get("opening")
    if opening is not None and opening["open"] and sharing["type"] == "withheld":
        problems.append(Problem("opening", "不予共享的资源不能向社会开放", "what is withheld from sharing cannot be open to the public"))
    return problems


def _resource_problems(found: Profile, fields: Mapping[str, Any]) -> list[Problem]:
    every = list(resources(fields))
    if not every:
        if not found.needs_resource:
            return []
        zh, en = "缺少信息资源格式：至少须有一个资源（文件、数据表或服务）", "missing: the form of the data; at least one resource (file, table or service)"
        return [Problem("resources", f"{zh}（政务数据共享条例 13）", f"{en} (政务数据共享条例 13)")]
    return [
        Problem(f"resources.{rid}", "资源缺少格式 format", "the resource has no format") for rid, each in every if "format" not in each and not each.get("rows")
    ]


def _column_problems(found: Profile, fields: Mapping[str, Any]) -> list[Problem]:
    """Tables say what columns they have, and have those that the profile asks for."""
    if "items" not in fields:
        if not any(each.get("rows") or each.get("kind") in ("spreadsheet", "database") for _, each in resources(fields)):
            return []
        return [Problem("items", "数据表缺少信息项（政务数据共享条例 13）", "a table must list its items, that is columns (政务数据共享条例 13)")]
    there = {item["name"] for item in fields["items"]}
    missing = [column for column in found.columns.values() if column.required and column.name not in there]
    return [
        Problem("items", f"{found.zh}数据缺少信息项 {column.name}（{column.zh}）", f"{found.en} data lack the item {column.name} ({column.en})")
        for column in missing
    ]
