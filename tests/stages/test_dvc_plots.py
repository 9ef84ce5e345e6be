"""`dvc plots show` finds its templates, and these name only columns that the stages write."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLOTS = {
    name: plot for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"] for name, plot in entry.items()
}
MADE_BY_DVC = {"rev", "filename::field"}


def template_of(name: str) -> str:
    return (ROOT / ".dvc/plots" / f"{PLOTS[name]['template']}.json").read_text()


def fields_of(content: object) -> set[str]:
    """Every column that a template reads."""
    if isinstance(content, list):
        return {name for item in content for name in fields_of(item)}
    if not isinstance(content, dict):
        return set()
    own = {content["field"]} if "field" in content else set()
    return own | {name for value in content.values() for name in fields_of(value)}


@pytest.mark.parametrize("name", PLOTS)
def test_a_template_takes_data_title_and_axes_from_dvc(name: str) -> None:
    anchors = set(re.findall("<DVC_METRIC_([A-Z_]+)>", template_of(name)))
    assert {"DATA", "TITLE", "X", "Y"} <= anchors


@pytest.mark.parametrize("name", [name for name, plot in PLOTS.items() if "reports" in str(plot["y"])])
def test_a_template_names_only_columns_of_its_table(name: str) -> None:
    ((table, y),) = PLOTS[name]["y"].items()
    columns = (ROOT / table).read_text().partition("\n")[0].split(",")
    template = json.loads(template_of(name))
    wanted = fields_of(template)
    drawn_by_itself = {"a"}  # the diagonal of the areas
    unknown = {field for field in wanted if not field.startswith("<")} - set(columns) - MADE_BY_DVC - drawn_by_itself
    assert not unknown
    assert {PLOTS[name]["x"], y} <= set(columns)
