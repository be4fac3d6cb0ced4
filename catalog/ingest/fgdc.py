"""FGDC CSDGM (FGDC-STD-001-1998) → fields. American agencies' older metadata: what has a place in the record is mapped, the XML itself is kept as an object."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lxml import etree

from catalog.codes import code_list
from catalog.errors import IngestError
from catalog.field_values import bbox, period
from catalog.ingest.mapping import Notes, language_map, link, links
from catalog.ingest.model import Item

__all__ = ["is_fgdc", "read_fgdc"]

type Element = etree._Element

_CYCLES = {
    "continually": "realtime", "daily": "daily", "weekly": "weekly", "monthly": "monthly", "quarterly": "quarterly", "annually": "yearly",
    "irregular": "irregular", "as needed": "irregular", "none planned": "irregular", "unknown": "irregular",
}  # fmt: skip
_KINDS = {"map service": "service", "map": "map", "remote-sensing image": "imagery", "raster digital data": "imagery", "document": "document"}


def is_fgdc(root: Element) -> bool:
    """Whether this is the root of an FGDC record."""
    return root.tag == "metadata" and root.find("idinfo") is not None


def read_fgdc(root: Element, path: Path) -> Item:
    """Reads one record.

    Raises:
        IngestError: it has no title.
    """
    reader = _Reader(root)
    fields = {name: value for name, value in reader.fields().items() if value}
    if "title" not in fields:
        raise IngestError(
            zh=f"{path.name}：FGDC 记录没有题名（idinfo/citation/citeinfo/title）",
            en=f"{path.name}: the FGDC record has no title (idinfo/citation/citeinfo/title)",
        )
    return Item(fields=fields, guessed={"update_cycle": "irregular", "kind": "dataset"}, format="fgdc", notes=tuple(reader.notes))


def _all(element: Element) -> str:
    return "".join(map(str, element.itertext()))


class _Reader:
    """One metadata element and what is read from it."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.notes = Notes()

    def text(self, *paths: str, of: Element | None = None) -> str | None:
        """The text of the first element that has any, blanks folded, zero-width blanks left out."""
        for path in paths:
            for found in (self.root if of is None else of).iterfind(path):
                value = " ".join(_all(found).replace("\u200b", "").split())
                if value and value.casefold() not in ("not provided", "unknown", "none"):
                    return value
        return None

    def words(self, paths: Iterable[str]) -> list[str]:
        """All texts of these elements, each once."""
        found = (" ".join(_all(each).replace("\u200b", "").split()) for path in paths for each in self.root.iterfind(path))
        return list(dict.fromkeys(word[:200] for word in found if word))[:200]

    def fields(self) -> dict[str, Any]:
        """Everything that has a place in the record."""
        cite = "idinfo/citation/citeinfo"
        provider = self.text(f"{cite}/pubinfo/publish", f"{cite}/origin", "metainfo/metc/cntinfo//cntorg")
        kind = self.text(f"{cite}/geoform") or ""
        return {
            "title": language_map(self.text(f"{cite}/title")),
            "summary": language_map(self.text("idinfo/descript/abstract")),
            "keywords": self.words(("idinfo/keywords/theme/themekey", "idinfo/keywords/place/placekey")),
            "theme": self._themes(),
            "provider": {"name": language_map(provider)} if provider else None,
            "issued": self._date(self.text(f"{cite}/pubdate")) or self._date(self.text("metainfo/metd")),
            "modified": self._date(self.text("metainfo/metd")),
            "update_cycle": self._cycle(),
            "kind": next((code for word, code in _KINDS.items() if word in kind.casefold()), None),
            "bbox": self._bbox(),
            "time": self._time(),
            "scale": self._scale(),
            "lineage": language_map(self.text("dataqual/lineage//procdesc", "dataqual/lineage/srcinfo/srccontr")),
            "x.fgdc_purpose": self.text("idinfo/descript/purpose"),
            "x.fgdc_constraints": [each for each in (self.text("idinfo/accconst"), self.text("idinfo/useconst")) if each],
            **self._contact(),
            **self._links(),
        }

    def _date(self, value: str | None) -> str | None:
        return self.notes.date(value) if value and re.search(r"\d{4}", value) else None

    def _themes(self) -> list[str]:
        found: list[str] = []
        for group in self.root.iterfind("idinfo/keywords/theme"):
            if "iso 19115" in (group.findtext("themekt") or "").casefold():
                codes = (code_list("themes").find("iso", (each.text or "").strip()) for each in group.iterfind("themekey"))
                found.extend(code.code for code in codes if code is not None)
        return list(dict.fromkeys(found))

    def _cycle(self) -> str | None:
        value = self.text("idinfo/status/update")
        if value is None:
            return None
        found = _CYCLES.get(value.casefold())
        if found is None:
            self.notes.say(f"更新周期未辨认：{value[:60]}", f"update cycle not understood: {value[:60]}")
        return found

    def _bbox(self) -> Any:
        sides = [self.text(f"idinfo/spdom/bounding/{side}bc") for side in ("west", "south", "east", "north")]
        return None if None in sides else self.notes.clean(bbox, "bbox", sides)

    def _time(self) -> Any:
        info = "idinfo/timeperd/timeinfo"
        begin, end = self.text(f"{info}/rngdates/begdate"), self.text(f"{info}/rngdates/enddate")
        single = self.text(f"{info}/sngdate/caldate", f"{info}/mdattim/sngdate/caldate")
        moments = [self._date(begin or single), self._date(end or single)]
        return self.notes.clean(period, "time", moments) if any(moments) else None

    def _scale(self) -> str | None:
        value = self.text("dataqual/lineage/srcinfo/srcscale")
        digits = re.sub(r"[\s,]", "", value or "").removeprefix("1:")
        return f"1:{int(digits)}" if digits.isdecimal() and int(digits) > 0 else None

    def _contact(self) -> dict[str, Any]:
        place = next(
            (each for path in ("idinfo/ptcontac/cntinfo", "distinfo/distrib/cntinfo", "metainfo/metc/cntinfo") for each in self.root.iterfind(path)), None
        )
        if place is None:
            return {}
        parts = (self.text(f"cntaddr/{part}", of=place) for part in ("address", "city", "state", "postal", "country"))
        return {
            "contact_name": self.text(".//cntper", ".//cntorg", of=place),
            "contact_phone": self.text("cntvoice", of=place),
            "contact_email": self.text("cntemail", of=place),
            "contact_address": ", ".join(filter(None, parts)),
        }

    def _links(self) -> dict[str, Any]:
        found = [link(url) for url in self.words(("idinfo/citation/citeinfo/onlink",))]
        for option in self.root.iterfind("distinfo/stdorder/digform"):
            format_name = self.text("digtinfo/formname", of=option)
            for each in option.iterfind(".//networkr"):
                found.append(link(" ".join((each.text or "").split()), formats=[format_name] if format_name else []))
        return links(found)
