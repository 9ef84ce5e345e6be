import math
from pathlib import Path

import numpy as np
import pytest

from chronoslide.inventories.statistics.magnitude import event_magnitude
from chronoslide.inventories.statistics.power_law import PowerLaw, fit_power_law

SAMPLE = Path(__file__).parents[3] / "../shared/data/usgs_mls/areas_m2.csv"


def test_the_usgs_sample_has_the_magnitude_that_its_authors_print():
    if not SAMPLE.exists():
        pytest.skip("shared/data/usgs_mls is not on this machine")
    areas = np.loadtxt(SAMPLE, skiprows=1)
    law = fit_power_law(areas)
    assert law.exponent == pytest.approx(2.46, abs=0.005)
    assert event_magnitude(areas, law) == pytest.approx(3.63, abs=0.01)


def test_an_event_on_northridges_law_has_northridges_magnitude():
    # The law through Northridge's mid-point; 2 x 1.2^40 m2 is an edge, and the bin below it is a sixth as wide.
    edge, exponent = 2.0 * 1.2**40, 2.4
    density = 8.364725347860417e-04 * (edge / 4.876599623713225e04) ** -exponent
    areas = np.full(round(density * edge / 6.0), edge * 1.1)
    law = PowerLaw(exponent, edge, len(areas), 0.1)
    assert event_magnitude(areas, law) == pytest.approx(math.log10(11111), abs=1e-3)


def test_ten_times_the_landslides_are_one_magnitude_more():
    areas = 1000.0 * (1.0 - np.random.default_rng(1).random(500)) ** (-1.0 / 1.4)
    law = fit_power_law(areas)
    assert event_magnitude(np.tile(areas, 10), law) == pytest.approx(event_magnitude(areas, law) + 1.0)


def test_an_empty_bin_at_the_cutoff_has_no_magnitude():
    assert math.isnan(event_magnitude(np.array([10.0, 20.0]), PowerLaw(2.4, 5000.0, 2, 0.1)))
