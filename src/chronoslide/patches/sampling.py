"""Which windows of a site become patches, and cutting them out.

Stands between the blocks and the stored patches. A window is a row of four integers: row and column of its upper left
pixel, number of rows, number of columns. Training windows may overlap each other but never leave the training blocks;
validation and test blocks are tiled without overlap and without choice, so that figures pooled over the patches are
figures of the ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import SettingsError
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.patches.blocks import TEST, TRAIN, VALIDATION

Windows = NDArray[np.int64]
"""(n, 4): row, column, rows, columns."""

_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Selection:
    """Windows that were chosen.

    Attributes:
        windows: (n, 4), by row, then column.
        dropped: How many candidates were dropped, by reason.
    """

    windows: Windows
    dropped: Mapping[str, int]


def training_windows(
    labels: NDArray[np.uint8],
    blocks: NDArray[np.uint8],
    *,
    side: int,
    stride: int,
    block_shape: tuple[int, int],
    minimum_landslide_pixels: int,
    empty_share: float,
    rng: np.random.Generator,
) -> Selection:
    """Windows for training: inside training blocks, fully observed, with landslides, and some without.

    Args:
        labels: (rows, cols).
        blocks: (rows, cols), the subset of each pixel.
        side: Rows and columns of a window.
        stride: Step between candidates; the corners of the blocks are candidates as well.
        block_shape: Rows and columns of a block.
        minimum_landslide_pixels: A window with fewer is dropped; 0 keeps all.
        empty_share: Share of windows without any landslide pixel among those returned, as far as there are enough;
            they are drawn at random.
        rng: Draws the empty ones.

    Returns:
        The windows, and the candidates dropped because they reach into another subset ("other_subset"), are not fully
        observed ("unobserved"), have some, but too little landslide ("too_little_landslide") or none and were not
        drawn ("empty_not_drawn").
    """
    corners = _candidates(labels.shape, side, stride, block_shape)
    inside = _sums(blocks != TRAIN, corners, side) == 0
    observed = inside & (_sums(labels == UNOBSERVED, corners, side) == 0)
    landslide = _sums(labels == LANDSLIDE, corners, side)
    chosen = observed & (landslide >= minimum_landslide_pixels)
    empty = np.flatnonzero(observed & ~chosen & (landslide == 0))
    # of all that are returned, the empty ones shall make up the share
    wanted = round(np.count_nonzero(chosen) * empty_share / (1.0 - empty_share))
    drawn = rng.permutation(empty)[:wanted]
    not_drawn = len(empty) - len(drawn)
    chosen[drawn] = True
    dropped = {
        "other_subset": int(np.count_nonzero(~inside)),
        "unobserved": int(np.count_nonzero(inside & ~observed)),
        "too_little_landslide": int(np.count_nonzero(observed & ~chosen)) - not_drawn,
        "empty_not_drawn": not_drawn,
    }
    return Selection(_windows(corners[chosen], side), dropped)


def paper_windows(labels: NDArray[np.uint8], *, side: int, stride: int, minimum_landslide_pixels: int) -> Selection:
    """All fully observed windows with landslides, wherever they lie, as the paper takes them.

    Args:
        labels: (rows, cols).
        side: Rows and columns of a window.
        stride: Step between candidates.
        minimum_landslide_pixels: A window with fewer, or none, is dropped.

    Returns:
        The windows; the others are dropped ("unobserved", "too_little_landslide").
    """
    corners = _candidates(labels.shape, side, stride, None)
    observed = _sums(labels == UNOBSERVED, corners, side) == 0
    chosen = observed & (_sums(labels == LANDSLIDE, corners, side) >= max(minimum_landslide_pixels, 1))
    dropped = {
        "unobserved": int(np.count_nonzero(~observed)),
        "too_little_landslide": int(np.count_nonzero(observed & ~chosen)),
    }
    return Selection(_windows(corners[chosen], side), dropped)


def tiling_windows(
    labels: NDArray[np.uint8], blocks: NDArray[np.uint8], code: int, *, side: int, block_shape: tuple[int, int]
) -> Selection:
    """Windows that cover each block of a subset once, from its upper left corner on.

    Where the side does not divide the block, and at the border of the site, windows end with the block and are
    smaller than `side`; `cut` fills them up as unobserved.

    Args:
        labels: (rows, cols).
        blocks: (rows, cols), the subset of each pixel.
        code: The subset to tile.
        side: Rows and columns of a window.
        block_shape: Rows and columns of a block.

    Returns:
        The windows that hold an observed pixel; the others are dropped ("unobserved").
    """
    windows = []
    for row, rows in _tiles(labels.shape[0], block_shape[0], side):
        for col, cols in _tiles(labels.shape[1], block_shape[1], side):
            if blocks[row, col] == code:
                windows.append((row, col, rows, cols))
    observed = [(labels[r : r + rows, c : c + cols] != UNOBSERVED).any() for r, c, rows, cols in windows]
    kept = np.array(windows, dtype=np.int64).reshape(-1, 4)[np.array(observed, dtype=bool)]
    return Selection(kept, {"unobserved": len(windows) - len(kept)})


def split_at_random(
    n: int, *, validation_share: float, test_share: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The subset of each of `n` patches by the paper's protocol.

    Args:
        n: Number of patches.
        validation_share: Share of the patches that are not for testing.
        test_share: Share of all patches.
        rng: Shuffles.

    Returns:
        (n,) codes. Overlapping patches land in different subsets: figures made from them are too good.
    """
    test = round(n * test_share)
    validation = round((n - test) * validation_share)
    codes = np.full(n, TRAIN, dtype=np.uint8)
    order = rng.permutation(n)
    codes[order[:test]] = TEST
    codes[order[test : test + validation]] = VALIDATION
    return codes


def cut(values: NDArray[_Value], windows: Windows, side: int, fill: int) -> NDArray[_Value]:
    """Cuts windows out of an array.

    Args:
        values: (rows, cols) or (rows, cols, bands).
        windows: (n, 4), none larger than `side`.
        side: Rows and columns of the patches.
        fill: Value of the pixels of a patch beyond its window.

    Returns:
        (n, side, side) or (n, side, side, bands), in the type of `values`.
    """
    patches = np.full((len(windows), side, side, *values.shape[2:]), fill, dtype=values.dtype)
    for patch, (row, col, rows, cols) in zip(patches, windows, strict=True):
        patch[:rows, :cols] = values[row : row + rows, col : col + cols]
    return patches


def _candidates(shape: tuple[int, ...], side: int, stride: int, block_shape: tuple[int, int] | None) -> Windows:
    """(n, 2) upper left corners at every `stride` and at the corners of the blocks."""
    if min(shape) < side:
        raise SettingsError(f"patches.side_pixels: {side} is more than the site's {shape[0]} x {shape[1]} pixels")
    axes = []
    for axis in (0, 1):
        starts = np.arange(0, shape[axis] - side + 1, stride)
        if block_shape is not None:
            starts = np.union1d(starts, np.arange(0, shape[axis] - side + 1, block_shape[axis]))
        axes.append(starts)
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.int64)


def _windows(corners: Windows, side: int) -> Windows:
    return np.column_stack([corners, np.full_like(corners, side)])


def _sums(mask: NDArray[np.bool_], corners: Windows, side: int) -> NDArray[np.int64]:
    """How many pixels of each window are True, by a summed-area table."""
    table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=np.int64)
    table[1:, 1:] = mask.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    row, col = corners.T
    return np.asarray(table[row + side, col + side] - table[row, col + side] - table[row + side, col] + table[row, col])


def _tiles(length: int, block: int, side: int) -> list[tuple[int, int]]:
    """Start and length of the tiles along an axis: every block in steps of `side`, cut at its end."""
    return [
        (start, min(side, min(first + block, length) - start))
        for first in range(0, length, block)
        for start in range(first, min(first + block, length), side)
    ]
