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
        lambda: charts.frequency_area(pd.DataFrame(), {}),
        lambda: charts.states_per_year(pd.DataFrame(), pd.DataFrame()),
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


def test_a_size_distribution_is_drawn_with_its_fit_where_there_is_one(metrics: dict[str, Any], bare_tree: Any) -> None:
    figure = charts.frequency_area(pd.read_csv(bare_tree / "reports/tables/size_distribution.csv"), metrics)
    assert figure is not None
    assert len(figure.axes[0].get_lines()) == 3  # two inventories; only the manual one has enough landslides for a fit
    assert figure.axes[0].get_lines()[0].get_xdata().tolist() == [300, 900, 2700]


def test_states_stack_up_to_the_stock_and_what_healed_lies_below() -> None:
    rows = [(2015, "new", 3), (2016, "new", 1), (2016, "persistent", 2)]
    states = pd.DataFrame(rows, columns=["year", "state", "landslides"]).assign(inventory="predicted")
    balance = pd.DataFrame({"year": [2015, 2016], "healed": [0, 1], "inventory": "predicted"})
    figure = charts.states_per_year(states, balance)
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].texts] == ["3", "3"]
    assert min(patch.get_height() for patch in figure.axes[0].patches) == -1


@pytest.mark.parametrize(("metres", "expected"), [(1650, 1000), (999, 500), (250, 200), (5.0, 5.0)])
def test_a_scale_bar_has_a_round_length(metres: float, expected: float) -> None:
    assert round_length(metres) == expected
