"""One year judged: the map of every model against the year's labels, on all ground and on the ground held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.evaluation.accuracy import Accuracy, Map, judge_map
from chronoslide.evaluation.curves import precision_recall
from chronoslide.evaluation.ground import within
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.vectorising import polygonise
from chronoslide.models.calibration import Calibration, measure_calibration
from chronoslide.models.intervals import block_counts, bootstrap_difference
from chronoslide.models.losses import TverskyLoss
from chronoslide.models.metrics import f1
from chronoslide.params import EvaluateSettings

MAIN, CONTROL = "transferred", "from_scratch"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What all years of a site are judged by.

    Attributes:
        grid: Where the pixels lie.
        held_out: (rows, cols), True on the blocks of which no model saw a label.
        blocks: (rows, cols), the number of a pixel's block, for the bootstrap.
        loss: Of the training.
        settings: Of the bootstrap and the calibration.
        minimum_area_m2: The minimum mapping unit [m2].
        seed: Of the bootstrap.
    """

    grid: Grid
    held_out: NDArray[np.bool_]
    blocks: NDArray[np.int64]
    loss: TverskyLoss
    settings: EvaluateSettings
    minimum_area_m2: float
    seed: int


@dataclass(frozen=True, slots=True)
class JudgedYear:
    """A year's maps against its labels.

    Attributes:
        whole: Each model on all ground.
        held_out: The same on the held-out blocks.
        curves: A precision-recall curve for each model that gives probabilities.
        calibration: Of the main model.
        fragments: The main model's polygons as they would be without joining.
        gain: What transfer gained, in the year that was trained on; else empty.
    """

    whole: dict[str, Accuracy]
    held_out: dict[str, Accuracy]
    curves: list[pd.DataFrame]
    calibration: Calibration
    fragments: gpd.GeoDataFrame
    gain: dict[str, Any]


def judge_year(
    maps: Mapping[str, Map], labels: NDArray[np.uint8], yardstick: Yardstick, year: int, *, trained_on: bool
) -> JudgedYear:
    """Judges the maps of a year.

    Args:
        maps: By the model's name; `MAIN` is among them and has probabilities, and so is `CONTROL` if `trained_on`.
        labels: (rows, cols); 255 where nobody could judge.
        yardstick: Of the site.
        year: For the names of the curves.
        trained_on: Whether the models were trained on labels of this year: then curves and calibration are taken on
            the held-out blocks alone.
    """
    tested = within(labels, yardstick.held_out)
    ground = tested if trained_on else labels
    said = {name: mapped.probability for name, mapped in maps.items() if mapped.probability is not None}
    return JudgedYear(
        whole={name: _judge(mapped, labels, yardstick) for name, mapped in maps.items()},
        held_out={name: _judge(mapped, tested, yardstick) for name, mapped in maps.items()},
        curves=[precision_recall(values, ground).assign(year=year, model=name) for name, values in said.items()],
        calibration=measure_calibration(said[MAIN], ground, yardstick.settings.calibration),
        fragments=polygonise(maps[MAIN].predicted, yardstick.grid),
        gain=transfer_gain(maps[MAIN], maps[CONTROL], tested, yardstick) if trained_on else {},
    )


def transfer_gain(main: Map, control: Map, labels: NDArray[np.uint8], yardstick: Yardstick) -> dict[str, Any]:
    """What transfer gained over random weights on the same ground: F1's difference, and its paired block-bootstrap.

    Args:
        main: The transferred model's map.
        control: The map of the model from random weights.
        labels: (rows, cols), 255 outside the held-out blocks.
        yardstick: Of the site.
    """
    settings = yardstick.settings
    ours, theirs = (block_counts(each.predicted, labels, yardstick.blocks) for each in (main, control))
    interval = bootstrap_difference(ours, theirs, f1, settings.bootstrap_samples, settings.confidence, yardstick.seed)
    return {
        "against": CONTROL,
        "f1_difference": round(interval.value, 6),
        "low": round(interval.low, 6),
        "high": round(interval.high, 6),
        "confidence": settings.confidence,
        "excludes_zero": bool(interval.low > 0 or interval.high < 0),
        "blocks": interval.blocks,
    }


def _judge(mapped: Map, labels: NDArray[np.uint8], yardstick: Yardstick) -> Accuracy:
    return judge_map(
        mapped,
        labels,
        yardstick.blocks,
        yardstick.grid,
        yardstick.loss,
        yardstick.settings,
        yardstick.minimum_area_m2,
        yardstick.seed,
    )
