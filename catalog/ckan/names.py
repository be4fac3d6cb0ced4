"""Names and ids that CKAN wants where we have others: organizations, groups, tags, resources.

CKAN's ids are uuids and its names `[a-z0-9_-]`. Ours are made from what they mean (uuid 5), so that they are the same at every site and after every restore.
"""

import re
import uuid
from functools import lru_cache

_SPACE = uuid.UUID("6f1c3a52-8d0e-5b7a-9b1e-2f6a54d2c9e1")
_RESOURCE = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(.+)\Z")
_NOT_NAME = re.compile(r"[^a-z0-9_-]+")


@lru_cache(maxsize=20_000)
def minted(kind: str, key: str) -> str:
    """The uuid of something that we know by another key. `kind`: organization, group, tag, user."""
    return str(uuid.uuid5(_SPACE, f"{kind}:{key}"))


def organization_name(key: str) -> str:
    """An organization's name: its credit code or node id in small letters."""
    return _NOT_NAME.sub("-", key.lower())


def resource_id(record_uuid: str, resource: str) -> str:
    """A resource's id: that of its record and its own, so that it can be found without an index."""
    return f"{record_uuid}-{resource}"


def split_resource_id(name: str) -> tuple[str, str] | None:
    """The record's uuid and the resource's own id, or None when it cannot be one of ours."""
    match = _RESOURCE.match(name)
    return (match[1], match[2]) if match else None
