import numpy as np
import pytest

from chronoslide.models.prediction import predictor
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings

IMAGES = np.random.default_rng(0).normal(0, 1, (3, 32, 16, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return build_unet(2, ModelSettings(filters=2), None, seed=1)


def test_a_predictor_gives_the_probability_of_the_model(model):
    probability = predictor(model)(IMAGES)
    assert probability.shape == (3, 32, 16)
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, np.asarray(model(IMAGES, training=False))[..., 0], atol=1e-6)


def test_a_prediction_repeats_itself_and_does_not_depend_on_the_batch(model):
    predict = predictor(model)
    whole = predict(IMAGES)
    np.testing.assert_array_equal(predict(IMAGES), whole)
    np.testing.assert_allclose(np.concatenate([predict(IMAGES[:1]), predict(IMAGES[1:])]), whole, atol=1e-6)


def test_predicting_does_not_train(model):
    before = model.get_weights()
    predictor(model)(IMAGES)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_predictor_follows_the_weights(model):
    predict = predictor(model)
    before, weights = predict(IMAGES), model.get_weights()
    model.set_weights([np.zeros_like(weight) for weight in weights])
    np.testing.assert_array_equal(predict(IMAGES), np.full((3, 32, 16), 0.5))
    model.set_weights(weights)
    np.testing.assert_array_equal(predict(IMAGES), before)
