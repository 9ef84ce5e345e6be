"""What networks cost, against sums by hand."""

import keras

from chronoslide.models.cost import cost_of, multiply_adds
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings


def test_the_arithmetic_of_the_unet_by_hand():
    """One filter, two bands, 16 x 16 pixels; levels of 16, 8, 4, 2 and 1 pixels with 1, 2, 4, 8 and 16 filters."""
    encoder = 9 * (256 * (2 * 1 + 1 * 1) + 64 * (1 * 2 + 2 * 2) + 16 * (2 * 4 + 4 * 4))
    encoder += 9 * (4 * (4 * 8 + 8 * 8) + 1 * (8 * 16 + 16 * 16))
    transposed = 4 * (1 * 16 * 8 + 4 * 8 * 4 + 16 * 4 * 2 + 64 * 2 * 1)
    decoder = 9 * (4 * (16 * 8 + 8 * 8) + 16 * (8 * 4 + 4 * 4) + 64 * (4 * 2 + 2 * 2) + 256 * (2 * 1 + 1 * 1))
    model = build_unet(2, ModelSettings(filters=1), None, seed=0)
    assert multiply_adds(model, 16) == encoder + transposed + decoder + 256 * 1


def test_depthwise_and_transposed_convolutions_count_where_they_are_computed():
    image = keras.Input((None, None, 3))
    features = keras.layers.DepthwiseConv2D(5, padding="same")(image)  # 25 x 3 at each pixel
    features = keras.layers.Conv2D(4, 1)(keras.layers.MaxPooling2D(2)(features))  # 3 x 4 at each fourth
    features = keras.layers.Conv2DTranspose(2, 2, strides=2)(features)  # 4 x 4 x 2 at each fourth
    model = keras.Model(image, features)
    assert multiply_adds(model, 32) == 1024 * 75 + 256 * 12 + 256 * 32
    cost = cost_of(model)
    assert cost.multiply_adds_per_pixel == 75 + 3 + 8
    assert cost.parameters == (75 + 3) + (12 + 4) + (32 + 2)
    assert cost.sentence() == "128 parameters, 86 multiply-adds a pixel"


def test_counting_leaves_the_network_as_it_was():
    model = build_unet(2, ModelSettings(filters=1, dropout=0.2), None, seed=0)
    before = [weight.copy() for weight in model.get_weights()]
    multiply_adds(model, 16)
    assert all((one == other).all() for one, other in zip(before, model.get_weights(), strict=True))
