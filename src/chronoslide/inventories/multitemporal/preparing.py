"""Anybody's yearly inventories made ready for tracking, with a statement of everything that was changed.

Stands before `tracking`. What can be repaired without guessing is repaired and stated; what cannot is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from chronoslide.errors import InventoryError
from chronoslide.grid import require_metric
from chronoslide.inventories.usable import require_one_crs
from chronoslide.vectors import repair_polygons

# Columns that may hold the deliverer's own number of a polygon, in the order in which they are believed.
_ID_COLUMNS = ("landslide_id", "polygon_id", "id", "fid", "objectid")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Prepared:
    """Inventories that can be tracked.

    Attributes:
        polygons: By year, ascending; valid, two-dimensional Polygons and MultiPolygons, index 0, 1, ..., with the
            column `polygon_id` (text, unique in the year) and the columns that they came with.
        notes: One sentence for each repair.
    """

    polygons: dict[int, gpd.GeoDataFrame]
    notes: tuple[str, ...]


def prepare_inventories(
    inventories: Mapping[int, gpd.GeoDataFrame], names: Mapping[int, str] | None = None
) -> Prepared:
    """Checks and repairs one inventory a year.

    A feature of several parts stays one landslide (fragments that `joining` found to belong together come like that).

    Args:
        inventories: By year, in any order.
        names: What the inventories are called in errors and notes, for example their files; else their year.

    Raises:
        GridError: A coordinate reference system is missing, not in metres, or not the same in all years.
        InventoryError: There is no inventory at all, or one holds points or lines.
    """
    if not inventories:
        raise InventoryError("tracking: no inventory was given; name at least one file a year")
    called = {year: (names or {}).get(year, str(year)) for year in inventories}
    for year, frame in inventories.items():
        require_metric(None if frame.crs is None else CRS.from_user_input(frame.crs), called[year])
    require_one_crs({called[year]: frame for year, frame in inventories.items()})
    years = sorted(inventories)
    notes = []
    if list(inventories) != years:
        notes.append(f"the years came in the order {_some(inventories)}; they were sorted")
    polygons = {}
    for year in years:
        polygons[year], about = _prepare(inventories[year], called[year])
        notes += about
    return Prepared(polygons, tuple(notes))


def _prepare(frame: gpd.GeoDataFrame, what: str) -> tuple[gpd.GeoDataFrame, list[str]]:
    notes = []
    repair = repair_polygons(frame.reset_index(drop=True), what)
    polygons = repair.polygons
    if repair.repaired:
        notes.append(f"{what}: self-intersecting outlines made valid: features {_some(repair.repaired)}")
    if repair.dropped:
        notes.append(f"{what}: features without area dropped: {_some(repair.dropped)}")
    geometry = polygons.geometry.to_numpy()
    if shapely.has_z(geometry).any():
        notes.append(f"{what}: heights of the outlines' points left out")
        geometry = shapely.force_2d(geometry)
        polygons = polygons.set_geometry(gpd.GeoSeries(geometry, index=polygons.index, crs=frame.crs))
    doubled = _drawn_before(geometry)
    if doubled.any():
        notes.append(f"{what}: polygons drawn twice dropped: features {_some(polygons.index[doubled])}")
        polygons = polygons[~doubled]
    parts = shapely.get_num_geometries(polygons.geometry.to_numpy())
    several = [index for index in polygons.index[parts > 1] if index not in repair.repaired]
    if several:
        notes.append(f"{what}: features of several parts kept as one landslide each: {_some(several)}")
    if polygons.empty:
        notes.append(f"{what}: no polygons; every landslide of the year before counts as gone, unless masked")
    ids, again = _ids(polygons)
    if again:
        notes.append(f"{what}: ids that stand more than once were given a suffix: {_some(again)}")
    return polygons.assign(polygon_id=ids).reset_index(drop=True), notes


def _drawn_before(outlines: NDArray[np.object_]) -> NDArray[np.bool_]:
    """(polygons,), whether the same outline stands earlier; only those in the same rectangle need a closer look."""
    alike = pd.DataFrame(shapely.bounds(outlines)).duplicated(keep=False).to_numpy()
    drawn = np.zeros(len(outlines), dtype=bool)
    normal = pd.Series(shapely.to_wkb(shapely.normalize(outlines[alike])), dtype=object)
    drawn[alike] = normal.duplicated().to_numpy()
    return drawn


def _ids(polygons: gpd.GeoDataFrame) -> tuple[pd.Series[str], list[str]]:
    """The deliverer's ids, or the positions of the features, as unique text; and which ids stood more than once."""
    by_name = {str(name).lower(): name for name in reversed(polygons.columns)}
    found = next((by_name[name] for name in _ID_COLUMNS if name in by_name), None)
    if found is None:
        return polygons.index.to_series().astype(str), []
    ids = polygons[found].astype(str)
    count = ids.groupby(ids).cumcount()
    return ids.where(count == 0, ids + "-" + (count + 1).astype(str)), sorted(set(ids[count > 0]))


def _some(items: Iterable[object]) -> str:
    """The first few of many, and how many more."""
    listed = [str(item) for item in items]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
