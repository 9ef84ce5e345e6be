"""Which ground is for training, which for validation and which for testing: blocks, assigned once for all dates.

Stands between the labels and the sampling. Neighbouring pixels resemble each other, and a landslide is still there a
year later: only a split by place, the same for every date, tells how well a model does on ground it has not seen.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import GridError, SettingsError
from chronoslide.grid import Grid, require_metric
from chronoslide.labels import LANDSLIDE, UNOBSERVED

TRAIN: Final = 0
VALIDATION: Final = 1
TEST: Final = 2
SUBSETS: Final = MappingProxyType({"train": TRAIN, "validation": VALIDATION, "test": TEST})
"""Code of each subset, in the order in which they are listed everywhere."""

_DEALS = 500
"""Random assignments that are tried; the one nearest to the shares is taken."""


def block_shape(grid: Grid, block_metres: float) -> tuple[int, int]:
    """Rows and columns of a block [pixels].

    Raises:
        GridError: The grid is not in metres.
        SettingsError: A block would be smaller than a pixel.
    """
    require_metric(grid.crs, "the grid of the blocks")
    width, height = grid.resolution
    shape = round(block_metres / height), round(block_metres / width)
    if min(shape) < 1:
        raise SettingsError(
            f"patches.block_metres: {block_metres:g} m is less than a pixel of {width:g} x {height:g} m; make it larger"
        )
    return shape


def assign_blocks(
    labels: NDArray[np.uint8],
    grid: Grid,
    *,
    block_metres: float,
    validation_share: float,
    test_share: float,
    seed: int,
) -> NDArray[np.uint8]:
    """Assigns square blocks of ground to training, validation and test.

    Blocks are ordered by landslide area (ties at random) and dealt out, in small groups of like blocks, in proportion
    to the shares. Of many such deals the one is kept whose shares of landslide area and of observed ground come
    nearest to the wanted ones. Blocks at the right and lower border may be narrower.

    Args:
        labels: (rows, cols) of the reference year.
        grid: Where they lie.
        block_metres: Side of a block [m].
        validation_share: Wanted share of validation; 0 for none.
        test_share: Wanted share of test; 0 for none.
        seed: The same seed gives the same blocks.

    Returns:
        (rows, cols), the code (see `SUBSETS`) of each pixel's subset.

    Raises:
        GridError: `labels` does not fit the grid, or the grid is not in metres.
        SettingsError: A subset would be left without a block, or without landslides.
    """
    if labels.shape != grid.shape:
        raise GridError(f"labels {labels.shape} do not fit the grid {grid.shape}")
    shape = block_shape(grid, block_metres)
    landslide, ground = _areas(labels, shape)
    shares = np.array([1.0 - validation_share - test_share, validation_share, test_share])
    codes = _best_deal(landslide.ravel(), ground.ravel(), shares, np.random.default_rng(seed))
    if codes is None:
        wanted = ", ".join(name for name, code in SUBSETS.items() if shares[code] > 0)
        raise SettingsError(
            f"patches.block_metres: no way to give each of {wanted} landslides, {np.count_nonzero(landslide)} of "
            f"{landslide.size} blocks of {block_metres:g} m hold any; make the blocks smaller"
        )
    blocks = codes.reshape(landslide.shape).repeat(shape[0], axis=0).repeat(shape[1], axis=1)
    return blocks[: grid.rows, : grid.cols]


def _areas(labels: NDArray[np.uint8], shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Landslide pixels and observed pixels of each block, (block rows, block cols)."""
    row_starts = np.arange(0, labels.shape[0], shape[0])
    col_starts = np.arange(0, labels.shape[1], shape[1])

    def count(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        rows = np.add.reduceat(mask.astype(np.int64), row_starts, axis=0)
        return np.asarray(np.add.reduceat(rows, col_starts, axis=1))

    return count(labels == LANDSLIDE), count(labels != UNOBSERVED)


def _best_deal(
    landslide: NDArray[np.int64], ground: NDArray[np.int64], shares: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.uint8] | None:
    """The code of each block, or None if no deal gives every wanted subset a landslide."""
    wanted = shares > 0
    sequence = _quota_sequence(len(landslide), shares)
    group = int(np.ceil(1.0 / shares[wanted].min()))  # the fewest blocks in which each subset has a place
    best: NDArray[np.uint8] | None = None
    best_deviation = np.inf
    for _ in range(_DEALS):
        order = np.lexsort((rng.random(len(landslide)), -landslide))
        codes = np.empty(len(landslide), dtype=np.uint8)
        for start in range(0, len(order), group):
            codes[order[start : start + group]] = rng.permutation(sequence[start : start + group])
        landslide_of = np.bincount(codes, weights=landslide, minlength=3)
        if not landslide_of[wanted].all():
            continue
        ground_of = np.bincount(codes, weights=ground, minlength=3)
        deviation = max(
            np.abs(landslide_of / landslide_of.sum() - shares).max(), np.abs(ground_of / ground_of.sum() - shares).max()
        )
        if deviation < best_deviation:
            best, best_deviation = codes, deviation
    return best


def _quota_sequence(n: int, shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A sequence of `n` codes, any stretch of which holds the codes nearly in proportion to `shares`."""
    given = np.zeros(3)
    sequence = np.empty(n, dtype=np.uint8)
    for position in range(n):
        code = int(np.argmax(shares * (position + 1) - given))
        sequence[position] = code
        given[code] += 1
    return sequence
