"""A mapper's folder is what it was made of, or is refused."""

import json
import shutil
from pathlib import Path

import pytest

from chronoslide.errors import ModelError
from chronoslide.models.card import CARD, WEIGHTS
from chronoslide.params import InventorySettings
from chronoslide.serving.storage import PACKAGE, read_package, weights_md5, write_package
from served import INVENTORY, MAP, write_network


def test_a_package_comes_back_as_it_was(mapper_folder: Path) -> None:
    packaged = read_package(mapper_folder)
    assert (packaged.map, packaged.inventory) == (MAP, INVENTORY)
    assert packaged.version == weights_md5(mapper_folder)[:8]


def test_the_same_network_and_settings_give_the_same_bytes(mapper_folder: Path, tmp_path: Path) -> None:
    write_package(tmp_path / "again", mapper_folder.parent / "network", MAP, INVENTORY)
    assert sorted(path.name for path in mapper_folder.iterdir()) == sorted([CARD, WEIGHTS, PACKAGE])
    for path in mapper_folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_other_weights_than_those_recorded_are_refused(mapper_folder: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(mapper_folder, tmp_path / "mapper")
    content = bytearray((changed / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (changed / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelError, match="other weights"):
        read_package(changed)


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ("{}", "is missing")])
def test_a_broken_package_is_refused_in_one_line(mapper_folder: Path, tmp_path: Path, text: str, words: str) -> None:
    changed = shutil.copytree(mapper_folder, tmp_path / "mapper")
    (changed / PACKAGE).write_text(text)
    with pytest.raises(ModelError, match=words):
        read_package(changed)


def test_a_network_without_threshold_is_not_packaged(tmp_path: Path) -> None:
    network = write_network(tmp_path / "network")
    card = json.loads((network / CARD).read_text()) | {"threshold": None}
    (network / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="no threshold"):
        write_package(tmp_path / "mapper", network, MAP, INVENTORY)
    write_package(tmp_path / "mapper", network, MAP, InventorySettings(threshold=0.5))
