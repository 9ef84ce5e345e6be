import json
import math

import numpy as np
import pytest

from chronoslide.files import write_json
from chronoslide.inventories.statistics.size_models import InverseGamma
from chronoslide.inventories.statistics.size_statistics import empirical_density, measure_sizes
from chronoslide.params import StatisticsSettings

QUICK = StatisticsSettings(bootstrap_samples=15)


def areas_of(number, seed=1):
    areas = InverseGamma(1.4, 1280.0, -132.0).draw(3 * number, np.random.default_rng(seed))
    return areas[areas >= 200.0][:number]


def test_below_fifty_landslides_nothing_is_fitted_and_the_reason_is_told():
    statistics = measure_sizes(areas_of(49), minimum_area_m2=200.0, seed=1)
    assert statistics.refusal == "49 landslides are too few for a size distribution; at least 50 are needed"
    assert statistics.fits == {}
    assert math.isnan(statistics.magnitude)
    assert statistics.volume.lowest_m3 > 0


def test_fifty_landslides_are_fitted():
    statistics = measure_sizes(areas_of(50), minimum_area_m2=200.0, seed=1, settings=QUICK)
    assert statistics.refusal == ""
    assert set(statistics.fits) == {"inverse_gamma", "double_pareto"}


def test_landslides_below_the_minimum_mapping_unit_do_not_enter():
    areas = np.append(areas_of(60), [10.0, 50.0])
    statistics = measure_sizes(areas, minimum_area_m2=200.0, seed=1, settings=QUICK)
    assert (statistics.number, statistics.below_minimum) == (60, 2)


def test_intervals_hold_the_estimates_and_the_truth():
    statistics = measure_sizes(
        areas_of(600), minimum_area_m2=200.0, seed=2, settings=StatisticsSettings(bootstrap_samples=60)
    )
    fit = statistics.fits["inverse_gamma"]
    low, high = fit.intervals["rho"]
    assert low < fit.model.parameters["rho"] < high
    assert low < 1.4 < high
    assert statistics.magnitude_deviation > 0
    assert statistics.power_law_intervals["exponent"][0] < statistics.power_law.exponent


def test_the_same_seed_gives_the_same_figures_in_any_order_of_the_areas():
    areas = areas_of(80)
    one, two = (
        measure_sizes(each, minimum_area_m2=200.0, seed=3, settings=QUICK).as_dict() for each in (areas, areas[::-1])
    )
    assert one == two


def test_equal_areas_are_refused():
    assert "four different areas" in measure_sizes(np.full(100, 500.0), minimum_area_m2=200.0, seed=1).refusal


def test_a_rollover_below_the_mapping_unit_is_remarked():
    areas = InverseGamma(1.4, 1280.0, -132.0).draw(3000, np.random.default_rng(5))
    statistics = measure_sizes(areas, minimum_area_m2=1500.0, seed=1, settings=StatisticsSettings(bootstrap_samples=0))
    assert "extrapolated" in statistics.fits["inverse_gamma"].remark
    assert statistics.fits["inverse_gamma"].intervals == {}


def test_draws_without_a_rollover_begin_its_interval_at_0():
    falling = 300.0 * (1.0 - np.random.default_rng(6).random(200)) ** (-1.0 / 1.4)
    fit = measure_sizes(falling, minimum_area_m2=300.0, seed=1, settings=QUICK).fits["inverse_gamma"]
    assert fit.intervals["rollover_m2"][0] == 0.0


def test_the_bootstrap_tells_its_progress_and_gives_a_middle_share_of_its_draws():
    told = []
    few = StatisticsSettings(bootstrap_samples=3)
    fit, half = (
        measure_sizes(
            areas_of(60), minimum_area_m2=200.0, seed=1, settings=few, confidence=confidence,
            progress=lambda *done: told.append(done),
        ).fits["inverse_gamma"]
        for confidence in (1.0, 0.5)
    )  # fmt: skip
    assert told == [(1, 3), (2, 3), (3, 3)] * 2
    # Of three draws in order a, b, c all lie between a and c, and the middle half from (a + b) / 2 to (b + c) / 2.
    low, high = fit.intervals["rho"]
    inner_low, inner_high = half.intervals["rho"]
    assert low < inner_low < inner_high < high
    assert inner_high - inner_low == pytest.approx((high - low) / 2)


def test_akaikes_criterion_of_three_parameters():
    settings = StatisticsSettings(bootstrap_samples=0)
    for fit in measure_sizes(areas_of(60), minimum_area_m2=200.0, seed=1, settings=settings).fits.values():
        assert fit.aic == pytest.approx(2 * 3 - 2 * fit.log_likelihood)


def test_the_figures_make_a_metrics_file(tmp_path):
    statistics = measure_sizes(areas_of(60), minimum_area_m2=200.0, seed=1, settings=QUICK)
    write_json(tmp_path / "sizes.json", statistics.as_dict())
    assert json.loads((tmp_path / "sizes.json").read_text())["inverse_gamma"]["aic"] > 0


def test_the_densities_of_bins_integrate_to_one():
    table = empirical_density(np.array([100.0, 110.0, 500.0, 9999.0]), bins_a_decade=5)
    widths = table["area_m2"] * (10**0.1 - 10**-0.1)
    assert (table["density_per_m2"] * widths).sum() == pytest.approx(1.0)
    assert table["number"].tolist() == [2, 1, 1]


def test_no_areas_have_no_density():
    assert empirical_density(np.zeros(0)).empty
