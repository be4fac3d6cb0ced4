"""Features in another CRS: all geometries of a page in one call each to shapely and PROJ, the properties untouched as bytes."""

from typing import Any

import numpy as np
import orjson
import shapely

from ogc import crs


def reprojected(features: list[bytes], reference: crs.Reference) -> list[bytes]:
    """GeoJSON features (UTF-8 bytes, longitude and latitude) with their geometries in another CRS, in the axis order of the registry."""
    convert = crs.outward(reference)
    if convert is None or not features:
        return features
    parsed = [orjson.loads(each) for each in features]
    texts = np.array([orjson.dumps(each["geometry"]).decode() if each.get("geometry") else None for each in parsed], dtype=object)
    geometries = shapely.to_geojson(shapely.transform(shapely.force_2d(shapely.from_geojson(texts)), convert))
    for feature, geometry in zip(parsed, geometries, strict=True):
        if geometry is not None:
            feature["geometry"] = orjson.Fragment(geometry)
    return [orjson.dumps(each) for each in parsed]


def reprojected_feature(feature: dict[str, Any], reference: crs.Reference) -> dict[str, Any]:
    """One feature, as an object."""
    found: dict[str, Any] = orjson.loads(reprojected([orjson.dumps(feature)], reference)[0])
    return found
