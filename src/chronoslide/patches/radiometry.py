"""Radiometric augmentation: the same ground under other light and air, drawn anew for each patch in each epoch.

A network that has seen one year only takes that year's radiometry for the landslides' own. Gain and haze stand for what
differs between years and stays after normalisation: sun, sensor, season, aerosol. They change a patch as a whole;
patchy haze and the shading of slopes vary within it, smoothly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from chronoslide.scenes.channels import WAVELENGTHS

# Each band's own gain is this share of the gain that all bands have in common.
_OWN_SHARE = 0.5
# Blue light is scattered most: haze falls from 1 in the first band to this in the last (bands run from short to long
# waves).
_HAZE_IN_LAST_BAND = 1.0 / 3.0
# Light is scattered by wavelength ** -exponent: 4 by clear air, 2 by a moderate and 0.5 by a very thick haze (Chavez
# 1988). What is seen as a patch of haze lies between the latter two.
_EXPONENTS = 0.5, 2.0
# Knots of a random field along the side of a patch: haze and slopes are wider than most landslides.
_KNOTS = 4


def relight(
    reflectance: NDArray[np.float32],
    gain: float,
    haze: float,
    rng: np.random.Generator,
    lit: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Multiplies and adds to the reflectance of each patch: `rho (1 + g) + h`.

    Args:
        reflectance: (n, rows, cols, bands).
        gain: Standard deviation of the part of g that all bands of a patch share; each band has half as much of its
            own.
        haze: Standard deviation of h in the first band, in reflectance. It is drawn on both sides of 0, because the
            year that was trained on may be the hazier one.
        rng: Source of randomness.
        lit: (bands,), True where a band is reflectance; others, such as a slope, stay as they are. None: all are.

    Returns:
        A new array of the same shape, not below 0.
    """
    n, bands = len(reflectance), reflectance.shape[-1]
    answers = np.ones(bands, dtype=bool) if lit is None else lit
    own = _OWN_SHARE * rng.standard_normal((n, 1, 1, bands))
    gains = 1.0 + gain * (rng.standard_normal((n, 1, 1, 1)) + own)
    fall = np.zeros(bands)
    fall[answers] = np.linspace(1.0, _HAZE_IN_LAST_BAND, int(answers.sum()))
    hazes = haze * fall * rng.standard_normal((n, 1, 1, 1))
    gains = np.where(answers, gains, 1.0)
    changed = reflectance * gains.astype(np.float32)
    changed += hazes.astype(np.float32)  # in place: every new array of a batch costs as much as the sum
    return np.maximum(changed, np.float32(0.0), out=changed)


def vary_smoothly(
    reflectance: NDArray[np.float32],
    smooth_haze: float,
    shade: float,
    rng: np.random.Generator,
    bands: Sequence[str],
    lit: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Shades each patch and lays patches of haze over it: `rho exp(s f1) + h max(f2, 0)`, f1 and f2 smooth fields.

    Args:
        reflectance: (n, rows, cols, bands).
        smooth_haze: Standard deviation of h, drawn for each patch, in reflectance of the band that is scattered most.
            Haze only adds. It falls with the wavelength where all bands are known by name, else with their order.
        shade: s, of the logarithm of the light; all bands alike.
        rng: Source of randomness.
        bands: Names of the bands in order.
        lit: (bands,), True where a band is reflectance; others stay as they are. None: all are.

    Returns:
        A new array of the same shape, not below 0.
    """
    n, rows, cols = reflectance.shape[:3]
    answers = np.ones(len(bands), dtype=bool) if lit is None else lit
    changed = reflectance.copy()
    if shade:
        light = np.exp(np.float32(shade) * _smooth_fields(n, rows, cols, rng))[..., np.newaxis]
        changed *= light if answers.all() else np.where(answers, light, np.float32(1.0))
    if smooth_haze:
        thickness = np.float32(smooth_haze) * np.abs(rng.standard_normal((n, 1, 1), dtype=np.float32))
        field = np.maximum(_smooth_fields(n, rows, cols, rng), np.float32(0.0)) * thickness
        exponents = np.asarray(rng.uniform(_EXPONENTS[0], _EXPONENTS[1], size=n))
        fall = np.stack([haze_by_band(bands, answers, float(exponent)) for exponent in exponents])
        changed += field[..., np.newaxis] * fall.astype(np.float32)[:, np.newaxis, np.newaxis]
    return np.maximum(changed, np.float32(0.0), out=changed)


def haze_by_band(bands: Sequence[str], lit: NDArray[np.bool_], exponent: float) -> NDArray[np.float64]:
    """How much haze each band gets, 1 in the one that gets most and 0 in those that are not lit.

    Args:
        bands: Names in order.
        lit: (bands,).
        exponent: Of the wavelength; without a meaning where a name is not known, since the order of bands decides then.
    """
    shares = np.zeros(len(bands))
    names = [band for band, answers in zip(bands, lit, strict=True) if answers]
    if all(name in WAVELENGTHS for name in names):
        wavelengths = np.array([WAVELENGTHS[name] for name in names])
        shares[lit] = (wavelengths / wavelengths.min(initial=np.inf)) ** -exponent
    else:
        shares[lit] = np.linspace(1.0, _HAZE_IN_LAST_BAND, len(names))
    return shares


def _smooth_fields(n: int, rows: int, cols: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n, rows, cols) random fields of standard deviation 1 at their knots, without a kink between them."""
    knots = rng.standard_normal((n, _KNOTS, _KNOTS), dtype=np.float32)
    return np.asarray(_between_knots(rows) @ knots @ _between_knots(cols).T)


@cache
def _between_knots(length: int) -> NDArray[np.float32]:
    """(length, knots): the weight of each knot at each pixel, two of them a pixel, by 3 t^2 - 2 t^3."""
    place = np.linspace(0.0, _KNOTS - 1, length)
    left = np.minimum(place.astype(np.intp), _KNOTS - 2)
    t = place - left
    weights = np.zeros((length, _KNOTS), dtype=np.float32)
    pixels = np.arange(length)
    weights[pixels, left + 1] = t * t * (3.0 - 2.0 * t)
    weights[pixels, left] = 1.0 - weights[pixels, left + 1]
    return weights
