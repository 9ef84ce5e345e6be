"""Figures of a map, on rasters small enough to count by hand."""

import math

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.evaluation.accuracy import Map, judge_map, judge_patches, soft_loss
from chronoslide.evaluation.curves import precision_recall
from chronoslide.evaluation.ground import number_blocks, within
from chronoslide.grid import Grid
from chronoslide.models.losses import TverskyLoss
from chronoslide.params import EvaluateSettings

SETTINGS = EvaluateSettings(bootstrap_samples=20)
DICE = TverskyLoss(0.5, 0.5)


def grid(rows: int, cols: int, pixel: float = 5.0) -> Grid:
    return Grid(CRS.from_epsg(32645), Affine(pixel, 0, 300000, 0, -pixel, 3100000), (rows, cols))


def judged(probability: list[list[float]], labels: list[list[int]], threshold: float = 0.5):
    values = np.array(probability, np.float32)
    mapped = Map(np.nan_to_num(values) >= threshold, values)
    truth = np.array(labels, np.uint8)
    place = grid(*truth.shape)
    return judge_map(mapped, truth, np.zeros(truth.shape, int), place, DICE, SETTINGS, 0.0, seed=1)


def test_counts_and_ratios_are_those_on_paper() -> None:
    accuracy = judged([[0.9, 0.8, 0.1], [0.7, 0.2, 0.1]], [[1, 1, 1], [0, 0, 255]])
    assert (accuracy.tp, accuracy.fp, accuracy.fn, accuracy.tn) == (2, 1, 1, 1)
    assert accuracy.precision == accuracy.recall == accuracy.f1 == pytest.approx(2 / 3)
    assert accuracy.iou == pytest.approx(1 / 2)
    assert accuracy.mcc == pytest.approx((2 * 1 - 1 * 1) / math.sqrt(3 * 3 * 2 * 2))


def test_unobserved_ground_is_reported_in_square_kilometres() -> None:
    assert judged([[0.9, 0.1]], [[255, 0]]).unobserved_km2 == pytest.approx(25e-6)


def test_a_map_of_nothing_where_nothing_is_has_no_f1_and_says_why() -> None:
    accuracy = judged([[0.1, 0.1]], [[0, 0]])
    assert math.isnan(accuracy.f1)
    assert "f1" in accuracy.undefined


def test_the_figure_at_half_uses_half_whatever_the_threshold() -> None:
    accuracy = judged([[0.9, 0.6, 0.4]], [[1, 0, 0]], threshold=0.7)
    assert accuracy.f1 == 1.0
    assert accuracy.f1_at_half == pytest.approx(2 / 3)


def test_a_map_without_probabilities_has_no_loss_and_no_ranking() -> None:
    mapped = Map(np.array([[True, False]]), None)
    labels = np.array([[1, 0]], np.uint8)
    accuracy = judge_map(mapped, labels, np.zeros((1, 2), int), grid(1, 2), DICE, SETTINGS, 0.0, seed=1)
    assert accuracy.f1 == 1.0
    assert math.isnan(accuracy.loss)
    assert math.isnan(accuracy.average_precision)


def test_the_loss_of_a_map_is_the_soft_tversky_loss_on_paper() -> None:
    probability = np.array([[0.9, 0.6, 0.2, 0.1]], np.float32)
    labels = np.array([[1, 1, 0, 0]], np.uint8)
    assert soft_loss(probability, labels, TverskyLoss(0.3, 0.7)) == pytest.approx(0.193538, abs=1e-5)


def test_unobserved_probabilities_do_not_enter_the_loss() -> None:
    probability = np.array([[0.9, 0.6, 0.2, 0.1, np.nan]], np.float32)
    labels = np.array([[1, 1, 0, 0, 255]], np.uint8)
    assert soft_loss(probability, labels, TverskyLoss(0.3, 0.7)) == pytest.approx(0.193538, abs=1e-5)


def test_patches_are_pooled_and_not_averaged() -> None:
    probability = np.array([[[0.9, 0.9]], [[0.9, 0.1]]], np.float32)
    labels = np.array([[[1, 1]], [[0, 0]]], np.uint8)
    assert judge_patches(probability, labels, 25.0, DICE).precision == pytest.approx(2 / 3)


def test_figures_are_rounded_and_hold_no_reasons() -> None:
    figures = judged([[0.9, 0.8, 0.1]], [[1, 0, 1]]).figures()
    assert figures["f1"] == 0.5
    assert "undefined" not in figures


def test_blocks_are_numbered_row_by_row() -> None:
    numbers = number_blocks(grid(4, 6), block_metres=10.0)
    assert numbers.tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2


def test_outside_the_region_nothing_is_observed() -> None:
    labels = np.array([[1, 0]], np.uint8)
    assert within(labels, np.array([[False, True]])).tolist() == [[255, 0]]


def test_the_curve_falls_in_recall_as_the_threshold_rises() -> None:
    curve = precision_recall(np.array([[0.9, 0.3, np.nan]], np.float32), np.array([[1, 1, 1]], np.uint8))
    assert curve.loc[curve["threshold"] == 0.01, "recall"].item() == 1.0
    assert curve.loc[curve["threshold"] == 0.51, "recall"].item() == 0.5
    assert curve["recall"].is_monotonic_decreasing
