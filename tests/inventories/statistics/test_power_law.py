import warnings
from pathlib import Path

import numpy as np
import powerlaw
import pytest

from chronoslide.inventories.statistics.power_law import against_log_normal, fit_power_law

SAMPLE = Path(__file__).parents[3] / "../shared/data/usgs_mls/areas_m2.csv"


def pareto(number, exponent, seed):
    return 1000.0 * (1.0 - np.random.default_rng(seed).random(number)) ** (-1.0 / (exponent - 1.0))


def test_the_exponent_of_a_pareto_sample_is_recovered():
    law = fit_power_law(pareto(3000, 2.4, 1))
    assert law.exponent == pytest.approx(2.4, abs=4 * law.standard_error)


def test_the_cutoff_lies_where_the_law_begins():
    body = np.random.default_rng(2).uniform(100.0, 1000.0, 1500)
    law = fit_power_law(np.concatenate([body, pareto(1500, 2.4, 3)]))
    assert 900 < law.cutoff_m2 < 1500


def test_a_cutoff_among_the_largest_fifth_is_found():
    body = np.random.default_rng(4).uniform(100.0, 1000.0, 2400)
    law = fit_power_law(np.concatenate([body, pareto(600, 2.4, 5)]))
    assert 900 < law.cutoff_m2 < 1500
    assert law.exponent == pytest.approx(2.4, abs=4 * law.standard_error)


def test_the_formula_on_paper():
    # ln(x / 1) = 1 for the two areas e and 1 each: exponent 1 + 4 / 2 = 3 at cut-off 1
    law = fit_power_law(np.array([1.0, 1.0, np.e, np.e]))
    assert law.exponent == pytest.approx(3.0)
    assert law.cutoff_m2 == 1.0
    assert law.standard_error == pytest.approx(2 / 4**0.5)


def test_the_same_tail_as_package_powerlaw_on_the_usgs_sample():
    if not SAMPLE.exists():
        pytest.skip("shared/data/usgs_mls is not on this machine")
    areas = np.loadtxt(SAMPLE, skiprows=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = powerlaw.Fit(areas, discrete=False, verbose=False).power_law
        exponent, cutoff = expected.alpha, expected.xmin
    law = fit_power_law(areas)
    assert law.exponent == pytest.approx(exponent, rel=1e-9)
    assert law.cutoff_m2 == cutoff


def test_a_log_normal_tail_is_told_from_a_power_law():
    normal = np.exp(np.random.default_rng(4).normal(8.0, 0.5, 2000))
    law = fit_power_law(normal)
    whole = type(law)(law.exponent, float(normal.min()), len(normal), 0.0)
    comparison = against_log_normal(normal, whole)
    assert comparison.ratio < -2
    assert comparison.p_value < 0.05
