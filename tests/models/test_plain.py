"""The registered network is one that Keras alone can read."""

from pathlib import Path

import keras
import numpy as np
import pytest

from chronoslide.models.plain import in_plain_layers
from chronoslide.models.prediction import predictor
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings
from chronoslide.patches.scaling import BandStatistics

IMAGES = np.random.default_rng(0).normal(0.15, 0.05, (2, 32, 32, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    model = build_unet(2, ModelSettings(filters=2), BandStatistics(("red", "nir"), (0.1, 0.25), (0.05, 0.1)), seed=1)
    model(IMAGES, training=True)
    return model


def test_plain_layers_give_the_same_answers(network: keras.Model) -> None:
    np.testing.assert_allclose(predictor(in_plain_layers(network))(IMAGES), predictor(network)(IMAGES), atol=1e-5)


# Keras 3.15 copies TensorFlow's variables in a way NumPy 2 calls outdated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_file_needs_no_layer_of_ours(network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = in_plain_layers(network)
    plain.save(tmp_path / "model.keras")
    for name in list(keras.saving.get_custom_objects()):
        monkeypatch.delitem(keras.saving.get_custom_objects(), name)
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(predictor(loaded)(IMAGES), predictor(plain)(IMAGES))
