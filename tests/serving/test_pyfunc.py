"""The mapper as MLflow calls it: rows of tables in, rows out, one sentence when a row is wrong."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from chronoslide.errors import ModelError
from chronoslide.serving import pyfunc
from chronoslide.serving.pyfunc import LandslideMapper
from chronoslide.serving.request import PIXEL_LIMIT, Limits
from chronoslide.serving.storage import weights_md5
from served import SHAPE, elevation_bytes, geotiff, reflectance, scene_bytes


def context(folder: Path, **config: str) -> SimpleNamespace:
    return SimpleNamespace(artifacts={pyfunc.ARTIFACT: str(folder)}, model_config=config)


@pytest.fixture(scope="module")
def model(mapper_folder: Path) -> LandslideMapper:
    loaded = LandslideMapper()
    loaded.load_context(context(mapper_folder, model_version=weights_md5(mapper_folder)[:8]))
    return loaded


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


IMAGE = text(scene_bytes())


def test_a_table_of_scenes_gives_a_table_of_answers_row_by_row(model: LandslideMapper) -> None:
    other = text(scene_bytes(seed=5))
    table = pd.DataFrame({"image": [IMAGE, other, IMAGE], "threshold": [np.nan, np.nan, 0.99]})
    answers = model.predict(None, table)
    alone = [model.predict(None, pd.DataFrame({"image": [image]})) for image in (IMAGE, other)]
    assert answers["landslides"][0] == alone[0]["landslides"][0]
    assert answers["landslides"][1] == alone[1]["landslides"][0]
    assert answers["count"][2] < answers["count"][0]
    assert answers["probability"].tolist() == [None] * 3


def test_partitions_of_a_table_give_what_the_whole_gives(model: LandslideMapper) -> None:
    table = pd.DataFrame({"image": [text(scene_bytes(seed=seed)) for seed in range(4)], "as_text": [True] * 4})
    whole = model.predict(None, table)
    parts = [model.predict(None, part) for part in (table[:3], table[3:], table[:0])]
    assert pd.concat(parts)["landslides"].tolist() == whole["landslides"].tolist()
    assert json.loads(whole["landslides"][0])["type"] == "FeatureCollection"


def test_parameters_hold_for_all_rows_and_a_rows_own_win(model: LandslideMapper) -> None:
    table = pd.DataFrame({"image": [IMAGE, IMAGE], "crs": [None, "scene"]})
    answers = model.predict(None, table, {"crs": "wgs84", "threshold": None, "probability": True})
    assert ["crs" in collection for collection in answers["landslides"]] == [False, True]
    assert answers["probability"][0] == answers["probability"][1] != None  # noqa: E711


def test_the_probability_raster_is_the_map_and_the_elevation_counts(model: LandslideMapper) -> None:
    row = {"image": IMAGE, "elevation": text(elevation_bytes()), "probability": True}
    answer = model.predict(None, pd.DataFrame([row])).iloc[0]
    from rasterio.io import MemoryFile

    with MemoryFile(base64.b64decode(answer["probability"])) as memory, memory.open() as source:
        assert source.shape == SHAPE
        assert np.isnan(source.read(1)[:8, :8]).all()
        assert source.tags()["model_version"] == model.mapper.packaged.version


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"image": None}, "image: the bytes of a GeoTIFF"),
        ({"image": "not base64!"}, "image: not base64"),
        ({"image": text(b"II*\0")}, "image: the GeoTIFF is truncated"),
        ({"image": text(geotiff(reflectance(), crs=None))}, "image: no coordinate reference system"),
        ({"image": IMAGE, "threshold": 2.0}, "threshold"),
        ({"image": IMAGE, "elevation": IMAGE}, "elevation: 3 bands"),
    ],
)
def test_a_wrong_row_is_a_sentence_of_mlflow(model: LandslideMapper, row: dict[str, object], words: str) -> None:
    with pytest.raises(MlflowException, match=words) as refused:
        model.predict(None, pd.DataFrame([row]))
    assert refused.value.get_http_status_code() == 400
    assert "\n" not in refused.value.message


def test_a_wrong_row_among_others_is_numbered(model: LandslideMapper) -> None:
    with pytest.raises(MlflowException, match="row 1: image: "):
        model.predict(None, pd.DataFrame({"image": [IMAGE, "?"]}))


def test_a_request_is_limited_but_a_batch_is_not(model: LandslideMapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "limits", Limits(10_000_000, 2 * SHAPE[0] * SHAPE[1]))
    table = pd.DataFrame({"image": [IMAGE] * 3})
    assert len(model.predict(None, table)) == 3
    monkeypatch.setattr(model, "served", True)
    with pytest.raises(MlflowException, match=PIXEL_LIMIT):
        model.predict(None, table)


def test_weights_of_another_version_than_was_registered_are_refused(mapper_folder: Path) -> None:
    with pytest.raises(ModelError, match="registered with version 00000000"):
        LandslideMapper().load_context(context(mapper_folder, model_version="00000000"))
    alike = weights_md5(mapper_folder)[:8] + 24 * "0"  # the first digits alone are not enough
    with pytest.raises(ModelError, match="registered with version"):
        LandslideMapper().load_context(context(mapper_folder, model_version=alike[:8], weights_md5=alike))
