"""A small sound file of every kind that intake takes, made by the program."""

import io
import json
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import shapely

POINT = {"type": "Point", "coordinates": [104.06, 30.67]}
FEATURE = {"type": "Feature", "id": "a", "properties": {"name": "武侯", "v": 1.5}, "geometry": POINT}
PACKAGE = {"id": "p", "name": "p", "title": "井", "notes": "n", "tags": [{"name": "水"}], "resources": [{"url": "https://example.org/a.csv", "format": "CSV"}]}
ITEM = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "i",
    "geometry": POINT,
    "bbox": [104, 30, 105, 31],
    "properties": {"datetime": "2024-05-01T00:00:00Z"},
}
DATASET = {"title": "Wells", "identifier": "w", "accessLevel": "public", "distribution": [{"downloadURL": "https://example.org/w.csv"}]}
TURTLE = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<http://x/1> a dcat:Dataset ; dct:title "井"@zh ; dct:issued "2024-05-01" ; dcat:distribution [ dcat:downloadURL <https://x/a.csv> ] .
"""
ISO = (
    '<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco"><gmd:identificationInfo>'
    "<gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation><gmd:title><gco:CharacterString>井</gco:CharacterString></gmd:title></gmd:CI_Citation>"
    "</gmd:citation></gmd:MD_DataIdentification></gmd:identificationInfo></gmd:MD_Metadata>"
)
FGDC = (
    "<metadata><idinfo><citation><citeinfo><title>Wells</title><pubdate>20240501</pubdate></citeinfo></citation><descript><abstract>a</abstract></descript>"
    "<spdom><bounding><westbc>104</westbc><eastbc>105</eastbc><northbc>31</northbc><southbc>30</southbc></bounding></spdom></idinfo></metadata>"
)


def samples(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Kind → file name and content.

    Args:
        folder: an empty one to work in.
    """
    import rdflib

    graph = rdflib.Graph().parse(data=TURTLE, format="turtle")
    texts = {
        "csv": ("a.csv", "编号,名称,lon,lat\n001,武侯,104.1,30.1\n002,锦江,104.2,30.2\n"),
        "geojson": ("a.geojson", json.dumps({"type": "FeatureCollection", "features": [FEATURE, {**FEATURE, "id": "b"}]})),
        "feature lines": ("a.geojsonl", f"{json.dumps(FEATURE)}\n{json.dumps({**FEATURE, 'id': 'b'})}\n"),
        "ckan": ("ckan.json", json.dumps(PACKAGE)),
        "ckan lines": ("ckan.jsonl", f"{json.dumps(PACKAGE)}\n{json.dumps({**PACKAGE, 'id': 'q'})}\n"),
        "dcat-us": ("data.json", json.dumps({"dataset": [DATASET, {**DATASET, "identifier": "x"}]})),
        "stac": ("stac.json", json.dumps(ITEM)),
        "turtle": ("a.ttl", TURTLE),
        "rdf/xml": ("a.rdf", graph.serialize(format="xml")),
        "json-ld": ("a.jsonld", graph.serialize(format="json-ld")),
        "iso": ("iso.xml", ISO),
        "fgdc": ("fgdc.xml", FGDC),
    }
    found = {kind: (name, text.encode()) for kind, (name, text) in texts.items()}
    found["csv in gb18030"] = ("b.csv", texts["csv"][1].encode("gb18030"))
    found["csv in utf-16"] = ("c.csv", texts["csv"][1].encode("utf-16"))
    return found | _workbook() | _vectors(folder) | _raster(folder) | _archives(found)


def _workbook() -> dict[str, tuple[str, bytes]]:
    import openpyxl

    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (("编号", "v"), ("001", 1), ("002", 2.5)):
        book.active.append(list(row))
    book.save(out)
    return {"xlsx": ("a.xlsx", out.getvalue())}


def _vectors(folder: Path) -> dict[str, tuple[str, bytes]]:
    found = {}
    shapes, names = shapely.to_wkb(shapely.points([[104, 30.5], [104.1, 30.6]])), np.array(["武侯", "锦江"], dtype=object)
    kinds = {
        "geopackage": ("GPKG", "gpkg"),
        "flatgeobuf": ("FlatGeobuf", "fgb"),
        "kml": ("KML", "kml"),
        "gml": ("GML", "gml"),
        "shapefile": ("ESRI Shapefile", "shp"),
    }
    for kind, (driver, suffix) in kinds.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            crs = "EPSG:4326" if suffix == "kml" else "EPSG:4490"
            pyogrio.raw.write(folder / f"v.{suffix}", shapes, [names], ["name"], driver=driver, geometry_type="Point", crs=crs)
        found[kind] = (f"v.{suffix}", (folder / f"v.{suffix}").read_bytes())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
            archive.write(folder / f"v{suffix}", f"v{suffix}")
    found["shapefile"] = ("v.zip", out.getvalue())
    return found


def _raster(folder: Path) -> dict[str, tuple[str, bytes]]:
    import rasterio
    from rasterio.transform import from_origin

    path = folder / "r.tif"
    place = from_origin(104, 31, 0.01, 0.01)
    with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8", crs="EPSG:4490", transform=place) as out:
        out.write(np.arange(64, dtype="uint8").reshape(1, 8, 8))
    return {"geotiff": ("r.tif", path.read_bytes())}


def _archives(found: dict[str, tuple[str, bytes]]) -> dict[str, tuple[str, bytes]]:
    one, many = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(one, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("数据.csv", found["csv"][1])
    with zipfile.ZipFile(many, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind in ("csv", "geojson", "iso"):
            archive.writestr(f"in/{found[kind][0]}", found[kind][1])
    return {"zipped csv": ("z.csv.zip", one.getvalue()), "zip": ("z.zip", many.getvalue())}
