from __future__ import annotations

import itertools

import pytest

from chronoslide.simulate.plan import CONDITIONS, FULL_AREA_M2, YearPlan, conditions_of, plan_training, plan_years

YEARS = range(2013, 2020)


def test_the_full_site_has_the_numbers_of_the_table() -> None:
    plans = plan_years(YEARS, FULL_AREA_M2)
    assert [plan.stock for plan in plans] == [31, 26, 136, 95, 63, 55, 52]
    assert [plan.new + plan.reactivated + plan.split_off for plan in plans[1:]] == [2, 114, 12, 6, 4, 5]
    assert [plan.healed + plan.merged_away for plan in plans[1:]] == [7, 4, 53, 38, 12, 8]
    assert plans[3].merged_away == 30
    assert [plan.area_m2 / 1e6 for plan in plans] == pytest.approx([0.513, 0.439, 1.856, 1.796, 1.188, 1.315, 1.222])


@pytest.mark.parametrize("share", [1.0, 0.3, 0.05])
@pytest.mark.parametrize("years", [(2013, 2014, 2015, 2016, 2017, 2018, 2019), (2015, 2016), (2014, 2016, 2021)])
def test_stocks_balance(years: tuple[int, ...], share: float) -> None:
    plans = plan_years(years, share * FULL_AREA_M2)
    for before, plan in itertools.pairwise(plans):
        assert (
            before.stock + plan.new + plan.reactivated + plan.split_off - plan.healed - plan.merged_away == plan.stock
        )
        assert min(plan.new, plan.reactivated, plan.split_off, plan.healed, plan.merged_away) >= 0


def test_a_small_site_still_has_landslides() -> None:
    assert all(plan.stock >= 6 for plan in plan_years(YEARS, 0.05 * FULL_AREA_M2))


def test_the_training_area_has_the_number_asked_for() -> None:
    assert plan_training(55, 16.0e6) == (YearPlan(2016, 55, 750_000.0, 55, 0, 0, 0, 0, 0),)


def test_a_year_outside_the_table_gets_its_own_date() -> None:
    late = conditions_of(2021)
    assert late.acquired.year == 2021
    assert late.gains == CONDITIONS[2019].gains
