"""Windows: the overlapping pieces in which a scene passes through the network.

First step from scene to probability. The windows of `cover` leave no strip of the scene unmapped: the last window of
a row or column is shifted inward, and a scene that is smaller than a window is one window of its own length.
"""

from __future__ import annotations

from rasterio.windows import Window

from chronoslide.errors import SettingsError


def cover(shape: tuple[int, int], window: int, overlap: int) -> list[Window]:
    """Windows that together cover every pixel of a raster and none outside it.

    Args:
        shape: (rows, cols) of the raster.
        window: Side of a window [pixels]; along an axis that is shorter, the windows have the axis' length.
        overlap: Pixels that neighbouring windows share at least [pixels].

    Returns:
        The windows, row by row; all of one shape.

    Raises:
        SettingsError: Windows with this overlap would not advance.
    """
    rows, cols = shape
    height, width = min(window, rows), min(window, cols)
    return [
        Window(col, row, width, height)
        for row in starts(rows, window, overlap)
        for col in starts(cols, window, overlap)
    ]


def starts(length: int, window: int, overlap: int) -> list[int]:
    """First pixels of the windows along one axis, ascending.

    Args:
        length: Pixels along the axis.
        window: Length of a window [pixels].
        overlap: Pixels that neighbours share at least [pixels].

    Returns:
        Offsets in 0..length - window; just 0 if the axis is not longer than a window.

    Raises:
        SettingsError: Windows with this overlap would not advance.
    """
    if not 0 <= overlap < window:
        raise SettingsError(
            f"map: an overlap of {overlap} pixels with windows of {window} covers nothing; "
            "set map.overlap_pixels to at most half of map.window_pixels"
        )
    last = max(length - window, 0)
    offsets = list(range(0, last, window - overlap))
    return [*offsets, last]
