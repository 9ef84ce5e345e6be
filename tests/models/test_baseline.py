import numpy as np
import pytest

from chronoslide.errors import ModelError
from chronoslide.models.baseline import choose_ndvi_threshold, ndvi, predict
from chronoslide.models.metrics import Threshold, count

BANDS = ("blue", "green", "red", "red_edge", "nir")


def test_ndvi_of_forest_and_of_debris():
    forest, debris = [0.02, 0.04, 0.025, 0.085, 0.275], [0.11, 0.14, 0.165, 0.185, 0.215]
    index = ndvi(np.array([[forest, debris]], dtype=np.float32), BANDS)
    np.testing.assert_allclose(index, [[0.25 / 0.3, 0.05 / 0.38]], rtol=1e-6)


def test_ndvi_finds_its_bands_by_name():
    np.testing.assert_allclose(ndvi(np.array([0.6, 0.2], dtype=np.float32), ("nir", "red")), 0.5, rtol=1e-6)


def test_ndvi_of_nothing_is_undefined():
    assert np.isnan(ndvi(np.zeros((1, 5), dtype=np.float32), BANDS)).all()


def test_ndvi_needs_red_and_nir():
    with pytest.raises(ModelError, match=r"no band \['nir'\] among \['red', 'green'\]"):
        ndvi(np.zeros((1, 2), dtype=np.float32), ("red", "green"))


def test_threshold_is_the_lowest_of_the_best():
    index = np.array([0.1, 0.2, 0.25, 0.6, 0.7, np.nan, 0.9], dtype=np.float32)
    labels = np.array([1, 1, 0, 1, 0, 1, 255], dtype=np.uint8)
    # At 0.20: 2 hits, 1 missed, F1 4/5. At 0.60: 3 hits, 1 false, F1 6/7.
    assert choose_ndvi_threshold(index, labels) == Threshold(0.6, pytest.approx(6 / 7))


def test_chosen_threshold_and_prediction_agree_on_a_value_that_lies_on_the_threshold():
    index = np.array([-0.3, 0.14, 0.3, 0.57, 0.58], dtype=np.float32)
    labels = np.array([1, 1, 1, 1, 0], dtype=np.uint8)
    chosen = choose_ndvi_threshold(index, labels)
    assert chosen == Threshold(0.57, 1.0)
    assert count(predict(index, chosen.value), labels).f1 == 1


def test_undefined_ndvi_is_not_landslide():
    assert predict(np.array([np.nan, 0.1], dtype=np.float32), 0.2).tolist() == [False, True]


def test_threshold_needs_a_landslide():
    with pytest.raises(ModelError, match="no landslide pixel"):
        choose_ndvi_threshold(np.array([0.1], dtype=np.float32), np.array([0], dtype=np.uint8))
