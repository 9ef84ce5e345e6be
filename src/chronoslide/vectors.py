"""Polygons on disk: reading any vector file with its CRS, writing GeoPackages that are the same bytes twice."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import CRSError, DataLayerError, DataSourceError, FeatureError, GeometryError
from pyproj.exceptions import ProjError
from shapely.errors import ShapelyError

from chronoslide.errors import DataError, InventoryError, StorageError
from chronoslide.files import replacing

# GeoPackage stores when a layer was last changed; a fixed date keeps the same content the same bytes.
_FIXED_DATE = "2000-01-01T00:00:00Z"

_START_BYTES = 4096
# SQLite (GeoPackage), shapefile, FlatGeobuf; GeoJSON opens with a brace.
_SIGNATURES = (b"SQLite format 3\x00", b"\x00\x00\x27\x0a", b"fgb\x03")


def read_polygons(path: Path, layer: str | None = None) -> gpd.GeoDataFrame:
    """Reads a vector layer.

    Args:
        path: A GeoPackage, shapefile, GeoJSON, FlatGeobuf or file geodatabase.
        layer: Which layer; may be left out where there is but one.

    Raises:
        DataError: The file is missing or broken, the layer does not exist or has to be named, or there is no CRS.
    """
    require_own_content(path)
    try:
        if layer is None:
            layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
            if len(layers) > 1:
                raise DataError(
                    f"{path}: has the layers {', '.join(layers)}; deliver a file with the one that is meant"
                )
        frame = gpd.read_file(path, layer=layer, engine="pyogrio")
    except DataLayerError as error:
        known = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        raise DataError(f"{path}: no layer {layer!r}; it has {', '.join(known)}") from error
    # The rest: outlines that are none, text in another encoding, dates and fields that cannot be.
    except (
        DataSourceError, FeatureError, GeometryError, CRSError, ShapelyError, ProjError, ValueError, TypeError,
        OverflowError, MemoryError, UnboundLocalError,  # the last: pyogrio's own slip over some broken .prj
    ) as error:  # fmt: skip
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataError(f"{path}: cannot be read ({reason}); check the name or deliver the file again") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise DataError(f"{path}: holds a table without geometry; deliver the polygons")
    if frame.crs is None:
        raise DataError(f"{path}: no coordinate reference system; assign the one it was digitised in")
    return frame


def require_own_content(path: Path) -> None:
    """Lets only formats pass that hold their own polygons.

    Others point elsewhere, and GDAL follows: an OGR VRT reads any file of the machine, WFS and GML the network.

    Raises:
        DataError: The file is missing or in another format.
    """
    if path.is_dir() and path.suffix == ".gdb":
        return
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; check the name or deliver the file again") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: cannot be read ({reason}); check the name or deliver the file again") from error
    plain = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not (start.startswith(_SIGNATURES) or plain.startswith(b"{")):
        raise DataError(
            f"{path}: cannot be read (no GeoPackage, shapefile, GeoJSON, FlatGeobuf or file geodatabase); convert it, "
            f"for example with ogr2ogr {path.stem}.gpkg {path.name}"
        )


@dataclass(frozen=True, slots=True)
class Repair:
    """What `repair_polygons` made of a layer.

    Attributes:
        polygons: The usable polygons, each a valid Polygon or MultiPolygon, with the index they came with.
        repaired: Index of those whose geometry had to be made valid (self-intersections, spikes).
        dropped: Index of those without any area (missing, empty, a line after repair).
        reasons: Why, for each of both.
    """

    polygons: gpd.GeoDataFrame
    repaired: tuple[object, ...]
    dropped: tuple[object, ...]
    reasons: Mapping[object, str] = field(default_factory=dict)


def repair_polygons(frame: gpd.GeoDataFrame, what: str) -> Repair:
    """Makes delivered polygons usable and says what it changed.

    Args:
        frame: Any layer of polygons.
        what: Names the layer in errors.

    Raises:
        InventoryError: The layer holds points or lines.
    """
    kinds = frame.geometry.dropna().geom_type
    wrong = kinds[~kinds.isin(["Polygon", "MultiPolygon", "GeometryCollection"])]
    if len(wrong):
        raise InventoryError(
            f"{what}: feature {wrong.index[0]} is a {wrong.iloc[0]}; an inventory needs polygons, digitise outlines"
        )
    delivered = frame.geometry.to_numpy()
    endless = _without_numbers(delivered)
    geometry = delivered.copy()
    geometry[endless] = None  # GEOS can neither judge nor repair them
    broken = ~shapely.is_missing(geometry) & ~shapely.is_valid(geometry)
    made_valid = geometry.copy()
    collected = shapely.get_type_id(geometry) == shapely.GeometryType.GEOMETRYCOLLECTION
    changed = broken | collected
    made_valid[changed] = [_polygonal(part) for part in shapely.make_valid(geometry[changed])]
    area = np.nan_to_num(shapely.area(made_valid))
    kept = frame.set_geometry(gpd.GeoSeries(made_valid, index=frame.index, crs=frame.crs))[area > 0]
    reasons = {
        index: _reason(part)
        for index, part in zip(frame.index[changed | ~(area > 0)], geometry[changed | ~(area > 0)], strict=True)
    } | dict.fromkeys(frame.index[endless], "a coordinate that is no number")
    repaired = frame.index[broken & (area > 0)]
    dropped = frame.index[~(area > 0)]
    return Repair(kept, tuple(repaired), tuple(dropped), {index: reasons[index] for index in (*repaired, *dropped)})


def _without_numbers(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which geometries have a coordinate that is NaN or infinite."""
    coordinates, place = shapely.get_coordinates(geometry, return_index=True)
    found = np.zeros(len(geometry), dtype=bool)
    found[place[~np.isfinite(coordinates).all(axis=1)]] = True
    return found


def _reason(geometry: shapely.Geometry | None) -> str:
    """What is wrong with a geometry, as `Self-intersection at x 322950, y 3107400`."""
    if geometry is None:
        return "no geometry"
    if geometry.is_empty:
        return "empty geometry"
    if geometry.is_valid:
        return "no area"
    what, _, place = str(shapely.is_valid_reason(geometry)).rstrip("]").partition("[")
    x, _, y = place.strip().partition(" ")
    try:
        return f"{what.strip()} at x {float(x):.7g}, y {float(y.split()[0]):.7g}"
    except (ValueError, IndexError):
        return what.strip()


def _polygonal(geometry: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a geometry that may be a collection of polygons, lines and points."""
    parts = [part for part in shapely.get_parts(shapely.get_parts(geometry)) if part.geom_type == "Polygon"]
    return shapely.union_all(parts)


def write_geopackage(
    path: Path,
    layers: Mapping[str, gpd.GeoDataFrame],
    *,
    tables: Mapping[str, pd.DataFrame] | None = None,
    styles: Mapping[str, str] | None = None,
) -> None:
    """Writes a GeoPackage with a layer for each entry, whole or not at all, the same bytes for the same content.

    Args:
        path: Where to.
        layers: Polygons by the name of their layer.
        tables: Tables without outlines, by name.
        styles: QGIS styles (QML) by layer; they travel in the file's table `layer_styles`, and QGIS opens with them.

    Raises:
        StorageError: The place cannot be written to.
    """
    with replacing(path) as temporary, _fixed_date():
        for name, frame in layers.items():
            with _told_as_storage(path, name):
                frame.to_file(
                    temporary,
                    layer=name,
                    driver="GPKG",
                    engine="pyogrio",
                    mode="a" if temporary.exists() else "w",
                    geometry_type="Unknown" if frame.empty else None,
                )
        attributes = {**(tables or {}), **({"layer_styles": _style_table(styles)} if styles else {})}
        for name, table in attributes.items():
            with _told_as_storage(path, name):
                pyogrio.write_dataframe(
                    table, temporary, layer=name, driver="GPKG", append=temporary.exists(), FID="id"
                )


@contextmanager
def _told_as_storage(path: Path, layer: str) -> Iterator[None]:
    try:
        yield
    except (DataLayerError, DataSourceError, FeatureError) as error:
        raise StorageError(
            f"{path}: layer {layer!r} cannot be written ({str(error).splitlines()[0]}); free some space or make "
            "the folder writable, then repeat"
        ) from error


def _style_table(styles: Mapping[str, str]) -> pd.DataFrame:
    """The rows that QGIS looks for: schema and catalogue are empty text, not missing."""
    count = len(styles)
    return pd.DataFrame(
        {
            "f_table_catalog": [""] * count,
            "f_table_schema": [""] * count,
            "f_table_name": list(styles),
            "f_geometry_column": ["geom"] * count,
            "styleName": ["chronoslide"] * count,
            "styleQML": list(styles.values()),
            "styleSLD": [""] * count,
            "useAsDefault": [True] * count,
            "description": ["made by chronoslide"] * count,
            "owner": [""] * count,
            "ui": [""] * count,
            "update_time": [_FIXED_DATE] * count,
        }
    )


@contextmanager
def _fixed_date() -> Iterator[None]:
    before = os.environ.get("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _FIXED_DATE})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
