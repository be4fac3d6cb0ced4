"""Collections: which records one actor sees as layers, and what pygeoapi must know of each.

A collection is a record with rows whose *data* this actor may have; its id is the record's slug. A record that may only be discovered or read is in the catalog
faces, with its reason, but is no collection: asking for it is answered byte for byte like asking for one that does not exist.

Everything comes from the catalog's read path, for the actor of each single request, and nothing is kept: a new collection is there at once, and one that the
policy withdraws is gone at once.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from catalog.layers import LayerReader, LayerView, OpenLayer
from catalog.reader import Reader
from ogc import words
from policies.actor import Actor

#: Most collections in one answer of /collections; the rest by its `next` link.
PAGE = 200
#: JSON Schema of each type of column (codes/column_types.yaml).
SCHEMAS: Mapping[str, Mapping[str, str]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "decimal": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}
WORLD = [-180.0, -90.0, 180.0, 90.0]


@dataclass(frozen=True)
class Field:
    """One disclosed column that is no geometry. A masked one shows, but no filter may name it."""

    name: str
    type: str
    title: Mapping[str, str]
    filterable: bool


@dataclass(frozen=True)
class Layer:
    """What one actor may know of one collection."""

    slug: str
    id: str
    title: Mapping[str, str]
    description: Mapping[str, str]
    keywords: Mapping[str, list[str]]
    bbox: list[float]
    period: tuple[str | None, str | None] | None
    fields: tuple[Field, ...]
    geometry: str | None
    time_field: str | None
    filterable: frozenset[str]

    def field(self, name: str) -> Field | None:
        return next((each for each in self.fields if each.name == name), None)


class Layers:
    """The collections of a site, seen through its reader."""

    def __init__(self, reader: Reader) -> None:
        self._layers = LayerReader(reader)
        #: Descriptions of the views that the layer reader keeps; they go with these.
        self._described: WeakKeyDictionary[LayerView, Layer] = WeakKeyDictionary()

    @contextmanager
    def open(self, actor: Actor, slug: str) -> Iterator[tuple[Layer, OpenLayer] | None]:
        """The layer and its rows, on one snapshot; None when it does not exist *or* this actor may not have its data."""
        with self._layers.open(actor, slug) as opened:
            yield None if opened is None else (self._describe(opened.view), opened)

    def _describe(self, view: LayerView) -> Layer:
        found = self._described.get(view)
        if found is None:
            found = self._described[view] = _described(view)
        return found

    def page(self, actor: Actor, after: str) -> tuple[list[Layer], str | None]:
        """A page of layers in the order of their slugs, and where to read on."""
        found, following = self._layers.page(actor, after, PAGE)
        return [_described(each) for each in found], following


def _described(found: LayerView) -> Layer:
    view = found.record
    return Layer(
        slug=view.slug,
        id=view.id,
        title=_texts(view.fields.get("title"), view.slug),
        description=_texts(view.fields.get("summary"), ""),
        keywords={language: words.keywords(view.fields, language) for language in words.LANGUAGES},
        bbox=list(found.box) if found.box else _bbox(view.fields),
        period=words.period(view.fields),
        fields=tuple(Field(each.name, each.type, each.title, each.name in found.filterable) for each in found.columns if each.type != "geometry"),
        geometry=next((each.name for each in found.columns if each.type == "geometry"), None),
        time_field=found.time_column,
        filterable=found.filterable,
    )


def _texts(value: Any, instead: str) -> dict[str, str]:
    """Chinese and English, whichever languages the record has: pygeoapi looks for exactly these two."""
    return {language: words.text_in(value, language) or instead for language in words.LANGUAGES}


def _bbox(fields: words.Fields) -> list[float]:
    found = words.bbox(fields)
    return [float(each) for each in found] if found else list(WORLD)
