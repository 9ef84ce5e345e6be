"""Networks whose normalisation is fitted to other images."""

import keras
import numpy as np
import pytest

from chronoslide.errors import ModelError
from chronoslide.models.adaptation import adapted
from chronoslide.models.architectures import build_network
from chronoslide.params import ModelSettings

IMAGES = np.random.default_rng(0).uniform(0.1, 0.4, (3, 16, 16, 2)).astype(np.float32)


def one_normalisation():
    image = keras.Input((None, None, 1))
    doubled = keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(2.0))(image)
    return keras.Model(image, keras.layers.BatchNormalization(epsilon=0.0)(doubled))


def statistics(model):
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    return [np.concatenate([layer.moving_mean.numpy(), layer.moving_variance.numpy()]) for layer in layers]


def test_mean_and_variance_are_those_of_all_images_together():
    model = one_normalisation()
    images = np.array([0, 0, 1, 3], np.float32).reshape(2, 1, 2, 1)  # doubled 0, 0, 2, 6: mean 2, variance 6
    np.testing.assert_allclose(statistics(adapted(model, images))[0], [2, 6])
    np.testing.assert_allclose(statistics(adapted(model, images, 0.25))[0], [0.5, 0.25 * 6 + 0.75])
    np.testing.assert_allclose(statistics(model)[0], [0, 1])  # the trained one stays


def test_in_twice_the_light_the_adapted_network_answers_as_before():
    model = build_network(2, ModelSettings(filters=2), None, seed=1)
    bright = 100 * IMAGES  # so that the epsilon of the normalisation is small beside their variance
    own, other = (np.asarray(adapted(model, light * bright)(light * bright)) for light in (1, 2))
    np.testing.assert_allclose(other, own, atol=1e-3)
    assert np.abs(np.asarray(model(2 * bright)) - np.asarray(model(bright))).max() > 0.01


def test_every_normalisation_is_fitted_to_what_it_gets_from_those_before_it():
    model = build_network(2, ModelSettings(filters=2), None, seed=1)
    new = adapted(model, IMAGES)
    last = [layer for layer in new.layers if isinstance(layer, keras.layers.BatchNormalization)][-1]
    normalised = np.asarray(keras.Model(new.input, last.output)(IMAGES))
    np.testing.assert_allclose(normalised.mean(axis=(0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(normalised.var(axis=(0, 1, 2)), 1, atol=0.05)


def test_without_batch_normalisation_or_images_it_is_refused():
    with pytest.raises(ModelError, match="no batch normalisation"):
        adapted(build_network(2, ModelSettings(filters=2, normalisation="group"), None, seed=1), IMAGES)
    with pytest.raises(ModelError, match="no observed window"):
        adapted(one_normalisation(), IMAGES[:0])
