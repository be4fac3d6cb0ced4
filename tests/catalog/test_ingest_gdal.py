"""Files that are two things at once: GDAL must neither fetch nor read what they lead to."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad.files import KML, MARK
from tests.bad.made import vector
from tests.catalog.intake import Intake

VRT = '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


@pytest.fixture
def intake(store, tmp_path: Path) -> Intake:
    return Intake(store, tmp_path)


@pytest.fixture
def listener(monkeypatch) -> Iterator[socket.socket]:
    """Takes connections without an answer; the environment lets them by any proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.setblocking(False)
        yield found


def _kml(target: str) -> bytes:
    """XML reads an instruction in the document type; GDAL's own parser of virtual formats reads the virtual format."""
    return ('<?xml version="1.0"?><!DOCTYPE kml [ <?x ]>' + VRT.format(target) + " ?> ]>" + KML.format(MARK.format("104,30"))).encode()


@pytest.mark.parametrize("prefix", ["/vsicurl/", "/vsicurl_streaming/", "/vsicurl?url=", ""])
def test_virtual_formats_behind_another_beginning_fetch_nothing(intake, listener, prefix):
    target = f"{prefix}http://127.0.0.1:{listener.getsockname()[1]}/a.geojson"
    for name, data in {
        "a.fgb": b"fgb\x03" + VRT.format(target).encode(),
        "b.fgb": b"fgb\x03fgb\x01" + VRT.format(target).encode(),
        "a.kml": _kml(target),
        "a.gml": _kml(target).replace(b"<kml ", b"<FeatureCollection ").replace(b"</kml>", b"</FeatureCollection>"),
    }.items():
        assert intake.refused(intake.file(name, data))
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_virtual_formats_read_no_file_of_this_machine(intake, tmp_path):
    secret = tmp_path / "secret.gpkg"
    secret.write_bytes(vector("GPKG", "gpkg")[".gpkg"])
    for name, data in {"b.fgb": b"fgb\x03fgb\x01" + VRT.format(secret).encode(), "a.kml": _kml(str(secret))}.items():
        assert "secret" not in intake.refused(intake.file(name, data))


def test_schemas_of_gml_and_overviews_of_rasters_fetch_nothing(intake, listener):
    import rasterio

    where = f"/vsicurl/http://127.0.0.1:{listener.getsockname()[1]}/x"
    gml = vector("GML", "gml")[".gml"].replace(b"a.xsd", f"{where}.xsd".encode())
    assert where.encode() in gml
    intake.add(intake.file("a.gml", gml))
    path = intake.files / "a.tif"
    with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8", tiled=True, blockxsize=16, blockysize=16) as out:
        out.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"{where}.tif")
    assert intake.one(path).kind == "imagery"
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_gdal_knows_no_format_that_leads_elsewhere(intake):
    import pyogrio

    from catalog.ingest.gdal import raster_library, vector_library

    assert set(vector_library().list_drivers()) <= {"GPKG", "ESRI Shapefile", "FlatGeobuf", "KML", "LIBKML", "GML", "MEM"}
    assert "OGR_VRT" not in pyogrio.list_drivers()
    with raster_library().Env() as env:
        assert set(env.drivers()) <= {"GTiff", "MEM"}
