"""Light on the ground: how much a slope receives, and what lies in the shadow of a ridge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chronoslide.simulate.fields import FloatArray
from chronoslide.simulate.plan import RESOLUTION_METRES

# The share of the light that comes from the sky: more of the blue than of the near infrared.
DIFFUSE_SHARE = np.array([0.30, 0.24, 0.19, 0.17, 0.14])
_EXPONENT = 0.8  # slopes scatter more evenly than a Lambertian surface (Minnaert)


def illumination(slope: FloatArray, aspect: FloatArray, sun_elevation: float, sun_azimuth: float) -> FloatArray:
    """Cosine of the angle of incidence over that on flat ground, 0 where the slope faces away.

    Args:
        slope: [degrees].
        aspect: Direction of steepest descent, clockwise from north [radians].
        sun_elevation: [degrees].
        sun_azimuth: Clockwise from north [degrees].
    """
    steepness, height, azimuth = np.radians(slope), np.radians(sun_elevation), np.radians(sun_azimuth)
    incidence = np.cos(steepness) * np.sin(height) + np.sin(steepness) * np.cos(height) * np.cos(azimuth - aspect)
    return np.asarray(np.maximum(incidence, 0.0) / np.sin(height))


def cast_shadow(elevation: FloatArray, sun_elevation: float, sun_azimuth: float) -> NDArray[np.bool_]:
    """Where the sun is behind higher ground.

    The height of the shadow's edge is carried away from the sun, line by line, and falls by the tangent of the sun's
    elevation on its way.

    Args:
        elevation: (rows, cols) [m], on square pixels of the site's resolution.
        sun_elevation: [degrees].
        sun_azimuth: Clockwise from north [degrees].
    """
    azimuth = np.radians(sun_azimuth % 360.0)
    south, east = -np.cos(azimuth), np.sin(azimuth)  # towards the sun, in rows and columns
    by_row = abs(south) >= abs(east)
    ground = elevation if by_row else elevation.T
    main, cross = (south, east) if by_row else (east, south)
    if main < 0:
        ground = ground[::-1]
    # From here on the sun stands towards the last line; a step goes one line away from it.
    shift = cross / abs(main)
    fall = RESOLUTION_METRES * np.hypot(1.0, shift) * np.tan(np.radians(sun_elevation))
    position = np.arange(ground.shape[1], dtype=np.float64)
    edge = ground[-1].astype(np.float64).copy()
    dark = np.zeros(ground.shape, dtype=bool)
    for line in range(ground.shape[0] - 2, -1, -1):
        edge = np.round(np.interp(position + shift, position, edge), 6) - fall
        dark[line] = edge > ground[line] + 0.5
        edge = np.maximum(edge, ground[line])
    if main < 0:
        dark = dark[::-1]
    return dark if by_row else dark.T


def brightness(incidence: FloatArray, sunlit: FloatArray) -> FloatArray:
    """How bright each band is compared with flat, sunlit ground: E = dif + (1 - dif) (cos i / sin e) ** 0.8.

    Args:
        incidence: (rows, cols), from `illumination`.
        sunlit: (rows, cols), the share of the direct light that arrives, 0 in a cast shadow.

    Returns:
        (rows, cols, bands).
    """
    direct = np.round(incidence**_EXPONENT * sunlit, 6)
    return np.asarray(DIFFUSE_SHARE + (1.0 - DIFFUSE_SHARE) * direct[..., np.newaxis])
