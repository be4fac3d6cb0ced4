"""Taking files in: see README.md. `add` turns each file into a draft record with its rows and the file itself as an object."""

from catalog.ingest.add import add
from catalog.ingest.model import AddResult, IngestContext, Item, Layer, Sidecar

__all__ = ["AddResult", "IngestContext", "Item", "Layer", "Sidecar", "add"]
