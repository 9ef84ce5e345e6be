"""Vectorising strip by strip: the polygons of a raster that need not fit into memory, joined where strips meet.

Beside `vectorising`, and equal to it: the same polygons, vertex by vertex, in the same order. A strip is labelled by
itself; objects that touch its last row wait, with their own pixels only, until the strip comes in which they end. So
memory depends on the raster's width, the strips and the objects that are open, not on the raster's length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio import features
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry import shape as as_geometry

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.joining import close_gaps
from chronoslide.inventories.outlines.vectorising import polygon_frame
from chronoslide.params import JoiningSettings

BinaryStrip = tuple[NDArray[np.bool_], NDArray[np.float32] | None]
"""Rows of a raster (rows, cols), True on landslides, and their probability (rows, cols) if it is known."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """The part of an object that lies in one strip: its bounding box, its pixels in it, their probability."""

    row: int
    col: int
    mask: NDArray[np.bool_]
    probability: NDArray[np.float32] | None

    @property
    def end(self) -> tuple[int, int]:
        return self.row + self.mask.shape[0], self.col + self.mask.shape[1]


@dataclass
class _Finished:
    """Columns of the objects that have ended, in the order in which they did; outlines in pixels of the grid."""

    first: list[tuple[int, int]] = field(default_factory=list)
    pixels: list[int] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    outlines: list[shapely.Polygon] = field(default_factory=list)


def binary_strips(
    probability: Iterable[NDArray[np.float32]], threshold: float, joining: JoiningSettings | None = None
) -> Iterator[BinaryStrip]:
    """Landslide or not, strip by strip; what `polygonise_strips` takes.

    Args:
        probability: Rows (rows, cols) of a map from its top to its bottom, NaN where unobserved.
        threshold: Probability from which a pixel is landslide.
        joining: How narrow gaps are closed; None leaves them open.

    Yields:
        The rows of `close_gaps(probability >= threshold, joining, probability)` of the whole map, with their
        probability. A strip is held back until the rows below it are known that reach into it.
    """
    halo = 0 if joining is None else 2 * joining.closing_pixels
    held = np.zeros((0, 0), dtype=np.float32)  # rows from `halo` above the first that was not given away
    above = 0
    for rows in probability:
        held = rows if not held.size else np.concatenate([held, rows])
        ready = len(held) - halo
        if ready > above:
            yield _binary(held, above, ready, threshold, joining)
            keep = max(ready - halo, 0)
            held, above = held[keep:], ready - keep
    if len(held) > above:
        yield _binary(held, above, len(held), threshold, joining)


def _binary(
    held: NDArray[np.float32], begin: int, end: int, threshold: float, joining: JoiningSettings | None
) -> BinaryStrip:
    with np.errstate(invalid="ignore"):
        binary = held >= threshold
    closed = binary if joining is None else close_gaps(binary, joining, held)
    return closed[begin:end], held[begin:end]


def polygonise_strips(
    strips: Iterable[BinaryStrip], grid: Grid, minimum_area_m2: float = 0.0, **attributes: object
) -> gpd.GeoDataFrame:
    """The outlines of the objects of a raster that comes in strips.

    Args:
        strips: From the top to the bottom, all columns wide; together they are the whole raster.
        grid: Where the pixels of the whole raster lie.
        minimum_area_m2: Smallest object that is kept, as in `remove_small` [m2].
        attributes: As in `polygonise`.

    Returns:
        What `polygonise(remove_small(raster, minimum_area_m2, grid), grid, probability, **attributes)` gives.

    Raises:
        GridError: The strips are not the rows and columns of the grid.
    """
    minimum = max(math.ceil(minimum_area_m2 / grid.pixel_area_m2 - 1e-6), 1)
    finished = _Finished()
    waiting: list[list[_Piece]] = []
    above = np.zeros(grid.cols, dtype=np.int64)  # in the row above: 1 + place in `waiting`
    row = 0
    for binary, probability in strips:
        if binary.shape[1] != grid.cols or row + len(binary) > grid.rows:
            raise GridError(f"a strip of {binary.shape} from row {row} does not fit a grid of {grid.shape}")
        labels, count = ndimage.label(binary)
        groups = _groups(above, labels[0], len(waiting), count)
        last = np.unique(labels[-1]) if row + len(binary) < grid.rows else np.zeros(1, dtype=labels.dtype)
        boxes = ndimage.find_objects(labels)
        alone, now_waiting, place_of = np.zeros(count + 1, dtype=bool), [], np.zeros(count + 1, dtype=np.int64)
        for old, new in groups:
            is_open = bool(np.isin(new, last).any())
            if not old and not is_open:
                alone[new] = True
                continue
            pieces = [piece for place in old for piece in waiting[place]]
            pieces += [_piece(labels, label, boxes[label - 1], probability, row) for label in new]
            if is_open:
                now_waiting.append(pieces)
                place_of[new] = len(now_waiting)
            else:
                _finish_joined(pieces, minimum, finished)
        _finish_alone(labels, alone, probability, row, minimum, finished)
        waiting, above = now_waiting, place_of[labels[-1]]
        row += len(binary)
    if row != grid.rows:
        raise GridError(f"the strips end at row {row} of a grid of {grid.shape}")
    return _frame(finished, grid, attributes)


def _groups(
    above: NDArray[np.int64], first: NDArray[np.int32], waiting: int, count: int
) -> list[tuple[list[int], list[int]]]:
    """Which waiting objects and which labels of a strip are one object: (places in waiting, labels) of each."""
    touching = (above > 0) & (first > 0)
    nodes = waiting + count
    pairs = (above[touching] - 1, waiting + first[touching] - 1)
    _, group_of = connected_components(coo_array((np.ones(len(pairs[0])), pairs), shape=(nodes, nodes)), directed=False)
    groups: dict[int, tuple[list[int], list[int]]] = {}
    for node, group in enumerate(group_of.tolist()):
        old, new = groups.setdefault(group, ([], []))
        if node < waiting:
            old.append(node)
        else:
            new.append(node - waiting + 1)
    return list(groups.values())


def _piece(
    labels: NDArray[np.int32], label: int, box: tuple[slice, slice], probability: NDArray[np.float32] | None, row: int
) -> _Piece:
    rows, cols = box
    known = None if probability is None else probability[box].copy()
    return _Piece(row + rows.start, cols.start, labels[box] == label, known)


def _finish_joined(pieces: list[_Piece], minimum: int, finished: _Finished) -> None:
    """An object of several strips: its pieces are put together in its bounding box."""
    if sum(int(np.count_nonzero(piece.mask)) for piece in pieces) < minimum:
        return
    top, left = min(piece.row for piece in pieces), min(piece.col for piece in pieces)
    bottom, right = max(piece.end[0] for piece in pieces), max(piece.end[1] for piece in pieces)
    labels = np.zeros((bottom - top, right - left), dtype=np.int32)
    known = pieces[0].probability is not None
    probability = np.zeros(labels.shape, dtype=np.float32) if known else None
    for piece in pieces:
        place = (slice(piece.row - top, piece.end[0] - top), slice(piece.col - left, piece.end[1] - left))
        labels[place][piece.mask] = 1
        if probability is not None and piece.probability is not None:
            probability[place][piece.mask] = piece.probability[piece.mask]
    _finish(labels, np.array([False, True]), probability, (top, left), 1, finished)


def _finish_alone(
    labels: NDArray[np.int32],
    alone: NDArray[np.bool_],
    probability: NDArray[np.float32] | None,
    row: int,
    minimum: int,
    finished: _Finished,
) -> None:
    """The objects that lie in one strip, all at once."""
    if alone.any():
        _finish(labels, alone, probability, (row, 0), minimum, finished)


def _finish(
    labels: NDArray[np.int32],
    chosen: NDArray[np.bool_],
    probability: NDArray[np.float32] | None,
    corner: tuple[int, int],
    minimum: int,
    finished: _Finished,
) -> None:
    flat = labels.ravel()
    pixels = np.bincount(flat, minlength=len(chosen))
    chosen = chosen & (pixels >= minimum)
    wanted = np.flatnonzero(chosen)
    if not len(wanted):
        return
    # As `ndimage.mean` adds up: pixel by pixel, row by row, in double precision.
    sums = np.full(len(chosen), np.nan) if probability is None else np.bincount(flat, probability.ravel(), len(chosen))
    kept = np.where(chosen[labels], labels, 0).astype(np.int32)
    first = np.full(len(chosen), labels.size, dtype=np.int64)
    where = np.flatnonzero(kept)
    np.minimum.at(first, kept.ravel()[where], where)
    outlines = {
        int(label): as_geometry(outline)
        for outline, label in features.shapes(kept, mask=kept > 0, connectivity=4, transform=Affine.identity())
    }
    moved = shapely.transform([outlines[label] for label in wanted.tolist()], lambda xy: xy + corner[::-1])
    for label, outline in zip(wanted.tolist(), moved, strict=True):
        below, right = divmod(int(first[label]), labels.shape[1])
        finished.first.append((corner[0] + below, corner[1] + right))
        finished.pixels.append(int(pixels[label]))
        finished.mean.append(float(sums[label] / pixels[label]))
        finished.outlines.append(outline)


def _frame(finished: _Finished, grid: Grid, attributes: dict[str, object]) -> gpd.GeoDataFrame:
    order = sorted(range(len(finished.first)), key=finished.first.__getitem__)
    left, width, row_shift, top, col_shift, height = grid.transform.to_gdal()

    def place(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """From pixels to the ground, in GDAL's order of operations, so that no last digit differs."""
        x, y = pixels[:, 0], pixels[:, 1]
        return np.column_stack([left + x * width + y * row_shift, top + x * col_shift + y * height])

    outlines = shapely.transform([finished.outlines[index] for index in order], place) if order else []
    return polygon_frame(
        np.array([finished.pixels[index] for index in order], dtype=np.int64),
        np.array([finished.mean[index] for index in order], dtype=np.float64),
        list(outlines),
        grid,
        attributes,
    )
