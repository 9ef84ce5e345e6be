"""A year of four models judged on four pixels of two blocks, the right one held out."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.evaluation.accuracy import Map
from chronoslide.evaluation.years import CONTROL, MAIN, Yardstick, judge_year
from chronoslide.grid import Grid
from chronoslide.models.losses import TverskyLoss
from chronoslide.params import EvaluateSettings

LABELS = np.array([[1, 0, 1, 0]], np.uint8)
YARDSTICK = Yardstick(
    grid=Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (1, 4)),
    held_out=np.array([[False, False, True, True]]),
    blocks=np.array([[0, 0, 1, 1]]),
    loss=TverskyLoss(0.5, 0.5),
    settings=EvaluateSettings(bootstrap_samples=20),
    minimum_area_m2=0.0,
    seed=1,
)


def mapped(*probability: float) -> Map:
    values = np.array([probability], np.float32)
    return Map(values >= 0.5, values)


def judged(trained_on: bool):
    maps = {
        MAIN: mapped(0.9, 0.9, 0.9, 0.1),
        CONTROL: mapped(0.9, 0.1, 0.9, 0.9),
        "ndvi_threshold": Map(np.array([[True] * 4]), None),
    }
    return judge_year(maps, LABELS, YARDSTICK, 2016, trained_on=trained_on)


def test_each_map_is_judged_on_all_ground_and_on_the_ground_held_out() -> None:
    year = judged(trained_on=False)
    assert {name: (one.tp, one.fp) for name, one in year.whole.items()} == {
        MAIN: (2, 1), CONTROL: (2, 1), "ndvi_threshold": (2, 2)
    }  # fmt: skip
    assert {name: (one.tp, one.fp) for name, one in year.held_out.items()} == {
        MAIN: (1, 0), CONTROL: (1, 1), "ndvi_threshold": (1, 1)
    }  # fmt: skip


def test_maps_without_probabilities_have_no_curve() -> None:
    assert [curve["model"].iloc[0] for curve in judged(trained_on=False).curves] == [MAIN, CONTROL]


def test_a_year_that_was_trained_on_has_its_curves_and_gain_on_ground_held_out() -> None:
    year = judged(trained_on=True)
    assert year.curves[0]["precision"].max() == 1.0  # on all ground the second pixel is wrong at any threshold
    assert year.gain["f1_difference"] == pytest.approx(1 - 2 / 3, abs=1e-6)
    assert year.gain["blocks"] == 1


def test_only_the_year_that_was_trained_on_tells_a_gain() -> None:
    assert judged(trained_on=False).gain == {}


def test_the_fragments_are_the_main_models_polygons_before_joining() -> None:
    assert judged(trained_on=False).fragments.area.tolist() == [75.0]
