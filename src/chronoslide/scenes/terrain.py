"""The ground under a scene: an elevation model on the scene's grid, its gradient, and the shadows that it casts.

Beside the scenes; extra channels and the flag of cast shadows are made from it, and later the filter of inventories.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid, require_metric
from chronoslide.rasters import Raster
from chronoslide.scenes.reprojection import warp

# A ridge must stand this much above the ray to the sun: elevation models are rough by about as much.
_TOLERANCE_METRES: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun stood.

    Attributes:
        elevation_degrees: Above the horizon.
        azimuth_degrees: Clockwise from north.
    """

    elevation_degrees: float
    azimuth_degrees: float


def elevation_on(raster: Raster, grid: Grid, what: str) -> NDArray[np.float32]:
    """An elevation model on a site's grid, by bilinear interpolation where it lies on another one.

    Args:
        raster: One band [m], in any coordinate reference system.
        grid: The site's.
        what: Names the elevation model in errors.

    Returns:
        (rows, cols) [m], NaN where unknown.

    Raises:
        DataError: The raster has several bands, or knows nothing of the site.
    """
    if raster.values.shape[2] != 1:
        raise DataError(f"{what}: has {raster.values.shape[2]} bands; an elevation model has one, in metres")
    heights = raster.values[..., 0].astype(np.float32)
    heights[~raster.valid] = np.nan
    found = heights if raster.grid == grid else warp(heights[np.newaxis], raster.grid, grid)[0]
    if not np.isfinite(found).any():
        raise DataError(f"{what}: knows no elevation of the area of interest; deliver the model of that place")
    return found


def slope_degrees(elevation: NDArray[np.floating], grid: Grid) -> NDArray[np.float64]:
    """The slope after Horn (1981), from the eight neighbours; at the border from those that there are.

    Args:
        elevation: (rows, cols) [m], NaN where unknown.
        grid: Where the pixels lie.

    Returns:
        (rows, cols) [degrees], NaN where it or a neighbour is unknown.
    """
    east, south = gradient(elevation, grid)
    return np.asarray(np.degrees(np.arctan(np.hypot(east, south))))


def gradient(elevation: NDArray[np.floating], grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rise of the ground towards the east and towards the south, after Horn (1981).

    Returns:
        Two arrays (rows, cols) [m per m].

    Raises:
        GridError: The elevation does not fit the grid, or the grid is not in metres.
    """
    require_metric(grid.crs, "the elevation model")
    if elevation.shape != grid.shape:
        raise GridError(f"the elevation model {elevation.shape} does not fit its grid {grid.shape}")
    width, height = grid.resolution
    padded = np.pad(np.asarray(elevation, dtype=np.float64), 1, mode="reflect", reflect_type="odd")
    weighed_rows = padded[:-2] + 2.0 * padded[1:-1] + padded[2:]
    weighed_cols = padded[:, :-2] + 2.0 * padded[:, 1:-1] + padded[:, 2:]
    east = (weighed_rows[:, 2:] - weighed_rows[:, :-2]) / (8.0 * width)
    south = (weighed_cols[2:] - weighed_cols[:-2]) / (8.0 * height)
    east[np.isnan(elevation)] = np.nan  # the pixel itself does not enter
    return east, south


def cast_shadow(elevation: NDArray[np.floating], grid: Grid, sun: Sun) -> NDArray[np.bool_]:
    """Where direct sunlight does not arrive: behind higher ground, and on slopes that face away from the sun.

    The height of the shadow's edge is carried away from the sun, line by line, and falls by the tangent of the sun's
    elevation on its way. Ground beyond the grid casts no shadow.

    Args:
        elevation: (rows, cols) [m], NaN where unknown; there is no shadow there.
        grid: Where the pixels lie.
        sun: Where the sun stood.

    Raises:
        GridError: The grid is not in metres, or its pixels are not square.
    """
    east, south = gradient(elevation, grid)
    width, height = grid.resolution
    if abs(width - height) > 1e-3 * width:
        raise GridError(f"cast shadows need square pixels, these are {width:g} x {height:g} m; resample the scene")
    azimuth, rise = np.radians(sun.azimuth_degrees % 360.0), np.tan(np.radians(sun.elevation_degrees))
    # Towards the sun the ground rises more steeply than the ray.
    away = east * np.sin(azimuth) - south * np.cos(azimuth) > rise
    return np.asarray(away | _behind_ridges(np.asarray(elevation, dtype=np.float64), width, rise, azimuth))


def _behind_ridges(elevation: NDArray[np.float64], resolution: float, rise: float, azimuth: float) -> NDArray[np.bool_]:
    south, east = -np.cos(azimuth), np.sin(azimuth)  # towards the sun, in rows and columns
    by_row = abs(south) >= abs(east)
    ground = elevation if by_row else elevation.T
    main, cross = (south, east) if by_row else (east, south)
    if main < 0:
        ground = ground[::-1]
    # From here on the sun stands towards the last line; a step goes one line away from it.
    sideways = cross / abs(main)
    fall = resolution * np.hypot(1.0, sideways) * rise
    position = np.arange(ground.shape[1], dtype=np.float64)
    lowest = np.nanmin(ground)
    edge = np.nan_to_num(ground[-1], nan=lowest)
    dark = np.zeros(ground.shape, dtype=bool)
    for line in range(ground.shape[0] - 2, -1, -1):
        edge = np.interp(position + sideways, position, edge) - fall
        dark[line] = edge > ground[line] + _TOLERANCE_METRES
        edge = np.fmax(edge, ground[line])
    if main < 0:
        dark = dark[::-1]
    return dark if by_row else dark.T
