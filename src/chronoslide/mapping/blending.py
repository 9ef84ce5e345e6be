"""Blending: overlapping windows of probability become one raster without seams.

Between inference and the probability raster. A window counts fully in its middle and fades towards its edges, where
the network saw less of the surroundings. The weights of all windows over a pixel are normalised to one before anything
is summed, which is possible axis by axis because the windows of `cover` form a lattice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from chronoslide.mapping.windows import axis

# The weight at a window's very edge. Above zero, so that pixels at the border of a scene keep a share of one.
_FLOOR = 1e-3
# Rows that are weighted and added at once: few enough to stay in a processor's cache.
_ROWS_AT_ONCE = 32


def taper(length: int, overlap: int) -> NDArray[np.float64]:
    """The weight of a window along one axis: raised cosine over the overlap, 1 between, positive everywhere.

    Args:
        length: Pixels of the window.
        overlap: Pixels over which it fades at either end; 0 gives a constant.

    Returns:
        (length,), symmetric.
    """
    if overlap == 0:
        return np.ones(length)
    from_edge = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
    fading = np.sin(0.5 * np.pi * np.minimum(from_edge / overlap, 1.0)) ** 2
    return _FLOOR + (1.0 - _FLOOR) * fading


def axis_shares(length: int, largest: int, overlap: int) -> dict[int, NDArray[np.float64]]:
    """The share that each window along one axis has in the pixels it covers.

    Args:
        length: Pixels along the axis.
        largest: That a window may have [pixels].
        overlap: Pixels that neighbours share at least [pixels].

    Returns:
        The shares (side,) by the first pixel of the window; over each pixel they add up to one.
    """
    windows = axis(length, largest, overlap)
    weight = taper(windows.side, overlap)
    total = np.zeros(length)
    for start in windows.starts:
        total[start : start + windows.side] += weight
    return {start: weight / total[start : start + windows.side] for start in windows.starts}


class Blend:
    """A raster that grows from overlapping windows, row of windows by row of windows, and is given away from the top.

    Only the rows that windows still reach are held, so memory depends on the raster's width and the window. The sum is
    kept in double precision and given back in single precision: rounding errors of the shares (about 1e-15) vanish in
    that step, so that windows which all hold one constant float32 give back exactly that constant.
    """

    def __init__(self, shape: tuple[int, int], largest: int, overlap: int, first_row: int = 0) -> None:
        """Begins an empty blend for the windows of `cover` with the same arguments.

        Args:
            shape: (rows, cols) of the raster.
            largest: Side that a window may have [pixels].
            overlap: Pixels that neighbouring windows share at least [pixels].
            first_row: What lies above it is not wanted.
        """
        rows, cols = shape
        self._total = np.zeros((axis(rows, largest, overlap).side, cols))
        self._top = first_row
        self._row_shares = axis_shares(rows, largest, overlap)
        self._col_shares = axis_shares(cols, largest, overlap)

    def add(self, window: Window, values: NDArray[np.float32]) -> None:
        """Adds the values (height, width) of one window; what lies above the first row that is held is left out."""
        above = max(self._top - window.row_off, 0)
        down, along = self._row_shares[window.row_off], self._col_shares[window.col_off]
        held = self._total[window.row_off + above - self._top :, window.col_off : window.col_off + window.width]
        for first in range(above, window.height, _ROWS_AT_ONCE):
            some = slice(first, min(first + _ROWS_AT_ONCE, window.height))
            held[first - above : some.stop - above] += np.outer(down[some], along) * values[some]

    def finished(self, begin: int, end: int) -> NDArray[np.float32]:
        """The rows from `begin` up to `end` (not included), to which no window will add; they stay where they are."""
        return self._total[begin - self._top : end - self._top].astype(np.float32)

    def drop(self, end: int) -> None:
        """Makes room by giving up the rows from the first that is held up to `end` (not included)."""
        count = end - self._top
        self._total[: -count or None] = self._total[count:]
        self._total[-count:] = 0.0
        self._top = end
