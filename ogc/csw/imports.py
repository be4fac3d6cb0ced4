"""pycsw 2.6.2, imported as it can be imported.

It asks for `pkg_resources` (gone from setuptools 81) to read its own version, and for `cgi` (gone from Python 3.13) without using it. While it is imported, two
small modules stand in for them where they are missing; afterwards they are taken away again, so that no other library meets them.
"""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace


def _stand_ins() -> dict[str, ModuleType]:
    resources = ModuleType("pkg_resources")
    resources.require = lambda name: [SimpleNamespace(version="2.6.2")]  # type: ignore[attr-defined]
    missing = {"pkg_resources": resources, "cgi": ModuleType("cgi")}
    return {name: module for name, module in missing.items() if name not in sys.modules and importlib.util.find_spec(name) is None}


_made = _stand_ins()
sys.modules.update(_made)
try:
    from pycsw import opensearch, server
    from pycsw.core import util
    from pycsw.ogc.csw import csw2, csw3
    from pycsw.ogc.fes import fes1, fes2
    from pycsw.plugins import outputschemas
finally:
    for _name in _made:
        del sys.modules[_name]

__all__ = ["csw2", "csw3", "fes1", "fes2", "opensearch", "outputschemas", "server", "util"]
