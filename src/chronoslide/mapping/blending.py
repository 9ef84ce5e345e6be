"""Blending: overlapping windows of probability become one raster without seams.

Between inference and the probability raster. A window counts fully in its middle and fades towards its edges, where
the network saw less of the surroundings. The weights of all windows over a pixel are normalised to one before anything
is summed, which is possible axis by axis because the windows of `cover` form a lattice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from chronoslide.mapping.windows import starts

# The weight at a window's very edge. Above zero, so that pixels at the border of a scene keep a share of one.
_FLOOR = 1e-3


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


def axis_shares(length: int, window: int, overlap: int) -> dict[int, NDArray[np.float64]]:
    """The share that each window along one axis has in the pixels it covers.

    Args:
        length: Pixels along the axis.
        window: Length of a window [pixels].
        overlap: Pixels that neighbours share at least [pixels].

    Returns:
        The shares (min(window, length),) by the offset of the window; over each pixel they add up to one.
    """
    offsets = starts(length, window, overlap)
    side = min(window, length)
    weight = taper(side, overlap)
    total = np.zeros(length)
    for offset in offsets:
        total[offset : offset + side] += weight
    return {offset: weight / total[offset : offset + side] for offset in offsets}


@dataclass(frozen=True, slots=True)
class Blend:
    """A raster that grows from overlapping windows.

    The sum is kept in double precision and given back in single precision: rounding errors of the shares (about
    1e-15) vanish in that step, so that windows which all hold one constant float32 give back exactly that constant.

    Attributes:
        total: (rows, cols), what was added so far.
        row_shares: Shares of the windows down the rows, by first row.
        col_shares: Shares of the windows along the columns, by first column.
    """

    total: NDArray[np.float64]
    row_shares: dict[int, NDArray[np.float64]]
    col_shares: dict[int, NDArray[np.float64]]

    @classmethod
    def over(cls, shape: tuple[int, int], window: int, overlap: int) -> Blend:
        """An empty blend for the windows of `cover` with the same arguments."""
        rows, cols = shape
        return cls(np.zeros(shape), axis_shares(rows, window, overlap), axis_shares(cols, window, overlap))

    def share(self, window: Window) -> NDArray[np.float64]:
        """(height, width), the share of a window of `cover` in each of its pixels."""
        return np.outer(self.row_shares[window.row_off], self.col_shares[window.col_off])

    def add(self, window: Window, values: NDArray[np.float32]) -> None:
        """Adds the values (height, width) of one window."""
        rows, cols = window.toslices()
        self.total[rows, cols] += self.share(window) * values

    def values(self) -> NDArray[np.float32]:
        """(rows, cols); right where every window over a pixel was added."""
        return self.total.astype(np.float32)
