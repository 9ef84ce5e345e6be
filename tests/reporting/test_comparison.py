import copy
from typing import Any

import pytest

from chronoslide.reporting.comparison import comparability, compare_runs, comparison_markdown
from chronoslide.reporting.results_reader import misshapen


def run_with(f1: float, low: float, high: float) -> dict[str, Any]:
    figures = {"f1": f1, "f1_low": low, "f1_high": high}
    return {"reference_year": 2016, "mean_f1": f1, "years": {"2015": {"transferred": figures}}}


def difference_of(now: dict[str, Any], then: dict[str, Any], place: str) -> Any:
    return next(row for row in compare_runs(now, then) if row.place == place)


def test_a_difference_is_now_minus_then() -> None:
    row = difference_of(run_with(0.7, 0.6, 0.8), run_with(0.5, 0.4, 0.6), "mean_f1")
    assert (row.now, row.then, round(row.change, 6)) == (0.7, 0.5, 0.2)


def test_a_difference_beyond_both_intervals_exceeds_them() -> None:
    row = difference_of(run_with(0.7, 0.65, 0.75), run_with(0.5, 0.45, 0.55), "years.2015.transferred.f1")
    assert row.exceeds is True


def test_a_difference_inside_one_interval_does_not_exceed() -> None:
    row = difference_of(run_with(0.7, 0.4, 0.8), run_with(0.5, 0.45, 0.55), "years.2015.transferred.f1")
    assert row.exceeds is False


def test_without_an_interval_nothing_is_claimed() -> None:
    assert difference_of(run_with(0.7, 0.6, 0.8), run_with(0.5, 0.4, 0.6), "mean_f1").exceeds is None


def test_an_undefined_figure_has_no_difference() -> None:
    then = run_with(0.5, 0.4, 0.6)
    then["years"]["2015"]["transferred"]["f1"] = None
    row = difference_of(run_with(0.7, 0.6, 0.8), then, "years.2015.transferred.f1")
    assert row.change is None
    assert row.exceeds is None


def test_a_run_against_itself_differs_nowhere(metrics: dict[str, Any]) -> None:
    rows = compare_runs(metrics, copy.deepcopy(metrics))
    assert rows
    assert {row.change for row in rows} == {0.0}
    assert not any(row.exceeds for row in rows)


def test_runs_on_other_data_are_said_not_to_compare(metrics: dict[str, Any]) -> None:
    other = copy.deepcopy(metrics)
    other["data"]["name"] = "elsewhere"
    assert "do not compare" in comparability(metrics, other)[0]
    assert "elsewhere" in comparison_markdown(compare_runs(metrics, other), metrics, other, "main")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"years": {"": {}}}, "something else than years under 'years'"),
        ({"years": {"2016": 3}}, "a year without figures under 'years'"),
        ({"years": {"2016": {"transferred": None}}}, "a model without figures under 'years'"),
        ({"held_out_2016": 7}, "no object under 'held_out_2016'"),
        ({"inventories": [1]}, "no object under 'inventories'"),
        ({"data": None}, "no 'data'"),
        ({}, ""),
    ],
)
def test_metrics_of_another_form_are_refused_before_they_are_compared(change, complaint):
    assert misshapen({"data": {}, "years": {"2016": {"transferred": {"f1": 0.5}}}} | change) == complaint
