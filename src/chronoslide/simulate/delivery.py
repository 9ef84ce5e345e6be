"""Writes the simulated site as a provider, a surveyor and a mapper would deliver it; nothing else here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely.geometry import Polygon

from chronoslide.files import replacing, write_json
from chronoslide.grid import Grid
from chronoslide.simulate.histories import Sighting
from chronoslide.simulate.plan import BANDS, Conditions
from chronoslide.vectors import write_geopackage

SENSOR = "RapidEye (simulated)"


def write_tile(
    stem: Path, stored: NDArray[np.uint16], unusable: NDArray[np.uint8], grid: Grid, conditions: Conditions
) -> None:
    """Writes one tile: `<stem>_Analytic_SR.tif`, `<stem>_udm.tif` and `<stem>_metadata.json`.

    Args:
        stem: Path without these endings.
        stored: (rows, cols, bands), 10,000 times the reflectance, 0 where nothing was imaged.
        unusable: (rows, cols), 0 usable, bit 0 not imaged, bit 1 cloud or its shadow.
        grid: Where the tile lies.
        conditions: Date and sun.
    """
    scene, mask = stem.with_name(f"{stem.name}_Analytic_SR.tif"), stem.with_name(f"{stem.name}_udm.tif")
    _write_tiff(scene, stored, grid, BANDS, nodata=0)
    _write_tiff(mask, unusable[..., np.newaxis], grid, ("unusable",), nodata=None)
    content: dict[str, Any] = {
        "acquired": conditions.acquired.isoformat().replace("+00:00", "Z"),
        "bands": list(BANDS),
        "nodata": 0,
        "product": "Analytic SR",
        "provenance": "simulated",
        "reflectance_scale": 10_000,
        "resolution_metres": grid.resolution[0],
        "sensor": SENSOR,
        "sun_azimuth_degrees": conditions.sun_azimuth,
        "sun_elevation_degrees": conditions.sun_elevation,
        "usable_data_mask": {"0": "usable", "bit 0": "not imaged", "bit 1": "cloud or cloud shadow"},
    }
    write_json(stem.with_name(f"{stem.name}_metadata.json"), content)


def write_elevation(path: Path, elevation: NDArray[np.float32], grid: Grid) -> None:
    """Writes the elevation model [m]."""
    _write_tiff(path, elevation[..., np.newaxis], grid, ("elevation",), nodata=None)


def write_area_of_interest(path: Path, name: str, area: Polygon, crs: CRS) -> None:
    """Writes the one polygon that a site covers."""
    write_geopackage(path, {"area_of_interest": gpd.GeoDataFrame({"name": [name]}, geometry=[area], crs=crs)})


def write_manual_inventory(path: Path, polygons: Sequence[Polygon], crs: CRS) -> None:
    """Writes what the mapper drew in one year."""
    numbers = list(range(1, len(polygons) + 1))
    areas = [round(polygon.area, 1) for polygon in polygons]
    frame = gpd.GeoDataFrame({"number": numbers, "area_m2": areas}, geometry=list(polygons), crs=crs)
    write_geopackage(path, {"landslides": frame})


def write_answer_key(
    path: Path, years: Mapping[int, Sequence[Sighting]], observed: Mapping[int, Sequence[float]], crs: CRS
) -> None:
    """Writes the true landslides, a layer a year.

    Columns: landslide_id, state, parent_ids (separated by semicolons), area_m2, observed_share.
    """
    layers = {}
    for year, sightings in years.items():
        layers[str(year)] = gpd.GeoDataFrame(
            {
                "landslide_id": [one.landslide_id for one in sightings],
                "state": [one.state for one in sightings],
                "parent_ids": [";".join(str(parent) for parent in one.parents) for one in sightings],
                "area_m2": [round(one.polygon.area, 1) for one in sightings],
                "observed_share": [round(float(share), 3) for share in observed[year]],
            },
            geometry=[one.polygon for one in sightings],
            crs=crs,
        )
    write_geopackage(path, layers)


def _write_tiff(
    path: Path, values: NDArray[np.generic], grid: Grid, bands: Sequence[str], *, nodata: float | None
) -> None:
    profile = {
        "driver": "GTiff", "dtype": values.dtype, "count": values.shape[2], "height": grid.rows, "width": grid.cols,
        "crs": grid.crs, "transform": grid.transform, "nodata": nodata, "tiled": True, "blockxsize": 256,
        "blockysize": 256, "compress": "deflate", "zlevel": 6, "num_threads": 1,
        "predictor": 3 if values.dtype == np.float32 else 2, "interleave": "band",
    }  # fmt: skip
    with replacing(path) as temporary, rasterio.open(temporary, "w", **profile) as target:
        target.write(np.moveaxis(values, -1, 0))
        target.descriptions = tuple(bands)
