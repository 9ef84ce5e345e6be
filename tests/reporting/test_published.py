import pytest

from chronoslide.reporting.published import YEARS, checks, published_year


def test_what_the_papers_own_tables_yield():
    computed = {check.name: check.computed for check in checks()}
    assert list(computed.values()) == pytest.approx([0.854, 0.968, 0.6990, 0.6937, 2.29], abs=5e-4)


def test_the_two_figures_that_the_paper_prints_otherwise_are_told():
    differing = [check.name for check in checks() if "printed as" in check.remark]
    assert differing == ["Pearson r of the total landslide areas", "density difference of 2019"]


def test_each_f1_follows_from_its_precision_and_recall():
    for row in YEARS:
        assert 2 * row.precision * row.recall / (row.precision + row.recall) == pytest.approx(row.f1, abs=0.003)


def test_a_year_that_the_paper_does_not_cover_has_no_row():
    assert published_year(2020) is None
    assert published_year(2015).manual_number == 136
