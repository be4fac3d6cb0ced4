"""ISO 19139 (gmd:MD_Metadata) out of a record, as CSW's second output schema.

Made from the disclosed fields alone and never from a stored document: what this actor may not see is not there to be written. Norm: ISO/TS 19139:2007 with the
2006-05-04 code lists; Chinese is the main language, other languages are PT_FreeText. Coordinates are the record's decimal texts, unrounded.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lxml import etree

from ogc import words
from ogc.words import Fields

GMD = "http://www.isotc211.org/2005/gmd"
_GCO = "http://www.isotc211.org/2005/gco"
_GML = "http://www.opengis.net/gml"
_SRV = "http://www.isotc211.org/2005/srv"
_XLINK = "http://www.w3.org/1999/xlink"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
NSMAP = {"gmd": GMD, "gco": _GCO, "gml": _GML, "srv": _SRV, "xlink": _XLINK, "xsi": _XSI}
_CODES = "http://www.isotc211.org/2005/resources/Codelist/gmxCodelists.xml#"
#: Words of our list of kinds that MD_ScopeCode of 2006 does not have.
_LEVELS = {"product": "dataset", "document": "nonGeographicDataset", "map": "dataset", "tile": "dataset"}
_LANGUAGES = {"zh": "chi", "en": "eng"}

type ElementSet = Literal["brief", "summary", "full"]
type Element = etree._Element


@dataclass(frozen=True)
class Link:
    """An address that a client may open: protocol as in ISO's or OGC's lists (`OGC:API-Features`, `WWW:LINK`)."""

    url: str
    protocol: str
    name: str


@dataclass(frozen=True)
class Sheet:
    """What the writer takes: one record as one actor sees it.

    Attributes:
        id: URN.
        fields: disclosed fields.
        modified: ISO 8601 with Z.
        authority: node id.
        links: where the actor finds it.
        denials: why rows or files are denied, in words (becomes a use limitation).
    """

    id: str
    fields: Fields
    modified: str
    authority: str
    links: tuple[Link, ...] = ()
    denials: tuple[str, ...] = ()


def write(sheet: Sheet, elements: ElementSet = "full", language: str = "zh") -> Element:
    """Returns gmd:MD_Metadata.

    Args:
        elements: `brief` has identifier, level, contact, date, title, abstract and extent; `summary` adds what helps to choose; `full` has everything.
    """
    return _Writer(sheet, elements, language).metadata()


class _Writer:
    def __init__(self, sheet: Sheet, elements: ElementSet, language: str) -> None:
        self.sheet = sheet
        self.fields = sheet.fields
        self.brief = elements == "brief"
        self.full = elements == "full"
        self.language = language

    # --- small parts ---

    def text(self, parent: Element, name: str, value: Any) -> None:
        """A gco:CharacterString, with the other languages as PT_FreeText."""
        main = words.text_in(value, self.language)
        if main is None:
            return
        element = _sub(parent, name)
        _sub(element, "gco:CharacterString").text = clean(main)
        for key, other in words.others(value, self.language).items():
            if key in _LANGUAGES:
                element.set(f"{{{_XSI}}}type", "gmd:PT_FreeText_PropertyType")
                free = element.find(f"{{{GMD}}}PT_FreeText")
                group = _sub(_sub(element, "gmd:PT_FreeText") if free is None else free, "gmd:textGroup")
                _sub(group, "gmd:LocalisedCharacterString", locale=f"#{key}").text = clean(other)

    def first(self, *values: Any) -> Any:
        """The first that says something in any language; for elements that the schema demands."""
        return next(value for value in values if words.text_in(value, self.language))

    # --- MD_Metadata ---

    def metadata(self) -> Element:
        root = etree.Element(f"{{{GMD}}}MD_Metadata", nsmap=NSMAP)
        root.set(f"{{{_XSI}}}schemaLocation", f"{GMD} http://www.isotc211.org/2005/gmd/gmd.xsd")
        self.text(root, "gmd:fileIdentifier", self.sheet.id)
        _code(_sub(root, "gmd:language"), "LanguageCode", _LANGUAGES[self.language])
        _code(_sub(root, "gmd:characterSet"), "MD_CharacterSetCode", "utf8")
        level = words.norm("kinds", self.fields.get("kind"), "iso")[:1] or ["dataset"]
        _code(_sub(root, "gmd:hierarchyLevel"), "MD_ScopeCode", _LEVELS.get(level[0], level[0]))
        self.party(_sub(root, "gmd:contact"), "pointOfContact")
        _sub(_sub(root, "gmd:dateStamp"), "gco:DateTime").text = self.sheet.modified
        self.text(root, "gmd:metadataStandardName", "ISO 19115:2003/19139")
        self.text(root, "gmd:metadataStandardVersion", "1.0")
        for key in sorted(_LANGUAGES.keys() - {self.language}):
            locale = _sub(_sub(root, "gmd:locale"), "gmd:PT_Locale", id=key)
            _code(_sub(locale, "gmd:languageCode"), "LanguageCode", _LANGUAGES[key])
            _code(_sub(locale, "gmd:characterEncoding"), "MD_CharacterSetCode", "utf8")
        if not self.brief:
            self.reference_system(root)
        self.identification(root)
        if self.full:
            self.distribution(root)
            self.quality(root)
        return root

    def reference_system(self, root: Element) -> None:
        name = self.fields.get("crs")
        if isinstance(name, str) and name:
            system = _sub(_sub(root, "gmd:referenceSystemInfo"), "gmd:MD_ReferenceSystem")
            identifier = _sub(_sub(system, "gmd:referenceSystemIdentifier"), "gmd:RS_Identifier")
            space, _, code = name.rpartition(":")
            self.text(identifier, "gmd:code", code)
            self.text(identifier, "gmd:codeSpace", space or None)

    def identification(self, root: Element) -> None:
        service = self.fields.get("kind") == "service"
        outer = _sub(root, "gmd:identificationInfo")
        info = _sub(outer, "srv:SV_ServiceIdentification" if service else "gmd:MD_DataIdentification")
        self.citation(_sub(info, "gmd:citation"))
        self.text(info, "gmd:abstract", self.first(self.fields.get("summary"), self.fields.get("title"), self.sheet.id))
        if not self.brief:
            self.party(_sub(info, "gmd:pointOfContact"), "owner")
            self.maintenance(info)
            self.keywords(info)
            if self.full:
                self.constraints(info)
        if service:
            _sub(_sub(info, "srv:serviceType"), "gco:LocalName").text = "view"
        else:
            self.data_parts(info)
        extents: list[Callable[[Element], None]] = self.extents()
        if extents:
            extent = _sub(_sub(info, "srv:extent" if service else "gmd:extent"), "gmd:EX_Extent")
            for write_part in extents:
                write_part(extent)
        if service:
            _code(_sub(info, "srv:couplingType"), "SV_CouplingType", "loose", space="srv")
            # The schema asks for an operation; its address is that of the record's first link.
            operation = _sub(_sub(info, "srv:containsOperations"), "srv:SV_OperationMetadata")
            self.text(operation, "srv:operationName", "GetCapabilities")
            _code(_sub(operation, "srv:DCP"), "DCPList", "WebServices", space="srv")
            self.online(_sub(operation, "srv:connectPoint"), self.links()[0])

    def citation(self, parent: Element) -> None:
        citation = _sub(parent, "gmd:CI_Citation")
        self.text(citation, "gmd:title", self.first(self.fields.get("title"), self.sheet.id))
        for name, role in (("issued", "publication"), ("modified", "revision")):
            day = self.fields.get(name)
            if isinstance(day, str) and _DAY.match(day):
                date = _sub(_sub(citation, "gmd:date"), "gmd:CI_Date")
                _sub(_sub(date, "gmd:date"), "gco:Date").text = day[:10]
                _code(_sub(date, "gmd:dateType"), "CI_DateTypeCode", role)
        if citation.find(f"{{{GMD}}}date") is None:
            _sub(citation, "gmd:date").set(f"{{{_GCO}}}nilReason", "unknown")
        for identifier in (self.sheet.id, self.fields.get("code")):
            if isinstance(identifier, str):
                self.text(_sub(_sub(citation, "gmd:identifier"), "gmd:MD_Identifier"), "gmd:code", identifier)

    def party(self, parent: Element, role: str) -> None:
        """The provider, with the contact's name, telephone and address as far as they are disclosed."""
        party = _sub(parent, "gmd:CI_ResponsibleParty")
        name = self.fields.get("contact_name")
        self.text(party, "gmd:individualName", name)
        self.text(party, "gmd:organisationName", self.first(words.member(self.fields, "provider", "name"), self.sheet.authority))
        phone, email, address = (words.text_in(self.fields.get(f"contact_{part}"), self.language) for part in ("phone", "email", "address"))
        if phone or email or address:
            contact = _sub(_sub(party, "gmd:contactInfo"), "gmd:CI_Contact")
            if phone:
                self.text(_sub(_sub(contact, "gmd:phone"), "gmd:CI_Telephone"), "gmd:voice", phone)
            if email or address:
                place = _sub(_sub(contact, "gmd:address"), "gmd:CI_Address")
                self.text(place, "gmd:deliveryPoint", address)
                self.text(place, "gmd:electronicMailAddress", email)
        _code(_sub(party, "gmd:role"), "CI_RoleCode", role)

    def maintenance(self, info: Element) -> None:
        cycle = words.norm("update_cycles", self.fields.get("update_cycle"), "iso")
        if cycle:
            outer = _sub(_sub(info, "gmd:resourceMaintenance"), "gmd:MD_MaintenanceInformation")
            _code(_sub(outer, "gmd:maintenanceAndUpdateFrequency"), "MD_MaintenanceFrequencyCode", cycle[0])

    def keywords(self, info: Element) -> None:
        themes = [words.label("themes", code, self.language) or code for code in words.words_of(self.fields.get("theme"))]
        groups = (
            (words.keywords(self.fields, self.language), None),
            (themes, "theme"),
            (words.words_of(self.fields.get("territory")), "place"),
            ([self.fields["category"]] if isinstance(self.fields.get("category"), str) else [], "discipline"),
        )
        for found, kind in groups:
            if found:
                outer = _sub(_sub(info, "gmd:descriptiveKeywords"), "gmd:MD_Keywords")
                for word in found:
                    self.text(outer, "gmd:keyword", word)
                if kind:
                    _code(_sub(outer, "gmd:type"), "MD_KeywordTypeCode", kind)

    def constraints(self, info: Element) -> None:
        """Sharing, opening and licence as limitations; why something is denied; secrecy is in the manifest and not repeated here."""
        sharing = words.label("sharing", words.member(self.fields, "sharing", "type"), self.language)
        license_ = self.fields.get("license")
        texts = [sharing, words.member(self.fields, "sharing", "conditions"), words.member(self.fields, "sharing", "legal_basis"), *self.sheet.denials]
        found = [each for each in texts if each]
        if found or license_:
            legal = _sub(_sub(info, "gmd:resourceConstraints"), "gmd:MD_LegalConstraints")
            for each in found:
                self.text(legal, "gmd:useLimitation", each)
            _code(_sub(legal, "gmd:accessConstraints"), "MD_RestrictionCode", "otherRestrictions")
            if isinstance(license_, str):
                self.text(legal, "gmd:otherConstraints", words.label("licenses", license_, self.language) or license_)

    def data_parts(self, info: Element) -> None:
        """What only data have: scale, language, topic."""
        scale = self.fields.get("scale")
        if self.full and isinstance(scale, str | int) and str(scale).rpartition(":")[2].strip().isdigit():
            resolution = _sub(_sub(info, "gmd:spatialResolution"), "gmd:MD_Resolution")
            fraction = _sub(_sub(resolution, "gmd:equivalentScale"), "gmd:MD_RepresentativeFraction")
            _sub(_sub(fraction, "gmd:denominator"), "gco:Integer").text = str(scale).rpartition(":")[2].strip()
        _code(_sub(info, "gmd:language"), "LanguageCode", _LANGUAGES[self.language])
        if not self.brief:
            topics = {topic: None for theme in words.words_of(self.fields.get("theme")) for topic in words.norm("themes", theme, "iso")}
            for topic in topics:
                _sub(_sub(info, "gmd:topicCategory"), "gmd:MD_TopicCategoryCode").text = topic

    def extents(self) -> list[Callable[[Element], None]]:
        parts: list[Callable[[Element], None]] = []
        box = words.bbox(self.fields)
        if box:
            west, south, east, north = box

            def geographic(extent: Element) -> None:
                outer = _sub(_sub(extent, "gmd:geographicElement"), "gmd:EX_GeographicBoundingBox")
                for name, value in (("westBoundLongitude", west), ("eastBoundLongitude", east), ("southBoundLatitude", south), ("northBoundLatitude", north)):
                    _sub(_sub(outer, f"gmd:{name}"), "gco:Decimal").text = value

            parts.append(geographic)
        period = words.period(self.fields)
        if period:
            start, end = period

            def temporal(extent: Element) -> None:
                outer = _sub(_sub(_sub(extent, "gmd:temporalElement"), "gmd:EX_TemporalExtent"), "gmd:extent")
                time = _sub(outer, "gml:TimePeriod")
                time.set(f"{{{_GML}}}id", "period")
                for name, value in (("beginPosition", start), ("endPosition", end)):
                    position = _sub(time, f"gml:{name}")
                    if value is None:
                        position.set("indeterminatePosition", "unknown")
                    else:
                        position.text = clean(value)

            parts.append(temporal)
        return parts

    # --- distribution, quality ---

    def links(self) -> list[Link]:
        found = [*self.sheet.links]
        for rid, resource in words.resources(self.fields):
            url = resource.get("url")
            if isinstance(url, str) and url.startswith(("http://", "https://")):
                name = words.text_in(resource.get("title"), self.language) or rid
                protocol = resource.get("protocol")
                found.append(Link(url, protocol if isinstance(protocol, str) else "WWW:LINK", name))
        return found or [Link(self.sheet.id, "WWW:LINK", self.sheet.id)]

    def distribution(self, root: Element) -> None:
        formats = {resource.get("format"): None for _, resource in words.resources(self.fields) if isinstance(resource.get("format"), str)}
        distribution = _sub(_sub(root, "gmd:distributionInfo"), "gmd:MD_Distribution")
        for name in formats:
            format_ = _sub(_sub(distribution, "gmd:distributionFormat"), "gmd:MD_Format")
            self.text(format_, "gmd:name", name)
            _sub(format_, "gmd:version").set(f"{{{_GCO}}}nilReason", "unknown")
        options = _sub(_sub(distribution, "gmd:transferOptions"), "gmd:MD_DigitalTransferOptions")
        for link in self.links():
            self.online(_sub(options, "gmd:onLine"), link)

    def online(self, parent: Element, link: Link) -> None:
        online = _sub(parent, "gmd:CI_OnlineResource")
        _sub(_sub(online, "gmd:linkage"), "gmd:URL").text = clean(link.url)
        self.text(online, "gmd:protocol", link.protocol)
        self.text(online, "gmd:name", link.name)

    def quality(self, root: Element) -> None:
        lineage = self.fields.get("lineage")
        if words.text_in(lineage, self.language):
            quality = _sub(_sub(root, "gmd:dataQualityInfo"), "gmd:DQ_DataQuality")
            scope = _sub(_sub(quality, "gmd:scope"), "gmd:DQ_Scope")
            _code(_sub(scope, "gmd:level"), "MD_ScopeCode", "dataset")
            self.text(_sub(_sub(quality, "gmd:lineage"), "gmd:LI_Lineage"), "gmd:statement", lineage)


def _sub(parent: Element, name: str, **attributes: str) -> Element:
    prefix, _, local = name.partition(":")
    return etree.SubElement(parent, f"{{{NSMAP[prefix]}}}{local}", attributes)


def _code(parent: Element, name: str, value: str, space: str = "gmd") -> None:
    code = _sub(parent, f"{space}:{name}", codeList=f"{_CODES}{name}", codeListValue=value)
    code.text = value


_DAY = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def clean(value: str) -> str:
    """XML 1.0 has no control characters; lxml would raise for a whole answer because of one received record."""
    return _FORBIDDEN.sub("", value)
