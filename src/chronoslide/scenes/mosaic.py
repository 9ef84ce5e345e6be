"""Tiles of one year -> one scene on the site's grid, and how much of the area of interest it shows.

Follows the reading of the tiles; after it a year is one scene.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import rasterio.features
from numpy.typing import NDArray

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid
from chronoslide.scenes.scene import Scene


def mosaic(tiles: Iterable[Scene], grid: Grid, bands: Sequence[str]) -> Scene:
    """Puts tiles together.

    Where tiles overlap, the first one that observed a pixel gives it: nothing is averaged, so that a pixel's bands
    come from one moment.

    Args:
        tiles: In the order of their precedence; each is asked for once and can be forgotten afterwards, so a generator
            keeps one tile in memory at a time. They share the grid's lattice and may reach beyond it.
        grid: The site's grid.
        bands: The bands of the result, by name; the tiles may have more.

    Raises:
        GridError: A tile does not lie on the lattice of `grid`.
        DataError: A tile lacks a band.
    """
    reflectance = np.zeros((*grid.shape, len(bands)), dtype=np.float32)
    valid = np.zeros(grid.shape, dtype=bool)
    for tile in tiles:
        window = grid.window_of(tile.grid)
        rows, tile_rows = _overlap(window.row_off, tile.grid.rows, grid.rows)
        cols, tile_cols = _overlap(window.col_off, tile.grid.cols, grid.cols)
        wanted = tile.select(bands)
        new = wanted.valid[tile_rows, tile_cols] & ~valid[rows, cols]
        reflectance[rows, cols][new] = wanted.reflectance[tile_rows, tile_cols][new]
        valid[rows, cols] |= new
    return Scene(reflectance, valid, grid, tuple(bands))


def _overlap(offset: int, length: int, site_length: int) -> tuple[slice, slice]:
    """Along one axis: the site's pixels that the tile covers, and the tile's pixels that cover them."""
    start, stop = max(offset, 0), min(offset + length, site_length)
    stop = max(stop, start)
    return slice(start, stop), slice(start - offset, stop - offset)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of an area of interest a scene shows.

    Attributes:
        share: Observed pixels over the area's pixels.
        unobserved_km2: The rest of the area [km2].
    """

    share: float
    unobserved_km2: float


def coverage(scene: Scene, area: gpd.GeoDataFrame) -> Coverage:
    """Measures how much of an area of interest a scene shows.

    Args:
        scene: The scene.
        area: The area's polygons, in the scene's coordinate reference system.

    Raises:
        GridError: The area is in another coordinate reference system, or no pixel's centre lies in it.
    """
    inside = _inside(area, scene.grid)
    observed = int((inside & scene.valid).sum())
    total = int(inside.sum())
    return Coverage(observed / total, (total - observed) * scene.grid.pixel_area_m2 / 1e6)


def require_coverage(found: Coverage, minimum: float, what: str) -> None:
    """Refuses a mosaic that shows too little of the area of interest.

    Raises:
        DataError: Naming `what` was to be mapped and the share that it shows.
    """
    if found.share < minimum:
        raise DataError(
            f"{what}: the mosaic covers {found.share:.1%} of the area of interest, {minimum:.1%} are needed; deliver "
            "the missing tile or lower scenes.minimum_coverage in params.yaml"
        )


def _inside(area: gpd.GeoDataFrame, grid: Grid) -> NDArray[np.bool_]:
    """(rows, cols), True where a pixel's centre lies in the area."""
    if area.crs != grid.crs:
        raise GridError("the area of interest and the scene differ in CRS; reproject the area to the scene's")
    inside = rasterio.features.geometry_mask(list(area.geometry), grid.shape, grid.transform, invert=True)
    if not inside.any():
        raise GridError("the area of interest holds no pixel of the scene; check its place and CRS")
    return np.asarray(inside)
