"""Which face a path belongs to: for metrics, for the form of errors, for headers."""

#: Path prefix → face; the longest match wins, everything else is the portal's.
PREFIXES = {
    "/api": "ckan",
    "/datastore": "ckan",
    "/ogc": "ogc",
    "/stac": "ogc",
    "/csw": "csw",
    "/oai": "csw",
    "/peer": "peer",
    "/healthz": "other",
    "/static": "other",
}


def face_of(path: str) -> str:
    """The face that answers a path: one of `node.metrics.FACES`."""
    head = "/" + path.lstrip("/").split("/", 1)[0]
    return PREFIXES.get(head, "portal")
