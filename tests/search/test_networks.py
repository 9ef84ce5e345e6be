"""Networks that are trained again and again, and what their arithmetic costs."""

import keras
import numpy as np
import pytest

from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet
from chronoslide.search import networks as networks_module
from chronoslide.search.cost import estimate_minutes, expected_filters, seconds_per_patch
from chronoslide.search.objective import networks_for, predict, share_data, train_trial

STATISTICS = BandStatistics(("red", "nir"), (0.1, 0.1), (0.05, 0.05))


def patches(n, seed):
    rng = np.random.default_rng(seed)
    labels = np.zeros((n, 16, 16), dtype=np.uint8)
    for label, (row, col) in zip(labels, rng.integers(1, 8, (n, 2)), strict=True):
        label[row : row + 8, col : col + 8] = 1
    images = np.where(labels, 2000, 600)[..., None] + rng.integers(0, 300, (n, 16, 16, 2))
    return PatchSet(images.astype(np.uint16), labels, ("red", "nir"))


def small_network(bands, settings, statistics, seed):
    """Two layers with what a trial must set back: weights, moving statistics, the seed of a dropout."""
    start = keras.initializers.HeNormal
    image = keras.Input((None, None, bands))
    features = keras.layers.Rescaling(10.0, -1.0)(image)
    features = keras.layers.Conv2D(
        4, 3, padding="same", kernel_initializer=start(seed), name="encoder_1_convolution_1"
    )(features)
    features = keras.layers.SpatialDropout2D(0.2, seed=seed)(keras.layers.BatchNormalization()(features))
    head = keras.layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer=start(seed + 1), name="probability")
    return keras.Model(image, head(features))


@pytest.fixture(scope="module")
def trained():
    """Trials A, B, A, one after the other with the same networks."""
    data = share_data(patches(12, 1), patches(5, 2), STATISTICS, 10, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks_module, "build_network", small_network)
        networks = networks_for(data)
        a = OptimiserSettings(epochs=3, batch_patches=4, learning_rate=0.05, false_positive_weight=0.3)
        b = OptimiserSettings(epochs=2, batch_patches=3, learning_rate=0.5, false_positive_weight=0.8)
        curves, outcomes = [], []
        for settings in (a, b, a):
            curves.append([])
            outcomes.append(train_trial(data, networks, ModelSettings(), settings, curves[-1].append))
        return data, networks, curves, outcomes


def test_a_trial_gives_the_same_bits_whatever_was_trained_before_it(trained):
    _, _, curves, outcomes = trained
    for curve in curves:
        for epoch in curve:
            epoch.pop("seconds", None)
    assert curves[0] == curves[2]
    assert outcomes[0] == outcomes[2]
    assert outcomes[0] != outcomes[1]


def test_a_trial_learns_bright_squares(trained):
    _, _, _, outcomes = trained
    assert outcomes[0].f1 > 0.8
    assert 1 <= outcomes[0].best_epoch <= 3


def test_a_fresh_network_has_the_loss_of_its_settings(trained):
    _, networks, *_ = trained
    model = networks.fresh(ModelSettings(), OptimiserSettings(false_positive_weight=0.25))
    assert float(model.loss.false_positive_weight.value) == 0.25
    assert float(model.loss.false_negative_weight.value) == 0.75
    assert all(float(abs(variable.numpy()).max()) == 0 for variable in model.optimizer.variables)


def test_no_more_patches_are_taken_than_wanted_and_the_same_for_the_same_seed(trained):
    data, *_ = trained
    assert (data.training.n, data.validation.n) == (10, 5)
    again = share_data(patches(12, 1), patches(5, 2), STATISTICS, 10, seed=3)
    np.testing.assert_array_equal(again.training.images, data.training.images)
    assert share_data(patches(12, 1), patches(5, 2), STATISTICS, None, seed=3).training.n == 12


def test_probabilities_of_all_patches_are_told_batch_by_batch(trained):
    data, networks, *_ = trained
    model = networks.fresh(ModelSettings(), OptimiserSettings())
    assert predict(model, patches(20, 4), data.statistics).shape == (20, 16, 16)


def test_minutes_are_read_off_two_measured_networks():
    measured = {8: 0.01, 32: 0.16}  # four times as wide, sixteen times as long
    assert seconds_per_patch(16, measured) == pytest.approx(0.04)
    assert estimate_minutes([8, 16, 32], measured, epochs=10, patches=60) == pytest.approx(600 * 0.21 / 60)
    assert expected_filters((8, 16, 32), 12, 4) == [8, 16, 32, 8]
    assert expected_filters(None, 12, 2) == [12, 12]
