"""Several networks as one: their mean, trained one after another."""

import numpy as np
import pytest

from chronoslide.models.architectures import build_network
from chronoslide.models.cost import cost_of
from chronoslide.models.ensemble import ensemble_of, members_of
from chronoslide.models.training import history_table, train_members
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet

BANDS = ("red", "nir")
STATISTICS = BandStatistics(BANDS, (0.1, 0.25), (0.05, 0.1))
IMAGES = np.random.default_rng(0).normal((0.1, 0.25), 0.1, (2, 16, 32, 2)).astype(np.float32)
SETTINGS = ModelSettings(filters=2, members=3)


def single(seed):
    return build_network(2, ModelSettings(filters=2), STATISTICS, seed)


def patches(seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(500, 3000, (4, 16, 16, 2)).astype(np.uint16)
    return PatchSet(images, (images[..., 0] > 2000).astype(np.uint8), BANDS)


@pytest.fixture(scope="module")
def three():
    return build_network(2, SETTINGS, STATISTICS, seed=5)


def test_the_probability_is_the_mean_of_the_members(three):
    alone = [np.asarray(single(seed)(IMAGES)) for seed in (5, 6, 7)]
    np.testing.assert_allclose(np.asarray(three(IMAGES)), np.mean(alone, axis=0), atol=1e-6)
    assert np.abs(alone[0] - alone[1]).max() > 1e-3


def test_members_are_the_networks_it_was_put_together_from(three):
    for seed, member in zip((5, 6, 7), members_of(three), strict=True):
        np.testing.assert_allclose(np.asarray(member(IMAGES)), np.asarray(single(seed)(IMAGES)), atol=1e-6)


def test_trained_weights_go_with_the_copy():
    networks = [single(1), single(2)]
    for number, network in enumerate(networks):
        network.set_weights([weight + np.float32(0.01 * number) for weight in network.get_weights()])
    expected = np.mean([np.asarray(network(IMAGES)) for network in networks], axis=0)
    np.testing.assert_allclose(np.asarray(ensemble_of(networks)(IMAGES)), expected, atol=1e-6)


def test_a_network_alone_is_its_only_member():
    network = single(1)
    assert members_of(network) == [network]


def test_it_costs_as_much_as_its_members(three):
    one, all_three = cost_of(single(5)), cost_of(three)
    assert all_three.parameters == 3 * one.parameters
    assert all_three.multiply_adds_per_pixel == pytest.approx(3 * one.multiply_adds_per_pixel, abs=2)


def test_members_are_trained_one_after_another_each_with_the_next_seed():
    optimiser = OptimiserSettings(epochs=2, batch_patches=2, learning_rate=0.01)
    two = build_network(2, SETTINGS.model_copy(update={"members": 2}), STATISTICS, seed=5)
    told = []
    histories = train_members(two, patches(1), patches(2), optimiser, STATISTICS, 5, told.append)
    assert [epoch["epoch"] for epoch in told] == [1, 2, 1, 2]
    second = single(6)
    (alone,) = train_members(second, patches(1), patches(2), optimiser, STATISTICS, 6)
    assert alone.epochs == histories[1].epochs
    for mine, again in zip(members_of(two)[1].get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, again)
    table = history_table(histories)
    assert table["member"].tolist() == [1, 1, 2, 2]
    assert "member" not in history_table([alone])
