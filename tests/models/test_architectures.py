"""What holds for every network that can be named."""

import re
import zipfile
from typing import get_args

import keras
import numpy as np
import pytest

from chronoslide.mapping import openvino_engine
from chronoslide.models.architectures import build_network, freeze_encoder
from chronoslide.models.card import ModelCard
from chronoslide.models.losses import TverskyLoss
from chronoslide.models.plain import in_plain_layers
from chronoslide.models.safety import require_no_code
from chronoslide.models.storage import load_model, save_model
from chronoslide.params import Architecture, ModelSettings
from chronoslide.patches.scaling import BandStatistics

STATISTICS = BandStatistics(("red", "nir"), (0.1, 0.25), (0.05, 0.1))
IMAGES = np.random.default_rng(0).normal((0.1, 0.25), 0.1, (2, 16, 32, 2)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, 2, (2, 16, 32, 1)).astype(np.uint8)
NAMES = get_args(Architecture)
TWO_MEMBERS = "two members"


def settings(name, **changes):
    kind = {"architecture": "unet", "members": 2} if name == TWO_MEMBERS else {"architecture": name}
    return ModelSettings(**{**kind, "filters": 2, **changes})


@pytest.fixture(scope="module", params=[*NAMES, TWO_MEMBERS])
def named(request):
    """A network whose statistics of normalisation have seen something, and its name."""
    model = build_network(2, settings(request.param), STATISTICS, seed=1)
    model(IMAGES, training=True)
    return request.param, model


def test_every_pixel_gets_a_probability(named):
    probability = np.asarray(named[1](IMAGES))
    assert probability.shape == (2, 16, 32, 1)
    assert probability.dtype == np.float32
    assert ((probability > 0) & (probability < 1)).all()
    assert probability.std() > 0


def test_the_seed_decides_the_weights(named):
    name, _ = named
    one, same, other = (build_network(2, settings(name), None, seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(mine, again) for mine, again in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_the_gradient_reaches_every_weight(named):
    tf = pytest.importorskip("tensorflow")
    name, _ = named
    model = build_network(2, settings(name, filters=4), STATISTICS, seed=1)
    with tf.GradientTape() as tape:
        loss = TverskyLoss(0.5, 0.5)(LABELS, model(IMAGES, training=True))
    slopes = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    dead = [weight.path for weight, slope in zip(model.trainable_weights, slopes, strict=True) if slope is None]
    assert not dead
    assert all(np.isfinite(slope).all() for slope in slopes)
    kernels = [weight.path for weight in model.trainable_weights if "kernel" in weight.path]
    moved = [weight.path for weight, slope in zip(model.trainable_weights, slopes, strict=True) if np.any(slope)]
    assert set(kernels) <= set(moved)


def test_a_stored_network_comes_back_as_it_was(named, tmp_path):
    name, model = named
    card = ModelCard(
        settings=settings(name), bands=STATISTICS.bands, mean=STATISTICS.mean, side_pixels=16, seed=7,
        standard_deviation=STATISTICS.standard_deviation, false_positive_weight=0.5, trained_on="noise",
    )  # fmt: skip
    save_model(tmp_path / "model", model, card)
    require_no_code(tmp_path / "model")
    loaded, read = load_model(tmp_path / "model")
    assert read == card
    np.testing.assert_array_equal(loaded(IMAGES), model(IMAGES))


def test_registered_it_holds_keras_own_layers_alone_and_passes_as_safe(named, tmp_path):
    _, model = named
    text = in_plain_layers(model).to_json()
    assert "chronoslide" not in text
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", text)
    require_no_code(tmp_path / "model.keras")
    back = keras.models.model_from_json(text)
    back.set_weights(model.get_weights())
    np.testing.assert_allclose(back(IMAGES), model(IMAGES), atol=1e-5)


@pytest.mark.skipif(not openvino_engine.available(), reason="OpenVINO is not installed")
def test_openvino_gives_the_same_probabilities(named):
    _, model = named
    found = openvino_engine.predictor(openvino_engine.export(model), "float32")(IMAGES)
    np.testing.assert_allclose(found, np.asarray(model(IMAGES))[..., 0], atol=1e-5)


def test_freezing_the_encoder_leaves_only_the_decoder_to_train(named):
    name, _ = named
    model = build_network(2, settings(name), None, seed=1)
    freeze_encoder(model)
    trained, kept = (
        [re.sub("^member_[12]_", "", weight.path) for weight in weights]
        for weights in (model.trainable_weights, model.non_trainable_weights)
    )
    assert {re.split("[_/]", path)[0] for path in trained} == {"decoder", "probability"}
    assert any(path.startswith("encoder_5") for path in kept)


def test_in_half_precision_weights_and_probabilities_stay_whole(named):
    name, _ = named
    whole, half = (
        build_network(2, settings(name, precision=precision), STATISTICS, seed=1)
        for precision in ("float32", "mixed_bfloat16")
    )
    assert {str(weight.dtype) for weight in half.weights} == {"float32"}
    difference = np.abs(np.asarray(half(IMAGES)) - np.asarray(whole(IMAGES))).max()
    assert 0 < difference < 0.05


def test_with_group_normalisation_there_are_no_moving_statistics():
    model = build_network(2, settings("unet", filters=6, normalisation="group"), STATISTICS, seed=1)
    assert not model.non_trainable_weights
    assert model.get_layer("encoder_1_normalisation_1").groups == 2  # the most of eight that divide six channels
    assert model.get_layer("encoder_5_normalisation_1").groups == 8
    alone, together = np.asarray(model(IMAGES[:1])), np.asarray(model(IMAGES, training=True))[:1]
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_names_of_networks_are_kept_apart():
    sizes = {build_network(2, settings(name), None, seed=1).count_params() for name in NAMES}
    assert len(sizes) == len(NAMES)
