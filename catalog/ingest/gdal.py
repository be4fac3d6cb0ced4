"""GDAL for strangers' bytes: it knows the formats that are taken in and no others, and reaches nothing but the file.

GDAL tries all its drivers on a file, and some lead elsewhere (virtual formats, services); names inside a file may, too (`/vsicurl/`, overviews, schemas). So:

1. All other drivers are taken away from this process before the first file is opened, and the list is looked at afterwards.
2. Of the names that lead to the network (`/vsicurl/` and the like) none is allowed.

pyogrio and rasterio bring a GDAL each.
"""

from functools import cache
from typing import Any

from catalog.errors import IngestError

__all__ = ["closed", "raster_library", "vector_library"]

#: What is read, and what GDAL needs for it.
_VECTOR = frozenset(("GPKG", "ESRI Shapefile", "FlatGeobuf", "KML", "LIBKML", "GML", "MEM"))
_RASTER = frozenset(("GTiff", "MEM"))
#: The only name under `/vsicurl/` and the like that may be opened: one that none of them has.
_CLOSED = {"CPL_VSIL_CURL_ALLOWED_FILENAME": "none", "GDAL_HTTP_TIMEOUT": "5", "GDAL_HTTP_MAX_RETRY": "0"}
#: GDAL takes `007` in GML for the number 7 where no schema says otherwise; it would fetch schemas, and follow links.
_GML = {"GML_FIELDTYPES": "ALWAYS_STRING", "GML_DOWNLOAD_SCHEMA": "NO", "GML_SKIP_RESOLVE_ELEMS": "ALL"}


def closed() -> dict[str, str]:
    """Options under which GDAL fetches nothing."""
    return dict(_CLOSED)


@cache
def vector_library() -> Any:
    """pyogrio, with the formats that are taken in. Raises IngestError when it would read others."""
    import pyogrio
    from pyogrio import _ogr

    others = set(pyogrio.list_drivers()) - _VECTOR
    pyogrio.set_gdal_config_options({**_CLOSED, **_GML, "OGR_SKIP": ",".join(sorted(others))})
    _ogr._register_drivers()  # drivers were registered when the module was loaded: this looks at OGR_SKIP again
    _require_none(set(pyogrio.list_drivers()) - _VECTOR)
    return pyogrio


@cache
def raster_library() -> Any:
    """rasterio, with the formats that are taken in. Raises IngestError when it would read others."""
    import rasterio
    from rasterio import _env

    with rasterio.Env() as env:
        others = set(env.drivers()) - _RASTER
    _env._have_registered_drivers = False  # the next environment registers them again, and looks at GDAL_SKIP
    with rasterio.Env(GDAL_SKIP=",".join(sorted(others))) as env:
        _require_none(set(env.drivers()) - _RASTER)
    return rasterio


def _require_none(others: set[str]) -> None:
    if others:
        names = ", ".join(sorted(others))[:200]
        raise IngestError(zh=f"此处的 GDAL 还会读取其他格式，不予使用：{names}", en=f"GDAL here would read other formats too, and is not used: {names}")
