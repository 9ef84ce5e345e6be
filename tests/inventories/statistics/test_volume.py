import math

import numpy as np
import pytest

from chronoslide.inventories.statistics.volume import estimate_volume


def test_one_landslide_of_a_hectare():
    volume = estimate_volume(np.array([1e4]))
    assert list(volume.by_law_m3.values()) == pytest.approx([0.146 * 10**5.328, 0.074 * 10**5.8])
    assert (volume.lowest_m3, volume.highest_m3) == pytest.approx((31072, 46691), rel=1e-3)
    assert volume.spread == pytest.approx(1.503, abs=5e-4)


def test_volumes_of_landslides_add_up():
    one, two = (estimate_volume(np.full(number, 500.0)) for number in (1, 2))
    assert two.lowest_m3 == pytest.approx(2 * one.lowest_m3)


def test_nothing_has_no_volume_and_no_spread():
    volume = estimate_volume(np.zeros(0))
    assert volume.highest_m3 == 0.0
    assert math.isnan(volume.spread)
