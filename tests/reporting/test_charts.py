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
        lambda: charts.stock_per_year(pd.DataFrame()),
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


def test_each_member_of_an_ensemble_has_its_own_training_curve_and_the_legend_names_it_once() -> None:
    table = pd.DataFrame({"epoch": [1, 2, 1, 2], "loss": [0.9, 0.8, 0.7, 0.6], "val_loss": [0.9, 0.7, 0.8, 0.5]})
    figure = charts.training_curves({"pretrained": table.assign(member=[1, 1, 2, 2]), "transferred": table[:2]})
    assert figure is not None
    of_members = [line.get_ydata().tolist() for line in figure.axes[0].get_lines() if len(line.get_ydata()) == 2]
    assert of_members == [[0.9, 0.8], [0.9, 0.7], [0.7, 0.6], [0.8, 0.5]]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["training", "validation", "lowest validation loss"]


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


def test_the_stock_is_drawn_in_numbers_and_in_square_kilometres() -> None:
    balance = pd.DataFrame({"year": [2015, 2016], "stock": [3, 4], "new": [3, 1], "inventory": "predicted"})
    figure = charts.stock_per_year(balance.assign(stock_m2=[2e6, 3e6], new_m2=[2e6, 1e6]))
    assert figure is not None
    stock = [next(line for line in axes.get_lines() if line.get_label() == "stock, predicted") for axes in figure.axes]
    assert [line.get_ydata().tolist() for line in stock] == [[3, 4], [2, 3]]
    assert "km²" in figure.axes[1].get_ylabel()


def test_bands_stand_in_the_order_of_their_wavelengths() -> None:
    change = {"mean_reference": 0.05, "mean_before": 0.06, "mean_after": 0.05}
    bands = dict.fromkeys(("blue", "green", "nir", "red", "red_edge", "thermal"), change)
    figure = charts.radiometric_change({"sites": {"investigation": {"2015": {"normalisation": bands}}}})
    assert figure is not None
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["blue", "green", "red", "red edge", "near infrared", "thermal"]


@pytest.mark.parametrize(("metres", "expected"), [(1650, 1000), (999, 500), (250, 200), (5.0, 5.0)])
def test_a_scale_bar_has_a_round_length(metres: float, expected: float) -> None:
    assert round_length(metres) == expected
