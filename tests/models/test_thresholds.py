import math

import numpy as np
import pytest

from chronoslide.models.metrics import Threshold, best_threshold
from chronoslide.models.thresholds import steady_threshold

# Four patches of one row, a pixel a column. Above 0.6 the first one's four false alarms go, and so do the second one's
# two landslide pixels: F1 is 10/14 at 0.5 and 6/8 at 0.61. Without the first patch it is 1 and 4/6, without the second
# 6/10 and 1, without either of the others 8/12 and 4/6: so the standard error of the difference of 0.036 is 0.45.
PROBABILITY = np.array(
    [[[0.9, 0.6, 0.6, 0.6, 0.6]], [[0.6, 0.6, 0, 0, 0]], [[0.9, 0, 0, 0, 0]], [[0.9, 0, 0, 0, 0]]], dtype=np.float32
)
LABELS = np.array([[[1, 0, 0, 0, 0]], [[1, 1, 0, 0, 0]], [[1, 0, 0, 0, 0]], [[1, 0, 0, 0, 0]]], dtype=np.uint8)


def test_what_a_few_patches_cannot_tell_apart_is_settled_by_the_nearest_to_one_half():
    assert best_threshold(PROBABILITY, LABELS) == Threshold(0.61, 0.75)
    assert steady_threshold(PROBABILITY, LABELS) == Threshold(0.5, pytest.approx(10 / 14))


def test_the_same_difference_on_four_hundred_times_as_many_patches_is_no_chance():
    repeated = np.tile(PROBABILITY, (400, 1, 1)), np.tile(LABELS, (400, 1, 1))
    assert steady_threshold(*repeated) == Threshold(0.61, pytest.approx(0.75))


def test_patches_that_agree_leave_the_best_one():
    probability = np.tile(np.array([[[0.95, 0.8]]], dtype=np.float32), (3, 1, 1))
    labels = np.tile(np.array([[[1, 0]]], dtype=np.uint8), (3, 1, 1))
    assert steady_threshold(probability, labels) == Threshold(0.81, 1.0)


@pytest.mark.parametrize("patches", [[0], []])
def test_one_patch_or_none_tells_nothing_of_chance_and_leaves_the_best_one(patches):
    chosen = PROBABILITY[patches], LABELS[patches]
    assert str(steady_threshold(*chosen)) == str(best_threshold(*chosen))


def test_patches_without_anything_to_find_count_for_nothing():
    padded = (
        np.concatenate([PROBABILITY[:1], np.zeros((50, 1, 5), np.float32)]),
        np.concatenate([LABELS[:1], np.zeros((50, 1, 5), np.uint8)]),
    )
    assert steady_threshold(*padded) == best_threshold(PROBABILITY[:1], LABELS[:1])


def test_unobserved_pixels_and_those_without_a_probability_are_left_out():
    probability = np.concatenate([PROBABILITY, np.full((4, 1, 1), 0.99, np.float32)], axis=2)
    unobserved = np.concatenate([LABELS, np.full((4, 1, 1), 255, np.uint8)], axis=2)
    assert steady_threshold(probability, unobserved) == steady_threshold(PROBABILITY, LABELS)
    unknown = np.where(probability == np.float32(0.99), np.nan, probability)
    background = np.where(unobserved == 255, 0, unobserved).astype(np.uint8)
    assert steady_threshold(unknown, background) == steady_threshold(PROBABILITY, LABELS)


def test_where_no_f1_is_defined_it_is_one_half_without_a_figure():
    chosen = steady_threshold(np.zeros((3, 2, 2), np.float32), np.zeros((3, 2, 2), np.uint8))
    assert chosen.value == 0.5
    assert math.isnan(chosen.f1)
