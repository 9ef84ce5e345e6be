"""The report that the whole pipeline makes on the smoke profile: what CI looks at before anybody else does."""

import re

import pytest

from report_page import Page, wrong_numbers
from repository import Repository

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def text(smoke: Repository) -> str:
    return (smoke.root / "reports/report.html").read_text()


def test_the_page_stays_below_25_megabytes(text: str) -> None:
    assert 100_000 < len(text.encode()) < 25_000_000


def test_the_page_asks_for_nothing_outside(text: str) -> None:
    assert all(address.startswith(("data:", "#")) for address in Page(text).addresses)
    assert re.search(r"http-equiv=.Content-Security-Policy. content=.default-src 'none'", text)


def test_every_number_in_its_tables_is_the_one_in_its_file(smoke: Repository, text: str) -> None:
    assert wrong_numbers(Page(text), smoke.root) == []


def test_every_figure_of_the_summary_is_there(smoke: Repository) -> None:
    summary = (smoke.root / "reports/report.md").read_text()
    names = re.findall(r"\((figures/[^)]+)\)", summary)
    assert len(names) > 8
    assert all((smoke.root / "reports" / name).stat().st_size for name in names)


def test_the_page_is_kept_with_the_run_of_the_evaluation(smoke: Repository) -> None:
    (page,) = smoke.root.glob("mlartifacts/*/artifacts/**/report.html")
    assert page.parents[1].joinpath("metrics.json").exists()
