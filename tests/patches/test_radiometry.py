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
