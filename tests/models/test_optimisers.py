"""How weights move, and their average."""

import keras
import numpy as np
import pytest

from chronoslide.models.optimisers import WeightAverage, compile_for_training, make_optimiser
from chronoslide.params import OptimiserSettings


def small():
    image = keras.Input((None, None, 1))
    features = keras.layers.Conv2D(1, 1, kernel_initializer="ones", bias_initializer="ones")(image)
    return keras.Model(image, keras.layers.BatchNormalization()(features))


def test_without_decay_it_is_adam_and_with_it_adamw():
    assert type(make_optimiser(OptimiserSettings())) is keras.optimizers.Adam
    assert isinstance(make_optimiser(OptimiserSettings(weight_decay=0.1)), keras.optimizers.AdamW)


def test_a_compiled_network_has_its_moments_before_the_first_step_and_frozen_weights_have_none():
    model = small()
    model.layers[1].trainable = False
    compile_for_training(model, OptimiserSettings(), keras.losses.MeanSquaredError())
    # Two moments of gamma and beta, the step's number and the learning rate.
    assert len(model.optimizer.variables) == 2 * 2 + 2


def test_kernels_decay_and_biases_and_normalisation_do_not():
    model = small()
    optimiser = make_optimiser(OptimiserSettings(weight_decay=0.1, learning_rate=0.5))
    optimiser.build(model.trainable_variables)
    optimiser.apply([keras.ops.zeros(each.shape) for each in model.trainable_variables])
    values = {each.path.split("/")[-1]: float(np.ravel(each.numpy())[0]) for each in model.trainable_variables}
    assert values == pytest.approx({"kernel": 1 - 0.5 * 0.1, "bias": 1, "gamma": 1, "beta": 0})


def test_the_average_follows_weights_and_moving_statistics():
    model = small()
    average = WeightAverage(model, 0.5)
    first = model.get_weights()
    model.set_weights([weight + 1 for weight in first])
    average.follow()  # momentum 2/11 in the first step
    model.set_weights([weight + 3 for weight in first])
    average.follow()  # 3/12 in the second
    moved = 0.25 * 9 / 11 + 0.75 * 3
    with average.in_place():
        for weight, start in zip(model.get_weights(), first, strict=True):
            np.testing.assert_allclose(weight, start + moved, rtol=1e-6)
    np.testing.assert_array_equal(model.get_weights()[0], first[0] + 3)  # its own again


def test_later_the_momentum_is_the_one_that_was_wanted():
    model = small()
    average = WeightAverage(model, 0.5)
    for _ in range(20):
        average.follow()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    average.follow()
    with average.in_place():
        np.testing.assert_allclose(model.get_weights()[0], 1.5)
