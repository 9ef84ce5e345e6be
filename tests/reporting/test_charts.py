from typing import Any

import numpy as np
import pandas as pd
import pytest

from chronoslide.reporting import charts
from chronoslide.reporting.map_figures import round_length
from chronoslide.reporting.style import look_of


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.f1_per_year({}),
        lambda: charts.training_curves({}),
        lambda: charts.inventory_areas(pd.DataFrame(), {}),
        lambda: charts.precision_recall(pd.DataFrame(), {}),
        lambda: charts.reliability(pd.DataFrame()),
        lambda: charts.area_distribution({}),
        lambda: charts.states_per_year(pd.DataFrame()),
        lambda: charts.radiometric_change({}),
    ],
)
def test_nothing_to_draw_gives_no_figure(draw: Any) -> None:
    assert draw() is None


def test_f1_is_drawn_as_it_stands_in_the_metrics(metrics: dict[str, Any]) -> None:
    figure = charts.f1_per_year(metrics)
    assert figure is not None
    line = next(line for line in figure.axes[0].get_lines() if line.get_color() == look_of("transferred").colour)
    expected = [metrics["years"][year]["transferred"]["f1"] for year in ("2015", "2016")]
    assert line.get_ydata()[1:].tolist() == expected
    assert np.isnan(line.get_ydata()[0])  # 2014 has no landslide


def test_every_axis_of_every_chart_has_a_unit(metrics: dict[str, Any], bare_tree: Any) -> None:
    pairs = pd.read_csv(bare_tree / "reports/tables/areas.csv")
    figure = charts.inventory_areas(pairs, metrics)
    assert figure is not None
    assert "m²" in figure.get_supxlabel()
    assert "m²" in figure.get_supylabel()


def test_landslides_of_at_least_an_area_are_counted_from_the_largest() -> None:
    figure = charts.area_distribution({2015: {"manual": np.array([200.0, 5000.0, 1000.0]), "predicted": np.zeros(0)}})
    assert figure is not None
    line = figure.axes[0].get_lines()[0]
    assert list(zip(line.get_xdata(), line.get_ydata(), strict=True)) == [(5000, 1), (1000, 2), (200, 3)]


def test_states_stack_up_to_the_stock() -> None:
    counts = pd.DataFrame({"new": [3, 1], "persistent": [0, 2], "healed": [0, 1]}, index=[2015, 2016])
    figure = charts.states_per_year(counts)
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "3"]


@pytest.mark.parametrize(("metres", "expected"), [(1650, 1000), (999, 500), (250, 200), (5.0, 5.0)])
def test_a_scale_bar_has_a_round_length(metres: float, expected: float) -> None:
    assert round_length(metres) == expected
