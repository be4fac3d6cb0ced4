"""GeoTIFF → a record of imagery: its extent, coordinate system and bands; the file itself is the data."""

import warnings
from pathlib import Path
from typing import Any

from catalog.errors import IngestError
from catalog.field_values import decimal_text
from catalog.ingest.crs import way_to_crs84
from catalog.ingest.gdal import closed, raster_library
from catalog.ingest.library_words import said
from catalog.ingest.model import Item

__all__ = ["is_tiff", "read_geotiff"]

#: A file of a few bytes may declare 65,535 of them.
MAX_BANDS = 1_000
_MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def is_tiff(head: bytes) -> bool:
    """Whether a file begins as TIFF or BigTIFF."""
    return head[:4] in _MAGIC


def read_geotiff(path: Path) -> Item:
    """Reads what a TIFF says of itself; pixels are not read.

    Raises:
        IngestError: it is damaged.
    """
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.warp import transform_bounds

    rasterio = raster_library()
    try:
        with warnings.catch_warnings(), rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", **closed()):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, driver="GTiff") as source:
                if source.count > MAX_BANDS:
                    raise IngestError(
                        zh=f"{path.name} 声明 {source.count} 个波段，上限 {MAX_BANDS}", en=f"{path.name} declares {source.count} bands, at most {MAX_BANDS}"
                    )
                fields: dict[str, Any] = {"x.width": source.width, "x.height": source.height, "x.bands": _bands(source)}
                notes: list[tuple[str, str]] = []
                tiled = bool(source.profile.get("tiled")) and bool(source.overviews(1) if source.count else False)
                if source.crs is None:
                    notes.append(("影像没有坐标系，范围须另行填写", "the raster has no coordinate system: its extent must be filled in"))
                else:
                    way = way_to_crs84(source.crs.to_string())
                    box = transform_bounds(source.crs, "OGC:CRS84", *source.bounds, densify_pts=21)
                    fields |= {"bbox": [decimal_text(round(value, 6)) for value in box], "crs": way.code, "crs_note": way.note}
                    if source.crs.is_projected:
                        fields["x.gsd"] = decimal_text(round(abs(source.transform.a) * source.crs.linear_units_factor[1], 4))
                stamp = source.tags().get("TIFFTAG_DATETIME")
                if stamp:
                    fields["x.acquired"] = stamp.replace(":", "-", 2)
    except (RasterioError, OSError, ValueError) as error:
        zh, en = said(error)
        raise IngestError(zh=f"{path.name} 不是完好的 TIFF：{zh}", en=f"{path.name} is not a sound TIFF: {en}") from error
    kept = {name: value for name, value in fields.items() if value is not None}
    return Item(
        fields=kept, guessed={"kind": "imagery", "update_cycle": "irregular"}, format="cog" if tiled else "geotiff", profile="imagery", notes=tuple(notes)
    )


def _bands(source: Any) -> list[dict[str, Any]]:
    """Number, type, colour and value for no data of each band."""
    found, types, colours, descriptions, nothing = [], source.dtypes, source.colorinterp, source.descriptions, source.nodatavals
    for place in range(1, min(source.count, 200) + 1):
        nodata = nothing[place - 1]
        band = {"number": place, "type": types[place - 1], "colour": colours[place - 1].name, "description": descriptions[place - 1]}
        if nodata is not None and nodata == nodata:
            band["nodata"] = decimal_text(float(nodata)) if abs(nodata) < 1e50 else str(nodata)
        found.append({name: value for name, value in band.items() if value is not None})
    return found
