"""Radiometric augmentation: the same ground under other light and air, drawn anew for each patch in each epoch.

A network that has seen one year only takes that year's radiometry for the landslides' own. Gain and haze stand for what
differs between years and stays after normalisation: sun, sensor, season, aerosol.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Each band's own gain is this share of the gain that all bands have in common.
_OWN_SHARE = 0.5
# Blue light is scattered most: haze falls from 1 in the first band to this in the last (bands run from short to long
# waves).
_HAZE_IN_LAST_BAND = 1.0 / 3.0


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
    changed = reflectance * gains.astype(np.float32) + hazes.astype(np.float32)
    return np.maximum(changed, np.float32(0.0))
