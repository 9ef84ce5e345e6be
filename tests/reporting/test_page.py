"""The page as text: its numbers are those of the metrics, and it holds everything that it needs."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from chronoslide.reporting import page
from chronoslide.reporting.map_layers import MapYear
from chronoslide.reporting.page import MapSection, map_json
from chronoslide.reporting.tables import look_up

NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+")


class Reader(HTMLParser):
    """Collects what stands in elements that name their sources, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.sourced: list[tuple[list[str], str]] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self._sources: list[str] | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.addresses += [str(given[name]) for name in ("src", "href") if given.get(name)]
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if "data-sources" in given:
            self._sources = (given["data-sources"] or "").split()

    def handle_data(self, text: str) -> None:
        if self._sources:
            self.sourced.append((self._sources, text))
        self._sources = None


@pytest.fixture(scope="module")
def text(rendered: Path) -> str:
    return (rendered / "report.html").read_text()


@pytest.fixture(scope="module")
def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


def test_every_number_in_the_tables_is_the_one_in_the_metrics(read: Reader, metrics: dict[str, Any]) -> None:
    assert len(read.sourced) > 80
    for sources, shown in read.sourced:
        for number, source in zip(NUMBER.findall(shown), sources, strict=True):
            decimals = len(number.partition(".")[2])
            expected = look_up(metrics, source)
            assert float(number.replace(",", "")) == pytest.approx(expected, abs=0.5001 * 10**-decimals), source


def test_nothing_is_loaded_from_elsewhere(read: Reader, text: str) -> None:
    assert all(address.startswith(("data:", "#")) for address in read.addresses)
    assert "default-src 'none'" in text
    assert "sourceMappingURL" not in text


def test_no_identity_is_given_twice(read: Reader) -> None:
    assert len(read.ids) == len(set(read.ids))


def test_the_page_says_that_the_data_are_simulated(text: str) -> None:
    assert "<strong>SIMULATED</strong>" in text


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
