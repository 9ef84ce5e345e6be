import math

import numpy as np
import pytest

from chronoslide.errors import ModelError
from chronoslide.models.intervals import BlockCounts, block_counts, bootstrap_difference, bootstrap_interval
from chronoslide.models.metrics import Counts, count, f1, recall


def blocks_of(*rows):
    return BlockCounts(np.arange(len(rows)), np.array(rows, dtype=np.int64))


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(5)
    labels = (rng.random((80, 90)) < 0.2).astype(np.uint8)
    predicted = (labels == 1) ^ (rng.random(labels.shape) < 0.1)
    labels[:5] = 255
    rows, cols = np.indices(labels.shape) // 10
    return predicted, labels, rows * 9 + cols


def test_pixels_are_counted_in_their_block():
    labels = np.array([[1, 0, 1, 255], [1, 0, 0, 1]], dtype=np.uint8)
    predicted = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], dtype=bool)
    blocks = np.array([[7, 7, 3, 3], [7, 7, 3, -1]])
    counts = block_counts(predicted, labels, blocks)
    assert counts.blocks.tolist() == [3, 7]
    assert counts.table.tolist() == [[0, 0, 1, 1], [2, 1, 0, 1]]


def test_blocks_add_up_to_the_scene(scene):
    predicted, labels, blocks = scene
    assert block_counts(predicted, labels, blocks).total == count(predicted, labels)


def test_the_value_is_that_of_all_blocks_and_lies_in_its_interval(scene):
    predicted, labels, blocks = scene
    interval = bootstrap_interval(block_counts(predicted, labels, blocks), f1, 1000, 0.95, seed=1)
    assert interval.value == count(predicted, labels).f1
    assert interval.low < interval.value < interval.high
    assert interval.high - interval.low < 0.1


def test_a_higher_confidence_needs_a_wider_interval(scene):
    predicted, labels, blocks = scene
    counts = block_counts(predicted, labels, blocks)
    narrow, wide = (bootstrap_interval(counts, f1, 1000, confidence, seed=1) for confidence in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_width_is_that_of_the_binomial_when_every_block_is_one_landslide_pixel():
    counts = blocks_of(*[[1, 0, 0, 0]] * 300, *[[0, 0, 1, 0]] * 100)
    interval = bootstrap_interval(counts, recall, 4000, 0.95, seed=3)
    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert interval.low == pytest.approx(0.75 - half, abs=0.005)
    assert interval.high == pytest.approx(0.75 + half, abs=0.005)


def test_the_same_seed_draws_the_same_blocks(scene):
    predicted, labels, blocks = scene
    counts = block_counts(predicted, labels, blocks)
    assert bootstrap_interval(counts, f1, 200, 0.9, 4) == bootstrap_interval(counts, f1, 200, 0.9, 4)
    assert bootstrap_interval(counts, f1, 200, 0.9, 4) != bootstrap_interval(counts, f1, 200, 0.9, 5)


def test_draws_without_landslides_are_left_out_and_told_of():
    counts = blocks_of([3, 0, 1, 5], [0, 0, 0, 9])
    interval = bootstrap_interval(counts, recall, 400, 0.95, seed=0)
    assert (interval.value, interval.low, interval.high) == (0.75, 0.75, 0.75)
    assert 60 < interval.undefined_draws < 140  # a quarter of them draws the second block twice


@pytest.mark.parametrize("counts", [blocks_of([3, 1, 1, 5]), blocks_of([0, 0, 0, 5], [0, 0, 0, 4])])
def test_no_interval_from_one_block_or_without_a_defined_draw(counts):
    interval = bootstrap_interval(counts, f1, 100, 0.95, seed=0)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_no_pixels_give_no_interval():
    nothing = block_counts(np.zeros((2, 2), bool), np.full((2, 2), 255, np.uint8), np.zeros((2, 2), int))
    assert nothing.total == Counts()
    assert math.isnan(bootstrap_interval(nothing, f1, 10, 0.95, seed=0).value)


def test_a_model_does_not_differ_from_itself():
    counts = blocks_of([3, 1, 1, 5], [4, 0, 2, 4], [0, 1, 1, 8])
    difference = bootstrap_difference(counts, counts, f1, 300, 0.95, seed=2)
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_pairing_sees_a_small_gain_in_every_block_that_separate_intervals_hide():
    easy_and_hard = [[9, 1, 1, 9], [2, 8, 8, 2]] * 10
    better = [[tp + 1, fp, fn - 1, tn] for tp, fp, fn, tn in easy_and_hard]
    first, second = blocks_of(*better), blocks_of(*easy_and_hard)
    assert bootstrap_interval(first, f1, 500, 0.95, 1).low < bootstrap_interval(second, f1, 500, 0.95, 1).high
    difference = bootstrap_difference(first, second, f1, 500, 0.95, seed=1)
    assert 0 < difference.low < difference.value < difference.high


@pytest.mark.parametrize(
    "other",
    [BlockCounts(np.array([0, 2]), np.array([[3, 1, 1, 5], [1, 1, 1, 1]])), blocks_of([3, 1, 2, 5], [1, 1, 1, 1])],
)
def test_models_counted_on_other_pixels_are_not_compared(other):
    counts = blocks_of([3, 1, 1, 5], [1, 1, 1, 1])
    with pytest.raises(ModelError, match="not counted on the same pixels"):
        bootstrap_difference(counts, other, f1, 10, 0.95, seed=0)
