"""The ground that figures are taken on: blocks for the bootstrap, and the part of a site that is judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chronoslide.grid import Grid
from chronoslide.labels import UNOBSERVED
from chronoslide.patches.blocks import block_shape


def number_blocks(grid: Grid, block_metres: float) -> NDArray[np.int64]:
    """The number of the square block of ground that each pixel lies in, (rows, cols)."""
    height, width = block_shape(grid, block_metres)
    rows, cols = np.arange(grid.rows) // height, np.arange(grid.cols) // width
    numbers: NDArray[np.int64] = rows[:, np.newaxis] * (cols[-1] + 1) + cols
    return numbers


def within(labels: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Labels that are unobserved outside `region`, so that figures are taken inside it alone."""
    return np.where(region, labels, np.uint8(UNOBSERVED))
