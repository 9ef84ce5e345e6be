import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chronoslide.models.metrics import (
    RATIOS,
    Counts,
    Threshold,
    TolerantCounts,
    average_precision,
    best_threshold,
    count,
    count_within,
    counts_by_threshold,
    undefined_reasons,
)

PREDICTED = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
LABELS = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 255]], dtype=np.uint8)


def test_counts_of_nine_pixels_leave_the_unobserved_one_out():
    assert count(PREDICTED, LABELS) == Counts(tp=2, fp=1, fn=1, tn=4)


def test_ratios_of_nine_pixels():
    counts = count(PREDICTED, LABELS)
    assert counts.precision == pytest.approx(2 / 3)
    assert counts.recall == pytest.approx(2 / 3)
    assert counts.f1 == pytest.approx(2 / 3)
    assert counts.iou == pytest.approx(2 / 4)
    assert counts.mcc == pytest.approx((2 * 4 - 1 * 1) / math.sqrt(3 * 3 * 5 * 5))


def test_precision_and_recall_are_not_exchanged():
    counts = Counts(tp=2, fp=6, fn=1, tn=1)
    assert (counts.precision, counts.recall) == (pytest.approx(0.25), pytest.approx(2 / 3))


def test_an_unobserved_pixel_changes_nothing_whatever_is_predicted_there():
    everywhere = PREDICTED.copy()
    everywhere[2, 2] = True
    assert count(everywhere, LABELS) == count(PREDICTED, LABELS)


def test_counts_of_parts_add_up_to_the_counts_of_the_whole():
    assert count(PREDICTED[:1], LABELS[:1]) + count(PREDICTED[1:], LABELS[1:]) == count(PREDICTED, LABELS)


def test_counts_add_up_one_by_one():
    assert Counts(1, 2, 3, 4) + Counts(5, 7, 9, 13) == Counts(6, 9, 12, 17)
    assert TolerantCounts(1, 2, 3, 4) + TolerantCounts(5, 7, 9, 13) == TolerantCounts(6, 9, 12, 17)


def test_counts_cannot_be_changed():
    for each, name in [(Counts(), "tp"), (TolerantCounts(), "predicted"), (Threshold(0.5, 1.0), "value")]:
        with pytest.raises(FrozenInstanceError):
            setattr(each, name, 1)


def test_ratios_of_counts_that_all_differ():
    counts = Counts(tp=6, fp=3, fn=2, tn=7)
    assert (counts.precision, counts.recall) == (6 / 9, 6 / 8)
    assert counts.f1 == pytest.approx(12 / (12 + 3 + 2))
    assert counts.iou == pytest.approx(6 / (6 + 3 + 2))
    assert counts.mcc == pytest.approx((6 * 7 - 3 * 2) / math.sqrt((6 + 3) * (6 + 2) * (7 + 3) * (7 + 2)))


def test_mcc_of_a_whole_scene_does_not_overflow():
    million = 1_000_000
    assert Counts(tp=million, fp=0, fn=0, tn=30 * million).mcc == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        (Counts(0, 0, 0, 9), {"precision", "recall", "f1", "iou", "mcc"}),
        (Counts(0, 0, 4, 5), {"precision", "mcc"}),
        (Counts(0, 4, 0, 5), {"recall", "mcc"}),
        (Counts(4, 0, 5, 0), {"mcc"}),
        (Counts(4, 2, 0, 3), set()),
        (Counts(4, 2, 3, 0), set()),
        (Counts(4, 5, 0, 0), {"mcc"}),
        (Counts(4, 4, 4, 4), set()),
    ],
)
def test_an_undefined_ratio_is_nan_and_has_its_reason(counts, undefined):
    assert {name for name, value in counts.ratios().items() if math.isnan(value)} == undefined
    assert set(undefined_reasons(counts)) == undefined


def test_the_reason_names_what_is_missing():
    neither = "no observed pixel is landslide and none is predicted as such"
    assert undefined_reasons(Counts(0, 0, 0, 9)) == {
        "precision": "no pixel is predicted as landslide",
        "recall": "no observed pixel is landslide",
        "f1": neither,
        "iou": neither,
        "mcc": "no observed pixel is landslide",
    }
    assert undefined_reasons(Counts(0, 0, 4, 5))["mcc"] == "no pixel is predicted as landslide"
    assert undefined_reasons(Counts(4, 0, 5, 0))["mcc"] == "no observed pixel is background"
    assert undefined_reasons(Counts(4, 5, 0, 0))["mcc"] == "no pixel is predicted as background"


def test_finding_nothing_where_there_is_something_is_an_f1_of_zero():
    assert Counts(tp=0, fp=0, fn=4, tn=5).f1 == 0


def test_ratios_of_a_table_are_those_of_its_rows():
    rows = [Counts(2, 1, 1, 4), Counts(0, 0, 3, 1), Counts(5, 3, 0, 8)]
    table = np.stack([row.table() for row in rows])
    for name, ratio in RATIOS.items():
        np.testing.assert_array_equal(ratio(table), [row.ratios()[name] for row in rows])


def test_a_shift_by_one_pixel_is_forgiven_by_a_tolerance_of_one():
    truth = np.zeros((6, 6), dtype=np.uint8)
    truth[1:5, 1:3] = 1
    shifted = np.roll(truth, 1, axis=1) == 1
    assert count_within(shifted, truth, 0).f1 == pytest.approx(count(shifted, truth).f1) == pytest.approx(0.5)
    assert count_within(shifted, truth, 1).f1 == 1
    assert count_within(np.roll(truth, 2, axis=1) == 1, truth, 1).f1 == pytest.approx(0.5)


def test_tolerance_does_not_reach_across_a_corner_nor_into_another_patch():
    truth, predicted = np.zeros((2, 3, 3), dtype=np.uint8), np.zeros((2, 3, 3), dtype=bool)
    truth[0, 1, 1] = 1
    predicted[0, 0, 0] = predicted[1, 1, 1] = True
    counts = count_within(predicted, truth)
    assert (counts.predicted_near, counts.landslide_near, counts.f1) == (0, 0, 0)


@pytest.mark.parametrize("pixels", [1, 2, 3])
def test_a_tolerance_reaches_as_far_as_a_circle(pixels):
    truth = np.zeros((7, 7), dtype=np.uint8)
    truth[3, 3] = 1
    near = [[count_within(_pixel(row, col), truth, pixels).predicted_near for col in range(7)] for row in range(7)]
    assert near == [[math.hypot(row - 3, col - 3) <= pixels for col in range(7)] for row in range(7)]


def _pixel(row, col):
    mask = np.zeros((7, 7), dtype=bool)
    mask[row, col] = True
    return mask


def test_tolerant_ratios_by_hand():
    counts = TolerantCounts(predicted=4, predicted_near=3, landslide=5, landslide_near=2)
    assert (counts.precision, counts.recall) == (3 / 4, 2 / 5)
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.4 / (0.75 + 0.4))
    only_predicted, only_true = TolerantCounts(predicted=1), TolerantCounts(landslide=1)
    assert (only_predicted.precision, only_predicted.f1, only_true.recall, only_true.f1) == (0, 0, 0, 0)
    assert math.isnan(only_predicted.recall)
    assert math.isnan(only_true.precision)


def test_tolerance_counts_no_unobserved_pixel():
    truth = np.array([[255, 1, 0]], dtype=np.uint8)
    predicted = np.array([[True, False, False]])
    counts = count_within(predicted, truth)
    assert (counts.predicted, counts.landslide, counts.landslide_near) == (0, 1, 0)


def test_tolerant_f1_is_undefined_where_there_is_nothing_at_all():
    assert math.isnan(count_within(np.zeros((3, 3), dtype=bool), np.zeros((3, 3), dtype=np.uint8)).f1)


def test_average_precision_by_hand():
    # In falling order of probability: hit (P 1, R 1/2), miss, hit (P 2/3, R 1); the unobserved pixel is left out.
    probability = np.array([0.9, 0.8, 0.7, 0.1, 0.99], dtype=np.float32)
    labels = np.array([1, 0, 1, 0, 255], dtype=np.uint8)
    assert average_precision(probability, labels) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)


def test_average_precision_without_landslides_is_undefined():
    assert math.isnan(average_precision(np.array([0.5]), np.array([0], dtype=np.uint8)))


def test_best_threshold_separates_what_can_be_separated():
    probability = np.array([0.1, 0.22, 0.335, 0.9, np.nan, 0.2], dtype=np.float32)
    labels = np.array([0, 0, 1, 1, 1, 255], dtype=np.uint8)
    assert best_threshold(probability, labels) == Threshold(0.33, 1.0)


def test_of_equal_thresholds_the_nearest_to_a_half_is_taken():
    labels = np.array([0, 1], dtype=np.uint8)
    assert best_threshold(np.array([0.1, 0.9]), labels).value == 0.5
    assert best_threshold(np.array([0.6, 0.9]), labels).value == 0.61


def test_of_two_thresholds_equally_near_to_a_half_the_lower_is_taken():
    # From 0.49: TP 2, FP 2; from 0.50: TP 1, FP 2, FN 1; from 0.51: TP 1, FN 1. F1 is 2/3, 2/5, 2/3.
    threshold = best_threshold(np.array([0.9, 0.495, 0.505, 0.505]), np.array([1, 1, 0, 0], dtype=np.uint8))
    assert threshold == Threshold(0.49, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("background", "landslide", "expected"),
    [
        (0.045, 0.055, Threshold(0.05, 1.0)),
        (0.945, 0.955, Threshold(0.95, 1.0)),
        (0.035, 0.045, Threshold(0.5, 0.0)),  # 0.04 would tell them apart
        (0.955, 0.965, Threshold(0.5, pytest.approx(2 / 3))),  # 0.96 would
    ],
)
def test_thresholds_from_5_to_95_hundredths_are_tried(background, landslide, expected):
    assert best_threshold(np.array([background, landslide]), np.array([0, 1], dtype=np.uint8)) == expected


def test_counts_at_each_threshold_by_hand():
    scores, landslide = np.array([0.1, 0.2, 0.3, 0.4, 0.4]), np.array([False, True, False, True, True])
    table = counts_by_threshold(scores, landslide, np.array([0.2, 0.35, 0.5]))
    np.testing.assert_array_equal(table, [[3, 1, 0, 1], [2, 0, 1, 2], [0, 0, 3, 2]])


def test_a_pixel_without_a_probability_is_left_out_of_the_average_precision():
    labels = np.array([1, 0, 1], dtype=np.uint8)
    assert average_precision(np.array([0.9, 0.5, np.nan]), labels) == 1


def test_without_anything_to_find_the_threshold_is_a_half_and_its_f1_unknown():
    threshold = best_threshold(np.array([0.01, 0.02]), np.array([0, 0], dtype=np.uint8))
    assert threshold.value == 0.5
    assert math.isnan(threshold.f1)


@settings(max_examples=50, deadline=None)
@given(
    probability=hnp.arrays(np.float32, 12, elements=st.sampled_from([0.0, 0.05, 0.3, 0.31, 0.5, 0.555, 0.95, 1.0])),
    labels=hnp.arrays(np.uint8, 12, elements=st.sampled_from([0, 1, 255])),
)
def test_no_threshold_of_the_grid_is_better_than_the_best(probability, labels):
    chosen = best_threshold(probability, labels)
    scores = [count(probability >= hundredth / 100, labels).f1 for hundredth in range(5, 96)]
    if all(math.isnan(score) for score in scores):
        assert math.isnan(chosen.f1)
    else:
        assert chosen.f1 == np.nanmax(scores)
        assert count(probability >= chosen.value, labels).f1 == chosen.f1
