"""How sure an accuracy is: block bootstrap over blocks of ground (Efron & Tibshirani 1993; blocks after Lahiri 2003).

Neighbouring pixels are right and wrong together, so not pixels but whole blocks are drawn, with replacement. Ratios
are taken of the sums of the drawn blocks' counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import ModelError
from chronoslide.labels import BACKGROUND, LANDSLIDE
from chronoslide.models.metrics import FN, FP, TN, TP, Counts

Statistic = Callable[[NDArray[np.int64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class BlockCounts:
    """Counts of pixels in each block.

    Attributes:
        blocks: (blocks,) their numbers, rising.
        table: (blocks, 4) TP, FP, FN, TN.
    """

    blocks: NDArray[np.int64]
    table: NDArray[np.int64]

    @property
    def total(self) -> Counts:
        """The counts of all blocks together."""
        tp, fp, fn, tn = (int(value) for value in self.table.sum(axis=0))
        return Counts(tp, fp, fn, tn)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the interval that the bootstrap gives it.

    Attributes:
        value: Of all blocks together.
        low: Lower end; NaN with fewer than two blocks or when no draw is defined.
        high: Upper end.
        blocks: How many blocks were drawn from.
        undefined_draws: Draws for which the statistic is not defined; they are left out.
    """

    value: float
    low: float
    high: float
    blocks: int
    undefined_draws: int


def block_counts(predicted: NDArray[np.bool_], labels: NDArray[np.uint8], blocks: NDArray[np.integer]) -> BlockCounts:
    """Counts the observed pixels of a prediction in each block.

    Args:
        predicted: Any shape.
        labels: The same shape; unobserved pixels do not count.
        blocks: The same shape: the number of the block a pixel lies in; pixels with a negative one are left out.

    Returns:
        The blocks that hold at least one counted pixel.
    """
    used = ((labels == LANDSLIDE) | (labels == BACKGROUND)) & (blocks >= 0)
    numbers, index = np.unique(blocks[used], return_inverse=True)
    landslide, positive = labels[used] == LANDSLIDE, predicted[used]
    column = np.where(positive, np.where(landslide, TP, FP), np.where(landslide, FN, TN))
    table = np.bincount(index * 4 + column, minlength=4 * len(numbers)).reshape(-1, 4)
    return BlockCounts(numbers.astype(np.int64), table.astype(np.int64))


def bootstrap_interval(
    counts: BlockCounts, statistic: Statistic, samples: int, confidence: float, seed: int
) -> Interval:
    """The percentile interval of a ratio.

    Args:
        counts: Of one model.
        statistic: One of `metrics.RATIOS`, or another function from (..., 4) counts to (...) values.
        samples: Number of draws.
        confidence: For example 0.95.
        seed: Of the draws; the same seed and number of blocks draw the same blocks.
    """
    drawn = statistic(_draws(len(counts.blocks), samples, seed) @ counts.table)
    return _interval(float(statistic(counts.table.sum(axis=0))), drawn, len(counts.blocks), confidence)


def bootstrap_difference(
    first: BlockCounts, second: BlockCounts, statistic: Statistic, samples: int, confidence: float, seed: int
) -> Interval:
    """The percentile interval of `first` minus `second`, drawing the same blocks for both.

    Raises:
        ModelError: The two were not counted on the same blocks and pixels.
    """
    same = np.array_equal(first.blocks, second.blocks)
    if not same or not np.array_equal(_pixels_by_truth(first.table), _pixels_by_truth(second.table)):
        raise ModelError(
            "comparison of two models: they were not counted on the same pixels; map both with the same blocks and mask"
        )
    draws = _draws(len(first.blocks), samples, seed)
    drawn = statistic(draws @ first.table) - statistic(draws @ second.table)
    value = float(statistic(first.table.sum(axis=0)) - statistic(second.table.sum(axis=0)))
    return _interval(value, drawn, len(first.blocks), confidence)


def _draws(blocks: int, samples: int, seed: int) -> NDArray[np.int64]:
    """How often each block is drawn in each sample, (samples, blocks)."""
    if not blocks:
        return np.zeros((samples, 0), dtype=np.int64)
    return np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=samples)


def _interval(value: float, drawn: NDArray[np.float64], blocks: int, confidence: float) -> Interval:
    defined = drawn[~np.isnan(drawn)]
    undefined = len(drawn) - len(defined)
    if blocks < 2 or not len(defined):
        return Interval(value, math.nan, math.nan, blocks, undefined)
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(value, float(low), float(high), blocks, undefined)


def _pixels_by_truth(table: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([table[:, TP] + table[:, FN], table[:, FP] + table[:, TN]])
