"""Both models behind `mlflow models serve`, asked as users ask them; no pickle may be loaded there."""

import base64
import json
import os
import re
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fuzz
from chronoslide import client
from chronoslide.commands import map as map_command
from chronoslide.errors import RequestError
from chronoslide.models.prediction import predictor
from chronoslide.models.storage import load_model
from chronoslide.serving.answer import feature_collection
from chronoslide.serving.request import read_image
from chronoslide.serving.scene_mapper import Options, SceneMapper
from chronoslide.serving.storage import read_package
from chronoslide.tracking import TrackingError, fetch_model
from chronoslide.vectors import read_polygons
from served import BANDS, Served, elevation_bytes, reflectance, scene_bytes

pytestmark = pytest.mark.slow
FUZZED = int(os.environ.get("CHRONOSLIDE_FUZZ", "52"))


@pytest.fixture(scope="module")
def mapper_server(servers: dict[str, Served]) -> Served:
    return servers["chronoslide-mapper"]


@pytest.fixture(scope="module")
def network_server(servers: dict[str, Served]) -> Served:
    return servers["chronoslide-transferred"]


@pytest.fixture(scope="module")
def offline(registry: Path) -> SceneMapper:
    return SceneMapper(read_package(registry / "results/mapper"))


@pytest.mark.parametrize("path", ["ping", "health", "version"])
def test_the_end_points_of_health_answer(mapper_server: Served, path: str) -> None:
    with urllib.request.urlopen(f"{mapper_server.address}/{path}", timeout=10) as response:
        assert response.status == 200


def test_the_served_landslides_and_map_are_those_of_the_offline_mapper(
    mapper_server: Served, offline: SceneMapper
) -> None:
    expected = offline.map(read_image(scene_bytes(), BANDS), Options())
    answer = client.map_scene(scene_bytes(), mapper_server.address, probability=True)
    assert answer.count == len(expected.landslides) > 0
    assert answer.landslides == json.loads(json.dumps(feature_collection(expected, "scene")))
    assert answer.probability == expected.probability_bytes()


def test_the_command_gives_what_the_server_gives(
    mapper_server: Served, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "scene.tif").write_bytes(scene_bytes())
    (tmp_path / "elevation.tif").write_bytes(elevation_bytes())
    served = client.map_scene(
        tmp_path / "scene.tif", mapper_server.address, elevation=tmp_path / "elevation.tif", probability=True
    )
    for model in ("models:/chronoslide-mapper@champion", "models:/chronoslide-transferred/1"):
        map_command.run(
            registry, tmp_path / "scene.tif", model, tmp_path / "out.gpkg",
            elevation=tmp_path / "elevation.tif", probability=tmp_path / "out.tif",
        )  # fmt: skip
        mapped = read_polygons(tmp_path / "out.gpkg")
        assert mapped["id"].tolist() == [feature["id"] for feature in served.landslides["features"]]
        assert (tmp_path / "out.tif").read_bytes() == served.probability


def test_an_unknown_model_is_told_in_one_line(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for address in ("models:/nobody@champion", "models:/chronoslide-mapper/77", "models:/chronoslide-mapper"):
        with pytest.raises(TrackingError, match="name a registered model"):
            fetch_model(registry, address)
    with pytest.raises(TrackingError, match="no runs"):
        fetch_model(tmp_path, "models:/chronoslide-mapper/1")
    assert list(tmp_path.iterdir()) == []


def test_the_line_of_the_readme_asks_with_curl(mapper_server: Served, tmp_path: Path) -> None:
    (tmp_path / "scene.tif").write_bytes(scene_bytes())
    command = (
        "(printf '{\"dataframe_records\":[{\"image\":\"'; base64 < scene.tif | tr -d '\\n'; printf '\"}]}') | "
        f"curl -sS {mapper_server.address}/invocations -H 'Content-Type: application/json' --data-binary @-"
    )
    answer = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert json.loads(answer)["predictions"][0]["landslides"]["type"] == "FeatureCollection"


def test_eight_clients_at_once_get_the_right_answers(mapper_server: Served, offline: SceneMapper) -> None:
    expected = [len(offline.map(read_image(scene_bytes(seed=seed), BANDS), Options()).landslides) for seed in range(4)]
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(client.map_scene, scene_bytes(seed=n % 4), mapper_server.address) for n in range(16)]
        assert [one.result().count for one in asked] == expected * 4


def test_bad_requests_are_refused_in_a_sentence_and_the_server_goes_on(mapper_server: Served) -> None:
    complaints = []
    for bad in fuzz.bad_requests(FUZZED, seed=1):
        status, body = fuzz.send(mapper_server.address, bad)
        complaints += [said for said in [fuzz.complaint(bad, status, body)] if said]
    assert not complaints
    assert client.map_scene(scene_bytes(), mapper_server.address).count > 0


def test_the_log_tells_size_pixels_time_and_landslides(mapper_server: Served) -> None:
    answer = client.map_scene(scene_bytes(), mapper_server.address)
    lines = [line for line in mapper_server.log.read_text().splitlines() if " mapped " in line]
    assert f"image_bytes={len(scene_bytes())} pixels=7680 milliseconds=" in lines[-1]
    assert lines[-1].endswith(f"landslides={answer.count}")
    assert "request bytes=" in mapper_server.log.read_text()


def test_a_server_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(RequestError, match="no answer"):
        client.map_scene(b"", "http://127.0.0.1:9")
    with pytest.raises(RequestError, match="No such file"):
        client.map_scene(Path("nowhere.tif"), "http://127.0.0.1:9")


def test_patches_of_reflectance_give_probabilities(network_server: Served, registry: Path) -> None:
    patches = np.stack([reflectance((32, 32), seed) for seed in (1, 2)])
    answered = np.array(client.probabilities(patches, network_server.address))
    model, _ = load_model(registry / "results/models/transferred")
    np.testing.assert_allclose(answered[..., 0], predictor(model)(patches), atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "words"),
    [((1, 32, 32, 2), ["(1, 32, 32, 2)", "(-1, 32, 32, 3)"]), ((1, 16, 32, 3), ["(1, 16, 32, 3)", "(-1, 32, 32, 3)"])],
)
def test_other_bands_and_sizes_are_told_what_was_expected(
    network_server: Served, shape: tuple[int, ...], words: list[str]
) -> None:
    with pytest.raises(RequestError) as refused:
        client.probabilities(np.zeros(shape), network_server.address)
    assert all(word in str(refused.value) for word in words)
    assert len(str(refused.value)) < 200


def test_text_for_numbers_is_told_what_was_expected(network_server: Served) -> None:
    with pytest.raises(RequestError, match="could not convert string to float"):
        client.probabilities([[[["high"] * 3] * 32] * 32], network_server.address)


def test_mlflow_predicts_several_scenes_from_a_file(registry: Path, offline: SceneMapper, tmp_path: Path) -> None:
    images = [scene_bytes(seed=seed) for seed in range(3)]
    rows = [{"image": base64.b64encode(image).decode()} for image in images]
    (tmp_path / "rows.json").write_text(json.dumps({"dataframe_records": rows, "params": {"crs": "wgs84"}}))
    programs = Path(sys.executable).parent
    words = ["models", "predict", "-m", "models:/chronoslide-mapper@champion", "--env-manager", "local", "-t", "json"]
    subprocess.run(
        [programs / "mlflow", *words, "-i", tmp_path / "rows.json", "-o", tmp_path / "answers.json"],
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{registry / 'mlflow.db'}"},
        check=True,
        capture_output=True,
    )
    answers = json.loads((tmp_path / "answers.json").read_text())["predictions"]
    for image, answer in zip(images, answers, strict=True):
        expected = feature_collection(offline.map(read_image(image, BANDS), Options()), "wgs84")
        assert answer["landslides"] == json.loads(json.dumps(expected))


def test_what_is_registered_holds_no_pickle_and_pins_every_package(registry: Path) -> None:
    models = sorted((registry / "mlartifacts/models").iterdir())
    assert len(models) == 2
    for model in models:
        assert not [path for path in model.rglob("*") if "pickle" in path.name or path.suffix == ".pkl"]
        pins = (model / "artifacts/requirements.txt").read_text().split()
        assert all(re.fullmatch(r"[a-z0-9.-]+==[^=]+", pin) for pin in pins)
        assert {"keras", "tensorflow", "mlflow", "numpy", "protobuf"} <= {pin.partition("==")[0] for pin in pins}
