"""CKAN Action API v3 over `catalog.reader`, in the answers and errors of CKAN 2.12. See README.md."""

from catalog.ckan.routes import blueprint, dump_blueprint
from catalog.ckan.settings import CkanSettings

__all__ = ["CkanSettings", "blueprint", "dump_blueprint"]
