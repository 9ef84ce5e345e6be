import keras
import numpy as np
import pytest

from chronoslide.models.layers import FusedBatchNormalization, Standardise

IMAGES = np.random.default_rng(0).normal(3, 2, (2, 3, 3, 4)).astype(np.float32)


def test_standardise_brings_the_mean_to_zero_and_one_deviation_above_to_one():
    layer = Standardise([0.1, 0.5], [0.02, 0.25])
    image = np.array([[[[0.1, 0.5], [0.12, 0.75]]]], dtype=np.float32)
    np.testing.assert_allclose(layer(image), [[[[0, 0], [1, 1]]]], atol=1e-5)
    assert not layer.weights


def test_standardise_only_shifts_a_constant_band():
    np.testing.assert_allclose(Standardise([0.5], [0.0])(np.full((1, 1, 1, 1), 0.75, np.float32)), 0.25)


def test_standardise_comes_back_from_its_configuration():
    layer = Standardise([0.1, 0.5], [0.02, 0.25], name="standardise")
    back = keras.layers.deserialize(keras.layers.serialize(layer))
    assert back.get_config() == layer.get_config()
    np.testing.assert_array_equal(back(IMAGES[..., :2]), layer(IMAGES[..., :2]))


@pytest.fixture
def twins():
    """Keras' batch normalisation and ours with the same weights."""
    pair = keras.layers.BatchNormalization(momentum=0.8), FusedBatchNormalization(momentum=0.8)
    for layer in pair:
        layer.build((None, None, None, 4))
        layer.set_weights(
            [np.array(values, dtype=np.float32) for values in ([1, 2, 3, 4], [0, 1, 0, 1], [3] * 4, [2] * 4)]
        )
    return pair


@pytest.mark.parametrize("training", [False, True])
def test_fused_normalisation_gives_what_keras_gives(twins, training):
    outputs = [np.asarray(layer(IMAGES, training=training)) for layer in twins]
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(twins[1].get_weights(), twins[0].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_training_moves_the_statistics_and_a_frozen_layer_keeps_and_uses_them(twins):
    layer = twins[1]
    before, untrained = layer.get_weights(), np.asarray(layer(IMAGES, training=False))
    layer.trainable = False
    np.testing.assert_array_equal(layer(IMAGES, training=True), untrained)
    np.testing.assert_array_equal(layer.get_weights(), before)
    layer.trainable = True
    layer(IMAGES, training=True)
    assert not np.allclose(layer.get_weights()[2], before[2])


@pytest.mark.parametrize("channels", [4, 16])
@pytest.mark.parametrize("training", [False, True])
def test_normalisation_in_bfloat16_gives_what_float32_gives_up_to_its_three_digits(channels, training):
    image = np.random.default_rng(0).normal(3, 2, (2, 3, 3, channels)).astype(np.float32)
    exact, rounded = (FusedBatchNormalization(dtype=kind) for kind in ("float32", "mixed_bfloat16"))
    answers = [np.asarray(keras.ops.cast(layer(image, training=training), "float32")) for layer in (exact, rounded)]
    assert rounded(image).dtype == "bfloat16"
    np.testing.assert_allclose(answers[1], answers[0], atol=0.03)
    for ours, theirs in zip(rounded.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.002)
