"""How well one map agrees with the manual inventory of its year: all figures of a row of Table 3.

Pooled over the whole mapped area, after thresholding and the minimum mapping unit, as the map is published; the
paper's figures on patches stand beside it under `judge_patches`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from chronoslide.grid import Grid
from chronoslide.inventories.outlines.vectorising import remove_small
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.models.intervals import Interval, block_counts, bootstrap_interval
from chronoslide.models.losses import TverskyLoss
from chronoslide.models.metrics import (
    Counts,
    average_precision,
    count,
    count_within,
    f1,
    undefined_reasons,
)
from chronoslide.params import EvaluateSettings

PAPER_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A map against the labels of its year.

    Attributes:
        precision: Of the landslide pixels; NaN where nothing is predicted, as `undefined` says.
        recall: Of the landslide pixels.
        f1: Their harmonic mean.
        iou: Intersection over union.
        mcc: Matthews' correlation coefficient.
        loss: Tversky loss of the probabilities; NaN for a map that has none.
        average_precision: Area under the precision-recall curve; NaN for a map without probabilities.
        boundary_f1: F1 that forgives one pixel of shift.
        f1_low: Lower end of the interval of F1 (block bootstrap).
        f1_high: Upper end.
        f1_at_half: F1 at a probability of 0.5 instead of the chosen threshold; NaN without probabilities.
        tp: Counts of pixels; so are the next three.
        fp: Background, predicted as landslide.
        fn: Landslide, predicted as background.
        tn: Background, predicted as such.
        unobserved_km2: Ground that nobody could judge [km2].
        undefined: Why a ratio is NaN, by its name.
    """

    precision: float
    recall: float
    f1: float
    iou: float
    mcc: float
    loss: float
    average_precision: float
    boundary_f1: float
    f1_low: float
    f1_high: float
    f1_at_half: float
    tp: int
    fp: int
    fn: int
    tn: int
    unobserved_km2: float
    undefined: dict[str, str]

    def figures(self) -> dict[str, float]:
        """For a metrics file: all numbers, rounded to six decimals."""
        numbers = {name: value for name, value in asdict(self).items() if name != "undefined"}
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in numbers.items()}


@dataclass(frozen=True, slots=True)
class Map:
    """What a model says of one year.

    Attributes:
        predicted: (rows, cols), True on landslides, after threshold and minimum mapping unit.
        probability: (rows, cols), NaN where unobserved; None for a map that has none.
    """

    predicted: NDArray[np.bool_]
    probability: NDArray[np.float32] | None


def judge_map(
    mapped: Map,
    labels: NDArray[np.uint8],
    blocks: NDArray[np.integer],
    grid: Grid,
    loss: TverskyLoss,
    settings: EvaluateSettings,
    minimum_area_m2: float,
    seed: int,
) -> Accuracy:
    """All figures of one map on its observed pixels.

    Args:
        mapped: The map.
        labels: (rows, cols); 255 where nobody could judge, and outside the part that is judged.
        blocks: (rows, cols), number of the block of ground that a pixel lies in, for the bootstrap.
        grid: Where the pixels lie.
        loss: Of the training, for the figure `loss`.
        settings: Of the bootstrap.
        minimum_area_m2: The minimum mapping unit [m2], for the map at 0.5.
        seed: Of the bootstrap.
    """
    counts = count(mapped.predicted, labels)
    interval = f1_interval(mapped.predicted, labels, blocks, settings, seed)
    loss_value = ranking = at_half = float("nan")
    if mapped.probability is not None:
        loss_value = soft_loss(mapped.probability, labels, loss)
        ranking = average_precision(mapped.probability, labels)
        half = remove_small(np.nan_to_num(mapped.probability) >= PAPER_THRESHOLD, minimum_area_m2, grid)
        at_half = count(half, labels).f1
    return _accuracy(
        counts,
        loss=loss_value,
        average_precision=ranking,
        boundary_f1=count_within(mapped.predicted, labels).f1,
        interval=interval,
        f1_at_half=at_half,
        unobserved_km2=float(np.count_nonzero(labels == UNOBSERVED)) * grid.pixel_area_m2 / 1e6,
    )


def judge_patches(
    probability: NDArray[np.float32], labels: NDArray[np.uint8], pixel_area_m2: float, loss: TverskyLoss
) -> Accuracy:
    """The paper's protocol: pooled over patches (n, rows, cols) at 0.5, without minimum mapping unit or interval."""
    counts = count(probability >= PAPER_THRESHOLD, labels)
    return _accuracy(
        counts,
        loss=soft_loss(probability, labels, loss),
        average_precision=average_precision(probability, labels),
        boundary_f1=count_within(probability >= PAPER_THRESHOLD, labels).f1,
        interval=None,
        f1_at_half=counts.f1,
        unobserved_km2=float(np.count_nonzero(labels == UNOBSERVED)) * pixel_area_m2 / 1e6,
    )


def f1_interval(
    predicted: NDArray[np.bool_],
    labels: NDArray[np.uint8],
    blocks: NDArray[np.integer],
    settings: EvaluateSettings,
    seed: int,
) -> Interval:
    """The block-bootstrap interval of F1."""
    table = block_counts(predicted, labels, blocks)
    return bootstrap_interval(table, f1, settings.bootstrap_samples, settings.confidence, seed)


def soft_loss(probability: NDArray[np.float32], labels: NDArray[np.uint8], loss: TverskyLoss) -> float:
    """The loss of a whole map or set of patches, from its soft counts."""
    on_landslide = probability[labels == LANDSLIDE].astype(np.float64)
    on_background = probability[labels == BACKGROUND].astype(np.float64)
    found = float(np.nansum(on_landslide))
    return loss.from_counts(found, on_landslide.size - found, float(np.nansum(on_background)))


def _accuracy(
    counts: Counts,
    *,
    loss: float,
    average_precision: float,
    boundary_f1: float,
    interval: Interval | None,
    f1_at_half: float,
    unobserved_km2: float,
) -> Accuracy:
    return Accuracy(
        precision=counts.precision,
        recall=counts.recall,
        f1=counts.f1,
        iou=counts.iou,
        mcc=counts.mcc,
        loss=loss,
        average_precision=average_precision,
        boundary_f1=boundary_f1,
        f1_low=interval.low if interval else float("nan"),
        f1_high=interval.high if interval else float("nan"),
        f1_at_half=f1_at_half,
        tp=counts.tp,
        fp=counts.fp,
        fn=counts.fn,
        tn=counts.tn,
        unobserved_km2=unobserved_km2,
        undefined=undefined_reasons(counts),
    )
