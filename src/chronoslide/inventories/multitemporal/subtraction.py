"""Temporal subtraction: the raster view of what appeared and what went between two years.

After the authors' follow-up to the paper: the landslide raster of the year before is subtracted from that of the year,
slivers along displaced outlines are opened away, and objects below the minimum mapping unit are dropped. Beside the
tracked polygons, not before them. The arithmetic is signed: in unsigned integers 0 - 1 is not -1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.vectorising import remove_small
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.params import SubtractionSettings

APPEARED: Final = 1
GONE: Final = -1
UNCHANGED: Final = 0
UNKNOWN: Final = -128
"""Not observed in one of the two years; the raster's NoData value."""


def subtract(
    before: NDArray[np.uint8], after: NDArray[np.uint8], grid: Grid, settings: SubtractionSettings
) -> NDArray[np.int8]:
    """Subtracts the landslides of one year from those of a later one.

    Args:
        before: (rows, cols), labels of the earlier year: background, landslide or unobserved.
        after: (rows, cols), labels of the later year.
        grid: Where the pixels of both lie.
        settings: Opening (a square of 2 x radius + 1 pixels) and minimum mapping unit.

    Returns:
        (rows, cols): APPEARED, GONE, UNCHANGED or UNKNOWN.

    Raises:
        GridError: An array does not fit the grid.
    """
    if before.shape != grid.shape or after.shape != grid.shape:
        raise GridError(f"temporal subtraction: {before.shape} and {after.shape} do not fit the grid {grid.shape}")
    change = (after == LANDSLIDE).astype(np.int8) - (before == LANDSLIDE).astype(np.int8)
    known = (before != UNOBSERVED) & (after != UNOBSERVED)
    result = np.where(known, np.int8(UNCHANGED), np.int8(UNKNOWN))
    for kind in (APPEARED, GONE):
        changed = known & (change == kind)
        result[remove_small(_opened(changed, settings.opening_pixels), settings.minimum_area_m2, grid)] = kind
    return result


def _opened(binary: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    if not radius:
        return binary
    square = np.ones((2 * radius + 1, 2 * radius + 1), dtype=bool)
    return np.asarray(ndimage.binary_opening(binary, square))
