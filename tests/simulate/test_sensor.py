from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chronoslide.simulate.plan import CONDITIONS
from chronoslide.simulate.sensor import HAZE, Clouds, observe, simulate_clouds, simulate_haze

SHAPE = (120, 160)
CLEAR = Clouds(np.zeros(SHAPE), np.zeros(SHAPE))


def test_gain_noise_and_quantisation_of_an_even_surface() -> None:
    radiance = np.full((*SHAPE, 5), 0.2, dtype=np.float32)
    stored = observe(radiance, np.zeros(SHAPE), CLEAR, CONDITIONS[2015], np.random.default_rng(0))
    assert stored.dtype == np.uint16
    assert stored.mean(axis=(0, 1)) == pytest.approx(2000 * np.array(CONDITIONS[2015].gains), rel=0.002)
    # Noise 0.0015 + 0.012 x reflectance: 39 units at 0.2 times a gain of 1.
    clean = observe(radiance, np.zeros(SHAPE), CLEAR, CONDITIONS[2016], np.random.default_rng(0))
    assert clean.std(axis=(0, 1)) == pytest.approx(39.0, rel=0.03)


def test_nothing_imaged_is_ever_stored_as_nodata() -> None:
    dark = observe(
        np.zeros((*SHAPE, 5), dtype=np.float32), np.zeros(SHAPE), CLEAR, CONDITIONS[2016], np.random.default_rng(0)
    )
    assert dark.min() >= 1


def test_haze_brightens_blue_most() -> None:
    radiance = np.full((*SHAPE, 5), 0.05, dtype=np.float32)
    hazy = observe(radiance, np.full(SHAPE, 0.4), CLEAR, CONDITIONS[2016], np.random.default_rng(0)) / 1e4
    # Direct light is weakened by 0.35 x 0.4 = 14 %.
    assert hazy.mean(axis=(0, 1)) == pytest.approx(0.05 * 0.86 + 0.4 * HAZE, abs=0.0005)


def test_haze_is_patchy_about_its_amount() -> None:
    haze = simulate_haze((512, 512), 0.4, np.random.default_rng(4))
    assert haze.min() >= 0
    assert haze.std() > 0.1
    assert not simulate_haze(SHAPE, 0.0, np.random.default_rng(4)).any()


def test_clouds_cover_their_share_and_are_flagged_with_their_shadow() -> None:
    conditions = replace(CONDITIONS[2018], clouds=0.02)
    clouds = simulate_clouds((400, 400), conditions, np.random.default_rng(1))
    assert 0.01 < (clouds.opacity > 0.5).mean() < 0.04
    assert clouds.flagged[clouds.opacity > 0.2].all()
    assert clouds.flagged[clouds.shade > 0.35].all()
    assert clouds.flagged.mean() < 0.2
    assert not simulate_clouds(SHAPE, CONDITIONS[2014], np.random.default_rng(1)).flagged.any()
