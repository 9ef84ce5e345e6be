"""Charts of the search are drawn from its tables, or left out where there is nothing to see."""

import numpy as np
import pandas as pd
import pytest

from chronoslide.reporting import search_figures
from chronoslide.reporting.drawing import search_charts
from chronoslide.reporting.results_reader import Results
from chronoslide.reporting.style import house_style, png_and_svg

SHARES = pd.DataFrame({"parameter": ["learning_rate", "false_positive_weight"], "importance": [0.7, 0.3]})


def trials(n=12):
    """Every fourth one is pruned and the last one failed; filters are the same in all."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"trial": range(n)})
    table["state"] = ["pruned" if number % 4 == 3 else "complete" for number in range(n)]
    table["filters"] = 8
    table["learning_rate"] = 10 ** rng.uniform(-4, -2, n)
    table["false_positive_weight"] = rng.uniform(0.3, 0.8, n)
    table["f1"] = rng.uniform(0.2, 0.6, n)
    table["epochs"] = [2 if number % 4 == 3 else 6 for number in range(n)]
    table.loc[n - 1, ["state", "f1", "epochs"]] = ["failed", np.nan, 0]
    return table


def results(tmp_path, table, shares=SHARES):
    return Results(root=tmp_path, metrics={}, years=(), search=table, search_importance=shares)


def test_only_settings_of_more_than_one_value_are_drawn():
    assert search_figures.searched_settings(trials()) == ["learning_rate", "false_positive_weight"]


def test_all_six_charts_are_drawn_the_same_bytes_each_time(tmp_path):
    def drawn():
        with house_style():
            return [png_and_svg(chart.figure) for chart in search_charts(results(tmp_path, trials()))]

    first = drawn()
    assert len(first) == 6
    assert first == drawn()


@pytest.mark.parametrize("n", [1, 2])
def test_what_cannot_be_drawn_is_told(tmp_path, n):
    with house_style():
        charts = search_charts(results(tmp_path, trials(n), pd.DataFrame({"parameter": [], "importance": []})))
    left_out = {chart.name for chart in charts if chart.figure is None}
    assert {"search_contour", "search_importance", "search_parallel_coordinates"} <= left_out
    assert all(chart.gap for chart in charts)


def test_the_contour_needs_settings_that_vary_apart_from_each_other():
    table = trials(8)
    table["learning_rate"] = np.linspace(0.002, 0.009, 8)
    table["false_positive_weight"] = 100 * table["learning_rate"]
    assert search_figures.contour(table, SHARES) is None


def test_a_surface_is_not_drawn_through_a_handful_of_trials():
    assert search_figures.contour(trials(5), SHARES) is None
    assert search_figures.contour(trials(12), SHARES) is not None


def test_the_best_so_far_never_falls():
    with house_style():
        axes = search_figures.history(trials()).axes[0]
    steps = next(line for line in axes.lines if line.get_drawstyle() == "steps-post").get_ydata()
    assert (np.diff(steps) >= 0).all()


def test_without_a_search_there_is_no_chart(tmp_path):
    assert search_charts(results(tmp_path, None)) == ()
