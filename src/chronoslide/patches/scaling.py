"""The scale of the model's input: stored values to reflectance, band statistics, and what unobserved pixels show.

Stands between the stored patches and the model. Training and mapping use the same functions, so a model meets in a
scene what it met in its patches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import DataError
from chronoslide.scenes.scene import SCALE

_PORTION: Final = 256
"""Patches whose values are widened to 64 bits at once."""


@dataclass(frozen=True, slots=True)
class BandStatistics:
    """Mean and standard deviation of the reflectance of each band over the training patches.

    Attributes:
        bands: Names, in the order of the patches.
        mean: Of each band.
        standard_deviation: Of each band, above 0.

    Raises:
        DataError: The lengths differ, or a band is constant and so cannot be standardised.
    """

    bands: tuple[str, ...]
    mean: tuple[float, ...]
    standard_deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.bands) == len(self.mean) == len(self.standard_deviation):
            raise DataError(
                f"band statistics: {len(self.bands)} bands, {len(self.mean)} means and "
                f"{len(self.standard_deviation)} standard deviations; repeat `chronoslide patches`"
            )
        for band, mean, deviation in zip(self.bands, self.mean, self.standard_deviation, strict=True):
            if not (np.isfinite(mean) and np.isfinite(deviation) and deviation > 0):
                raise DataError(
                    f"band {band!r}: the training patches show mean {mean:g} and standard deviation {deviation:g}, it "
                    "cannot be standardised; leave the band out or deliver it again"
                )

    def to_json(self) -> dict[str, Any]:
        """As a dictionary for a JSON file."""
        return {
            "bands": list(self.bands),
            "mean": list(self.mean),
            "standard_deviation": list(self.standard_deviation),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> BandStatistics:
        """The statistics from what `to_json` gave.

        Raises:
            DataError: A key is missing or holds something else.
        """
        try:
            return cls(
                tuple(str(band) for band in content["bands"]),
                tuple(float(value) for value in content["mean"]),
                tuple(float(value) for value in content["standard_deviation"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"band statistics: bands, mean and standard_deviation expected ({error}); repeat `chronoslide patches`"
            ) from error


def to_reflectance(stored: NDArray[np.number[Any]]) -> NDArray[np.float32]:
    """Stored values (10,000 x reflectance) as reflectance."""
    reflectance = stored.astype(np.float32)
    reflectance /= SCALE
    return reflectance


def band_statistics(images: NDArray[np.uint16], observed: NDArray[np.bool_], bands: Sequence[str]) -> BandStatistics:
    """Mean and standard deviation of each band's reflectance over the observed pixels.

    Args:
        images: (n, rows, cols, bands) stored values; original patches, because copies are blurred and sharpened.
        observed: (n, rows, cols).
        bands: A name for each band.

    Raises:
        DataError: No pixel is observed, or a band is constant.
    """
    if not observed.any():
        raise DataError("band statistics: the training patches have no observed pixel; check the scenes' validity")
    means, deviations = [], []
    for band in range(len(bands)):
        # Whole numbers sum up exactly, so the result does not depend on the order of the patches, nor on the portions.
        count, total, squares = 0, np.int64(0), np.int64(0)
        for first in range(0, len(images), _PORTION):
            part = np.s_[first : first + _PORTION]
            values = images[part][..., band][observed[part]].astype(np.int64)
            count, total, squares = count + len(values), total + values.sum(), squares + np.square(values).sum()
        mean = total / count
        variance = float(squares / count - mean**2)
        means.append(float(mean) / SCALE)
        deviations.append(max(variance, 0.0) ** 0.5 / SCALE)
    return BandStatistics(tuple(bands), tuple(means), tuple(deviations))


def fill_unobserved(
    images: NDArray[np.float32], observed: NDArray[np.bool_], statistics: BandStatistics
) -> NDArray[np.float32]:
    """Gives unobserved pixels the mean of their band, which is 0 after standardising.

    Args:
        images: (..., rows, cols, bands) reflectance; unobserved pixels may hold anything, NaN included.
        observed: (..., rows, cols).
        statistics: Of the model's training patches, in the order of the bands.

    Returns:
        A new array of the same shape.
    """
    filled = images.astype(np.float32)  # ten times as fast as `np.where`, where little is unobserved
    filled[~observed] = np.asarray(statistics.mean, dtype=np.float32)
    return filled
