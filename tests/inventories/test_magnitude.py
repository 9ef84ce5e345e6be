import math
from pathlib import Path

import numpy as np
import pytest

from chronoslide.inventories.magnitude import event_magnitude
from chronoslide.inventories.power_law import PowerLaw, fit_power_law

SAMPLE = Path(__file__).parents[2] / "../shared/data/usgs_mls/areas_m2.csv"


def test_the_usgs_sample_has_the_magnitude_that_its_authors_print():
    if not SAMPLE.exists():
        pytest.skip("shared/data/usgs_mls is not on this machine")
    areas = np.loadtxt(SAMPLE, skiprows=1)
    law = fit_power_law(areas)
    assert law.exponent == pytest.approx(2.46, abs=0.005)
    assert event_magnitude(areas, law) == pytest.approx(3.63, abs=0.01)


def test_ten_times_the_landslides_are_one_magnitude_more():
    areas = 1000.0 * (1.0 - np.random.default_rng(1).random(500)) ** (-1.0 / 1.4)
    law = fit_power_law(areas)
    assert event_magnitude(np.tile(areas, 10), law) == pytest.approx(event_magnitude(areas, law) + 1.0)


def test_an_empty_bin_at_the_cutoff_has_no_magnitude():
    assert math.isnan(event_magnitude(np.array([10.0, 20.0]), PowerLaw(2.4, 5000.0, 2, 0.1)))
