"""Patches under other light and air."""

import numpy as np
import pytest

from chronoslide.patches.radiometry import haze_by_band, relight, vary_smoothly


def test_without_gain_and_haze_nothing_changes() -> None:
    patches = np.full((2, 4, 4, 5), 0.2, np.float32)
    assert np.array_equal(relight(patches, 0.0, 0.0, np.random.default_rng(1)), patches)


def test_a_gain_multiplies_every_pixel_of_a_band_of_a_patch_alike() -> None:
    patches = np.random.default_rng(0).uniform(0.1, 0.5, (3, 4, 4, 5)).astype(np.float32)
    ratio = relight(patches, 0.1, 0.0, np.random.default_rng(1)) / patches
    assert np.ptp(ratio, axis=(1, 2)).max() < 1e-5
    assert np.ptp(ratio[:, 0, 0], axis=0).min() > 1e-3  # each patch has its own


def test_haze_adds_three_times_as_much_to_the_first_band_as_to_the_last() -> None:
    patches = np.full((4, 2, 2, 5), 0.5, np.float32)
    added = (relight(patches, 0.0, 0.02, np.random.default_rng(1)) - patches)[:, 0, 0]
    assert np.allclose(added[:, 0], 3 * added[:, -1], atol=1e-6)


def test_reflectance_stays_at_or_above_nought() -> None:
    patches = np.full((50, 2, 2, 5), 0.01, np.float32)
    assert relight(patches, 0.3, 0.3, np.random.default_rng(1)).min() == 0.0


def test_a_band_that_is_no_reflectance_stays_as_it_is():
    patches = np.full((4, 2, 2, 3), 0.5, dtype=np.float32)
    lit = np.array([True, True, False])
    changed = relight(patches, 0.2, 0.05, np.random.default_rng(1), lit)
    np.testing.assert_array_equal(changed[..., 2], patches[..., 2])
    assert (np.abs(changed[..., :2] - 0.5) > 1e-4).all()
    alone = relight(patches, 0.0, 0.05, np.random.default_rng(1), lit)[:, 0, 0] - patches[:, 0, 0]
    np.testing.assert_allclose(alone[:, 1], alone[:, 0] / 3, atol=1e-6)  # haze falls off over the bands that are lit


RAPIDEYE = ("blue", "green", "red", "red_edge", "nir")


def test_haze_by_wavelength_where_bands_are_known():
    lit = np.array([True, True, False])
    shares = haze_by_band(("nir", "blue", "slope"), lit, 2.0)
    np.testing.assert_allclose(shares, [(0.475 / 0.83) ** 2, 1.0, 0.0])


def test_haze_by_order_where_they_are_not():
    np.testing.assert_allclose(
        haze_by_band(("a", "slope", "b", "c"), np.array([1, 0, 1, 1], bool), 2.0), [1, 0, 2 / 3, 1 / 3]
    )


def test_smooth_haze_only_adds_and_most_in_the_blue():
    patches = np.full((20, 32, 32, 5), 0.2, np.float32)
    added = vary_smoothly(patches, 0.02, 0.0, np.random.default_rng(1), RAPIDEYE) - patches
    assert added.min() == 0.0  # somewhere the air is clear
    hazy = added[..., 0] > 1e-3
    assert hazy.any()
    assert (np.diff(added[hazy], axis=-1) < 0).all()
    assert np.ptp(added[..., 0], axis=(1, 2)).min() > 0  # it varies within each patch


def test_shade_multiplies_all_bands_alike():
    patches = np.random.default_rng(0).uniform(0.1, 0.5, (3, 32, 32, 5)).astype(np.float32)
    ratio = vary_smoothly(patches, 0.0, 0.2, np.random.default_rng(1), RAPIDEYE) / patches
    assert np.ptp(ratio, axis=-1).max() < 1e-5
    assert np.ptp(ratio[..., 0], axis=(1, 2)).min() > 0.05


def test_fields_are_smooth_and_as_strong_as_wanted():
    patches = np.ones((400, 64, 64, 1), np.float32)
    light = np.log(vary_smoothly(patches, 0.0, 0.1, np.random.default_rng(1), ("red",))[..., 0])
    assert light[:, 0, 0].std() == pytest.approx(0.1, rel=0.15)  # a corner is a knot
    assert np.abs(np.diff(light, axis=1)).max() < 0.05
    assert np.abs(np.diff(light, n=2, axis=1)).max() < 0.01


def test_what_is_no_reflectance_is_neither_shaded_nor_hazed():
    patches = np.full((4, 16, 16, 3), 0.5, np.float32)
    lit = np.array([True, False, True])
    changed = vary_smoothly(patches, 0.05, 0.2, np.random.default_rng(1), ("blue", "slope", "nir"), lit)
    np.testing.assert_array_equal(changed[..., 1], patches[..., 1])
    assert (changed[..., [0, 2]] != patches[..., [0, 2]]).all()
    np.testing.assert_array_equal(patches, 0.5)
