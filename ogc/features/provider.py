"""The provider that pygeoapi loads: rows of the reader, for the actor of this request.

pygeoapi makes a new provider for each request, so `__init__` does nothing but copy (the base class's would build a CRS each time). What a provider needs
comes in `provider_def["data"]`, a `Binding` made by `routes` for this one request. It asks for the actor itself: when nobody set one, `require_actor` raises
and nothing is answered.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pygeoapi.provider.base import BaseProvider, ProviderInvalidQueryError, ProviderItemNotFoundError

from catalog.errors import FilterError, NotFoundError, QueryError
from catalog.filters import And, Compare, Expr, Moment
from catalog.layers import OpenLayer
from catalog.queries import RowQuery
from ogc import crs
from ogc.errors import FilterSyntaxError, ParameterError
from ogc.features.engine import Refused
from ogc.features.layers import SCHEMAS, Field, Layer
from ogc.features.reproject import reprojected, reprojected_feature
from ogc.features.texts import translate
from ogc.filters.fes import number
from ogc.filters.moments import read_datetime_parameter, read_moment
from policies.actor import require_actor

_INTEGER = re.compile(r"[+-]?\d{1,19}")
#: Far beyond every layer, and what both engines can count.
MOST_OFFSET = 2**53


@dataclass(frozen=True)
class Binding:
    """One request's view of one collection.

    Attributes:
        layer: its description.
        opened: its rows, on the request's snapshot; None where no rows are asked (lists, schemas).
        raw: features are wanted as ready bytes (JSON); else as objects (pages).
        after: keyset cursor of the request, or None.
        next_url: makes the address of the next page from a cursor.
        language: `zh` or `en`.
        count: whether a filtered page is counted, too.
    """

    layer: Layer
    opened: OpenLayer | None
    raw: bool
    after: str | None
    next_url: Callable[[str], str]
    language: str
    count: bool


class InvalidQueryError(ProviderInvalidQueryError):  # type: ignore[misc]
    """A parameter that cannot be read, with the reason (pygeoapi's own says only that there is one)."""

    ogc_exception_code = "InvalidParameterValue"


class RowsProvider(BaseProvider):  # type: ignore[misc]
    """Rows of one record as features."""

    def __init__(self, provider_def: dict[str, Any]) -> None:
        binding: Binding = provider_def["data"]
        self.binding = binding
        self.name, self.type, self.data = provider_def["name"], "feature", binding
        self.editable = self.include_extra_query_parameters = False
        self.id_field = "id"
        self.uri_field = self.title_field = self.x_field = self.y_field = self.filename = None
        self.time_field = binding.layer.time_field
        self.properties: list[str] = []
        self.storage_crs = crs.CRS84
        # pygeoapi changes these dictionaries while it writes a schema.
        self._fields = {each.name: {"title": each.title.get(binding.language) or each.name, **SCHEMAS[each.type]} for each in binding.layer.fields}

    def get_fields(self) -> dict[str, dict[str, str]]:
        return self._fields

    def query(self, **asked: Any) -> dict[str, Any]:
        """Answers /items; the arguments are pygeoapi's (BaseProvider.query)."""
        binding = self.binding
        reference: crs.Reference | None = asked.get("crs_transform_spec")
        hits = asked.get("resulttype") == "hits"
        try:
            page = self._opened().rows(self._row_query(asked, hits))
        except (FilterError, FilterSyntaxError, ParameterError, QueryError) as error:
            raise InvalidQueryError(user_msg=error.zh if binding.language == "zh" else error.en) from error
        features: Sequence[Any] = page.features
        if reference is not None:
            features = reprojected(page.features, reference)
        if not binding.raw:
            features = [orjson.loads(each) for each in features]
        content: dict[str, Any] = {"type": "FeatureCollection", "features": [] if hits else features, "numberReturned": 0 if hits else len(features)}
        if page.total is not None:
            content["numberMatched"] = page.total
        # pygeoapi guesses a next link from the number of features when there is none; `rel: next` without an address is taken out again (`tidy`).
        address = binding.next_url(page.next) if page.next and not hits else ""
        content["links"] = [{"type": "application/geo+json", "rel": "next", "title": translate("Items (next)", binding.language), "href": address}]
        return content

    def get(self, identifier: str, **asked: Any) -> dict[str, Any]:
        """Answers /items/{id}."""
        try:
            feature = orjson.loads(self._opened().feature(identifier))
        except NotFoundError as error:
            raise ProviderItemNotFoundError(user_msg="identifier not found") from error
        reference: crs.Reference | None = asked.get("crs_transform_spec")
        return feature if reference is None else reprojected_feature(feature, reference)

    def _opened(self) -> OpenLayer:
        require_actor()  # nothing is answered when nobody asks
        assert self.binding.opened is not None
        return self.binding.opened

    def _row_query(self, asked: dict[str, Any], hits: bool) -> RowQuery:
        """pygeoapi's arguments as a question to the reader."""
        layer, binding = self.binding.layer, self.binding
        where = asked.get("filterq")
        if isinstance(where, Refused):
            raise where.error
        parts: list[Expr] = [self._equality(name, text) for name, text in asked.get("properties") or ()]
        if where is not None:
            parts.append(where)
        during = _interval(asked.get("datetime_"))
        box = asked.get("bbox") or None
        if box and isinstance(box[0], Refused):
            raise box[0].error
        offset = int(asked.get("offset") or 0)
        if offset > MOST_OFFSET:
            raise ParameterError("offset", zh=f"至多为 {MOST_OFFSET}", en=f"at most {MOST_OFFSET}")
        if binding.after is not None and offset:
            raise ParameterError("offset", zh="offset 与 after 不能并用", en="offset and after exclude each other")
        return RowQuery(
            select=tuple(asked.get("select_properties") or ()) or None,
            where=None if not parts else parts[0] if len(parts) == 1 else And(tuple(parts)),
            bbox=(box[0], box[1], box[2], box[3]) if box and layer.geometry else None,
            datetime=during if layer.time_field else None,
            sort=tuple(f"-{each['property']}" if each["order"] == "-" else each["property"] for each in asked.get("sortby") or ()),
            limit=1 if hits else int(asked.get("limit") or 10), offset=0 if hits else offset, after=binding.after,
            with_geometry=not asked.get("skip_geometry"), raw="geojson",
            # Without a filter the number is known; with one it costs as much as the page.
            count=binding.count or hits or not (parts or box or during),
        )  # fmt: skip

    def _equality(self, name: str, text: str) -> Expr:
        """`name=value` in the address."""
        field = self.binding.layer.field(name)
        assert field is not None  # pygeoapi passes known columns only
        return Compare(name, "=", _value(field, text))


def _value(field: Field, text: str) -> str | int | float | bool | Moment:
    """The text of a parameter as a value of its column."""
    try:
        match field.type:
            case "integer" if _INTEGER.fullmatch(text):
                return int(text)
            case "integer" | "decimal":
                return number(text)
            case "boolean" if text in ("true", "false", "1", "0"):
                return text in ("true", "1")
            case "boolean":
                raise FilterSyntaxError(zh="应为 true 或 false", en="true or false is expected")
            case "date" | "datetime":
                return read_moment(text)
    except FilterSyntaxError as error:
        raise ParameterError(field.name, zh=error.zh, en=error.en) from None
    return text


def _interval(text: str | None) -> tuple[int | None, int | None] | None:
    """The `datetime` parameter as a closed interval of UTC seconds."""
    if text is None:
        return None
    try:
        start, end = read_datetime_parameter(text)
    except FilterSyntaxError as error:
        raise ParameterError("datetime", zh=error.zh, en=error.en) from None
    return None if start is None else start.seconds, None if end is None else end.end
