"""What a STAC API answers is anybody's: found by `make test-faults`, each was a traceback once."""

import json
from pathlib import Path

import pytest

from chronoslide.errors import DataError
from faults.readers import READERS

CATALOGUE = READERS["catalogue"]


def changed(folder: Path, name: str, *place: object, to: object) -> None:
    content = json.loads((folder / name).read_text())
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = to
    (folder / name).write_text(json.dumps(content))


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    CATALOGUE.make(tmp_path)
    CATALOGUE.read(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "place", "to"),
    [
        ("landing.json", ["type"], None),
        ("landing.json", ["conformsTo"], []),
        ("landing.json", ["stac_version"], 0.5),
        ("landing.json", ["links"], 7),
        ("search.json", ["features"], "a"),
        ("search.json", ["features", 0, "assets"], ["red"]),
        ("search.json", ["features", 0, "properties"], "a"),
        ("search.json", ["features", 0, "stac_version"], 0.0),
    ],
)
def test_an_answer_of_another_form_is_told_in_one_line(answers: Path, name: str, place: list, to: object) -> None:
    changed(answers, name, *place, to=to)
    with pytest.raises(DataError, match="the catalogue cannot be searched"):
        CATALOGUE.read(answers)


@pytest.mark.parametrize(
    ("place", "to"),
    [
        (["id"], "../../escaped"),
        (["geometry"], {"type": "Polygon", "coordinates": "a"}),
        (["geometry", "coordinates"], [[[0, 0], [1, 1]]]),
        (["properties", "eo:cloud_cover"], "a"),
    ],
)
def test_an_item_that_is_none_is_passed_over(answers: Path, place: list, to: object) -> None:
    changed(answers, "search.json", "features", 0, *place, to=to)
    CATALOGUE.read(answers)
