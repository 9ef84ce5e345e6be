"""The page as text: its numbers are those of the metrics, and it holds everything that it needs."""

import json
import re
from pathlib import Path

import pytest

from chronoslide.reporting import page
from chronoslide.reporting.map_layers import MapYear
from chronoslide.reporting.page import MapSection, map_json
from report_page import Page, wrong_numbers


@pytest.fixture(scope="module")
def text(rendered: Path) -> str:
    return (rendered / "report.html").read_text()


@pytest.fixture(scope="module")
def read(text: str) -> Page:
    return Page(text)


def test_every_number_in_the_tables_is_the_one_in_its_file(read: Page, rendered: Path) -> None:
    assert {"table-1", "table-3", "table-4", "table-5", "models", "held-out", "objects", "sizes"} <= set(read.tables)
    assert sum(len(row) for table in read.tables.values() for row in table.rows) > 250
    assert wrong_numbers(read, rendered.parent) == []


@pytest.mark.parametrize(
    ("right", "changed", "place"),
    [
        (r"(<td data-sources=\"years\.2015\.transferred\.recall\">)[\d.]+", r"\g<1>0.123", "table-3, 2015, Recall"),
        (r"(<td)(>0\.450<)", r"\1>0.451<", "table-3, 2015, Paper: recall"),
        (r"(<h3 id=\"balance-manual\">.*?<td>)\d+", r"\g<1>77", "balance-manual, 2014, Stock before"),
    ],
)
def test_a_number_that_is_changed_is_found(text: str, rendered: Path, right: str, changed: str, place: str) -> None:
    forged, count = re.subn(right, changed, text, count=1, flags=re.DOTALL)
    assert count == 1
    assert [line.partition(": '")[0] for line in wrong_numbers(Page(forged), rendered.parent)] == [place]


def test_nothing_is_loaded_from_elsewhere(read: Page, text: str) -> None:
    assert all(address.startswith(("data:", "#")) for address in read.addresses)
    assert "default-src 'none'" in text
    assert "sourceMappingURL" not in text


def test_no_identity_is_given_twice(read: Page) -> None:
    assert len(read.ids) == len(set(read.ids))


def test_the_page_says_that_the_data_are_simulated(text: str) -> None:
    assert "<strong>SIMULATED</strong>" in text


def test_names_of_settings_in_notes_are_code_and_nothing_is_left_of_their_accents(text: str) -> None:
    notes = re.findall(r"<p class=\"(?:note|gap)\">(.*?)</p>", text, flags=re.DOTALL)
    assert any("<code>map.bare_ground</code>" in note for note in notes)
    assert not any("`" in note for note in notes)


def test_the_licence_of_the_map_library_is_kept(text: str) -> None:
    assert "BSD 2-Clause License" in text
    assert "Volodymyr Agafonkin" in text


def test_a_search_that_was_not_run_is_said_to_be_missing(text: str) -> None:
    assert "No search was run" in text


def test_the_runs_in_mlflow_are_named_with_their_minutes(text: str) -> None:
    row = text[text.index("<h3>Runs in MLflow</h3>") :]
    assert "<code>0a1b</code>" in row
    assert ">1.25<" in row


def test_text_of_the_data_cannot_end_the_script() -> None:
    shapes = {"manual": [{"id": 1, "state": "</script><b>"}]}
    written = map_json(MapSection(1.0, 1.0, {2015: MapYear({}, shapes)}))
    assert "</script" not in written
    assert json.loads(written)["years"]["2015"]["shapes"]["manual"][0]["state"] == "</script><b>"


def test_leaflet_comes_without_addresses_of_pictures() -> None:
    library = page.leaflet()
    assert library.name.startswith("Leaflet 1.9")
    assert "url(images" not in library.styles
