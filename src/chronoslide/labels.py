"""From an inventory's polygons to a label for every pixel of a scene.

Stands between the scenes and the patches: the labels lie on the scene's grid, and a pixel that the scene did not
observe is neither landslide nor background.
"""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray

from chronoslide.errors import GridError, InventoryError
from chronoslide.grid import Grid, name_of
from chronoslide.vectors import repair_polygons

BACKGROUND: Final = 0
LANDSLIDE: Final = 1
UNLABELLED: Final = 254
"""Observed, but nobody says what it is; only in training patches. Losses and counts leave it out."""
UNOBSERVED: Final = 255


def rasterise(
    polygons: gpd.GeoDataFrame, grid: Grid, valid: NDArray[np.bool_], *, all_touched: bool, what: str
) -> NDArray[np.uint8]:
    """Labels every pixel of a grid as landslide, background or unobserved.

    A pixel is landslide where its centre lies in a polygon; holes stay background. Polygons in another coordinate
    reference system are reprojected to the grid's, invalid ones are repaired first.

    Args:
        polygons: The inventory; none at all makes a scene without landslides.
        grid: Where the pixels lie.
        valid: (rows, cols), False where the scene observed nothing.
        all_touched: Whether pixels that a polygon only touches are landslide, too.
        what: Names the inventory in errors.

    Returns:
        (rows, cols) of BACKGROUND, LANDSLIDE and UNOBSERVED.

    Raises:
        GridError: The inventory has no coordinate reference system, or `valid` does not fit the grid.
        InventoryError: It holds points or lines, or all its polygons lie outside of the grid.
    """
    if valid.shape != grid.shape:
        raise GridError(f"{what}: the validity mask {valid.shape} does not fit the grid {grid.shape}")
    labels = np.full(grid.shape, BACKGROUND, dtype=np.uint8)
    if len(polygons):
        geometries = _on_the_grid(polygons, grid, what)
        rasterio.features.rasterize(
            geometries, out=labels, transform=grid.transform, all_touched=all_touched, default_value=LANDSLIDE
        )
    labels[~valid] = UNOBSERVED
    return labels


def _on_the_grid(polygons: gpd.GeoDataFrame, grid: Grid, what: str) -> list[shapely.Geometry]:
    if polygons.crs is None:
        raise GridError(f"{what}: no coordinate reference system; assign the one it was digitised in")
    usable = repair_polygons(polygons, what).polygons
    if usable.empty:
        raise InventoryError(f"{what}: none of its {len(polygons)} features has an area; digitise outlines")
    geometry = usable.geometry.to_crs(grid.crs)
    on_the_grid = geometry[geometry.intersects(grid.footprint)]
    if on_the_grid.empty:
        theirs, ours = (
            f"x {left:.0f} to {right:.0f}, y {bottom:.0f} to {top:.0f}"
            for left, bottom, right, top in (geometry.total_bounds, grid.bounds)
        )
        raise InventoryError(
            f"{what}: all {len(geometry)} polygons lie outside of the scene ({theirs}; the scene: {ours}, in "
            f"{name_of(grid.crs)}); check the inventory's CRS and place"
        )
    return list(on_the_grid)
