"""Band statistics by hand, and unobserved pixels that vanish after standardising."""

import json

import numpy as np
import pytest

from chronoslide.errors import DataError
from chronoslide.patches.scaling import BandStatistics, band_statistics, fill_unobserved, to_reflectance


def test_statistics_are_of_observed_pixels_in_reflectance():
    images = np.array([[[[1000, 10], [3000, 30]], [[5000, 50], [9999, 9999]]]], dtype=np.uint16)
    observed = np.array([[[True, True], [True, False]]])
    statistics = band_statistics(images, observed, ["red", "nir"])
    assert statistics.mean == pytest.approx((0.3, 0.003))
    assert statistics.standard_deviation == pytest.approx((0.1632993, 0.001632993))


def test_statistics_do_not_depend_on_the_order_of_patches():
    images = np.random.default_rng(0).integers(1, 65_535, (9, 16, 16, 2), dtype=np.uint16)
    observed = np.ones((9, 16, 16), dtype=bool)
    assert band_statistics(images, observed, "ab") == band_statistics(images[::-1], observed, "ab")


def test_statistics_survive_json():
    statistics = BandStatistics(("red", "nir"), (0.1, 1 / 3), (0.05, 2 / 3))
    assert BandStatistics.from_json(json.loads(json.dumps(statistics.to_json()))) == statistics


def test_stored_values_become_reflectance():
    reflectance = to_reflectance(np.array([0, 5000, 65_535], dtype=np.uint16))
    assert reflectance.dtype == np.float32
    assert reflectance.tolist() == pytest.approx([0.0, 0.5, 6.5535])


def test_unobserved_pixels_take_the_mean_of_their_band():
    statistics = BandStatistics(("red", "nir"), (0.25, 0.5), (0.1, 0.1))
    images = np.array([[[0.1, 0.2], [np.nan, 9.0]]], dtype=np.float32)
    filled = fill_unobserved(images, np.array([[True, False]]), statistics)
    np.testing.assert_array_equal(filled, np.array([[[0.1, 0.2], [0.25, 0.5]]], dtype=np.float32))
    assert filled.dtype == np.float32
    assert np.isnan(images[0, 1, 0])  # the input is left alone


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"bands": ["red"], "mean": [0.1]}, "standard_deviation"),
        ({"bands": ["red"], "mean": [0.1, 0.2], "standard_deviation": [0.1]}, "1 bands, 2 means"),
        ({"bands": ["red"], "mean": [0.1], "standard_deviation": [0.0]}, "band 'red'.*cannot be standardised"),
        ({"bands": ["red"], "mean": ["much"], "standard_deviation": [0.1]}, "repeat"),
    ],
)
def test_broken_statistics_are_refused(content, message):
    with pytest.raises(DataError, match=message):
        BandStatistics.from_json(content)


def test_patches_without_observation_have_no_statistics():
    with pytest.raises(DataError, match="no observed pixel"):
        band_statistics(np.zeros((1, 2, 2, 1), np.uint16), np.zeros((1, 2, 2), bool), ["red"])
