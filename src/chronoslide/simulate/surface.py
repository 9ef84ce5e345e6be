"""Reflectance of a site in a year: land cover with debris, healing scars and regrown ground on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from chronoslide.simulate.fields import FloatArray
from chronoslide.simulate.healing import debris_left
from chronoslide.simulate.histories import Scar, Sighting
from chronoslide.simulate.land_cover import DEBRIS, REFLECTANCE, Cover
from chronoslide.simulate.plan import RESOLUTION_METRES

OVERSAMPLING = 2
_PATCHES = -5.0


class SlidGround:
    """Which ground has slid, carried from year to year on a grid twice as fine as the site's."""

    def __init__(self, shape: tuple[int, int], corner: tuple[float, float], scars: Sequence[Scar]) -> None:
        """Starts with the scars of landslides before the first year.

        Args:
            shape: (rows, cols) of the site.
            corner: (x, y) of its upper left corner [m].
            scars: The older landslides.
        """
        self._shape = (shape[0] * OVERSAMPLING, shape[1] * OVERSAMPLING)
        fine = RESOLUTION_METRES / OVERSAMPLING
        self._transform = Affine(fine, 0.0, corner[0], 0.0, -fine, corner[1])
        healed = self._burn([(scar.polygon, scar.years_healed + 1) for scar in scars])
        # 0: never slid; 1: debris now; n + 1: healed for n years.
        self._state = healed.astype(np.uint8)

    def advance(self, sightings: Sequence[Sighting]) -> tuple[FloatArray, FloatArray]:
        """Moves on to a year.

        Args:
            sightings: The landslides of that year.

        Returns:
            The share of each pixel (rows, cols) that has slid at any time, and the share under bare debris, which is
            weighted by the debris's brightness.
        """
        number = self._burn([(one.polygon, position + 1) for position, one in enumerate(sightings)])
        self._state[(self._state > 0) & (self._state < 250)] += 1
        self._state[number > 0] = 1
        bare = np.array([0.0, *((1.0 - one.recovery) for one in sightings)])
        tone = np.array([1.0, *(one.tone for one in sightings)])
        debris = debris_left(np.maximum(self._state.astype(np.float64) - 1.0, 1.0))
        debris[self._state == 0] = 0.0
        debris = np.where(number > 0, (bare * tone)[number], debris)
        return self._mean((self._state > 0).astype(np.float64)), self._mean(debris)

    def _burn(self, shapes: list[tuple[object, int]]) -> NDArray[np.uint16]:
        if not shapes:
            return np.zeros(self._shape, dtype=np.uint16)
        return np.asarray(rasterize(shapes, out_shape=self._shape, transform=self._transform, dtype="uint16"))

    def _mean(self, fine: FloatArray) -> FloatArray:
        rows, cols = (length // OVERSAMPLING for length in fine.shape)
        coarse = fine.reshape(rows, OVERSAMPLING, cols, OVERSAMPLING).mean(axis=(1, 3))
        return np.asarray(np.round(coarse, 6))


def with_landslides(
    reflectance: NDArray[np.float32], slid: FloatArray, debris: FloatArray, texture: FloatArray
) -> NDArray[np.float32]:
    """Puts debris and regrowth on the land cover.

    Args:
        reflectance: (rows, cols, bands), of the land cover.
        slid: (rows, cols), share of the pixel that has slid at any time.
        debris: (rows, cols), share under debris.
        texture: (rows, cols), brightness of the debris, 1 on average.
    """
    result = reflectance.copy()
    touched = slid > 0
    regrown = 0.6 * REFLECTANCE[Cover.SHRUB] + 0.4 * REFLECTANCE[Cover.GRASS]
    part = slid[touched][:, np.newaxis]
    # Grass and saplings come back in patches, most where the debris is fine.
    patchy = np.clip(1.0 - 0.45 * np.clip(_PATCHES * np.log(texture[touched]), 0.0, 1.5), 0.0, 1.0)
    bare = (debris[touched] * patchy)[:, np.newaxis]
    rough = texture[touched][:, np.newaxis]
    mixed = bare * DEBRIS * rough + np.maximum(part - bare, 0.0) * regrown
    result[touched] = reflectance[touched] * (1.0 - part) + mixed
    return result
