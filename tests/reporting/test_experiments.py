"""What experiments found, in the summary of a report on simulated data."""

from chronoslide.reporting.experiments import experiments_section

TEXT = "# A against B\n\nWords.\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n\n| another | table |\n| --- | --- |\n"


def test_the_first_table_of_each_is_shown_with_its_title_and_a_link() -> None:
    lines = experiments_section({"a.md": TEXT}, {"provenance": "simulated"})
    assert lines[0] == "## Experiments"
    assert "**A against B** ([how it was measured](a.md))" in lines
    assert [line for line in lines if line.startswith("|")] == ["| x | y |", "| --- | --- |", "| 1 | 2 |"]


def test_a_report_on_real_data_shows_no_experiments_on_simulated_ones() -> None:
    assert experiments_section({"a.md": TEXT}, {"provenance": "real"}) == []
    assert experiments_section({}, {"provenance": "simulated"}) == []
