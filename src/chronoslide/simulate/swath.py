"""How a scene is cut into delivered tiles, with the black, slanted borders of a swath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SLANT = 0.05  # columns a row: the edges of the swath are not north-up
_SEAM_SLANT = 0.10
_OVERLAP_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of a scene.

    Attributes:
        first_col: Its first column in the scene.
        last_col: The column after its last one.
        imaged: (rows, cols), where the sensor saw the ground.
    """

    first_col: int
    last_col: int
    imaged: NDArray[np.bool_]


def cut_tiles(shape: tuple[int, int], margin: int, lost_corner: float) -> tuple[Tile, Tile]:
    """Cuts a scene into a western and an eastern tile that overlap.

    Args:
        shape: (rows, cols) of the scene.
        margin: Pixels around the area of interest.
        lost_corner: Share of the area of interest's sides that the missing north-western corner reaches.

    Returns:
        Two tiles; together they image the whole area of interest but for that corner.
    """
    rows, cols = shape
    row = np.arange(rows)[:, np.newaxis]
    col = np.arange(cols)[np.newaxis, :]
    slant = min(_SLANT, 0.9 * margin / rows)
    swath = (col >= (rows - row) * slant) & (col < cols - row * slant)
    if lost_corner > 0:
        inner = np.array([rows - 2 * margin, cols - 2 * margin]) * lost_corner
        beyond = (row - margin) / inner[0] + (col - margin) / inner[1]
        swath &= beyond >= 1.0
    overlap = max(min(round(_OVERLAP_SHARE * cols), 264), 16)
    middle = cols // 2
    first, last = middle - overlap // 2, middle + overlap - overlap // 2
    lean = min(_SEAM_SLANT, 0.35 * overlap / rows)
    western = swath & (col < last - row * lean)
    eastern = swath & (col >= first + (rows - row) * lean)
    return Tile(0, last, western[:, :last]), Tile(first, cols, eastern[:, first:])
