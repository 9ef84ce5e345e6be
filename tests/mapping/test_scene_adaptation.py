"""Networks adapted to the scene that they map: whatever the engine, the scene's own statistics are used."""

import numpy as np
import pandas as pd
import pytest

from chronoslide.mapping import openvino_engine
from chronoslide.mapping.carried_network import carry
from chronoslide.mapping.engine_process import choose_engines_apart
from chronoslide.mapping.scene_adaptation import adapted_to, windows_of
from chronoslide.models.adaptation import adapted
from chronoslide.models.prediction import predictor
from chronoslide.models.storage import save_model
from chronoslide.models.unet import build_unet
from chronoslide.params import MapSettings
from chronoslide.patches.storage import SAMPLE_COLUMNS, write_patches
from chronoslide.scenes.scene import Scene
from mapping.mapped_scene import MAP, scene_of, store
from mapping.test_engines import IMAGES, PATCHES, SETTINGS, STATISTICS, card

FULL = MAP.model_copy(update={"adaptation": 1.0})


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapted")
    for name in ("train", "validation"):
        write_patches(
            folder / "patches" / name, PATCHES, pd.DataFrame(0, index=range(PATCHES.n), columns=list(SAMPLE_COLUMNS))
        )
    save_model(folder / "model", build_unet(2, SETTINGS, STATISTICS, seed=1), card(0.999))
    for year, seed in ((2015, 1), (2016, 2)):
        store(folder / f"{year}.tif", scene_of(48, 64, seed))
    return folder


def test_windows_are_observed_ones_filled_as_the_network_gets_them(stored):
    windows = windows_of(stored / "2015.tif", STATISTICS, FULL)
    assert windows.shape == (6, 32, 32, 2)
    scene = scene_of(48, 64, 1)
    np.testing.assert_array_equal(windows[0][scene.valid[:32, :32]], scene.reflectance[:32, :32][scene.valid[:32, :32]])
    assert (windows[0][~scene.valid[:32, :32]] == np.float32(STATISTICS.mean)).all()


def test_a_large_scene_gives_twelve_windows(tmp_path):
    path = store(tmp_path / "2015.tif", scene_of(320, 320))
    assert len(windows_of(path, STATISTICS, FULL)) == 12


def test_a_scene_without_observations_leaves_the_network_as_it_is(tmp_path):
    scene = scene_of(48, 64)
    nothing = np.zeros_like(scene.valid)
    path = store(tmp_path / "2015.tif", Scene(np.zeros_like(scene.reflectance), nothing, scene.grid, scene.bands))
    model = build_unet(2, SETTINGS, STATISTICS, seed=1)
    assert adapted_to(model, windows_of(path, STATISTICS, FULL), 1.0) is model


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
@pytest.mark.skipif(not openvino_engine.available(), reason="OpenVINO is not installed")
def test_each_scene_is_mapped_with_its_own_statistics(stored, engine):
    settings = FULL.model_copy(update={"engine": engine, "precision": "float32"})
    scenes = [stored / "2015.tif", stored / "2016.tif"]
    choices = choose_engines_apart([stored / "model"], settings, stored / "patches", scenes)
    of_model = next(choices)
    model = build_unet(2, SETTINGS, STATISTICS, seed=1)
    np.testing.assert_allclose(of_model.predict(IMAGES), predictor(model)(IMAGES), atol=1e-5)
    for scene in scenes:
        own = of_model.for_scene(scene)
        expected = predictor(adapted(model, windows_of(scene, STATISTICS, settings), 1.0))(IMAGES)
        np.testing.assert_allclose(own.predict(IMAGES), expected, atol=1e-4)
        assert np.abs(expected - predictor(model)(IMAGES)).max() > 0.01


@pytest.mark.skipif(not openvino_engine.available(), reason="OpenVINO is not installed")
def test_a_cluster_is_sent_the_adapted_network(stored):
    settings = FULL.model_copy(update={"engine": "tensorflow"})
    scene = stored / "2015.tif"
    for engine in choose_engines_apart([stored / "model"], settings, stored / "patches", [scene]):
        own = engine.for_scene(scene)
        sent = carry(own, stored / "model", "none").load()
        np.testing.assert_array_equal(sent(IMAGES), own.predict(IMAGES))


def test_without_adaptation_one_engine_maps_all_scenes(stored):
    for engine in choose_engines_apart([stored / "model"], MapSettings(engine="tensorflow"), stored / "patches"):
        assert engine.for_scene(stored / "2015.tif") is engine
