import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from chronoslide.errors import GridError
from chronoslide.models.calibration import fit_temperature, measure_calibration
from chronoslide.params import CalibrationSettings


def labels_of(*values):
    return np.array(values, dtype=np.uint8)


def sample(temperature, seed=1, number=40_000):
    """Probabilities whose logits were multiplied by `temperature`, and what they were truly drawn from."""
    rng = np.random.default_rng(seed)
    true = expit(rng.normal(-1.0, 1.5, number))
    return expit(logit(true) * temperature).astype(np.float32), (rng.random(number) < true).astype(np.uint8)


def test_four_pixels_on_paper():
    probability = np.array([0.9, 0.9, 0.7, 0.1])
    calibration = measure_calibration(probability, labels_of(1, 0, 1, 0), CalibrationSettings(bins=5))
    assert calibration.table.to_dict("list") == {
        "lower": pytest.approx([0.0, 0.6, 0.8]),
        "upper": pytest.approx([0.2, 0.8, 1.0]),
        "number": [1, 1, 2],
        "confidence": pytest.approx([0.1, 0.7, 0.9]),
        "frequency": [0.0, 1.0, 0.5],
    }
    assert calibration.expected_calibration_error == pytest.approx((0.1 + 0.3 + 2 * 0.4) / 4)
    assert calibration.brier_score == pytest.approx((0.01 + 0.81 + 0.09 + 0.01) / 4)


def test_the_sure_background_enters_the_brier_score_only():
    calibration = measure_calibration(np.array([0.05, 0.01, 0.5]), labels_of(0, 0, 1))
    assert (calibration.pixels, calibration.pixels_above) == (3, 1)
    assert calibration.expected_calibration_error == pytest.approx(0.5)
    assert calibration.brier_score_above == pytest.approx(0.25)


def test_unobserved_pixels_do_not_count():
    calibration = measure_calibration(np.array([[np.nan, 0.8], [0.8, 0.8]]), labels_of(1, 255, 1, 1).reshape(2, 2))
    assert calibration.pixels == 2
    assert calibration.table["frequency"].tolist() == [1.0]


def test_a_probability_of_one_falls_into_the_last_bin():
    assert measure_calibration(np.array([1.0]), labels_of(1)).table["upper"].tolist() == [1.0]


def test_nothing_above_leaves_the_error_undefined_with_a_reason():
    calibration = measure_calibration(np.array([0.01]), labels_of(0))
    assert math.isnan(calibration.expected_calibration_error)
    assert calibration.reason == "no observed pixel has a probability above 0.05"


def test_true_probabilities_are_calibrated_and_overconfident_ones_are_not():
    assert measure_calibration(*sample(1.0)).expected_calibration_error < 0.02
    assert measure_calibration(*sample(3.0)).expected_calibration_error > 0.1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_recovered_and_mends_the_calibration(temperature):
    probability, labels = sample(temperature)
    fitted = fit_temperature(probability, labels)
    assert fitted.value == pytest.approx(temperature, rel=0.03)
    assert fitted.log_loss_after <= fitted.log_loss_before + 1e-9
    assert measure_calibration(fitted.scale(probability), labels).expected_calibration_error < 0.02


def test_one_class_leaves_the_probabilities_as_they_are():
    fitted = fit_temperature(np.array([0.2, 0.7]), labels_of(0, 0))
    assert fitted.value == 1.0
    assert "all background" in fitted.reason


def test_no_observed_pixel_leaves_the_probabilities_as_they_are():
    assert fit_temperature(np.array([np.nan]), labels_of(0)).reason == "no observed pixel to fit on"


def test_perfect_probabilities_end_at_the_edge_of_the_range():
    fitted = fit_temperature(np.array([0.1, 0.9] * 10), labels_of(*[0, 1] * 10))
    assert "edge of the range" in fitted.reason


def test_certain_but_wrong_pixels_have_a_finite_loss():
    fitted = fit_temperature(np.array([0.0, 1.0, 0.0, 1.0]), labels_of(1, 1, 0, 0))
    assert math.isfinite(fitted.log_loss_after)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=20))
def test_scaling_keeps_the_order_and_0_5(values):
    fitted = fit_temperature(*sample(3.0, number=2000))
    scaled = fitted.scale(np.array([*sorted(values), 0.5]))
    assert (np.diff(scaled[:-1]) >= 0).all()
    assert scaled[-1] == pytest.approx(0.5)


def test_nan_stays_nan():
    assert np.isnan(fit_temperature(*sample(2.0, number=2000)).scale(np.array([np.nan])))[0]


def test_other_shapes_are_refused():
    with pytest.raises(GridError, match="differ in shape"):
        measure_calibration(np.zeros((2, 2)), labels_of(0, 1))
