import numpy as np
import pytest
from scipy.integrate import quad

from chronoslide.inventories.statistics.size_models import (
    DoublePareto,
    InverseGamma,
    density,
    kolmogorov_distance,
    log_likelihood,
)

MALAMUD = InverseGamma(rho=1.4, a=1280.0, s=-132.0)
PARETO = DoublePareto(alpha=1.4, beta=2.0, t=1500.0)


def drawn(model, seed, number=2000, above=0.0):
    areas = model.draw(number, np.random.default_rng(seed))
    return areas[areas > above]


def test_mean_rollover_and_tail_of_malamuds_distribution():
    assert MALAMUD.mean_m2 == pytest.approx(3068.0)
    assert MALAMUD.rollover_m2 == pytest.approx(401.3, abs=0.05)
    assert MALAMUD.tail_exponent == pytest.approx(2.4)


@pytest.mark.parametrize("model", [MALAMUD, PARETO])
def test_survival_is_the_integral_of_the_density(model):
    integral = quad(lambda area: float(np.exp(model.log_density(np.array(area)))), 700.0, np.inf, limit=200)[0]
    assert model.survival(700.0) == pytest.approx(integral, rel=1e-6)


@pytest.mark.parametrize("model", [MALAMUD, PARETO])
def test_the_density_is_highest_at_the_rollover(model):
    around = model.rollover_m2 * np.array([0.99, 1.0, 1.01])
    assert np.argmax(model.log_density(around)) == 1


@pytest.mark.parametrize("model", [MALAMUD, PARETO])
def test_a_truncated_density_integrates_to_one(model):
    integral = quad(lambda area: float(density(model, np.array(area), 200.0)), 200.0, np.inf, limit=200)[0]
    assert integral == pytest.approx(1.0, rel=1e-6)
    assert density(model, np.array([100.0]), 200.0)[0] == 0.0


@pytest.mark.parametrize("model", [MALAMUD, PARETO])
def test_draws_follow_their_distribution(model):
    assert kolmogorov_distance(model, drawn(model, 1), 0.0) < 1.36 / 2000**0.5  # the 5 % point


def test_rho_of_two_thousand_landslides_is_recovered():
    assert InverseGamma.fit(drawn(MALAMUD, 0), 0.0).rho == pytest.approx(1.40, abs=0.06)


@pytest.mark.parametrize("minimum", [0.0, 200.0])
def test_the_fit_is_unbiased_with_and_without_truncation(minimum):
    fits = [
        InverseGamma.fit(drawn(MALAMUD, seed, above=minimum), minimum, start=MALAMUD.vector()) for seed in range(10)
    ]
    assert np.mean([fit.rho for fit in fits]) == pytest.approx(1.40, abs=0.06)
    assert np.mean([fit.rollover_m2 for fit in fits]) == pytest.approx(401.0, abs=20.0)


def test_ignoring_the_truncation_would_shift_the_rollover():
    areas = drawn(MALAMUD, 0, above=600.0)
    assert InverseGamma.fit(areas, 0.0).rollover_m2 > 1.5 * InverseGamma.fit(areas, 600.0).rollover_m2


@pytest.mark.parametrize("kind", [InverseGamma, DoublePareto])
def test_the_fit_is_at_least_as_likely_as_the_truth(kind):
    truth = MALAMUD if kind is InverseGamma else PARETO
    areas = drawn(truth, 3, above=200.0)
    fit = kind.fit(areas, 200.0)
    assert log_likelihood(fit, areas, 200.0) >= log_likelihood(truth, areas, 200.0)


def test_the_double_pareto_is_recovered():
    fits = [DoublePareto.fit(drawn(PARETO, seed, 4000), 0.0) for seed in range(3)]
    assert np.mean([fit.alpha for fit in fits]) == pytest.approx(1.4, abs=0.1)
    assert np.mean([fit.beta for fit in fits]) == pytest.approx(2.0, abs=0.2)
    assert np.mean([fit.t for fit in fits]) == pytest.approx(1500, rel=0.15)


def test_an_inverse_gamma_whose_mode_is_no_area_has_no_rollover():
    assert np.isnan(InverseGamma(1.4, 100.0, -132.0).rollover_m2)


def test_a_double_pareto_that_only_falls_has_no_rollover():
    assert np.isnan(DoublePareto(1.4, 0.9, 1500.0).rollover_m2)


def test_areas_in_other_units_give_the_same_fit():
    areas = drawn(MALAMUD, 5)
    fit, large = InverseGamma.fit(areas, 0.0), InverseGamma.fit(areas * 1000.0, 0.0)
    assert large.rho == pytest.approx(fit.rho, rel=1e-6)
    assert large.a == pytest.approx(1000.0 * fit.a, rel=1e-6)
