"""The engine that a child process chose is the one that this process would have chosen, bit by bit."""

import numpy as np
import pandas as pd
import pytest

from chronoslide.errors import DataError
from chronoslide.mapping import openvino_engine
from chronoslide.mapping.engine_process import choose_engines_apart
from chronoslide.mapping.engines import choose_engine
from chronoslide.models.storage import save_model
from chronoslide.models.unet import build_unet
from chronoslide.params import MapSettings
from chronoslide.patches.storage import SAMPLE_COLUMNS, write_patches
from mapping.test_engines import IMAGES, PATCHES, SETTINGS, STATISTICS, card


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    samples = pd.DataFrame(0, index=range(PATCHES.n), columns=list(SAMPLE_COLUMNS))
    for name in ("train", "validation"):
        write_patches(folder / "patches" / name, PATCHES, samples)
    for seed in (1, 2):
        save_model(folder / f"model_{seed}", build_unet(2, SETTINGS, STATISTICS, seed=seed), card(0.999))
    return folder


@pytest.mark.parametrize(
    "settings", [MapSettings(engine="openvino", precision="int8"), MapSettings(engine="tensorflow")]
)
@pytest.mark.skipif(not openvino_engine.available(), reason="OpenVINO is not installed")
def test_a_child_chooses_for_each_model_what_this_process_would(folder, settings):
    models = [folder / "model_1", folder / "model_2"]
    for seed, apart in enumerate(choose_engines_apart(models, settings, folder / "patches"), start=1):
        here = choose_engine(build_unet(2, SETTINGS, STATISTICS, seed=seed), card(0.999), settings, PATCHES, PATCHES)
        assert apart.to_json() == here.to_json()
        np.testing.assert_array_equal(apart.predict(IMAGES), here.predict(IMAGES))


def test_what_the_child_cannot_read_is_told_as_ever(folder, tmp_path):
    with pytest.raises(DataError, match="train"):
        next(choose_engines_apart([folder / "model_1"], MapSettings(), tmp_path / "none"))
