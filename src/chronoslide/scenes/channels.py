"""Extra channels of a scene: indices of its own bands, and the terrain under it, as further bands of the stored file.

The last step of a scene. A stored band is 10,000 x a number from 0.0001 to 6.5535, so each channel has a linear code
that brings it there; a network standardises its input, so the code does not matter to it:

    ndvi, ndre              (index + 1) / 2
    elevation               (metres + 1,000) / 10,000, so a stored step is a metre
    slope                   degrees / 90
    aspect_sin, aspect_cos  (component + 1) / 2; the east and north components of the direction of steepest descent,
                            0 on flat ground
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.params import Channel
from chronoslide.scenes.scene import Scene
from chronoslide.scenes.terrain import gradient

_LOWEST_METRES: Final = -1_000.0
_METRES_IN_ONE: Final = 10_000.0
INDICES: Final = {"ndvi": ("nir", "red"), "ndre": ("nir", "red_edge")}
"""The two bands that each index is made of, the infrared one first."""
WAVELENGTHS: Final = {
    "coastal": 0.443, "blue": 0.475, "green": 0.555, "red": 0.658, "red_edge": 0.71, "nir": 0.83, "swir1": 1.61,
    "swir2": 2.2,
}  # fmt: skip
"""The middle of bands that are known by name [micrometres], after RapidEye and Sentinel-2, in ascending order."""
_OF_TERRAIN: Final = ("elevation", "slope", "aspect")


def needs_elevation(channels: Sequence[Channel]) -> bool:
    """Whether a channel is made from the elevation model."""
    return any(channel in _OF_TERRAIN for channel in channels)


def add_channels(scene: Scene, channels: Sequence[Channel], elevation: NDArray[np.floating] | None, what: str) -> Scene:
    """Appends channels to the bands of a scene.

    Args:
        scene: Normalised.
        channels: In the order wanted; `aspect` makes two bands.
        elevation: (rows, cols) [m], NaN where unknown; None if no model was delivered.
        what: Names the scene in errors.

    Returns:
        The scene with the bands of the channels, coded as the module says. Where the terrain is not known, the pixel
        is unobserved: a model cannot tell a missing channel from a real one.

    Raises:
        DataError: A channel needs a band or an elevation model that is not there.
    """
    if not channels:
        return scene
    layers: dict[str, NDArray[np.float64]] = {}
    for channel in channels:
        if channel == "ndvi" or channel == "ndre":
            layers[channel] = 0.5 * (vegetation_index(scene, channel, what) + 1.0)
        elif elevation is None:
            raise DataError(
                f"{what}: scenes.channels holds {channel!r} and no elevation model was delivered; name one under "
                "`elevation` of the site in the data description, or take the channel out"
            )
        else:
            layers |= _terrain(channel, elevation, scene.grid)
    extra = np.stack(list(layers.values()), axis=-1)
    valid = scene.valid & np.isfinite(extra).all(axis=-1)
    both = np.concatenate([scene.reflectance, extra.astype(np.float32)], axis=-1)
    both[~valid] = 0.0
    return Scene(both, valid, scene.grid, (*scene.bands, *layers))


def decoded(name: str, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """The channel's own numbers (index, metres, degrees, component) from its coded ones; bands stay as they are."""
    coded = np.asarray(values, dtype=np.float64)
    if name in INDICES or name.startswith("aspect_"):
        return 2.0 * coded - 1.0
    if name == "elevation":
        return coded * _METRES_IN_ONE + _LOWEST_METRES
    return coded * 90.0 if name == "slope" else coded


def normalised_difference(infrared: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(infrared - other) / (infrared + other), 0 where both are."""
    together = infrared + other
    return np.asarray(np.divide(infrared - other, together, out=np.zeros_like(together), where=together > 0))


def vegetation_index(scene: Scene, channel: Literal["ndvi", "ndre"], what: str) -> NDArray[np.float64]:
    """The normalised difference (rows, cols) of two bands, 0 where both are.

    Raises:
        DataError: The scene lacks one of the bands.
    """
    try:
        infrared, other = np.moveaxis(scene.select(INDICES[channel]).reflectance.astype(np.float64), -1, 0)
    except DataError as error:
        raise DataError(f"{what}: scenes.channels: {channel}: {error}") from error
    return normalised_difference(infrared, other)


def is_channel(name: str) -> bool:
    """Whether a band of a stored scene is one of the channels, not reflectance."""
    return name in (*INDICES, "elevation", "slope", "aspect_sin", "aspect_cos")


def _terrain(channel: str, elevation: NDArray[np.floating], grid: Grid) -> dict[str, NDArray[np.float64]]:
    """The coded bands of a channel of the terrain, NaN where unknown."""
    heights = np.asarray(elevation, dtype=np.float64)
    if channel == "elevation":
        return {"elevation": np.maximum((heights - _LOWEST_METRES) / _METRES_IN_ONE, 0.0)}
    east, south = gradient(heights, grid)
    steepness = np.hypot(east, south)
    if channel == "slope":
        return {"slope": np.degrees(np.arctan(steepness)) / 90.0}
    # Downhill is against the gradient; on flat ground there is no direction.
    unit = [
        np.where(np.isnan(steepness), np.nan, np.divide(part, steepness, out=np.zeros_like(part), where=steepness > 0))
        for part in (-east, south)
    ]
    return {name: 0.5 * (part + 1.0) for name, part in zip(("aspect_sin", "aspect_cos"), unit, strict=True)}
