import keras
import numpy as np
import pytest

from chronoslide.models.architectures import freeze_encoder
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings
from chronoslide.patches.scaling import BandStatistics

STATISTICS = BandStatistics(("red", "green", "blue"), (0.1, 0.2, 0.3), (0.02, 0.03, 0.04))
SMALL = ModelSettings(filters=2)
IMAGES = np.random.default_rng(3).normal((0.1, 0.2, 0.3), 0.03, (2, 16, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def small():
    return build_unet(3, SMALL, STATISTICS, seed=1)


@pytest.mark.parametrize(("transposed_widths", "parameters"), [("scaled", 7_772_449), ("fixed", 7_032_369)])
def test_number_of_parameters_is_that_of_the_paper(transposed_widths, parameters):
    bands = tuple("abcde")
    statistics = BandStatistics(bands, (0.1,) * 5, (0.1,) * 5)
    settings = ModelSettings(filters=32, transposed_widths=transposed_widths)
    assert build_unet(5, settings, statistics, seed=0).count_params() == parameters


def test_every_pixel_gets_a_probability(small):
    probability = np.asarray(small(IMAGES))
    assert probability.shape == (2, 16, 32, 1)
    assert probability.dtype == np.float32
    assert ((probability > 0) & (probability < 1)).all()
    assert probability.std() > 0


def test_the_network_scales_reflectance_itself(small):
    bare = build_unet(3, SMALL, None, seed=1)
    scaled = (IMAGES - np.float32(STATISTICS.mean)) / np.float32(STATISTICS.standard_deviation)
    np.testing.assert_allclose(small(IMAGES), bare(scaled), rtol=1e-4)


def test_the_seed_decides_the_weights_and_nothing_else_does(small):
    keras.utils.set_random_seed(99)
    again, other = build_unet(3, SMALL, STATISTICS, seed=1), build_unet(3, SMALL, STATISTICS, seed=2)
    for mine, same in zip(small.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, same)
    assert not np.array_equal(small.get_weights()[0], other.get_weights()[0])


def test_two_layers_of_one_shape_start_differently():
    network = build_unet(4, ModelSettings(filters=4), None, seed=1)
    first, second = (network.get_layer(f"encoder_1_convolution_{number}").kernel for number in (1, 2))
    assert not np.array_equal(first, second)


def test_dropout_acts_in_training_only():
    network = build_unet(3, ModelSettings(filters=2, dropout=0.5), STATISTICS, seed=1)
    assert network.get_layer("dropout").rate == 0.5
    np.testing.assert_array_equal(network(IMAGES, training=False), network(IMAGES, training=False))


def test_in_half_precision_weights_and_probabilities_stay_whole(small):
    half = build_unet(3, ModelSettings(filters=2, precision="mixed_bfloat16"), STATISTICS, seed=1)
    assert half.get_layer("encoder_1_convolution_1").compute_dtype == "bfloat16"
    assert {str(weight.dtype) for weight in half.weights} == {"float32"}
    probability = np.asarray(half(IMAGES))
    assert probability.dtype == np.float32
    assert 0 < np.abs(probability - np.asarray(small(IMAGES))).max() < 0.05


def test_freezing_the_encoder_leaves_only_the_decoder_to_train():
    network = build_unet(3, SMALL, STATISTICS, seed=1)
    freeze_encoder(network)
    assert {weight.path.split("_")[0].split("/")[0] for weight in network.trainable_weights} == {
        "decoder",
        "probability",
    }
    normalisation = network.get_layer("encoder_3_normalisation_2")
    before = normalisation.get_weights()
    network(IMAGES, training=True)
    np.testing.assert_array_equal(normalisation.get_weights(), before)
