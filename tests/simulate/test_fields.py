from __future__ import annotations

import itertools

import numpy as np
import pytest

from chronoslide.simulate.fields import gaussian_random_field, hashed_uniform


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.0])
def test_power_falls_with_the_exponent(exponent: float) -> None:
    field = gaussian_random_field((512, 512), exponent, np.random.default_rng(3))
    power = np.abs(np.fft.rfft2(field)) ** 2
    wavenumber = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512))
    rings = np.geomspace(0.01, 0.3, 12)
    means = [power[(wavenumber >= low) & (wavenumber < high)].mean() for low, high in itertools.pairwise(rings)]
    middles = np.sqrt(rings[1:] * rings[:-1])
    assert np.polyfit(np.log(middles), np.log(means), 1)[0] == pytest.approx(-exponent, abs=0.15)


def test_field_is_standardised_and_rounded() -> None:
    field = gaussian_random_field((64, 96), 3.0, np.random.default_rng(1))
    assert field.shape == (64, 96)
    assert field.std() == pytest.approx(1.0, abs=1e-5)
    assert abs(field.mean()) < 1e-5
    assert np.array_equal(field, np.round(field, 6))


def test_a_small_field_is_cut_from_a_larger_one() -> None:
    small = gaussian_random_field((32, 32), 4.0, np.random.default_rng(1), smallest_side=128)
    large = gaussian_random_field((128, 128), 4.0, np.random.default_rng(1))
    assert np.array_equal(small, large[:32, :32])


def test_hash_depends_on_every_key_and_is_even() -> None:
    keys = np.arange(20_000)
    values = hashed_uniform(keys, 5)
    assert np.array_equal(values, hashed_uniform(keys, 5))
    assert not np.any(values == hashed_uniform(keys, 6))
    assert values.min() >= 0
    assert values.max() < 1
    assert np.histogram(values, 10, (0, 1))[0] == pytest.approx(2000, rel=0.1)
