"""What the fields of CKAN's `q` and `fq` mean here.

| CKAN | here |
|---|---|
| (none), text | words anywhere |
| title, notes | words in title, in summary |
| name, id | slug; uuid or URN |
| tags, groups, organization, owner_org, res_format, license_id | keyword, theme, org, org, format, license |
| metadata_modified, metadata_created | modified, issued; also as [a TO b] with NOW-1DAY and the like |
| kind, sharing_type, opening, level, division, territory, authority, year | the same (`sharing` for sharing_type); with or without `extras_` in front |
| state, type, dataset_type, capacity, private, site_id | what every dataset here has: active, dataset, public |

Any other field holds nothing, as in CKAN.
"""

import datetime
import re
from collections.abc import Callable, Sequence

from catalog.ckan.packages import NO_LICENSE, license_codes
from catalog.ckan.solr import Term
from catalog.filters import AnyText, Between, Compare, Constant, Expr, In, IsNull, Moment, Not
from catalog.ids import PREFIX

#: Fields that hold codes: CKAN's name → ours.
CODED = {
    "tags": "keyword", "groups": "theme", "res_format": "format", "license_id": "license", "organization": "org", "owner_org": "org", "kind": "kind",
    "sharing_type": "sharing", "opening": "opening", "level": "level", "division": "division", "territory": "territory", "authority": "authority",
    "year": "year",
}  # fmt: skip
_TIMES = {"metadata_modified": "modified", "metadata_created": "issued"}
_FIXED = {"state": ("active",), "type": ("dataset",), "dataset_type": ("dataset",), "capacity": ("public",), "private": ("false",), "entity_type": ("package",)}
_TEXTS = {"title": ("title",), "notes": ("summary",), "title_ngram": ("beginnings",), "name_ngram": ("beginnings",)}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_NOW = re.compile(r"NOW(?:([+-])(\d{1,6})(SECOND|MINUTE|HOUR|DAY|MONTH|YEAR)S?)?(?:/[A-Z]+)?\Z")
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400, "MONTH": 30 * 86_400, "YEAR": 365 * 86_400}
_FAR = 1 << 50
_UTC8 = 8 * 3600


class Meaning:
    """Turns terms into filters.

    Args:
        organizations: keys of the organizations that a name, id or key means.
        now: UTC seconds.
    """

    def __init__(self, organizations: Callable[[str], Sequence[str]], now: int) -> None:
        self._organizations = organizations
        self._now = now

    def __call__(self, term: Term) -> Expr:
        """The filter that a term stands for."""
        name = (term.field or "text").removeprefix("extras_")
        if name == "*":
            return Constant(True)
        if name in _TIMES:
            return self._time(_TIMES[name], term)
        if name in CODED:
            return self._code(CODED[name], name, term)
        if name in _FIXED:
            return Constant(term.text in _FIXED[name] or term.text == "*")
        if name == "site_id":
            return Constant(True)
        if name in ("id", "name"):
            return self._named(term)
        if name == "text" or name in _TEXTS:
            return self._text(_TEXTS.get(name, ()), term)
        return Constant(False)

    def _text(self, fields: tuple[str, ...], term: Term) -> Expr:
        if term.text == "*" and not term.phrase:
            return Constant(True)
        if term.prefix:
            return AnyText(term.text, ("beginnings",))
        return AnyText(f'"{term.text.replace(chr(34), " ")}"' if term.phrase and "beginnings" not in fields else term.text, fields)

    def _named(self, term: Term) -> Expr:
        if term.text == "*":
            return Constant(True)
        if term.prefix:
            return AnyText(term.text, ("beginnings",))
        if term.is_range:
            return Constant(False)
        if _UUID.match(term.text):
            return Compare("id", "=", PREFIX + term.text)
        return Compare("id" if term.text.startswith(PREFIX) else "slug", "=", term.text)

    def _code(self, column: str, name: str, term: Term) -> Expr:
        if term.text == "*" and not term.phrase:
            return Not(IsNull(column))
        if term.is_range:
            low, high = term.low, term.high
            years = column == "year" and low and high and low.isdecimal() and high.isdecimal() and 0 <= int(high) - int(low) <= 300
            return In(column, tuple(str(year) for year in range(int(low), int(high) + 1))) if years and low and high else Constant(False)
        values: Sequence[str] = [term.text]
        if column == "org":
            values = self._organizations(term.text)
        elif column == "license":
            if term.text == NO_LICENSE:
                return IsNull(column)
            values = license_codes(term.text)
        elif column == "format":
            values = [term.text.strip().lower().replace(" ", "-")]
        return In(column, tuple(values)) if values else Constant(False)

    def _time(self, column: str, term: Term) -> Expr:
        if term.text == "*" and not term.is_range:
            return Not(IsNull(column)) if column == "issued" else Constant(True)
        low, high = (term.low, term.high) if term.is_range else (term.text, term.text)
        first, last = self._moment(low, -_FAR), self._moment(high, _FAR)
        if first is None or last is None:
            return Constant(False)
        first, last = first + (not term.closed[0]), last - (not term.closed[1])
        if column == "issued":
            # A date of issue begins at UTC+8 and is shown as its midnight without a zone: what is asked for is compared with what is shown.
            first, last = first - _UTC8, last - _UTC8
        return Between(column, Moment(first), Moment(last)) if first <= last else Constant(False)

    def _moment(self, text: str | None, absent: int) -> int | None:
        if text is None:
            return absent
        match = _NOW.match(text)
        if match:
            return self._now + (int(match[2]) * _SECONDS[match[3]] * (-1 if match[1] == "-" else 1) if match[1] else 0)
        try:
            found = datetime.datetime.fromisoformat(text)
        except ValueError:
            return None
        return int((found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp())
