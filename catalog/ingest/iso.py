"""ISO 19139 (ISO 19115:2003 and 19115-2 in XML) → fields, as metadata.md maps them.

Records in the wild deviate: other namespace versions, missing parts, empty elements, free text where codes belong. Elements are found by local name, what is
there is taken, what is not understood is noted and left out; only a record without title is refused. The XML itself is kept as an object.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from catalog.codes import code_list
from catalog.errors import IngestError
from catalog.field_values import ValueProblem, bbox, date_text, has_chinese, moment_text
from catalog.ingest.crs import code_of
from catalog.ingest.mapping import format_code, format_of
from catalog.ingest.model import Item

__all__ = ["is_iso", "read_iso"]

type Element = etree._Element

_ROOTS = ("MD_Metadata", "MI_Metadata")
_LANGUAGES = {
    "chi": "zh",
    "zho": "zh",
    "zh": "zh",
    "eng": "en",
    "en": "en",
    "gre": "el",
    "ell": "el",
    "ger": "de",
    "deu": "de",
    "fre": "fr",
    "fra": "fr",
    "spa": "es",
}
_ROLES = ("owner", "publisher", "custodian", "pointOfContact", "resourceProvider", "originator", "author", "distributor", "processor")


def is_iso(root: Element) -> bool:
    """Whether this is the root of an ISO record."""
    return etree.QName(root).localname in _ROOTS


def read_iso(root: Element, path: Path) -> Item:
    """Reads one record.

    Raises:
        IngestError: it has no title.
    """
    record = _Record(root)
    fields = record.fields()
    if not fields.get("title"):
        raise IngestError(zh=f"{path.name}：ISO 记录没有题名（gmd:title）", en=f"{path.name}: the ISO record has no title (gmd:title)")
    guessed = {"update_cycle": "irregular", "kind": "dataset"}
    return Item(fields=fields, guessed=guessed, format="iso19139", secrecy=record.secrecy(), notes=tuple(record.notes))


class _Record:
    """One metadata element and what is read from it."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.notes: list[tuple[str, str]] = []
        self.lang = _LANGUAGES.get((self.text(root, "language") or self.code(root, "language") or "").strip().lower()[:3], "")
        found = self.first(root, "identificationInfo")
        self.ident: Element = root if found is None else found

    # --- finding -------------------------------------------------------------------------------------------------------------------------

    def all(self, element: Element, path: str) -> list[Element]:
        """Elements by local names: `a/b` children of children, `//` anywhere below."""
        steps = (f"*[local-name()='{step}']" if step else "" for step in path.split("/"))
        found: Any = element.xpath(("." if path.startswith("//") else "") + "/".join(steps))
        return list(found)

    def first(self, element: Element, path: str) -> Element | None:
        """The first of them."""
        return next(iter(self.all(element, path)), None)

    def text(self, element: Element, path: str) -> str | None:
        """The text of the first that has any: its CharacterString, Anchor, Date or whatever child, else its own."""
        for found in self.all(element, path):
            value = _string(found)
            if value:
                return value
        return None

    def code(self, element: Element, path: str) -> str | None:
        """The code list value of the first that has one."""
        for found in self.all(element, path):
            for child in (found, *found):
                if isinstance(child.tag, str) and child.get("codeListValue"):
                    return str(child.get("codeListValue")).strip()
        return self.text(element, path)

    def texts(self, element: Element | None) -> dict[str, str] | None:
        """A free text in its languages (PT_FreeText), the main one under the record's language or what it is written in."""
        if element is None:
            return None
        found: dict[str, str] = {}
        main = _string(element)
        if main:
            found["zh" if has_chinese(main) else self.lang or "en"] = main
        for other in self.all(element, "//LocalisedCharacterString"):
            value = " ".join((other.text or "").split())
            locale = str(other.get("locale", "")).lstrip("#").lower()
            lang = _LANGUAGES.get(locale[-3:], _LANGUAGES.get(locale[:2], ""))
            if value and lang:
                found.setdefault(lang, value)
        return found or None

    # --- reading -------------------------------------------------------------------------------------------------------------------------

    def fields(self) -> dict[str, Any]:
        """Everything that the record says, by field."""
        citation = self.first(self.ident, "//citation")
        root, ident = self.root, self.ident
        values: dict[str, Any] = {
            "title": None if citation is None else self.texts(self.first(citation, "//title")),
            "summary": self.texts(self.first(ident, "//abstract")),
            "keywords": self._keywords(),
            "provider": self._provider(),
            "update_cycle": self._coded("update_cycles", self.code(ident, "//maintenanceAndUpdateFrequency")),
            "issued": self._date(citation),
            "modified": self._clean(moment_text, "dateStamp", self.text(root, "dateStamp")),
            "kind": self._coded("kinds", self.code(root, "hierarchyLevel")),
            "theme": self._themes(),
            "bbox": self._bbox(),
            "time": self._period(),
            "crs": self._crs(),
            "scale": self._scale(),
            "lineage": self.texts(self.first(root, "//LI_Lineage/statement")),
            "related": self._related(),
            "x.platform": self.text(root, "//acquisitionInformation//MI_Platform//code"),  # 19115-2
            "x.instrument": self.text(root, "//acquisitionInformation//MI_Instrument//code"),
            "x.iso_identifier": self.text(root, "fileIdentifier"),
            "x.iso_constraints": self._constraints(),
        }
        values |= self._contact()
        values |= self._resources()
        return {name: value for name, value in values.items() if value}

    def secrecy(self) -> str | None:
        """The classification, when the metadata give one."""
        value = self.code(self.ident, "//MD_SecurityConstraints/classification")
        return None if value is None else self._coded("secrecy", value)

    def _coded(self, list_name: str, value: str | None) -> str | None:
        if not value:
            return None
        codes = code_list(list_name)
        found = codes.find("iso", value)
        if found is not None:
            return found.code
        if value.casefold() in codes:
            return value.casefold()
        self.notes.append((f"{codes.zh}未辨认：{value[:60]}", f"{codes.en} not understood: {value[:60]}"))
        return None

    def _clean(self, cleaner: Any, name: str, value: Any) -> Any:
        if value is None:
            return None
        try:
            return cleaner(value)
        except ValueProblem as problem:
            self.notes.append((f"{name}：{problem.zh}", f"{name}: {problem.en}"))
            return None

    def _keywords(self) -> list[str]:
        words = (_string(each) for each in self.all(self.ident, "//descriptiveKeywords//keyword") or self.all(self.ident, "//MD_Keywords/keyword"))
        return [word[:200] for word in dict.fromkeys(word for word in words if word)][:200]

    def _parties(self) -> Iterator[Element]:
        yield from self.all(self.ident, "//pointOfContact")
        yield from self.all(self.ident, "//citedResponsibleParty")
        yield from self.all(self.root, "contact")

    def _provider(self) -> dict[str, Any] | None:
        ranked = []
        for place, party in enumerate(self._parties()):
            name = (
                self.texts(self.first(party, "//organisationName"))
                or self.texts(self.first(party, "//individualName"))
                or self.texts(self.first(party, "//positionName"))
            )
            role = self.code(party, "//role") or ""
            if name:
                ranked.append((_ROLES.index(role) if role in _ROLES else len(_ROLES), place, name))
        return {"name": min(ranked, key=lambda each: each[:2])[2]} if ranked else None

    def _contact(self) -> dict[str, Any]:
        party = next(self._parties(), None)
        if party is None:
            return {}
        address = ", ".join(
            filter(None, (self.text(party, f"//CI_Address/{part}") for part in ("deliveryPoint", "city", "administrativeArea", "postalCode", "country")))
        )
        found = {
            "contact_name": self.text(party, "//individualName"),
            "contact_phone": self.text(party, "//CI_Telephone/voice"),
            "contact_email": self.text(party, "//electronicMailAddress"),
            "contact_address": address,
        }
        return {name: value[:2000] for name, value in found.items() if value}

    def _date(self, citation: Element | None) -> str | None:
        """The date of publication, else of revision, else of creation, else of the metadata."""
        dates: dict[str, str] = {}
        for each in self.all(citation, "//CI_Date") if citation is not None else []:
            value = self._clean(date_text, "date", self.text(each, "date"))
            if value:
                dates.setdefault(self.code(each, "dateType") or "", value)
        chosen = next((dates[kind] for kind in ("publication", "revision", "creation") if kind in dates), None) or next(iter(dates.values()), None)
        return chosen or self._clean(date_text, "dateStamp", self.text(self.root, "dateStamp"))

    def _themes(self) -> list[str]:
        found = []
        for each in self.all(self.ident, "//topicCategory"):
            value = _string(each)
            theme = code_list("themes").find("iso", value) if value else None
            if theme is not None:
                found.append(theme.code)
            elif value:
                self.notes.append((f"主题未辨认：{value[:60]}", f"topic not understood: {value[:60]}"))
        return list(dict.fromkeys(found))

    def _bbox(self) -> list[str] | None:
        """The box around all boxes."""
        boxes = []
        for each in self.all(self.ident, "//EX_GeographicBoundingBox"):
            sides = [self.text(each, side) for side in ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")]
            if None in sides:
                continue
            cleaned = self._clean(bbox, "bbox", [str(side).replace(",", ".") for side in sides])
            if cleaned:
                boxes.append(cleaned)
        if not boxes:
            return None
        west, south, east, north = zip(*boxes, strict=True)
        return [min(west, key=float), min(south, key=float), max(east, key=float), max(north, key=float)]

    def _period(self) -> list[str | None] | None:
        for each in self.all(self.ident, "//EX_TemporalExtent"):
            begin = self.text(each, "//beginPosition") or self.text(each, "//begin//timePosition")
            end = self.text(each, "//endPosition") or self.text(each, "//end//timePosition")
            instant = self.text(each, "//TimeInstant/timePosition")
            pair = [self._clean(moment_text, "time", value) if value else None for value in (begin or instant, end or instant)]
            if pair != [None, None]:
                return pair
        return None

    def _crs(self) -> str | None:
        for each in self.all(self.root, "referenceSystemInfo"):
            value, space = self.text(each, "//code"), self.text(each, "//codeSpace") or ""
            if not value:
                continue
            found = code_of(value) or (
                f"EPSG:{value}" if re.fullmatch(r"\d{4,6}", value) and (not space or "EPSG" in space.upper() or "OGP" in space.upper()) else None
            )
            if found:
                return found
            self.notes.append((f"坐标系未辨认：{value[:60]}", f"coordinate system not understood: {value[:60]}"))
        return None

    def _scale(self) -> str | None:
        value = self.text(self.ident, "//equivalentScale//denominator")
        return f"1:{int(value)}" if value and value.isdecimal() and int(value) > 0 else None

    def _related(self) -> list[str]:
        found = [self.text(self.root, "parentIdentifier"), *(self.text(each, "//code") for each in self.all(self.ident, "//aggregationInfo"))]
        return [value[:200] for value in dict.fromkeys(value for value in found if value)]

    def _constraints(self) -> list[str]:
        texts = (_string(each) for name in ("useLimitation", "otherConstraints") for each in self.all(self.ident, f"//{name}"))
        return list(dict.fromkeys(text[:2000] for text in texts if text))[:20]

    def _resources(self) -> dict[str, Any]:
        formats = [value for each in self.all(self.root, "//MD_Format") if (value := self.text(each, "name"))]
        found: dict[str, Any] = {}
        links = [*self.all(self.root, "//distributionInfo//CI_OnlineResource"), *self.all(self.ident, "//containsOperations//CI_OnlineResource")]
        for link in links:
            url = self.text(link, "linkage")
            if not url or not re.match(r"(?:https?|ftps?)://", url) or re.search(r"\s", url) or len(url) > 2000:
                continue
            protocol = self.text(link, "protocol") or ""
            resource = {
                "url": url,
                "title": self.texts(self.first(link, "name")),
                "note": self.texts(self.first(link, "description")),
                "protocol": protocol[:80] or None,
            }
            resource |= format_of(protocol, url, formats)
            found.setdefault(f"resources.link{len(found) + 1}", {name: value for name, value in resource.items() if value})
            if len(found) >= 100:
                break
        if not found and formats:
            code = format_code(formats[0])
            found["resources.data"] = {"format": code, "kind": "file"}
        return found


def _string(element: Element) -> str | None:
    """All text of an element but its translations, blanks folded."""
    parts: list[str] = []

    def walk(node: Element) -> None:
        if isinstance(node.tag, str) and etree.QName(node).localname == "PT_FreeText":
            return
        parts.append(node.text or "")
        for child in node:
            if isinstance(child.tag, str):
                walk(child)
            parts.append(child.tail or "")

    walk(element)
    return " ".join(" ".join(parts).split()) or None
