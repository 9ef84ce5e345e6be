"""Gaussian random fields and hashed parcels: the two sources of irregularity in the simulated site.

Fields are rounded as soon as they leave the Fourier transform, so that a last-bit difference between two processors
cannot change a decision further down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

FloatArray = NDArray[np.float64]
_DECIMALS = 6


def gaussian_random_field(
    shape: tuple[int, int], exponent: float, rng: np.random.Generator, *, smallest_side: int = 0
) -> FloatArray:
    """A field of mean 0 and standard deviation 1 whose power spectral density falls as wavenumber ** -exponent.

    Args:
        shape: (rows, cols).
        exponent: 0 is white noise; 3 to 4.4 is like terrain.
        rng: Source of randomness.
        smallest_side: The field is cut from one with at least this many rows and columns, so that a small site
            has features of the same size as a large one.

    Returns:
        (rows, cols), rounded to six decimals.
    """
    rows, cols = (fft.next_fast_len(max(length, smallest_side), real=True) for length in shape)
    spectrum = fft.rfft2(rng.standard_normal((rows, cols)))
    wavenumber = np.hypot(fft.fftfreq(rows)[:, np.newaxis], fft.rfftfreq(cols))
    wavenumber[0, 0] = 1.0
    amplitude = wavenumber ** (-exponent / 2.0)
    amplitude[0, 0] = 0.0
    field = fft.irfft2(spectrum * amplitude, s=(rows, cols))
    field /= field.std()
    return np.asarray(np.round(field[: shape[0], : shape[1]], _DECIMALS))


def hashed_uniform(*keys: NDArray[np.int64] | int) -> FloatArray:
    """A number in [0, 1) for each combination of integer keys, the same for the same keys (parcels of land).

    The mixing is that of SplitMix64 (Steele et al. 2014).
    """
    mixed = np.zeros(np.broadcast_shapes(*(np.shape(key) for key in keys)), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            mixed = mixed + np.asarray(key, dtype=np.int64).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53)
