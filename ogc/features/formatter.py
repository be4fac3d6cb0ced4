"""The hot path: a page of features out as bytes.

pygeoapi asks a collection's formatters before its own JSON branch; this one calls itself `json`, so that every JSON answer of /items passes here. Features come
from the reader as ready bytes and are never parsed; only the frame round them is written.
"""

from typing import Any

import orjson
from pygeoapi.formatter.base import BaseFormatter


class GeoJSONFormatter(BaseFormatter):  # type: ignore[misc]
    """application/geo+json from raw features."""

    def __init__(self, formatter_def: dict[str, Any]) -> None:
        self.name = self.f = "json"
        self.extension = "geojson"
        self.mimetype = "application/geo+json"
        self.attachment = False
        self.geom = True

    def write(self, options: dict[str, Any] | None = None, data: dict[str, Any] | None = None) -> bytes:
        """Serialises pygeoapi's frame with the features as they are."""
        assert data is not None
        frame = orjson.dumps({name: tidy(value) if name == "links" else value for name, value in data.items() if name != "features"})
        # The features come last, so that a page of a megabyte is copied once.
        first, *others = data["features"] or [b""]
        whole = [frame[:-1] + b',"features":[' + first, *others]
        whole[-1] += b"]}"
        return b",".join(whole)


def tidy(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Takes out links to formats that are not served, the second `alternate` that formatters add, and the empty `next` (see provider.query)."""
    found: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for link in links:
        address = link["href"]
        form = str(link.get("type") or "")
        own = (address, form)
        if not address or form == "application/ld+json" or link["rel"].endswith(("/processes", "/tiling-schemes", "job-list")) or own in seen:
            continue
        seen.add(own)
        found.append(link)
    return found
