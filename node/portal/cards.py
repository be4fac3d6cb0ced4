"""What a list shows of one record: the facts of a result card, in the language of the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for

from catalog.reader import RecordView
from node.i18n import choose, translate
from node.portal.words import code_label, dates, place_names


def _(message: str) -> str:
    return translate(message, "portal")


@dataclass(frozen=True)
class Access:
    """What the reader may do with a record, in words, and the tone of its badge (`ok`, `warn`)."""

    label: str
    tone: str


@dataclass(frozen=True)
class Card:
    """One result card; texts are ready to show."""

    url: str
    title: str
    summary: str
    provider: str
    place: str
    dates: str
    access: Access
    themes: list[str]
    formats: list[str]
    source: str


def access(view: RecordView) -> Access:
    """Says what this actor may do with a record."""
    if "data" in view.may:
        return Access(_("data open to you"), "ok")
    if "read" in view.may:
        return Access(_("metadata only"), "warn")
    return Access(_("listed, on request"), "warn")


def provider_name(fields: Mapping[str, Any]) -> str:
    """Name of the providing department."""
    provider = fields.get("provider")
    return choose(provider.get("name")) if isinstance(provider, dict) else ""


def source_name(view: RecordView, names: Mapping[str, str]) -> str:
    """Name of the node that answers for a record: this one, a known one, or the head of its id."""
    if view.origin == "own":
        return _("kept here")
    return names.get(view.authority, view.authority[:12] + "…")


def title_of(view: RecordView) -> str:
    """The title, or the name in the address when it is not disclosed."""
    return choose(view.fields.get("title"), default=view.slug)


def formats_of(fields: Mapping[str, Any]) -> list[str]:
    """Formats of the resources, each once."""
    found = (value.get("format") for name, value in fields.items() if name.startswith("resources.") and isinstance(value, dict))
    return list(dict.fromkeys(one for one in found if one))


def card(view: RecordView, names: Mapping[str, str]) -> Card:
    """The card of a record.

    Args:
        view: what the reader disclosed.
        names: node id → name, of the nodes that this site knows.
    """
    fields = view.fields
    return Card(
        url=url_for("portal.dataset", slug=view.slug),
        title=title_of(view),
        summary=choose(fields.get("summary")),
        provider=provider_name(fields),
        place=place_names(fields.get("territory")),
        dates=dates(fields.get("time")),
        access=access(view),
        themes=[code_label("themes", code) for code in fields.get("theme") or []],
        formats=formats_of(fields),
        source=source_name(view, names),
    )
