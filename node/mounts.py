"""Where the faces are mounted. Only here does `node` name them."""

from importlib import import_module
from typing import TYPE_CHECKING

from flask import Flask

from node.i18n import language

if TYPE_CHECKING:
    from node.site import Site

#: Modules that the serving processes use: imported before the fork, so that they are in memory once.
MODULES = (
    "node.child",
    "node.worker",
    "node.health",
    "catalog.reader",
    "catalog.writer",
    "catalog.objects",
    "catalog.ckan",
    "ogc.features.routes",
    "ogc.features.engine",
    "ogc.csw.routes",
    "ogc.csw.engine",
    "sync.endpoints",
    "sync.exchange",
    "node.portal",
    "node.portal.pages",
)


def mount_faces(app: Flask, site: "Site") -> None:
    """Registers the public faces."""
    from node.portal import blueprint

    _mount_ckan(app, site)
    _mount_ogc(app, site)
    app.register_blueprint(blueprint(site))


def _mount_ckan(app: Flask, site: "Site") -> None:
    from catalog import ckan

    settings = ckan.CkanSettings(title=dict(site.identity.name), base_url=site.settings.base_url, language=language)
    app.register_blueprint(ckan.blueprint(site.reader, settings), url_prefix="/api")
    app.register_blueprint(ckan.dump_blueprint(site.reader, settings), url_prefix="/datastore")


def _mount_ogc(app: Flask, site: "Site") -> None:
    from ogc.csw.routes import Csw, CswSettings
    from ogc.features.routes import Features, FeaturesSettings

    base = site.settings.base_url
    name = dict(site.identity.name)
    features = Features(site.reader, FeaturesSettings(title=name, base_url=f"{base}/ogc" if base else None, portal_url=base))
    app.register_blueprint(features.blueprint(), url_prefix="/ogc")
    csw = Csw(site.reader, CswSettings(title=name, provider=name, base_url=base))
    app.register_blueprint(csw.blueprint(), url_prefix="/csw")


def mount_peers(app: Flask, site: "Site") -> None:
    """Registers the peers' endpoints."""
    from sync.endpoints import peer_blueprint

    app.register_blueprint(peer_blueprint(site.exchange))


def import_all() -> None:
    """Imports every module of `MODULES`."""
    for name in MODULES:
        import_module(name)
