"""How sure the figures of a comparison are: block-bootstrap intervals.

Blocks of ground are drawn anew, not landslides, because landslides near each other are found or missed together.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from chronoslide.inventories.comparison.comparing import Comparison
from chronoslide.models.intervals import Interval

Sums = NDArray[np.float64]

# What is summed in each block; pairs stand in the block of their manual landslide.
_SUMS = (
    "manual", "manual_hit", "predicted", "predicted_hit", "pairs", "pairs_of_predicted", "matches",
    "iou", "over", "under", "distance", "polis",
)  # fmt: skip


def _ratio(part: str, whole: str) -> Callable[[Sums], Sums]:
    return lambda sums: _divided(_of(sums, part), _of(sums, whole))


# Names as in `comparing.Figures`; those of the one-to-one matches are at the main threshold.
STATISTICS: dict[str, Callable[[Sums], Sums]] = {
    "detection_rate": _ratio("manual_hit", "manual"),
    "correct_rate": _ratio("predicted_hit", "predicted"),
    "precision": _ratio("matches", "predicted"),
    "recall": _ratio("matches", "manual"),
    "f1": lambda sums: _divided(2.0 * _of(sums, "matches"), _of(sums, "manual") + _of(sums, "predicted")),
    "segmentation_quality": _ratio("iou", "matches"),
    "panoptic_quality": lambda sums: _divided(2.0 * _of(sums, "iou"), _of(sums, "manual") + _of(sums, "predicted")),
    "over_segmentation": _ratio("over", "pairs"),
    "under_segmentation": _ratio("under", "pairs"),
    "segmentation_distance": _ratio("distance", "pairs"),
    "fragmentation": _ratio("pairs", "manual_hit"),
    "merging": _ratio("pairs_of_predicted", "predicted_hit"),
    "polis_mean_m": _ratio("polis", "matches"),
}


def comparison_intervals(
    comparison: Comparison, block_metres: float, samples: int, confidence: float, seed: int
) -> dict[str, Interval]:
    """Block-bootstrap intervals of the figures of a comparison that are ratios of sums over landslides.

    Args:
        comparison: Of two inventories.
        block_metres: Side of the blocks, which are drawn with replacement.
        samples: Number of draws.
        confidence: For example 0.95.
        seed: Of the draws.

    Returns:
        By the names of `STATISTICS`.
    """
    sums = _block_sums(comparison, block_metres)
    blocks = len(sums)
    if blocks:
        draws = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1.0 / blocks), size=samples)
        drawn = draws @ sums
    else:
        drawn = np.zeros((0, len(_SUMS)))
    whole = sums.sum(axis=0)
    return {
        name: _interval(float(statistic(whole)), statistic(drawn), blocks, confidence)
        for name, statistic in STATISTICS.items()
    }


def _block_sums(comparison: Comparison, block_metres: float) -> Sums:
    """(blocks, sums) of the blocks that hold a landslide."""
    manual, predicted, pairs = comparison.manual, comparison.predicted, comparison.pairs
    over = 1.0 - pairs["intersection_m2"] / pairs["manual_area_m2"]
    under = 1.0 - pairs["intersection_m2"] / pairs["predicted_area_m2"]
    parts = [
        (manual, {"manual": 1.0, "manual_hit": manual["hits"] > 0}),
        (
            predicted,
            {"predicted": 1.0, "predicted_hit": predicted["hits"] > 0, "pairs_of_predicted": predicted["hits"]},
        ),
        (
            pairs,
            {
                "pairs": 1.0,
                "matches": pairs["matched"],
                "iou": pairs["iou"].where(pairs["matched"], 0.0),
                "over": over,
                "under": under,
                "distance": np.sqrt((over**2 + under**2) / 2.0),
                "polis": pairs["polis_m"].fillna(0.0),
            },
        ),
    ]
    places = [np.floor(table[["x", "y"]].to_numpy(dtype=np.float64) / block_metres) for table, _ in parts]
    blocks, index = np.unique(np.concatenate(places), axis=0, return_inverse=True)
    sums = np.zeros((len(blocks), len(_SUMS)))
    for (table, columns), own in zip(
        parts, np.split(index, np.cumsum([len(place) for place in places])[:-1]), strict=True
    ):
        for name, values in columns.items():
            weights = np.broadcast_to(np.asarray(values, dtype=np.float64), (len(table),))
            sums[:, _SUMS.index(name)] = np.bincount(own, weights, len(blocks))
    return sums


def _interval(value: float, drawn: Sums, blocks: int, confidence: float) -> Interval:
    defined = drawn[~np.isnan(drawn)]
    undefined = len(drawn) - len(defined)
    if blocks < 2 or not len(defined):
        return Interval(value, math.nan, math.nan, blocks, undefined)
    low, high = np.quantile(defined, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    return Interval(value, float(low), float(high), blocks, undefined)


def _of(sums: Sums, name: str) -> Sums:
    return np.asarray(sums[..., _SUMS.index(name)])


def _divided(part: Sums, whole: Sums) -> Sums:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0), dtype=np.float64)
