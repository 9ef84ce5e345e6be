"""The topographic filter: polygons on ground where no landslide can be, such as flat fields and river bars.

An optional step between vectorising and tracking, switched by parameters; what it takes away is reported, never lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from chronoslide.errors import GridError, InventoryError
from chronoslide.grid import Grid
from chronoslide.inventories.pixels import pixels_of
from chronoslide.params import TopographySettings
from chronoslide.scenes.terrain import slope_degrees


@dataclass(frozen=True, slots=True)
class Filtered:
    """What the filter kept and what it took away.

    Attributes:
        kept: Polygons that stay, with the columns `median_slope_degrees` and `river_distance_m` where they were asked.
        removed: The others, with the same columns and `reason`.
    """

    kept: gpd.GeoDataFrame
    removed: gpd.GeoDataFrame

    @property
    def removed_area_m2(self) -> float:
        """Area of what was taken away [m2]."""
        return float(self.removed.geometry.area.sum())


def filter_by_topography(
    polygons: gpd.GeoDataFrame,
    settings: TopographySettings,
    *,
    elevation: NDArray[np.floating] | None = None,
    grid: Grid | None = None,
    rivers: gpd.GeoDataFrame | None = None,
) -> Filtered:
    """Removes polygons on gentle ground and polygons near rivers.

    Args:
        polygons: Landslides, in the coordinate reference system of `grid` and `rivers`.
        settings: The least median slope and the least distance to a river; 0 switches a rule off.
        elevation: (rows, cols) [m], NaN where unknown; needed for the slope.
        grid: Where its pixels lie.
        rivers: Lines or polygons of rivers; needed for the distance.

    Raises:
        InventoryError: A rule is on, but what it needs was not given.
        GridError: The parts are in different coordinate reference systems, or not in metres.
    """
    result = polygons.copy()
    reason = np.full(len(polygons), "", dtype=object)
    outlines = polygons.geometry.to_numpy()
    if settings.minimum_median_slope_degrees:
        if elevation is None or grid is None:
            raise InventoryError(
                "inventory.topography.minimum_median_slope_degrees needs an elevation model; name one, or set it to 0"
            )
        _require_crs(polygons, grid.crs, "the elevation model")
        slope = median_slope(outlines, elevation, grid)
        result["median_slope_degrees"] = np.round(slope, 2)
        reason[slope < settings.minimum_median_slope_degrees] = "gentle"
    if settings.minimum_river_distance_metres:
        if rivers is None:
            raise InventoryError(
                "inventory.topography.minimum_river_distance_metres needs the rivers; name a layer, or set it to 0"
            )
        _require_crs(polygons, rivers.crs, "the rivers")
        distance = river_distance(outlines, rivers.geometry.to_numpy())
        result["river_distance_m"] = np.round(distance, 2)
        reason[(distance < settings.minimum_river_distance_metres) & (reason == "")] = "near a river"
    kept = reason == ""
    return Filtered(result[kept], result[~kept].assign(reason=reason[~kept].astype(str)))


def median_slope(outlines: NDArray[np.object_], elevation: NDArray[np.floating], grid: Grid) -> NDArray[np.float64]:
    """(polygons,), the median slope of the pixels of each polygon [degrees]; NaN outside the elevation model."""
    slope = slope_degrees(elevation, grid)
    median = np.full(len(outlines), np.nan)
    for index, outline in enumerate(outlines):
        place, inside = pixels_of(outline, grid)
        values = slope[place][inside]
        values = values[np.isfinite(values)]
        if values.size:
            median[index] = np.median(values)
    return median


def river_distance(outlines: NDArray[np.object_], rivers: NDArray[np.object_]) -> NDArray[np.float64]:
    """(polygons,), the distance of each polygon to the nearest river [m]; infinite without rivers."""
    distance = np.full(len(outlines), np.inf)
    if len(rivers):
        index, near = shapely.STRtree(rivers).query_nearest(outlines, return_distance=True, all_matches=False)
        distance[index[0]] = near
    return distance


def _require_crs(polygons: gpd.GeoDataFrame, crs: object, what: str) -> None:
    if polygons.crs is None or polygons.crs != crs:
        raise GridError(f"the polygons and {what} are in different coordinate reference systems; reproject one of them")
