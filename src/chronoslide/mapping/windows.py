"""Windows: the overlapping pieces in which a scene passes through the network.

First step from scene to probability. What neighbours share is computed twice, so a scene gets as few windows as the
largest one allows, and these only as large as they must be: all of one shape, spread evenly, none beyond the scene. A
scene that is smaller than the largest window is one window of its own shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from rasterio.windows import Window

from chronoslide.errors import SettingsError
from chronoslide.params import SIDE_MULTIPLE


@dataclass(frozen=True, slots=True)
class Axis:
    """The windows along one axis of a raster.

    Attributes:
        side: Of each window [pixels].
        starts: First pixel of each, ascending; the first is 0 and the last window ends where the raster ends.
    """

    side: int
    starts: tuple[int, ...]


def axis(length: int, largest: int, overlap: int) -> Axis:
    """The fewest windows that cover an axis, as small as they can be.

    Args:
        length: Pixels along the axis.
        largest: That a window may have [pixels].
        overlap: Pixels that neighbours share at least [pixels].

    Returns:
        Windows whose side is a multiple of 16, or `largest`; an axis that is not longer than `largest` is one window.

    Raises:
        SettingsError: Windows with this overlap would not advance.
    """
    if not 0 <= overlap < largest:
        raise SettingsError(
            f"map: an overlap of {overlap} pixels with windows of {largest} covers nothing; "
            "set map.overlap_pixels to at most half of map.window_pixels"
        )
    if length <= largest:
        return Axis(length, (0,))
    count = -(-(length - overlap) // (largest - overlap))
    needed = -(-(length + (count - 1) * overlap) // count)
    side = min(up_to_multiple(needed), largest)
    return Axis(side, tuple((length - side) * number // (count - 1) for number in range(count)))


def up_to_multiple(side: int) -> int:
    """The next side [pixels] that the network takes."""
    return -(-side // SIDE_MULTIPLE) * SIDE_MULTIPLE


def cover(shape: tuple[int, int], largest: int, overlap: int) -> list[Window]:
    """Windows that together cover every pixel of a raster and none outside it.

    Args:
        shape: (rows, cols) of the raster.
        largest: Side that a window may have [pixels].
        overlap: Pixels that neighbouring windows share at least [pixels].

    Returns:
        The windows, row by row; all of one shape.

    Raises:
        SettingsError: Windows with this overlap would not advance.
    """
    down, along = (axis(length, largest, overlap) for length in shape)
    return [Window(col, row, along.side, down.side) for row in down.starts for col in along.starts]
