"""Scenes from any coordinate reference system, geographic degrees included, onto the lattice of a site's metric grid.

Between the reading of a tile and the mosaic. Validity travels along: a pixel that was interpolated from an unobserved
one is unobserved.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import Resampling, reproject, transform_bounds
from rasterio.windows import Window

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid, name_of, require_metric
from chronoslide.scenes.scene import Scene

# Bilinear resampling looks at most one pixel beyond, cubic two; coarser grids look further in proportion.
_MARGIN_PIXELS: Final = 3

# A resampled pixel is valid only if all that it was made of was; the rest is rounding of the weights.
_ROUNDING: Final = 1e-3


class Sampling(Enum):
    """How values between pixels are found: straight lines, or cubic convolution, which keeps edges sharper."""

    BILINEAR = Resampling.bilinear
    CUBIC = Resampling.cubic


def utm_zone(area: gpd.GeoDataFrame, what: str) -> CRS:
    """The UTM zone (WGS 84) of the middle of an area of interest.

    Args:
        area: Polygons in any known coordinate reference system.
        what: Names the area in errors.

    Raises:
        GridError: The area has no coordinate reference system, or lies where UTM has no zone.
    """
    if area.crs is None:
        raise GridError(f"{what}: no coordinate reference system; assign the one it was made in")
    try:
        zone = CRS.from_user_input(area.estimate_utm_crs())
    except (RuntimeError, ValueError) as error:  # no zone, an empty or infinite area
        raise GridError(f"{what}: no UTM zone holds it; name a metric `crs` (such as EPSG:32645)") from error
    require_metric(zone, what)
    return zone


def share_a_lattice(tile: Grid, grid: Grid) -> bool:
    """Whether the pixels of both lie on each other, wherever they begin."""
    try:
        grid.window_of(tile)
    except GridError:
        return False
    return True


def window_on(tile: Grid, site: Grid, what: str) -> Window:
    """The tile's pixels that a site needs: exactly those on a shared lattice, with a margin for resampling else.

    Args:
        tile: Where the tile's pixels lie, in any coordinate reference system.
        site: The site's grid.
        what: Names the tile in errors.

    Raises:
        DataError: The tile does not meet the site.
    """
    bounds = _bounds_in(site, tile.crs)
    left, bottom, right, top = bounds
    (first_col, first_row), (last_col, last_row) = ~tile.transform @ (left, top), ~tile.transform @ (right, bottom)
    margin = 0
    if not share_a_lattice(tile, site):
        # How many of the tile's pixels make one of the site's.
        coarser = max((last_col - first_col) / site.cols, (last_row - first_row) / site.rows)
        margin = int(np.ceil(_MARGIN_PIXELS * max(coarser, 1.0)))
    row, col = max(round(first_row) - margin, 0), max(round(first_col) - margin, 0)
    rows, cols = min(round(last_row) + margin, tile.rows) - row, min(round(last_col) + margin, tile.cols) - col
    if rows <= 0 or cols <= 0:
        raise DataError(
            f"{what}: lies outside of the area of interest (the tile, in {name_of(tile.crs)}, starts at x "
            f"{tile.bounds[0]:.6g}, y {tile.bounds[3]:.6g}, the area, in {name_of(site.crs)}, lies there at x "
            f"{left:.6g}, y {top:.6g}); take it out of the data description, or correct its system"
        )
    return Window(col, row, cols, rows)


def onto_lattice(part: Scene, grid: Grid, sampling: Sampling = Sampling.BILINEAR) -> Scene:
    """Interpolates a part of a tile onto the pixels of a site's lattice that it touches.

    Args:
        part: In any coordinate reference system, resolution and alignment.
        grid: The site's grid.
        sampling: How values between pixels are found.

    Returns:
        The part on the lattice of `grid`, no larger than both; a pixel that was made of an unobserved one is
        unobserved.
    """
    left, bottom, right, top = (
        choose(mine, site)
        for choose, mine, site in zip((max, max, min, min), _bounds_in(part.grid, grid.crs), grid.bounds, strict=True)
    )
    (first_col, first_row), (last_col, last_row) = ~grid.transform @ (left, top), ~grid.transform @ (right, bottom)
    col, row = int(np.floor(first_col)), int(np.floor(first_row))
    window = Window(col, row, max(int(np.ceil(last_col)) - col, 1), max(int(np.ceil(last_row)) - row, 1))
    return resample(part, grid.crop(window), sampling)


def resample(part: Scene, target: Grid, sampling: Sampling = Sampling.BILINEAR) -> Scene:
    """Interpolates a scene, or a part of one, onto the whole of another grid.

    Args:
        part: In any coordinate reference system, resolution and alignment.
        target: Where it is wanted.
        sampling: How values between pixels are found.

    Returns:
        The scene on `target`; a pixel that was made of an unobserved one is unobserved.
    """
    holes = np.moveaxis(np.where(part.valid[..., np.newaxis], part.reflectance, np.float32(np.nan)), -1, 0)
    warped = warp(np.ascontiguousarray(holes), part.grid, target, sampling)
    weight = warp(part.valid.astype(np.float32)[np.newaxis], part.grid, target, sampling, outside=0.0)[0]
    valid = (np.abs(weight - 1.0) <= _ROUNDING) & np.isfinite(warped).all(axis=0)
    reflectance = np.ascontiguousarray(np.moveaxis(warped, 0, -1))
    reflectance[~valid] = 0.0
    return Scene(reflectance, valid, target, part.bands)


def warp(
    values: NDArray[np.float32],
    source: Grid,
    target: Grid,
    sampling: Sampling = Sampling.BILINEAR,
    outside: float = float("nan"),
) -> NDArray[np.float32]:
    """Interpolates layers onto another grid.

    Args:
        values: (layers, rows, cols); NaN is no observation and takes no part.
        source: Where they lie.
        target: Where they are wanted.
        sampling: How values between pixels are found.
        outside: What stands where nothing is known.

    Returns:
        (layers, rows, cols) on `target`.
    """
    found = np.full((len(values), *target.shape), outside, dtype=np.float32)
    reproject(
        values, found, src_transform=source.transform, src_crs=source.crs, dst_transform=target.transform,
        dst_crs=target.crs, src_nodata=np.nan, dst_nodata=outside, resampling=sampling.value,
    )  # fmt: skip
    return found


def _bounds_in(grid: Grid, crs: CRS) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of a grid in another coordinate reference system."""
    if grid.crs == crs:
        return grid.bounds
    left, bottom, right, top = transform_bounds(grid.crs, crs, *grid.bounds)
    return left, bottom, right, top
