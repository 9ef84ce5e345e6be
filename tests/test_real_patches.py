"""Real patches through `chronoslide chips` by parameters alone: three bands, a folder of image and mask chips."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from chronoslide.patches.chips import read_chips
from repository import Repository

ROOT = Path(__file__).parents[1]
CHIPS = ROOT / "../shared/data/l4s_rgb"
pytestmark = pytest.mark.skipif(not CHIPS.exists(), reason="the real patches are not in ../shared/data")


def test_the_real_patches_have_the_published_share_of_landslides() -> None:
    chips = read_chips(CHIPS / "val", ("red", "green", "blue"))["all"]
    assert (chips.n, chips.side) == (250, 128)
    assert round(100 * (chips.labels == 1).mean(), 1) == 4.1


@pytest.mark.slow
def test_a_model_is_trained_and_tested_on_real_patches(tmp_path: Path) -> None:
    for subset, count in (("train", 24), ("val", 8)):
        for path in sorted((CHIPS / subset / "images").iterdir())[:count]:
            for kind in ("images", "masks"):
                (tmp_path / subset / kind).mkdir(parents=True, exist_ok=True)
                shutil.copy(CHIPS / subset / kind / path.name, tmp_path / subset / kind)
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["chips"]["model"]["filters"] = 4
    content["chips"]["optimiser"]["epochs"] = 2
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    Repository(tmp_path).run("chronoslide", "chips", "train", "val", "--output", "out")
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    card = json.loads((tmp_path / "out/model.json").read_text())
    assert metrics["chips"] == {"train": 20, "validation": 4, "test": 8}
    assert metrics["test"]["tp"] + metrics["test"]["fn"] > 0
    assert card["bands"] == ["red", "green", "blue"]
