"""A scene through the network in strips: windows are read ahead, sent through, blended, and given away from the top.

The core of the way from scene to probability. What is in memory depends on the scene's width and the window, not on the
scene's length. A row of windows is cut into batches of its own, so every window meets the network in the same company
wherever a map begins: a map that goes on at a later row gives the same values as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from chronoslide.grid import Grid
from chronoslide.mapping.blending import Blend
from chronoslide.mapping.pipelining import read_ahead
from chronoslide.mapping.windows import starts
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics, fill_unobserved

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Reflectance (n, rows, cols, bands) to probability (n, rows, cols)."""

Progress = Callable[[int, int], None]
"""Takes the number of windows that are done and of all."""

# Four decimals are finer than any model's calibration, let files compress and hide differences between machines.
_DECIMALS: Final = 4
# The network halves its input four times.
_SIDE_MULTIPLE: Final = 16
_BATCHES_AHEAD: Final = 2


class WindowedScene(Protocol):
    """What is mapped: a scene in memory or on disk."""

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""

    @property
    def bands(self) -> tuple[str, ...]:
        """A name for each band."""

    def read(self, window: Window, bands: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Reflectance (rows, cols, bands) and validity (rows, cols) in a window."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Finished rows of a map.

    Attributes:
        first_row: Of the strip in the scene.
        probability: (rows, cols), all columns; NaN where the scene is not valid.
    """

    first_row: int
    probability: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Windows of one row of windows that go through the network together.

    Attributes:
        windows: With a valid pixel.
        images: (n, rows, cols, bands), filled and padded.
        valid: (height, width) of each window.
        row: First row of the windows.
        next_row: First row of the next row of windows if this batch ends its row, else None.
        done: Windows of the scene up to here.
    """

    windows: list[Window]
    images: NDArray[np.float32] | None
    valid: list[NDArray[np.bool_]]
    row: int
    next_row: int | None
    done: int


def probability_strips(
    scene: WindowedScene,
    predict: Predict,
    statistics: BandStatistics,
    settings: MapSettings,
    first_row: int = 0,
    progress: Progress | None = None,
) -> Iterator[Strip]:
    """The probability of landslide in every observed pixel of a scene, from its top to its bottom.

    Args:
        scene: Any shape; it must have the bands of `statistics`. It is read in a thread.
        predict: The network; rows and columns that it is given are multiples of 16.
        statistics: Of the training patches; unobserved pixels get the mean of each band.
        settings: Windows, overlap, batch.
        first_row: Rows above it are known already and left out; only windows that reach below it are sent through.
        progress: Called after each batch; windows without a valid pixel count as done when they are passed over.

    Yields:
        Strips without gaps; their values are rounded to four decimals.

    Raises:
        DataError: The scene lacks a band that the network was trained on, or its file is broken.
        SettingsError: Windows with this overlap would not advance.
    """
    rows, cols = scene.grid.shape
    if first_row >= rows:
        return
    side, overlap = settings.window_pixels, settings.overlap_pixels
    count = len(starts(rows, side, overlap)) * len(starts(cols, side, overlap))
    blend = Blend((rows, cols), side, overlap, first_row)
    valid = np.zeros((min(side, rows), cols), dtype=bool)
    top = first_row
    for batch in read_ahead(_batches(scene, statistics, settings, first_row), _BATCHES_AHEAD):
        if batch.images is not None:
            for window, probability in zip(batch.windows, predict(batch.images), strict=True):
                blend.add(window, probability[: window.height, : window.width])
        for window, observed in zip(batch.windows, batch.valid, strict=True):
            above = max(top - window.row_off, 0)
            begin = window.row_off + above - top
            valid[begin : begin + window.height - above, window.toslices()[1]] = observed[above:]
        if progress is not None:
            progress(batch.done, count)
        if batch.next_row is not None and batch.next_row > top:
            height = batch.next_row - top
            probability = np.round(blend.finish(batch.next_row), _DECIMALS)
            probability[~valid[:height]] = np.nan
            valid[: -height or None] = valid[height:].copy()
            valid[-height:] = False
            yield Strip(top, probability)
            top = batch.next_row


def _batches(
    scene: WindowedScene, statistics: BandStatistics, settings: MapSettings, first_row: int
) -> Iterator[_Batch]:
    rows, cols = scene.grid.shape
    side, overlap = settings.window_pixels, settings.overlap_pixels
    row_starts, col_starts = starts(rows, side, overlap), starts(cols, side, overlap)
    height, width = min(side, rows), min(side, cols)
    done = 0
    for row, next_row in zip(row_starts, [*row_starts[1:], rows], strict=True):
        if row + height <= first_row:
            done += len(col_starts)
            continue
        windows: list[Window] = []
        images: list[NDArray[np.float32]] = []
        validity: list[NDArray[np.bool_]] = []
        for col in col_starts:
            window = Window(col, row, width, height)
            reflectance, valid = scene.read(window, statistics.bands)
            done += 1
            if valid.any():
                windows.append(window)
                images.append(reflectance)
                validity.append(valid)
            ends_row = col == col_starts[-1]
            if ends_row or len(windows) == settings.batch_windows:
                filled = _fill(images, validity, statistics) if images else None
                yield _Batch(windows, filled, validity, row, next_row if ends_row else None, done)
                windows, images, validity = [], [], []


def _fill(
    images: Sequence[NDArray[np.float32]], valid: Sequence[NDArray[np.bool_]], statistics: BandStatistics
) -> NDArray[np.float32]:
    """Windows as the network takes them (n, rows, cols, bands); what lies beyond a small scene counts as unobserved."""
    rows, cols = valid[0].shape
    observed = np.zeros((len(valid), _padded(rows), _padded(cols)), dtype=bool)
    filled = np.zeros((*observed.shape, len(statistics.bands)), dtype=np.float32)
    for index, (image, known) in enumerate(zip(images, valid, strict=True)):
        filled[index, :rows, :cols] = image
        observed[index, :rows, :cols] = known
    return filled if observed.all() else fill_unobserved(filled, observed, statistics)


def _padded(side: int) -> int:
    return -(-side // _SIDE_MULTIPLE) * _SIDE_MULTIPLE
