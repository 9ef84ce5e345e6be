"""Which patches an epoch shows."""

import keras
import numpy as np
import pytest

from chronoslide.models.epoch_patches import Drawer, false_alarms
from chronoslide.params import OptimiserSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet

BANDS = ("red", "nir")
STATISTICS = BandStatistics(BANDS, (0.1, 0.1), (0.05, 0.05))


def patches(labels, red=0):
    images = np.zeros((*labels.shape, 2), np.uint16)
    images[..., 0] = red
    return PatchSet(images, labels, BANDS)


def settings(**changes):
    return OptimiserSettings(**changes)


def network_that_maps_what_is_red():
    image = keras.Input((None, None, 2))
    return keras.Model(image, keras.ops.cast(image[..., :1] > 0.15, "float32"))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_an_epoch_shows_as_many_patches_as_wanted_and_none_twice_before_all_were_shown(rng):
    six = patches(np.zeros((6, 16, 16), np.uint8))
    shown = Drawer(six, settings(epoch_patches=8)).draw(rng)
    assert len(shown) == 8
    assert sorted(shown[:6]) == list(range(6))
    assert len(set(Drawer(six, settings(epoch_patches=4)).draw(rng))) == 4


def test_patches_with_much_landslide_are_drawn_more_often_if_wanted(rng):
    labels = np.zeros((4, 16, 16), np.uint8)
    labels[0], labels[1, :8] = 1, 1
    shown = Drawer(patches(labels), settings(sampling="landslide_share", epoch_patches=24_000)).draw(rng)
    # chances 1/8 + 1/3, 1/8 + 1/6, 1/8, 1/8
    np.testing.assert_allclose(np.bincount(shown) / 24_000, [11 / 24, 7 / 24, 1 / 8, 1 / 8], atol=0.01)


def one_false_alarm():
    """Of four patches the second is mapped in rows where it is background, landslide and without observation."""
    labels, red = np.zeros((4, 16, 16), np.uint8), np.zeros((4, 16, 16), np.uint16)
    red[1, :6] = 3000
    labels[1, 2:4], labels[1, 4:6] = 1, 255
    return patches(labels, red)


def test_false_alarms_are_mapped_pixels_of_the_background_alone():
    assert false_alarms(network_that_maps_what_is_red(), one_false_alarm(), STATISTICS).tolist() == [0, 32, 0, 0]


def test_hard_background_is_drawn_by_what_the_network_mapped_wrongly_from_the_sixth_epoch_on(rng):
    drawer = Drawer(one_false_alarm(), settings(sampling="hard_background", epoch_patches=24_000))
    for epoch in (1, 2, 5):
        drawer.look(epoch, network_that_maps_what_is_red(), STATISTICS)
        assert np.bincount(drawer.draw(rng)).tolist() == [6000] * 4
    drawer.look(6, network_that_maps_what_is_red(), STATISTICS)
    np.testing.assert_allclose(np.bincount(drawer.draw(rng)) / 24_000, [1 / 8, 5 / 8, 1 / 8, 1 / 8], atol=0.01)


def test_where_nothing_is_mapped_wrongly_all_patches_are_alike(rng):
    drawer = Drawer(patches(np.ones((2, 16, 16), np.uint8)), settings(sampling="hard_background", epoch_patches=9_000))
    drawer.look(6, network_that_maps_what_is_red(), STATISTICS)
    np.testing.assert_allclose(np.bincount(drawer.draw(rng)) / 9_000, [0.5, 0.5], atol=0.02)
