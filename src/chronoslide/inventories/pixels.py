"""Which pixels lie in a polygon: the step from an outline to the raster values under it.

Used wherever a polygon asks a raster: validity, greenness, elevation, slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import features
from rasterio.windows import Window

from chronoslide.errors import GridError
from chronoslide.grid import Grid


def extents(outlines: NDArray[np.object_], grid: Grid) -> tuple[NDArray[np.intp], ...]:
    """First and last (exclusive) row, first and last column of the rectangle around each polygon, within the grid.

    Args:
        outlines: (polygons,), in the coordinate reference system of the grid.
        grid: Where the pixels lie.

    Returns:
        Four arrays (polygons,); first and last are equal where a polygon lies outside.
    """
    left, bottom, right, top = shapely.bounds(outlines).T
    width, height = grid.resolution
    x, y = grid.transform.c, grid.transform.f
    rows = np.floor((y - top) / height), np.ceil((y - bottom) / height)
    cols = np.floor((left - x) / width), np.ceil((right - x) / width)
    edges = [(edge, grid.rows) for edge in rows] + [(edge, grid.cols) for edge in cols]
    return tuple(np.clip(edge, 0, most).astype(np.intp) for edge, most in edges)


def pixels_of(outline: shapely.Geometry, grid: Grid) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """The pixels whose centre lies in a polygon; if it is too thin for that, those that it touches.

    Args:
        outline: In the coordinate reference system of the grid.
        grid: Where the pixels lie.

    Returns:
        The rows and columns of the rectangle around it, and (rows, cols) which pixels of that are inside.
    """
    top, bottom, left, right = (int(edge[0]) for edge in extents(np.array([None, outline], dtype=object)[1:], grid))
    place = slice(top, bottom), slice(left, right)
    if bottom <= top or right <= left:
        return place, np.zeros((max(bottom - top, 0), max(right - left, 0)), dtype=bool)
    part = grid.crop(Window(left, top, right - left, bottom - top))
    for all_touched in (False, True):
        inside = features.geometry_mask([outline], part.shape, part.transform, invert=True, all_touched=all_touched)
        if inside.any():
            break
    return place, np.asarray(inside)


@dataclass(frozen=True, slots=True)
class Surface:
    """A measured quantity over the ground, such as elevation or probability.

    Attributes:
        values: (rows, cols), NaN where unknown.
        grid: Where the pixels lie.

    Raises:
        GridError: The values do not fit the grid.
    """

    values: NDArray[np.floating]
    grid: Grid

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise GridError(f"values {self.values.shape} do not fit the grid {self.grid.shape}")

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of the pixels in which points lie.

        Args:
            points: (points, 2), x and y [m].

        Returns:
            (points,), NaN outside the grid.
        """
        cols, rows = ~self.grid.transform @ points.T
        row, col = np.floor(rows).astype(np.intp), np.floor(cols).astype(np.intp)
        inside = (row >= 0) & (row < self.grid.rows) & (col >= 0) & (col < self.grid.cols)
        values = np.full(len(points), np.nan)
        values[inside] = self.values[row[inside], col[inside]]
        return values

    def mean(self, outline: shapely.Geometry) -> float:
        """The mean over the known pixels of a polygon, NaN if there is none."""
        place, inside = pixels_of(outline, self.grid)
        values = self.values[place][inside]
        values = values[np.isfinite(values)]
        return float(values.mean(dtype=np.float64)) if values.size else math.nan
