"""What a search page's address says, and the addresses of its neighbours. Everything that a person chooses is in the address."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from node.i18n import N_

#: Facets in the order of the page: name in the address and in the reader → (message id, code list).
FACETS: Mapping[str, tuple[str, str | None]] = {
    "theme": (N_("Theme"), "themes"),
    "org": (N_("Provider"), None),
    "level": (N_("Level"), "levels"),
    "kind": (N_("Kind"), "kinds"),
    "sharing": (N_("Sharing"), "sharing"),
    "opening": (N_("Opening"), "opening"),
    "format": (N_("Format"), None),
    "territory": (N_("Place"), None),
    "year": (N_("Year"), None),
}
SORTS: Mapping[str, str] = {
    "relevance": N_("Relevance"),
    "-modified": N_("Newest first"),
    "modified": N_("Oldest first"),
    "title": N_("Title"),
}
SIDES = ("west", "south", "east", "north")
PAGE_SIZE = 20
DEEPEST = 500  # pages; beyond that a person wants a filter, a program the API


@dataclass(frozen=True)
class SearchState:
    """One search, as its address states it.

    Attributes:
        text: the words, trimmed.
        filters: facet → chosen values.
        box: west, south, east, north in degrees, or None.
        sort: a key of SORTS.
        page: from 1.
    """

    text: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    box: tuple[float, float, float, float] | None = None
    sort: str = "relevance"
    page: int = 1

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> "SearchState":
        """Reads an address's arguments; what cannot be understood is left out, never an error page."""
        filters = {name: tuple(dict.fromkeys(args.getlist(name))) for name in FACETS if args.get(name)}
        sort = args.get("sort", "")
        text = " ".join(args.get("q", "").split())[:400]
        return cls(text, filters, _box(args), sort if sort in SORTS else ("relevance" if text else "-modified"), _page(args.get("page", "1")))

    def arguments(self, **changes: Any) -> dict[str, Any]:
        """The address's arguments with some of them changed; a change of anything but the page goes back to page 1."""
        found: dict[str, Any] = {"q": self.text or None, "sort": self.sort, "page": None, **{name: list(values) for name, values in self.filters.items()}}
        if self.box:
            found |= {side: f"{value:g}" for side, value in zip(SIDES, self.box, strict=True)}
        found |= changes
        if found.get("page") == 1:
            found["page"] = None
        if found["sort"] == ("relevance" if found["q"] else "-modified"):
            found["sort"] = None
        return {name: value for name, value in found.items() if value not in (None, [], "")}

    def url(self, **changes: Any) -> str:
        """The address of this search with some arguments changed."""
        return url_for("portal.search", **self.arguments(**changes))

    def toggled(self, facet: str, value: str) -> str:
        """The address with one value of a facet chosen, or no longer chosen."""
        chosen = self.filters.get(facet, ())
        return self.url(**{facet: [one for one in chosen if one != value] if value in chosen else [*chosen, value]})

    def without_box(self) -> str:
        """The address without the extent."""
        return self.url(**dict.fromkeys(SIDES))

    def hidden(self, without: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        """Name and value of each argument, for the hidden inputs of a form that sets others."""
        for name, value in self.arguments().items():
            if name not in without:
                for one in value if isinstance(value, list) else [value]:
                    yield name, one

    def box_text(self, side: str) -> str:
        """One side of the extent as the form shows it."""
        return f"{self.box[SIDES.index(side)]:g}" if self.box else ""


def _page(text: str) -> int:
    return min(max(int(text), 1), DEEPEST) if text.isascii() and text.isdecimal() and len(text) < 6 else 1


def _box(args: MultiDict[str, str]) -> tuple[float, float, float, float] | None:
    try:
        west, south, east, north = (float(args.get(side, "")) for side in SIDES)
    except ValueError:
        return None
    return (west, south, east, north) if -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90 else None
