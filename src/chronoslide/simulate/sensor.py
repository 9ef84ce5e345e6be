"""From reflectance on the ground to the numbers a satellite delivers: point spread, noise, haze, clouds, gains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chronoslide.simulate.fields import FloatArray, gaussian_random_field
from chronoslide.simulate.plan import RESOLUTION_METRES, Conditions

SCALE = 10_000.0
HAZE = np.array([0.060, 0.045, 0.032, 0.026, 0.016])
_POINT_SPREAD_PIXELS = 0.68
_CLOUD_REFLECTANCE = np.array([0.62, 0.60, 0.58, 0.58, 0.60])
_CLOUD_HEIGHT_METRES = 900.0


@dataclass(frozen=True, slots=True)
class Clouds:
    """Clouds of a scene, arrays (rows, cols).

    Attributes:
        opacity: 0 (clear) to 1.
        shade: Share of the direct light that a cloud takes away on the ground.
    """

    opacity: FloatArray
    shade: FloatArray

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """What the provider's mask calls cloud or cloud shadow: a little more than is there."""
        return np.asarray(ndimage.binary_dilation((self.opacity > 0.12) | (self.shade > 0.3), iterations=2))


def simulate_clouds(shape: tuple[int, int], conditions: Conditions, rng: np.random.Generator) -> Clouds:
    """Makes cumulus over the given share of a scene, and their shadows on the side away from the sun."""
    field = gaussian_random_field(shape, 3.4, rng, smallest_side=1024)
    if conditions.clouds <= 0:
        return Clouds(np.zeros(shape), np.zeros(shape))
    least = np.quantile(field, 1.0 - conditions.clouds)
    detail = gaussian_random_field(shape, 2.2, rng)
    opacity = np.clip((field - least) * 4.0 + 0.35 + 0.2 * detail, 0.0, 1.0) * (field > least - 0.08)
    opacity = np.round(ndimage.gaussian_filter(opacity, 1.5), 6)
    away = _CLOUD_HEIGHT_METRES / np.tan(np.radians(conditions.sun_elevation)) / RESOLUTION_METRES
    azimuth = np.radians(conditions.sun_azimuth)
    moved = (round(float(np.cos(azimuth) * away)), round(float(-np.sin(azimuth) * away)))
    shade = ndimage.shift(opacity, moved, order=0, mode="constant", cval=0.0)
    return Clouds(opacity, np.round(ndimage.gaussian_filter(shade, 2.0) * 0.9, 6))


def simulate_haze(shape: tuple[int, int], amount: float, rng: np.random.Generator) -> FloatArray:
    """The amount of haze over each pixel, patchy, `amount` on average."""
    field = gaussian_random_field(shape, 3.2, rng, smallest_side=1024)
    return np.round(amount * np.clip(1.0 + 0.75 * field, 0.0, 3.0), 6)


def observe(
    radiance: NDArray[np.float32], haze: FloatArray, clouds: Clouds, conditions: Conditions, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """What the sensor stores.

    Args:
        radiance: (rows, cols, bands), reflectance times illumination.
        haze: (rows, cols).
        clouds: Of the scene.
        conditions: Gains.
        rng: Of the noise.

    Returns:
        (rows, cols, bands), 10,000 times the apparent reflectance, at least 1.
    """
    stored = np.empty(radiance.shape, dtype=np.uint16)
    clear = (1.0 - clouds.opacity) * (1.0 - 0.35 * np.minimum(haze, 1.0))
    for band in range(radiance.shape[2]):
        signal = radiance[..., band] * clear + HAZE[band] * haze + _CLOUD_REFLECTANCE[band] * clouds.opacity
        signal = ndimage.gaussian_filter(signal, _POINT_SPREAD_PIXELS) * conditions.gains[band]
        signal += rng.standard_normal(signal.shape) * (0.0015 + 0.012 * signal)
        stored[..., band] = np.clip(np.rint(signal * SCALE), 1, 65_535).astype(np.uint16)
    return stored
