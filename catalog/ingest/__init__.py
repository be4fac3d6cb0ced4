"""Taking files in: see README.md. `add` turns each file into a draft record with its rows and the file itself as an object."""

from catalog.ingest.model import AddResult, IngestContext, Item, Layer, Refused, Sidecar
from catalog.ingest.run import add

__all__ = ["AddResult", "IngestContext", "Item", "Layer", "Refused", "Sidecar", "add"]
