"""Bands and units of patch sets: which channel is which band of ours, and what makes reflectance of a stored value.

Known by their form are Landslide4Sense (14 channels as floats in HDF5) and HR-GLDD (4 channels as floats in one array a
part). Landslide4Sense divides each channel by its mean over the data set; the authors publish the means in issue 4 of
their repository, and with them the values are top-of-atmosphere reflectance again, degrees and metres. HR-GLDD holds
numbers from 0 to 1 without a unit, and so do images of eight bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import DataError, SettingsError, nearest
from chronoslide.scenes.channels import INDICES, normalised_difference
from chronoslide.scenes.scene import SCALE

# Sentinel-2's B1 to B12 (B8A is not among them), slope and elevation.
_LANDSLIDE4SENSE_BANDS: Final = (
    "coastal", "blue", "green", "red", "red_edge", "red_edge_2", "red_edge_3", "nir", "water_vapour", "cirrus",
    "swir_1", "swir_2", "slope", "elevation",
)  # fmt: skip
_LANDSLIDE4SENSE_MEANS: Final = (
    1111.81236406, 824.63171476, 663.41636217, 445.17289745, 645.8582926, 1547.73508126, 1960.44401001, 1941.32229668,
    674.07572865, 9.04787384, 1113.98338755, 519.90397929, 20.29228266, 772.83144788,
)  # fmt: skip
# As the authors name and show them; PlanetScope's own order is blue, green, red, nir.
_HR_GLDD_BANDS: Final = ("red", "green", "blue", "nir")
_RGB: Final = ("red", "green", "blue")
_CHIPS: Final = "chips"
_MOST: Final = 65_535
# A set in other units than supposed lies outside of what can be stored with far more of its pixels.
_TOLERATED_OUTSIDE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Units:
    """What the channels of a set are.

    Attributes:
        name: Of the set or kind, for the reader.
        bands: A name for each channel.
        factor: Of each channel; stored value x factor + offset is reflectance (or the code of a slope or elevation).
        offset: Of each channel.
        known: Whether that is reflectance; otherwise only its order of magnitude is known.
    """

    name: str
    bands: tuple[str, ...]
    factor: tuple[float, ...]
    offset: tuple[float, ...]
    known: bool


@dataclass(frozen=True, slots=True)
class Stated:
    """What the user states about a set; None leaves it to what is known.

    Attributes:
        bands: Names of the channels in order.
        otherwise: Names of the channels where neither `bands` nor the form of the set tells them.
        factor: Stored value x factor + offset is reflectance.
        offset: See there.
        setting: Where this is stated, for messages, as `pretrain.sources[0]`.
    """

    bands: tuple[str, ...] | None = None
    otherwise: tuple[str, ...] | None = None
    factor: float | None = None
    offset: float = 0.0
    setting: str = _CHIPS

    @property
    def band_remedy(self) -> str:
        """What to do where a set lacks a band."""
        if self.setting == _CHIPS:
            return "set chips.bands to bands that it has"
        return f"take {self.setting} out, or train another model on the bands in common (scenes.bands, scenes.channels)"

    @property
    def unit_remedy(self) -> str:
        """What to do about values that are not known to be reflectance; a folder for `chips` has no factor."""
        if self.setting == _CHIPS:
            return "store reflectance from 0 to 1 as floats, or 10,000 x reflectance with 16 bits"
        return f"state {self.setting}.factor and .offset such that stored value x factor + offset is reflectance"


def units_of(values: NDArray[Any], suffix: str, *, stacked: bool, stated: Stated, what: str) -> Units:
    """What the channels of a set are, by its first image and what the user states.

    Args:
        values: (rows, cols, channels), as read.
        suffix: Of its file.
        stacked: Whether it is one of an array of images.
        stated: By the user; it wins.
        what: Names the image in errors.

    Raises:
        DataError: The bands are neither stated nor known, or not as many as the channels.
    """
    channels, floats = values.shape[2], values.dtype.kind == "f"
    bands, name = stated.bands, ""
    if bands is None and floats and suffix in (".h5", ".hdf5") and channels == len(_LANDSLIDE4SENSE_BANDS):
        return _with_factor(_landslide4sense(), stated)
    if bands is None and floats and stacked and channels == len(_HR_GLDD_BANDS):
        bands, name = _HR_GLDD_BANDS, "HR-GLDD"
    bands = bands or stated.otherwise or (_RGB if channels == len(_RGB) else ())
    if len(bands) != channels:
        given = f"{len(bands)} bands ({', '.join(bands)})" if bands else "bands that are not known"
        last = ", and store channels last" if channels > values.shape[0] else ""
        raise DataError(f"{what}: {channels} channels for {given}; set {stated.setting}.bands{last}")
    if values.dtype == np.uint8:
        kind, factor, known = "8 bit", 1 / 255, False
    elif floats or values.dtype == bool:
        kind, factor, known = "floats", 1.0, False
    else:
        kind, factor, known = "10,000 x reflectance", 1 / SCALE, True
    name = name or f"{', '.join(bands)} ({kind})"
    return _with_factor(Units(name, bands, (factor,) * channels, (0.0,) * channels, known), stated)


def _landslide4sense() -> Units:
    bands, means = _LANDSLIDE4SENSE_BANDS, np.asarray(_LANDSLIDE4SENSE_MEANS)
    factor = means / SCALE
    offset = np.zeros(len(bands))
    # Terrain in the codes of our own channels (scenes/channels.py).
    factor[bands.index("slope")] = means[bands.index("slope")] / 90.0
    offset[bands.index("elevation")] = 1_000.0 / SCALE
    return Units("Landslide4Sense", bands, tuple(factor.tolist()), tuple(offset.tolist()), known=True)


def _with_factor(units: Units, stated: Stated) -> Units:
    if stated.factor is None:
        return units
    count = len(units.bands)
    return Units(units.name, units.bands, (stated.factor,) * count, (stated.offset,) * count, known=True)


def require_bands(units: Units, wanted: Sequence[str], what: str, stated: Stated) -> None:
    """Refuses a set that lacks a band; indices are made of the bands they need.

    Raises:
        SettingsError: Naming the band, what there is, and what to do.
    """
    for band in wanted:
        missing = [part for part in INDICES.get(band, (band,)) if part not in units.bands]
        if band in units.bands or not missing:
            continue
        raise SettingsError(
            f"{what}: has no band {missing[0]!r}{nearest(missing[0], units.bands)} (it has {', '.join(units.bands)}), "
            f"and the network takes {', '.join(wanted)}; {stated.band_remedy}"
        )
    indices = [band for band in wanted if band in INDICES and band not in units.bands]
    if indices and not units.known:
        raise SettingsError(f"{what}: {indices[0]} cannot be made of values without a unit; {stated.unit_remedy}")


def to_stored(
    values: NDArray[Any], units: Units, wanted: Sequence[str], what: str, stated: Stated
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """The wanted bands of an image in the storage convention.

    Args:
        values: (rows, cols, channels), as read.
        units: What the channels are.
        wanted: Names of bands, of which `require_bands` approved.
        what: Names the image in errors.
        stated: By the user.

    Returns:
        (rows, cols, bands), 10,000 x reflectance, 0 where not observed; and (rows, cols), where every band is a number.

    Raises:
        DataError: More than a few values do not fit: the units are others.
    """
    layers = []
    for band in wanted:
        if band in units.bands:
            layers.append(_reflectance(values, units, band))
        else:
            infrared, other = (_reflectance(values, units, part) for part in INDICES[band])
            layers.append(0.5 * (normalised_difference(infrared, other) + 1.0))
    stored = np.stack(layers, axis=-1) * SCALE
    observed = np.asarray(np.isfinite(stored).all(axis=-1))
    inside = stored[observed]
    outside = (inside < -0.5) | (inside > _MOST + 0.5)
    if outside.size and outside.mean() > _TOLERATED_OUTSIDE:
        low, high = inside.min() / SCALE, inside.max() / SCALE
        raise DataError(
            f"{what}: {values.dtype} values, {low:.4g} to {high:.4g} as {units.name}, are no reflectance; "
            f"{stated.unit_remedy}"
        )
    stored[~observed] = 0.0
    return np.rint(np.clip(stored, 0, _MOST)).astype(np.uint16), observed


def _reflectance(values: NDArray[Any], units: Units, band: str) -> NDArray[np.float64]:
    place = units.bands.index(band)
    return np.asarray(values[..., place].astype(np.float64) * units.factor[place] + units.offset[place])
