"""The grid: where the pixels of a raster lie on the ground, as one immutable value.

Every array that has a place on the ground travels with one `Grid`. Two arrays may meet only when their grids are
equal; anything else is aligned by an explicit call, or refused by `require_same`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from shapely.geometry import Polygon, box

from chronoslide.errors import GridError

# Deliveries write their corners in decimal text: positions nearer than this share of a pixel are the same position.
_TOLERANCE_PIXELS = 1e-3


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up raster grid.

    Attributes:
        crs: The coordinate reference system.
        transform: Maps (column, row) of a pixel's upper left corner to (x, y).
        shape: (rows, cols).

    Raises:
        GridError: The grid is rotated or sheared, has no pixels, or its pixels have no size.
    """

    crs: CRS
    transform: Affine
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        rows, cols = self.shape
        if rows < 1 or cols < 1:
            raise GridError(f"a grid needs at least one row and one column, got {self.shape}")
        if self.transform.b or self.transform.d or self.transform.a <= 0 or self.transform.e >= 0:
            raise GridError(
                f"only north-up grids are handled, got transform {tuple(self.transform)[:6]}; warp it first"
            )
        object.__setattr__(self, "shape", (int(rows), int(cols)))
        object.__setattr__(self, "crs", CRS.from_user_input(self.crs))  # geopandas hands over pyproj's

    @classmethod
    def from_bounds(cls, bounds: tuple[float, float, float, float], crs: CRS, resolution: float) -> Grid:
        """The smallest grid that covers `bounds` (left, bottom, right, top) and starts at multiples of `resolution`."""
        left, bottom, right, top = bounds
        nudge = _TOLERANCE_PIXELS
        first_col, first_row = math.floor(left / resolution + nudge), math.ceil(top / resolution - nudge)
        cols = math.ceil(right / resolution - nudge) - first_col
        rows = first_row - math.floor(bottom / resolution + nudge)
        transform = Affine(resolution, 0.0, first_col * resolution, 0.0, -resolution, first_row * resolution)
        return cls(crs, transform, (max(rows, 1), max(cols, 1)))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def cols(self) -> int:
        """Number of columns."""
        return self.shape[1]

    @property
    def resolution(self) -> tuple[float, float]:
        """Width and height of a pixel in units of the coordinate reference system."""
        return self.transform.a, -self.transform.e

    @property
    def pixel_area_m2(self) -> float:
        """The area of a pixel in m2.

        Raises:
            GridError: The coordinate reference system is not projected in metres.
        """
        require_metric(self.crs, "this grid")
        return self.transform.a * -self.transform.e

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top)."""
        left, top = self.transform.c, self.transform.f
        return left, top + self.rows * self.transform.e, left + self.cols * self.transform.a, top

    @property
    def footprint(self) -> Polygon:
        """The rectangle that the grid covers."""
        return box(*self.bounds)

    def crop(self, window: Window) -> Grid:
        """The grid of the pixels inside `window` (offsets and lengths in pixels)."""
        transform = self.transform @ Affine.translation(window.col_off, window.row_off)
        return Grid(self.crs, transform, (int(window.height), int(window.width)))

    def window_of(self, other: Grid) -> Window:
        """Where `other` lies in this grid; it may reach beyond.

        Raises:
            GridError: The two do not share one lattice (CRS, resolution, alignment).
        """
        if self.crs != other.crs:
            raise GridError(
                f"the grids differ in CRS: {name_of(self.crs)} and {name_of(other.crs)}; reproject one of them"
            )
        if not all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(self.resolution, other.resolution, strict=True)):
            raise GridError(
                f"the grids differ in resolution: {self.resolution} and {other.resolution}; resample one of them"
            )
        col, row = ~self.transform @ (other.transform.c, other.transform.f)
        if abs(col - round(col)) > _TOLERANCE_PIXELS or abs(row - round(row)) > _TOLERANCE_PIXELS:
            raise GridError(
                f"the grids are shifted by a part of a pixel (column {col:.3f}, row {row:.3f}); resample one of them"
            )
        return Window(round(col), round(row), other.cols, other.rows)


def require_same(first: Grid, second: Grid, what: str) -> None:
    """Refuses two different grids.

    Raises:
        GridError: Naming `what` was to be combined and the first difference.
    """
    if first == second:
        return
    window = first.window_of(second)
    if (window.col_off, window.row_off) != (0, 0) or first.shape != second.shape:
        raise GridError(
            f"{what}: the grids cover different ground ({first.shape} at {first.bounds[:2]} and "
            f"{second.shape} at {second.bounds[:2]}); crop one to the other"
        )


def require_metric(crs: Any, what: str) -> None:
    """Refuses a missing or geographic coordinate reference system, because areas are in m2.

    Args:
        crs: Rasterio's or pyproj's (as geopandas has it), or None.
        what: Names what carries it.

    Raises:
        GridError: Naming `what` carries it.
    """
    if crs is None:
        raise GridError(f"{what}: no coordinate reference system; assign the one it was made in")
    crs = CRS.from_user_input(crs)
    if not crs.is_projected or not math.isclose(crs.linear_units_factor[1], 1.0, rel_tol=1e-9):
        raise GridError(f"{what}: {name_of(crs)} is not in metres; reproject it, for example to its UTM zone")


def name_of(crs: CRS | None) -> str:
    """`EPSG:32645` where there is such a code, the name or the start of the WKT otherwise."""
    if crs is None:
        return "no CRS"
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else crs.to_wkt()[:60]
