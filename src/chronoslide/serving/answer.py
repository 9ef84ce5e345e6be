"""Landslides as GeoJSON, the form in which map programs and the web take them.

The last step of the service. In the scene's own reference system the collection carries the member `crs` of the 2008
specification, which GDAL and QGIS read; in WGS 84 it follows RFC 7946: longitude before latitude, outer rings
anticlockwise, cut at the antimeridian, and no such member.
"""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from chronoslide.serving.scene_mapper import Mapped

_WGS84 = "EPSG:4326"
# About a centimetre, finer than any pixel.
_DEGREE_DECIMALS = 7
_HALF_TURN = 180.0


def feature_collection(mapped: Mapped, crs: Literal["scene", "wgs84"], simplify_metres: float = 0.0) -> dict[str, Any]:
    """A mapped scene's landslides as a GeoJSON FeatureCollection.

    Args:
        mapped: What became of the scene.
        crs: The reference system of the coordinates.
        simplify_metres: How far simplified outlines may lie from the mapped ones. Areas stay those that were mapped.
    """
    landslides = mapped.landslides
    outlines = _simplified(landslides.geometry.to_numpy(), simplify_metres)
    if crs == "wgs84":
        outlines = _in_degrees(outlines, landslides)
    features = [
        {
            "type": "Feature",
            "id": row.id,
            "properties": {
                "area_m2": round(float(row.area_m2), 2),
                "mean_probability": round(float(row.mean_probability), 4),
                "uncertainty": round(float(row.uncertainty), 4),
                "fragments": int(row.fragments),
                "model_version": mapped.version,
            },
            "geometry": shapely.geometry.mapping(outline),
        }
        for row, outline in zip(landslides.itertuples(), outlines, strict=True)
    ]
    collection: dict[str, Any] = {"type": "FeatureCollection"}
    if crs == "scene":
        collection["crs"] = {"type": "name", "properties": {"name": _name_of(mapped.grid.crs)}}
    return collection | {
        "model_version": mapped.version,
        "trained_on": mapped.trained_on,
        "threshold": mapped.threshold,
        "minimum_area_m2": mapped.minimum_area_m2,
        "features": features,
    }


def _simplified(outlines: NDArray[np.object_], metres: float) -> NDArray[np.object_]:
    """Each outline on its own; one that would cease to be valid stays as it is."""
    if not metres:
        return outlines
    simple = shapely.simplify(outlines, metres, preserve_topology=True)
    return np.where(shapely.is_valid(simple) & ~shapely.is_empty(simple), simple, outlines)


def _in_degrees(outlines: NDArray[np.object_], landslides: gpd.GeoDataFrame) -> NDArray[np.object_]:
    if not len(outlines):
        return outlines
    degrees = gpd.GeoSeries(outlines, crs=landslides.crs).to_crs(_WGS84).to_numpy()
    left, _, right, _ = shapely.bounds(degrees).T
    for index in np.flatnonzero(right - left > _HALF_TURN):
        degrees[index] = _cut_at_antimeridian(degrees[index])
    rounded = shapely.transform(degrees, lambda points: np.round(points, _DEGREE_DECIMALS))
    return np.asarray(shapely.orient_polygons(rounded, exterior_cw=False))


def _cut_at_antimeridian(outline: shapely.Geometry) -> shapely.Geometry:
    """The parts east and west of 180 degrees of an outline whose vertices lie on both sides."""
    turn = np.array([2 * _HALF_TURN, 0.0])
    unrolled = shapely.transform(outline, lambda points: points + np.where(points[:, :1] < 0, turn, 0.0))
    west = shapely.intersection(unrolled, shapely.box(0.0, -90.0, _HALF_TURN, 90.0))
    east = shapely.intersection(unrolled, shapely.box(_HALF_TURN, -90.0, 2 * _HALF_TURN, 90.0))
    return shapely.union_all([west, shapely.transform(east, lambda points: points - turn)])


def _name_of(crs: CRS) -> str:
    """As an OGC name where there is a code; GDAL also takes the WKT."""
    code = crs.to_epsg()
    return f"urn:ogc:def:crs:EPSG::{code}" if code else str(crs.to_wkt())
