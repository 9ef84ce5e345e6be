"""From which probability on a pixel is landslide: the choice on validation patches, and how much of it is chance.

A dozen patches tell thresholds apart badly: F1 hardly changes between 0.3 and 0.7, and its highest point jumps with the
patches that happen to be there. So the best one gives way to the nearest to 0.5 that is not shown to be worse. Stands
between the trained network and its card.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.models.metrics import (
    FN,
    FP,
    THRESHOLDS,
    TP,
    Threshold,
    best_threshold,
    counts_by_threshold,
    f1,
    observed,
)

_MIDDLE: Final = 0.5


def steady_threshold(probability: NDArray[np.floating], labels: NDArray[np.uint8]) -> Threshold:
    """The threshold nearest to 0.5 whose pooled F1 lies within one standard error of the highest.

    The rule of one standard error (Breiman et al. 1984), with the standard error of the difference between two
    thresholds on the same patches by the jackknife (Efron & Tibshirani 1993), which leaves out one patch at a time: no
    random numbers, and patches, not pixels, are what a chance may change. With many patches it becomes the best one.

    Args:
        probability: (n, rows, cols); pixels that are NaN are left out. Landslide where `probability >= threshold`.
        labels: The same shape; unobserved pixels are left out.

    Returns:
        One of 0.05, 0.06, ... 0.95, of two equally near the lower, and its F1. The best one where fewer than two
        patches hold a landslide or a false alarm, since one tells nothing of chance.
    """
    best = best_threshold(probability, labels)
    tables = [_of_patch(*patch) for patch in zip(probability, labels, strict=True)]
    # A patch in which there is nothing to find and nothing is found changes no F1, whether it is there or not.
    telling = np.array([table for table in tables if table[:, [TP, FP, FN]].any()])
    if len(telling) < 2:
        return best
    total = telling.sum(axis=0)
    scored = f1(total)
    highest = int(np.argmin(np.abs(THRESHOLDS - best.value)))
    without = f1(total - telling)  # (n, thresholds)
    lost = np.nan_to_num(without[:, [highest]] - without)
    error = np.sqrt((len(lost) - 1) * lost.var(axis=0))
    near = np.flatnonzero(scored[highest] - scored <= error)
    from_middle = np.rint(100 * np.abs(THRESHOLDS[near] - _MIDDLE))
    chosen = near[np.argmin(from_middle)]
    return Threshold(float(THRESHOLDS[chosen]), float(scored[chosen]))


def _of_patch(probability: NDArray[np.floating], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Counts of a patch at each threshold, (thresholds, 4)."""
    scores, landslide = observed(probability, labels)
    return counts_by_threshold(scores, landslide, THRESHOLDS.astype(scores.dtype))
