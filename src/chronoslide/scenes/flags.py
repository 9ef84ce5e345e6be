"""Pixels that were observed but show no ground worth mapping: shadow and snow, taken out of the validity by parameter.

Between mosaic and normalisation, so that what is flagged disturbs neither it nor training nor figures. Off by default:
flagged ground is unobserved ground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import DataError
from chronoslide.params import FlagsSettings
from chronoslide.scenes.scene import Scene
from chronoslide.scenes.terrain import Sun, cast_shadow

_SHORT_WAVE_INFRARED = ("swir", "swir1", "swir16", "swir_1")
_VISIBLE = ("blue", "green", "red")

# Hall et al. (1995): water has a high snow index, too, but is dark in the near infrared.
_SNOW_NIR = 0.11


def flag(
    scene: Scene, settings: FlagsSettings, what: str, elevation: NDArray[np.floating] | None, sun: Sun | None
) -> tuple[Scene, dict[str, float]]:
    """Makes shadow and snow unobserved, as the settings ask for it.

    Args:
        scene: A year's scene, before normalisation.
        settings: Which flags, and their limits.
        what: Names the scene in errors.
        elevation: (rows, cols) [m], NaN where unknown; None if no model was delivered.
        sun: Where it stood; None if the metadata do not tell.

    Returns:
        The scene, and the flagged share of its observed pixels for each flag that is on.

    Raises:
        DataError: A flag needs a band, an elevation model or a sun that is not there.
    """
    flagged: dict[str, NDArray[np.bool_]] = {}
    if settings.shadow == "terrain":
        if elevation is None or sun is None:
            lacking = "elevation model" if elevation is None else "position of the sun in the metadata"
            raise DataError(
                f"{what}: scenes.flags.shadow 'terrain' needs an elevation model and the position of the sun, and "
                f"there is no {lacking}; deliver it, or set the flag to 'dark' or 'none'"
            )
        flagged["shadow"] = cast_shadow(elevation, scene.grid, sun)
    elif settings.shadow == "dark":
        flagged["shadow"] = _band(scene, ("nir",), "scenes.flags.shadow 'dark'", what) < settings.dark_nir
    if settings.snow == "ndsi":
        flagged["snow"] = _snow_index(scene, what) > settings.snow_index
        flagged["snow"] &= _band(scene, ("nir",), "scenes.flags.snow 'ndsi'", what) > _SNOW_NIR
    elif settings.snow == "bright":
        darkest = np.minimum.reduce([_band(scene, (name,), "scenes.flags.snow 'bright'", what) for name in _VISIBLE])
        flagged["snow"] = darkest > settings.bright_visible
    if not flagged:
        return scene, {}
    observed = max(int(scene.valid.sum()), 1)
    shares = {name: float((where & scene.valid).sum() / observed) for name, where in flagged.items()}
    valid = scene.valid & ~np.logical_or.reduce(list(flagged.values()))
    reflectance = np.where(valid[..., np.newaxis], scene.reflectance, np.float32(0.0))
    return Scene(reflectance, valid, scene.grid, scene.bands), shares


def _snow_index(scene: Scene, what: str) -> NDArray[np.float32]:
    """The normalised difference snow index (Hall et al. 1995)."""
    green = _band(scene, ("green",), "scenes.flags.snow 'ndsi'", what)
    infrared = _band(scene, _SHORT_WAVE_INFRARED, "scenes.flags.snow 'ndsi'", what)
    together = green + infrared
    return np.asarray(np.divide(green - infrared, together, out=np.zeros_like(together), where=together > 0))


def _band(scene: Scene, names: tuple[str, ...], flag_name: str, what: str) -> NDArray[np.float32]:
    for name in names:
        if name in scene.bands:
            return scene.reflectance[..., scene.bands.index(name)]
    raise DataError(
        f"{what}: {flag_name} needs the band {names[0]}, scenes.bands are {', '.join(scene.bands)}; add it, or choose "
        "another value of the flag"
    )
