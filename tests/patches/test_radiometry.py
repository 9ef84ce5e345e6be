"""Patches under other light and air."""

import numpy as np

from chronoslide.patches.radiometry import relight


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
