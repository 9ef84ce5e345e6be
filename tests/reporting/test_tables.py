import copy
import re
from typing import Any

import pandas as pd
import pytest

from chronoslide.reporting.summary import headlines, report_tables
from chronoslide.reporting.tables.accuracy import accuracy_table, transfer_gain
from chronoslide.reporting.tables.cells import UNDEFINED, Cell, Table, interval_cell, look_up, markdown
from chronoslide.reporting.tables.inventories import balance_table, second_looks_table, sizes_table
from chronoslide.reporting.tables.scenes import radiometry_table
from chronoslide.reporting.tables.search import search_table

NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+")


def numbers_of(text: str) -> list[str]:
    return NUMBER.findall(text)


def cells_of(made: tuple[Table, ...]) -> list[Cell]:
    return [cell for table in made for row in table.rows for cell in row]


def test_a_value_is_found_by_its_dotted_place() -> None:
    assert look_up({"a": {"b": {"c": 1}}}, "a.b.c") == 1


def test_a_key_may_hold_a_dot_itself() -> None:
    assert look_up({"objects": {"iou_above_0.5": {"f1": 0.25}}}, "objects.iou_above_0.5.f1") == 0.25


def test_a_list_is_entered_by_number() -> None:
    assert look_up({"a": {"interval": [1.5, 2.5]}}, "a.interval.1") == 2.5
    assert look_up({"a": [1.5]}, "a.1") is None


def test_a_missing_value_is_none() -> None:
    assert look_up({"a": {"b": 1}}, "a.c") is None


def test_every_number_printed_in_a_table_is_the_one_in_the_metrics(metrics: dict[str, Any]) -> None:
    checked = 0
    for cell in [*cells_of(report_tables(metrics)), *(line.cell for line in headlines(metrics))]:
        if not cell.sources:
            continue
        for text, source in zip(numbers_of(cell.text), cell.sources, strict=True):
            decimals = len(text.partition(".")[2])
            assert float(text.replace(",", "")) == pytest.approx(look_up(metrics, source), abs=0.5001 * 10**-decimals)
            checked += 1
    assert checked > 100


def test_a_change_of_the_metrics_changes_the_table(metrics: dict[str, Any]) -> None:
    changed = copy.deepcopy(metrics)
    changed["years"]["2015"]["transferred"]["recall"] = 0.1234
    assert "0.123" in markdown(accuracy_table(changed))
    assert "0.123" not in markdown(accuracy_table(metrics))


def test_an_undefined_number_is_a_dash_with_its_reason(metrics: dict[str, Any]) -> None:
    table = accuracy_table(metrics)
    row = next(row for row in table.rows if row[0].text == "2014")
    assert row[4].text == UNDEFINED
    assert f"{UNDEFINED} the year has no landslide: 2014." in table.notes


def test_f1_stands_with_its_interval() -> None:
    metrics = {"years": {"2015": {"m": {"f1": 0.7123, "f1_low": 0.65, "f1_high": 0.77}}}}
    assert interval_cell(metrics, "years.2015.m.f1").text == "0.712 (0.650 to 0.770)"


def test_the_papers_figures_stand_beside_ours_as_another_data_set(metrics: dict[str, Any]) -> None:
    table = accuracy_table(metrics)
    row = next(row for row in table.rows if row[0].text == "2015")
    assert [cell.text for cell in row[-4:]] == ["0.340", "0.843", "0.450", "0.586"]
    assert "another data set" in table.notes[0]


def test_a_year_that_the_paper_lacks_has_no_papers_figures() -> None:
    table = accuracy_table({"years": {"1999": {"transferred": {"f1": 0.5}}}})
    assert [cell.text for cell in table.rows[0][-4:]] == [UNDEFINED] * 4


@pytest.mark.parametrize(("excludes", "words"), [(True, "excludes zero"), (False, "includes zero")])
def test_the_gain_of_transfer_is_read_by_its_interval(excludes: bool, words: str) -> None:
    gain = {"f1_difference": 0.03, "low": -0.01, "high": 0.07, "confidence": 0.95, "excludes_zero": excludes}
    cell, sentence = transfer_gain({"transfer_gain": gain})
    assert cell.text == "+0.030 (-0.010 to +0.070)"
    assert words in sentence


def test_a_gain_that_was_not_measured_is_said_to_be_missing() -> None:
    cell, sentence = transfer_gain({})
    assert cell.text == UNDEFINED
    assert "not measured" in sentence


def test_an_empty_table_states_the_gap() -> None:
    assert "nothing was measured" in markdown(Table("k", "T", ("Year",), ()))


def test_fits_that_were_refused_say_why(metrics: dict[str, Any]) -> None:
    table = sizes_table(metrics)
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert rows["2015 MI"] == ["60", "401", "2.40 (2.10 to 2.70)", "2.30", "2.40 (2.20 to 2.60)"]
    assert rows["2015 PI"] == ["5", *[UNDEFINED] * 4]
    assert any("50 are needed" in note for note in table.notes)


def test_the_balance_of_the_stock_stands_for_one_inventory() -> None:
    balance = pd.DataFrame({"year": [2015, 2015], "new": [4, 9], "stock": [4, 9], "inventory": ["manual", "predicted"]})
    table = balance_table(balance, "manual")
    assert [[cell.text for cell in row] for row in table.rows] == [["2015", "4", "4"]]


def test_trials_of_a_search_stand_best_first() -> None:
    states = ["complete", "failed", "complete", "pruned"]
    trials = pd.DataFrame({"filters": [8, 4, 32, 16], "state": states, "f1": [0.2, float("nan"), 0.4, 0.9]})
    table = search_table(trials, {"sampler": "tpe", "pruner": "none", "epochs_of_a_trial": 6})
    assert [row[0].text for row in table.rows] == ["32", "8", "16", "4"]
    assert [row[2].text for row in table.rows] == ["0.4", "0.2", "0.9", UNDEFINED]
    assert table.notes[0].startswith("tpe sampler, none pruner, at most 6 epochs")
    assert "another data set" in table.notes[-1]


def test_a_second_look_is_taken_at_the_most_probable_first() -> None:
    columns = ["year", "landslide_id", "area_m2", "mean_probability", "x", "y"]
    candidates = pd.DataFrame([(2015, 1, 300.0, 0.6, 0.0, 0.0), (2016, 7, 900.0, 0.9, 1.0, 2.0)], columns=columns)
    table = second_looks_table(candidates, most=1)
    assert [row[0].text for row in table.rows] == ["2016 / 7"]
    assert table.notes[0].startswith("1 of 2")


def test_the_distance_of_unchanged_ground_stands_before_and_after() -> None:
    row = {"unchanged_rmse_before": 0.01234, "unchanged_rmse_after": 0.00321}
    entries = {
        "2016": {"normalised": "none", "normalisation": None},
        "2015": {"normalised": "irmad", "normalisation": {"nir": {"mean_before": 0.2}, "red_edge": row}},
    }
    table = radiometry_table({"sites": {"investigation": entries}})
    assert table is not None
    assert table.columns == ("Year", "Normalisation", "red edge", "nir")
    assert [[cell.text for cell in cells] for cells in table.rows] == [["2015", "irmad", "0.0123 → 0.0032", UNDEFINED]]
    assert radiometry_table({"sites": {"investigation": {"2016": entries["2016"]}}}) is None
