"""Where the faces are mounted. Only here does `node` name them."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from node.site import Site

#: Modules that both serving processes use: imported before the fork.
MODULES = ("node.child", "node.worker", "catalog.reader", "catalog.writer", "catalog.ckan", "ogc", "sync.endpoints", "sync.exchange", "node.portal")


def mount_faces(app: Flask, site: "Site") -> None:
    """Registers the public faces."""


def mount_peers(app: Flask, site: "Site") -> None:
    """Registers the peers' endpoints."""


def import_all() -> None:
    """Imports every module of `MODULES`."""
    for name in MODULES:
        if find_spec(name.rsplit(".", 1)[0]) and find_spec(name):
            import_module(name)
