"""Accuracy of a thresholded map: counts of pixels first, ratios after.

Counts of parts (patches, blocks, years) are added before any ratio is taken, so every observed pixel weighs the same
wherever the parts are cut. A ratio that is not defined is NaN, and `undefined_reasons` says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import average_precision_score

from chronoslide.labels import BACKGROUND, LANDSLIDE

# Columns of a table of counts.
TP, FP, FN, TN = range(4)
_GRID_HUNDREDTHS = np.arange(5, 96)
THRESHOLDS = _GRID_HUNDREDTHS / 100
"""Among which a threshold is chosen."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Observed pixels by what was predicted and what is true.

    Attributes:
        tp: Landslide, predicted as such.
        fp: Background, predicted as landslide.
        fn: Landslide, predicted as background.
        tn: Background, predicted as such.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def precision(self) -> float:
        """Share of the predicted pixels that are landslide; NaN when nothing is predicted."""
        return self._ratio("precision")

    @property
    def recall(self) -> float:
        """Share of the landslide pixels that are predicted; NaN when there are none."""
        return self._ratio("recall")

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); NaN when nothing is landslide and nothing is predicted."""
        return self._ratio("f1")

    @property
    def iou(self) -> float:
        """TP / (TP + FP + FN); NaN when nothing is landslide and nothing is predicted."""
        return self._ratio("iou")

    @property
    def mcc(self) -> float:
        """Matthews' correlation coefficient (Matthews 1975); NaN when one class is empty in truth or prediction."""
        return self._ratio("mcc")

    def ratios(self) -> dict[str, float]:
        """All ratios by name."""
        return {name: self._ratio(name) for name in RATIOS}

    def table(self) -> NDArray[np.int64]:
        """The counts as an array (4,): TP, FP, FN, TN."""
        return np.array([self.tp, self.fp, self.fn, self.tn], dtype=np.int64)

    def _ratio(self, name: str) -> float:
        return float(RATIOS[name](self.table()))


def count(predicted: NDArray[np.bool_], labels: NDArray[np.uint8]) -> Counts:
    """Counts the observed pixels of a prediction; both arrays have the same shape, whatever it is."""
    landslide, background = labels == LANDSLIDE, labels == BACKGROUND
    tp = int(np.count_nonzero(predicted & landslide))
    fp = int(np.count_nonzero(predicted & background))
    return Counts(tp, fp, int(np.count_nonzero(landslide)) - tp, int(np.count_nonzero(background)) - fp)


def precision(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Precision of a table of counts (..., 4)."""
    return _divided(table[..., TP], table[..., TP] + table[..., FP])


def recall(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall of a table of counts (..., 4)."""
    return _divided(table[..., TP], table[..., TP] + table[..., FN])


def f1(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of a table of counts (..., 4)."""
    return _divided(2 * table[..., TP], 2 * table[..., TP] + table[..., FP] + table[..., FN])


def iou(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union of a table of counts (..., 4)."""
    return _divided(table[..., TP], table[..., TP] + table[..., FP] + table[..., FN])


def mcc(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Matthews' correlation coefficient of a table of counts (..., 4)."""
    tp, fp, fn, tn = (table[..., column].astype(np.float64) for column in range(4))
    # Roots before the product: four factors of a million pixels each stay far from the limits of a float.
    scale = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return _divided(tp * tn - fp * fn, scale)


RATIOS: Mapping[str, Callable[[NDArray[np.int64]], NDArray[np.float64]]] = MappingProxyType(
    {"precision": precision, "recall": recall, "f1": f1, "iou": iou, "mcc": mcc}
)


def undefined_reasons(counts: Counts) -> dict[str, str]:
    """Why ratios of these counts are NaN, by the ratio's name; defined ones are left out."""
    reasons: dict[str, str] = {}
    landslide, predicted = counts.tp + counts.fn, counts.tp + counts.fp
    if not predicted:
        reasons["precision"] = "no pixel is predicted as landslide"
    if not landslide:
        reasons["recall"] = "no observed pixel is landslide"
    if not landslide and not predicted:
        reasons["f1"] = reasons["iou"] = "no observed pixel is landslide and none is predicted as such"
    if not landslide:
        reasons["mcc"] = "no observed pixel is landslide"
    elif not predicted:
        reasons["mcc"] = "no pixel is predicted as landslide"
    elif not counts.tn + counts.fp:
        reasons["mcc"] = "no observed pixel is background"
    elif not counts.tn + counts.fn:
        reasons["mcc"] = "no pixel is predicted as background"
    return reasons


@dataclass(frozen=True, slots=True)
class TolerantCounts:
    """Counts for precision and recall that forgive a small shift of a boundary (Mnih & Hinton 2010).

    Attributes:
        predicted: Predicted pixels that are observed.
        predicted_near: Those of them within the tolerance of a landslide pixel.
        landslide: Landslide pixels.
        landslide_near: Those of them within the tolerance of a predicted pixel.
    """

    predicted: int = 0
    predicted_near: int = 0
    landslide: int = 0
    landslide_near: int = 0

    def __add__(self, other: TolerantCounts) -> TolerantCounts:
        return TolerantCounts(
            self.predicted + other.predicted,
            self.predicted_near + other.predicted_near,
            self.landslide + other.landslide,
            self.landslide_near + other.landslide_near,
        )

    @property
    def precision(self) -> float:
        """Share of the predicted pixels near a landslide; NaN when nothing is predicted."""
        return self.predicted_near / self.predicted if self.predicted else math.nan

    @property
    def recall(self) -> float:
        """Share of the landslide pixels near a predicted one; NaN when there are none."""
        return self.landslide_near / self.landslide if self.landslide else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 when only one side has pixels, NaN when neither has."""
        if not self.predicted and not self.landslide:
            return math.nan
        if not self.predicted_near or not self.landslide_near:
            return 0.0
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def count_within(predicted: NDArray[np.bool_], labels: NDArray[np.uint8], tolerance_pixels: int = 1) -> TolerantCounts:
    """Counts with a tolerance: a pixel matches one at a straight-line distance of at most `tolerance_pixels`.

    Args:
        predicted: (rows, cols) or (n, rows, cols).
        labels: The same shape; unobserved pixels match nothing and are not counted.
        tolerance_pixels: 1 reaches the four neighbours, 0 is the plain count.
    """
    landslide, observed = labels == LANDSLIDE, (labels == LANDSLIDE) | (labels == BACKGROUND)
    predicted = predicted & observed
    return TolerantCounts(
        int(np.count_nonzero(predicted)),
        int(np.count_nonzero(predicted & _widened(landslide, tolerance_pixels))),
        int(np.count_nonzero(landslide)),
        int(np.count_nonzero(landslide & _widened(predicted, tolerance_pixels))),
    )


def average_precision(probability: NDArray[np.floating], labels: NDArray[np.uint8]) -> float:
    """Area under the precision-recall curve, as a sum of steps without interpolation.

    Args:
        probability: Any shape; NaN where there is no prediction, such pixels are left out.
        labels: The same shape; unobserved pixels are left out.

    Returns:
        The average precision; NaN when no observed pixel is landslide.
    """
    scores, landslide = observed(probability, labels)
    if not landslide.any():
        return math.nan
    return float(average_precision_score(landslide, scores))


@dataclass(frozen=True, slots=True)
class Threshold:
    """A probability from which a pixel is landslide, and the F1 it reached where it was chosen (may be NaN)."""

    value: float
    f1: float


def best_threshold(probability: NDArray[np.floating], labels: NDArray[np.uint8]) -> Threshold:
    """The threshold of the highest F1, pooled over all observed pixels, among 0.05, 0.06, ... 0.95.

    Of equal ones the nearest to 0.5 is taken, and of two equally near the lower. Where F1 is undefined throughout
    (no landslide pixel and no probability of 0.05 or more), it is 0.5 with an F1 of NaN.

    Args:
        probability: Any shape; pixels that are NaN are left out. A pixel is landslide where `probability >= threshold`.
        labels: The same shape; unobserved pixels are left out.
    """
    scores, landslide = observed(probability, labels)
    # In the type of the probabilities, so that a value on the grid falls on the side that `>=` would give it.
    table = counts_by_threshold(scores, landslide, THRESHOLDS.astype(scores.dtype))
    scored = f1(table)
    if np.isnan(scored).all():
        return Threshold(0.5, math.nan)
    highest = np.flatnonzero(scored == np.nanmax(scored))
    chosen = highest[np.argmin(np.abs(_GRID_HUNDREDTHS[highest] - 50))]
    return Threshold(float(THRESHOLDS[chosen]), float(scored[chosen]))


def counts_by_threshold(
    scores: NDArray[np.floating], landslide: NDArray[np.bool_], thresholds: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Counts of `scores >= threshold` for each of the rising `thresholds`, by one pass over the pixels.

    Args:
        scores: (pixels,) without NaN.
        landslide: (pixels,) the truth.
        thresholds: (thresholds,) in rising order.

    Returns:
        (thresholds, 4): TP, FP, FN, TN.
    """
    reached = np.searchsorted(thresholds, scores, side="right")  # how many thresholds a pixel reaches
    bins = len(thresholds) + 1
    below_landslide = np.cumsum(np.bincount(reached[landslide], minlength=bins))
    below_background = np.cumsum(np.bincount(reached[~landslide], minlength=bins))
    fn, tn = below_landslide[:-1], below_background[:-1]
    return np.stack([below_landslide[-1] - fn, below_background[-1] - tn, fn, tn], axis=-1).astype(np.int64)


def observed(
    probability: NDArray[np.floating], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """The probabilities of the observed pixels that have one, (pixels,), and which of these are landslide."""
    used = ((labels == LANDSLIDE) | (labels == BACKGROUND)) & ~np.isnan(probability)
    return probability[used], labels[used] == LANDSLIDE


def _widened(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    if not pixels:
        return mask
    offset = np.arange(-pixels, pixels + 1)
    disk = offset[:, None] ** 2 + offset[None, :] ** 2 <= pixels**2
    widened: NDArray[np.bool_] = ndimage.binary_dilation(mask, disk.reshape((1,) * (mask.ndim - 2) + disk.shape))
    return widened


def _divided(numerator: NDArray[np.generic], denominator: NDArray[np.generic]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator == 0, np.nan, np.true_divide(numerator, denominator))
