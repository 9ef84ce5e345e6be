"""`chronoslide map SCENE.tif`, as it is typed."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from chronoslide.cli import USER_ERROR, main
from chronoslide.params import InventorySettings, MapSettings
from chronoslide.rasters import read_raster
from chronoslide.serving.request import read_image
from chronoslide.serving.scene_mapper import Options, SceneMapper
from chronoslide.serving.storage import unpackaged
from chronoslide.vectors import read_polygons
from served import BANDS, geotiff, reflectance, scene_bytes, write_network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("models") / "network")


def typed(folder: Path, network: Path, *more: str) -> int:
    words = ["map", str(folder / "scene.tif"), "--root", str(folder), "--model", str(network)]
    return main([*words, "-o", str(folder / "out.gpkg"), *more])


def test_a_scene_on_disk_becomes_landslides_and_probabilities(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scene.tif").write_bytes(scene_bytes())
    assert typed(tmp_path, network, "--probability", str(tmp_path / "out.tif"), "--minimum-area", "500") == 0
    expected = SceneMapper(unpackaged(network, MapSettings(), InventorySettings())).map(
        read_image(scene_bytes(), BANDS), Options(minimum_area_m2=500.0)
    )
    mapped = read_polygons(tmp_path / "out.gpkg")
    assert mapped["id"].tolist() == expected.landslides["id"].tolist()
    assert mapped.geometry.geom_equals(expected.landslides.geometry).all()  # a GeoPackage holds multipolygons alone
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif").values[..., 0], expected.probability)
    assert f"{len(mapped)} landslides" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        (b"nonsense", [], ["scene.tif", "cannot be read"]),
        (geotiff(reflectance(), bands=("a", "b", "c")), [], ["scene.tif", "no band 'green'"]),
        (scene_bytes(), ["--threshold", "2"], ["threshold", "got '2.0'"]),
        (scene_bytes(), ["--elevation", "nowhere.tif"], ["nowhere.tif", "no such file"]),
        (scene_bytes(), ["--model", "nowhere"], ["nowhere", "no such folder"]),
        (scene_bytes(), ["--model", "models:/x@y"], ["models:/x@y", "no runs"]),
    ],
)
def test_a_mistake_is_told_in_one_line(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    content: bytes, more: list[str], words: list[str],
) -> None:  # fmt: skip
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "scene.tif").write_bytes(content)
    assert typed(tmp_path, network, *more) == USER_ERROR
    said = capsys.readouterr().err.strip().splitlines()
    assert all(word in said[-1] for word in words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene.tif"]


def test_a_model_with_a_program_in_its_folder_needs_trust(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "of a stranger"
    shutil.copytree(network, folder)
    (folder / "layers.py").write_text("raise SystemExit('run')\n")
    (tmp_path / "scene.tif").write_bytes(scene_bytes())
    assert typed(tmp_path, folder) == USER_ERROR
    assert "layers.py" in capsys.readouterr().err
    assert typed(tmp_path, folder, "--trust") == 0
