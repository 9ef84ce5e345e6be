"""A scene through the network in strips: windows are read ahead, sent through, blended, and given away from the top.

The core of the way from scene to probability. What is in memory depends on the scene's width and the window, not on the
scene's length. A row of windows is cut into batches of its own, so every window meets the network in the same company
wherever a map begins: a map that goes on at a later row gives the same values as one that was never interrupted. The
three steps, planning batches, mapping them, joining what came out, stand apart, so that others than this process may
do the middle one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from chronoslide.grid import Grid
from chronoslide.mapping.asking import Predict, ask
from chronoslide.mapping.blending import Blend
from chronoslide.mapping.windows import Axis, axis, up_to_multiple
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics, fill_unobserved
from chronoslide.pipelining import read_ahead

Progress = Callable[[int, int], None]
"""Takes the number of windows that are done and of all."""

# Four decimals are finer than any model's calibration, let files compress and hide differences between machines.
_DECIMALS: Final = 4
_BATCHES_AHEAD: Final = 2
_BATCHES_BEHIND: Final = 1
_STRIP_ROWS: Final = 16


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
class Batch:
    """Neighbouring windows of one row of windows, which go through the network together.

    Attributes:
        row: First row of the windows.
        cols: First column of each window.
        next_row: First row of the next row of windows if this batch ends its row, else None.
        done: Windows of the scene up to here.
    """

    row: int
    cols: tuple[int, ...]
    next_row: int | None
    done: int


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """A batch as the network takes it.

    Attributes:
        windows: Those with a valid pixel.
        images: (n, rows, cols, bands) of these, filled and padded; None if there are none.
        valid: (height, width) of each of these.
    """

    windows: tuple[Window, ...]
    images: NDArray[np.float32] | None
    valid: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True, slots=True)
class MappedBatch:
    """What the network made of a batch.

    Attributes:
        windows: Those with a valid pixel.
        probability: (height, width) of each of these.
        valid: (height, width) of each of these.
    """

    windows: tuple[Window, ...]
    probability: tuple[NDArray[np.float32], ...]
    valid: tuple[NDArray[np.bool_], ...]


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
        predict: The network; rows and columns that it is given are multiples of 16. It is called in another thread.
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
    batches = plan_batches(scene.grid.shape, settings, first_row)

    def mapped() -> Iterator[tuple[Batch, MappedBatch]]:
        images = ((batch, read_batch(scene, batch, statistics, settings)) for batch in batches)
        under_way: tuple[Batch, Callable[[], MappedBatch]] | None = None
        for batch, read in read_ahead(images, _BATCHES_AHEAD):
            begun = batch, begin_batch(read, predict)
            if under_way is not None:
                yield under_way[0], under_way[1]()
            under_way = begun
        if under_way is not None:
            yield under_way[0], under_way[1]()

    # The network's next batch begins while the last one is blended, which would cost a tenth of the time.
    yield from blend_batches(read_ahead(mapped(), _BATCHES_BEHIND), scene.grid.shape, settings, first_row, progress)


def plan_batches(shape: tuple[int, int], settings: MapSettings, first_row: int = 0) -> list[Batch]:
    """The batches that reach below a row, in the order in which a scene of this shape (rows, cols) is mapped.

    Raises:
        SettingsError: Windows with this overlap would not advance.
    """
    rows, _ = shape
    down, along = _axes(shape, settings)
    if first_row >= rows:
        return []
    together = settings.batch_windows
    batches = []
    for index, (row, next_row) in enumerate(zip(down.starts, [*down.starts[1:], rows], strict=True)):
        if row + down.side <= first_row:
            continue
        for first in range(0, len(along.starts), together):
            chosen = along.starts[first : first + together]
            done = index * len(along.starts) + first + len(chosen)
            batches.append(Batch(row, chosen, next_row if chosen[-1] == along.starts[-1] else None, done))
    return batches


def read_batch(scene: WindowedScene, batch: Batch, statistics: BandStatistics, settings: MapSettings) -> ReadBatch:
    """The windows of a batch that have a valid pixel.

    Raises:
        DataError: The scene lacks a band that the network was trained on, or its file is broken.
    """
    down, along = _axes(scene.grid.shape, settings)
    windows, images, validity = [], [], []
    for col in batch.cols:
        window = Window(col, batch.row, along.side, down.side)
        reflectance, valid = scene.read(window, statistics.bands)
        if valid.any():
            windows.append(window)
            images.append(reflectance)
            validity.append(valid)
    return ReadBatch(tuple(windows), _fill(images, validity, statistics) if images else None, tuple(validity))


def begin_batch(batch: ReadBatch, predict: Predict) -> Callable[[], MappedBatch]:
    """Sends a batch to the network; what is returned waits for its answer."""
    answer = None if batch.images is None else ask(predict, batch.images)
    windows, valid = batch.windows, batch.valid  # without the images, which need not wait in memory

    def fetch() -> MappedBatch:
        found = () if answer is None else answer()
        cropped = tuple(
            probability[: window.height, : window.width] for window, probability in zip(windows, found, strict=True)
        )
        return MappedBatch(windows, cropped, valid)

    return fetch


def map_batch(batch: ReadBatch, predict: Predict) -> MappedBatch:
    """Sends a batch through the network."""
    return begin_batch(batch, predict)()


def blend_batches(
    mapped: Iterable[tuple[Batch, MappedBatch]],
    shape: tuple[int, int],
    settings: MapSettings,
    first_row: int = 0,
    progress: Progress | None = None,
) -> Iterator[Strip]:
    """Joins what the network made of all batches of `plan_batches`, in their order, into finished rows.

    Args:
        mapped: Batches, wherever they were mapped.
        shape: (rows, cols) of the scene.
        settings: Windows, overlap, batch.
        first_row: Rows above it are left out.
        progress: Called after each batch.

    Yields:
        Strips without gaps, of a few rows each; their values are rounded to four decimals.
    """
    rows, cols = shape
    if first_row >= rows:
        return
    down, along = _axes(shape, settings)
    count = len(down.starts) * len(along.starts)
    blend = Blend(shape, settings.window_pixels, settings.overlap_pixels, first_row)
    valid = np.zeros((down.side, cols), dtype=bool)
    top = first_row
    for batch, found in mapped:
        for window, probability, observed in zip(found.windows, found.probability, found.valid, strict=True):
            blend.add(window, probability)
            above = max(top - window.row_off, 0)
            begin = window.row_off + above - top
            valid[begin : begin + window.height - above, window.toslices()[1]] = observed[above:]
        if progress is not None:
            progress(batch.done, count)
        if batch.next_row is not None and batch.next_row > top:
            # Few rows at once: what is rounded, masked and waiting to be written stays small in wide scenes.
            for first in range(top, batch.next_row, _STRIP_ROWS):
                part = slice(first - top, min(first + _STRIP_ROWS, batch.next_row) - top)
                probability = rounded(blend.finished(first, top + part.stop))
                probability[~valid[part]] = np.nan
                yield Strip(first, probability)
            blend.drop(batch.next_row)
            height = batch.next_row - top
            valid[: -height or None] = valid[height:].copy()
            valid[-height:] = False
            top = batch.next_row


def rounded(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities as maps hold them: four decimals."""
    return np.round(probability, _DECIMALS)


def _fill(
    images: Sequence[NDArray[np.float32]], valid: Sequence[NDArray[np.bool_]], statistics: BandStatistics
) -> NDArray[np.float32]:
    """Windows as the network takes them (n, rows, cols, bands); what lies beyond a small scene counts as unobserved.

    In memory, bands lie apart as they do in a scene's file.
    """
    rows, cols = valid[0].shape
    observed = np.zeros((len(valid), up_to_multiple(rows), up_to_multiple(cols)), dtype=bool)
    planes = np.zeros((len(valid), len(statistics.bands), *observed.shape[1:]), dtype=np.float32)
    filled = np.moveaxis(planes, 1, -1)
    for index, (image, known) in enumerate(zip(images, valid, strict=True)):
        filled[index, :rows, :cols] = image
        observed[index, :rows, :cols] = known
    return filled if observed.all() else fill_unobserved(filled, observed, statistics)


def _axes(shape: tuple[int, int], settings: MapSettings) -> tuple[Axis, Axis]:
    """The windows down and along a scene."""
    down, along = (axis(length, settings.window_pixels, settings.overlap_pixels) for length in shape)
    return down, along
