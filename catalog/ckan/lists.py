"""Actions about datasets, resources, organizations, groups, tags and licenses."""

from collections.abc import Iterator
from typing import Any

from catalog.ckan import params
from catalog.ckan.errors import CkanNotFoundError, CkanValidationError
from catalog.ckan.face import MOST_ROWS, Call
from catalog.ckan.names import minted, organization_name, split_resource_id
from catalog.ckan.packages import NO_LICENSE, format_name, group_title, is_open, license_id, license_of, resources_of
from catalog.codes import code_list
from catalog.filters import Expr, In
from catalog.organisations import Organisation
from catalog.queries import RecordQuery

#: Datasets whose resources one `resource_search` looks at.
MOST_LOOKED_THROUGH = 2_000

_EPOCH = "1970-01-01T00:00:00.000000"
#: CKAN's largest lists of organizations and groups: of names, and of whole ones.
_MOST_NAMES, _MOST_WHOLE = 1000, 25


# --- datasets and resources --------------------------------------------------------------------------------------------------------------


def package_show(call: Call) -> Any:
    """One dataset. id: its uuid, URN or name."""
    return call.package(call.reader.record(call.actor, params.required(call.data, "name_or_id", "id")))


def package_list(call: Call) -> Any:
    """Names of all datasets, sorted. limit (default: none), offset."""
    most, offset = params.number(call.data, "limit", 0) or None, params.number(call.data, "offset", 0)
    return call.reader.names(call.actor)[offset : None if most is None else offset + most]


def current_package_list_with_resources(call: Call) -> Any:
    """Datasets, newest change first. limit (at most 1000), offset."""
    most = params.number(call.data, "limit", MOST_ROWS, most=MOST_ROWS)
    return call.packages(call.every(RecordQuery(sort="-modified", offset=params.number(call.data, "offset", 0)), most))


def package_autocomplete(call: Call) -> Any:
    """Datasets whose title or name has words that begin like q. limit (default 10)."""
    q = params.required(call.data, "q")
    found = []
    for view in call.reader.suggest(call.actor, q, params.number(call.data, "limit", 10, most=100)):
        by_name = q.strip().lower() in view.slug
        title = view.title(call.around.language)
        found.append({"name": view.slug, "title": title, "match_field": "name" if by_name else "title", "match_displayed": view.slug if by_name else title})
    return found


def resource_show(call: Call) -> Any:
    """One resource. id."""
    parts = split_resource_id(params.required(call.data, "id"))
    if parts is None:
        raise CkanNotFoundError
    for resource in resources_of(call.reader.record(call.actor, parts[0]), call.around):
        if resource["id"] == call.data["id"]:
            return resource
    raise CkanNotFoundError


def resource_search(call: Call) -> Any:
    """Resources by field:value (one or a list, all must hold): name, description, format, url, hash. limit, offset.

    A search that would look through more than `MOST_LOOKED_THROUGH` datasets is refused: format: narrows it, and package_search tells which datasets.
    """
    queries = call.data.get("query")
    if not queries:
        raise CkanValidationError({"query": "Missing value"})
    wanted = []
    for query in queries if isinstance(queries, list) else [queries]:
        field, colon, value = str(query).partition(":")
        if not colon:
            raise CkanValidationError({"query": "Must be <field>:<value> pair(s)"})
        if field not in ("name", "description", "format", "url", "hash", "mimetype", "resource_type"):
            raise CkanValidationError({"query": f'Field "{field}" not recognised in resource_search.'})
        wanted.append((field, value.strip().lower()))
    offset, limit = params.number(call.data, "offset", 0), params.number(call.data, "limit", MOST_ROWS, most=MOST_ROWS)
    found = list(_resources(call, wanted))
    return {"count": len(found), "results": found[offset : offset + limit]}


def _resources(call: Call, wanted: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    formats = [value for field, value in wanted if field == "format"]
    condition: Expr | None = In("format", (formats[0].replace(" ", "-"),)) if formats else None
    if call.reader.records(call.actor, RecordQuery(condition=condition, limit=0)).total > MOST_LOOKED_THROUGH:
        advice = "use package_search" if formats else "add format:<value>, or use package_search"
        raise CkanValidationError({"query": f"More than {MOST_LOOKED_THROUGH} datasets to look through: {advice}"})
    for view in call.every(RecordQuery(condition=condition, sort="name"), MOST_LOOKED_THROUGH):
        for resource in resources_of(view, call.around):
            if all(value in str(resource[field] or "").lower() for field, value in wanted):
                yield resource


# --- organizations -----------------------------------------------------------------------------------------------------------------------


def organization_list(call: Call) -> Any:
    """Organizations: names, or with all_fields whole ones. organizations: only these; q; sort: name, title or package_count with asc or desc; limit, offset."""
    wanted = set(params.names(call.data, "organizations"))
    keys = {key for name in wanted for key in call.organisation_keys(name)}
    found = [_organization(call, each) for each in call.organisations if not wanted or each.key in keys]
    return _listed(call, found)


def organization_show(call: Call) -> Any:
    """One organization. id: its name or id. include_datasets: up to 10 of its datasets."""
    each = call.organisation(params.required(call.data, "id"))
    return _shown(call, _organization(call, each), In("org", (each.key,)))


def organization_autocomplete(call: Call) -> Any:
    """Organizations whose name or title holds q."""
    q = params.text(call.data, "q").lower()
    found = [_organization(call, each) for each in call.organisations]
    limit = params.number(call.data, "limit", 20, most=100)
    return [{key: one[key] for key in ("id", "name", "title")} for one in found if q in one["name"] or q in one["title"].lower()][:limit]


def _organization(call: Call, each: Organisation) -> dict[str, Any]:
    name = organization_name(each.key)
    return _group(minted("organization", each.key), name, call.around.choose(each.title) or name, each.count, organization=True)


# --- groups ------------------------------------------------------------------------------------------------------------------------------


def group_list(call: Call) -> Any:
    """Groups (themes) that have datasets: names, or with all_fields whole ones. groups: only these; q, sort, limit, offset as in organization_list."""
    wanted = set(params.names(call.data, "groups"))
    found = [_theme(call, code, count) for code, count in _themes(call).items()]
    return _listed(call, [one for one in found if not wanted or wanted & {one["name"], one["id"]}])


def group_show(call: Call) -> Any:
    """One group (theme). id: its name or id. include_datasets: up to 10 of its datasets."""
    code = _theme_code(call, params.required(call.data, "id"))
    return _shown(call, _theme(call, code, _themes(call).get(code, 0)), In("theme", (code,)))


def group_package_show(call: Call) -> Any:
    """Datasets of a group. id; limit."""
    code = _theme_code(call, params.required(call.data, "id"))
    query = RecordQuery(condition=In("theme", (code,)))
    return call.packages(call.every(query, params.number(call.data, "limit", MOST_ROWS, most=MOST_ROWS)))


def _themes(call: Call) -> dict[str, int]:
    return dict(call.reader.records(call.actor, RecordQuery(limit=0, facets=("theme",))).facets["theme"])


def _theme_code(call: Call, name: str) -> str:
    for code in {*code_list("themes").codes, *_themes(call)}:
        if name in (code, minted("group", code)):
            return code
    raise CkanNotFoundError


def _theme(call: Call, code: str, count: int) -> dict[str, Any]:
    return _group(minted("group", code), code, group_title(code, call.around), count, organization=False)


# --- both --------------------------------------------------------------------------------------------------------------------------------


def _group(id: str, name: str, title: str, count: int, *, organization: bool) -> dict[str, Any]:
    return {
        "approval_status": "approved", "created": _EPOCH, "description": "", "display_name": title, "id": id, "image_display_url": "", "image_url": "",
        "is_organization": organization, "name": name, "num_followers": 0, "package_count": count, "state": "active", "title": title,
        "type": "organization" if organization else "group",
    }  # fmt: skip


def _listed(call: Call, found: list[dict[str, Any]]) -> Any:
    field, down = _sort(call)
    q = params.text(call.data, "q").lower()
    whole = params.boolean(call.data, "all_fields", False)
    found = sorted((one for one in found if q in one["name"] or q in one["title"].lower()), key=lambda one: (one[field], one["name"]), reverse=down)
    most = _MOST_WHOLE if whole else _MOST_NAMES
    offset = params.number(call.data, "offset", 0)
    found = found[offset : offset + params.number(call.data, "limit", most, most=most)]
    if not whole:
        return [one["name"] for one in found]
    extra: dict[str, Any] = {}
    for name, key in (("include_extras", "extras"), ("include_tags", "tags"), ("include_groups", "groups"), ("include_users", "users")):
        if params.boolean(call.data, name, False):
            extra[key] = []
    return [one | extra for one in found]


def _sort(call: Call) -> tuple[str, bool]:
    words = (params.text(call.data, "sort") or params.text(call.data, "order_by") or "title asc").replace(",", " ").split()
    if words[0] not in ("name", "packages", "package_count", "title"):
        raise CkanValidationError({"message": f"Cannot sort by field `{words[0]}`"})
    field = "package_count" if words[0] == "packages" else words[0]
    direction = words[1].lower() if len(words) > 1 else "desc" if field == "package_count" else "asc"
    if direction not in ("asc", "desc"):
        raise CkanValidationError({"message": f"Invalid sort direction `{words[1]}`"})
    return field, direction == "desc"


def _shown(call: Call, found: dict[str, Any], datasets: Expr) -> Any:
    """One group in full. It has no users: who works there is nobody's business."""
    if params.boolean(call.data, "include_datasets", False):
        found["packages"] = call.packages(call.every(RecordQuery(condition=datasets), 10))
    if params.boolean(call.data, "include_users", True):
        found["users"] = []
    return found | {"extras": [], "groups": []}


# --- tags, formats, licenses -------------------------------------------------------------------------------------------------------------


def tag_list(call: Call) -> Any:
    """Keywords of what may be seen: names, or with all_fields whole ones. query: only those that hold it."""
    if params.text(call.data, "vocabulary_id"):
        raise CkanNotFoundError
    query = params.text(call.data, "query").lower()
    found = sorted(name for name in _keywords(call) if query in name.lower())
    return [_tag(name) for name in found] if params.boolean(call.data, "all_fields", False) else found


def tag_show(call: Call) -> Any:
    """One keyword. id: it or its id; include_datasets."""
    wanted = params.required(call.data, "id")
    for name in _keywords(call):
        if wanted in (name, minted("tag", name)):
            found = _tag(name)
            if params.boolean(call.data, "include_datasets", False):
                found["packages"] = call.packages(call.every(RecordQuery(condition=In("keyword", (name,))), MOST_ROWS))
            return found
    raise CkanNotFoundError


def tag_search(call: Call) -> Any:
    """Keywords that hold query. limit, offset."""
    words = [word.lower() for word in params.names(call.data, "query")]
    found = sorted(name for name in _keywords(call) if any(word in name.lower() for word in words))
    offset = params.number(call.data, "offset", 0)
    limit = params.number(call.data, "limit", MOST_ROWS, most=MOST_ROWS)
    results = [{key: value for key, value in _tag(name).items() if key != "display_name"} for name in found[offset : offset + limit]]
    return {"count": len(found), "results": results}


def tag_autocomplete(call: Call) -> Any:
    """Names of keywords that hold query. limit (default 10)."""
    query = params.required(call.data, "query", "q").lower()
    return sorted(name for name in _keywords(call) if query in name.lower())[: params.number(call.data, "limit", 10, most=100)]


def format_autocomplete(call: Call) -> Any:
    """Formats that hold q. limit (default 5)."""
    q = params.required(call.data, "q").lower()
    facet = call.reader.records(call.actor, RecordQuery(limit=0, facets=("format",))).facets["format"]
    return [value for value, _ in facet if q in value or q in format_name(value).lower()][: params.number(call.data, "limit", 5, most=100)]


def _keywords(call: Call) -> list[str]:
    return [name for name, _ in call.reader.records(call.actor, RecordQuery(limit=0, facets=("keyword",))).facets["keyword"]]


def _tag(name: str) -> dict[str, Any]:
    return {"id": minted("tag", name), "name": name, "vocabulary_id": None, "display_name": name}


def license_list(call: Call) -> Any:
    """The licenses that datasets may have."""
    found = [_license(NO_LICENSE, license_of(None, call.around)["license_title"], "", is_open=False)]
    for code in code_list("licenses"):
        found.append(_license(license_id(code.code), code.name(call.around.language), code.other.get("url", ""), is_open=is_open(code.code)))
    return found


def _license(id: str, title: str, url: str, *, is_open: bool) -> dict[str, Any]:
    yes, reviewed = str(is_open), "approved" if is_open else "not reviewed"
    return {
        "domain_content": yes, "id": id, "domain_data": yes, "domain_software": "False", "family": "", "is_generic": str(id == NO_LICENSE),
        "od_conformance": reviewed, "osd_conformance": "not reviewed", "maintainer": "", "status": "active", "url": url, "title": title,
    }  # fmt: skip
