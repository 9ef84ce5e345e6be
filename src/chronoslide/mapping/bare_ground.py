"""Ground that stays bare through the years: rock, river bars and roofs look like fresh debris, but never were green.

A network that sees one year cannot tell an outcrop that its training ground lacks from a landslide. Several years can:
a landslide took vegetation away, or gets it back. So the probability of every year is lowered where the NDVI stayed low
in all years but one (one may be wrong: light, haze, another season). Stands between the network's strips and the
written map. A landslide that was there before the first year and did not heal until the last is lowered as well, which
is why many years must have looked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy import ndimage

from chronoslide.errors import DataError
from chronoslide.mapping.strips import Strip, WindowedScene, rounded
from chronoslide.params import BareGroundSettings
from chronoslide.rasters import OpenRaster
from chronoslide.scenes.channels import INDICES, normalised_difference

BAND: Final = "NDVI of the second greenest year"
_ROWS_AT_ONCE: Final = 256
_HALO: Final = 1  # of the mean over 3 x 3 pixels


def greenness_rows(
    scenes: Sequence[WindowedScene], minimum_years: int, first_row: int = 0
) -> Iterator[NDArray[np.float32]]:
    """How green each pixel was in its second greenest year, from the top of the scenes to their bottom.

    Args:
        scenes: A scene a year, all on one grid; they are read window by window.
        minimum_years: With fewer observations a pixel tells nothing.
        first_row: Rows above it are left out.

    Yields:
        Some rows (rows, cols) after the other: NDVI, mean over 3 x 3 pixels, NaN where too few years observed.

    Raises:
        DataError: A scene lacks red or near infrared, or its file is broken.
    """
    rows, cols = scenes[0].grid.shape
    for first in range(first_row, rows, _ROWS_AT_ONCE):
        last = min(first + _ROWS_AT_ONCE, rows)
        above, below = max(first - _HALO, 0), min(last + _HALO, rows)
        window = Window(0, above, cols, below - above)
        years = np.stack([_smooth_ndvi(scene, window)[first - above : last - above] for scene in scenes])
        yield second_greenest(years, minimum_years)


def second_greenest(ndvi: NDArray[np.float32], minimum_years: int) -> NDArray[np.float32]:
    """The second highest value of each pixel over the years.

    Args:
        ndvi: (years, rows, cols), NaN where a year did not observe.
        minimum_years: At least 2.

    Returns:
        (rows, cols), NaN where fewer years observed.
    """
    observed = np.isfinite(ndvi).sum(axis=0)
    if len(ndvi) < minimum_years:
        return np.full(ndvi.shape[1:], np.nan, dtype=np.float32)
    ordered = np.sort(np.where(np.isfinite(ndvi), ndvi, -np.inf), axis=0)
    return np.where(observed >= minimum_years, ordered[-2], np.nan).astype(np.float32)


def bare_weight(greenness: NDArray[np.float32], settings: BareGroundSettings) -> NDArray[np.float32]:
    """What a probability is multiplied with: 0 below the lower NDVI, 1 above the upper, a straight line between them.

    Args:
        greenness: Any shape; where it is NaN nothing is known, and the weight is 1.
        settings: The two values.
    """
    low, high = settings.ndvi
    weight = np.clip((greenness - low) / (high - low), 0.0, 1.0)
    return np.where(np.isnan(greenness), 1.0, weight).astype(np.float32)


def lowered(strips: Iterator[Strip], greenness: OpenRaster, settings: BareGroundSettings) -> Iterator[Strip]:
    """The same strips with lower probabilities on ground that stayed bare.

    Args:
        strips: Of one map.
        greenness: What `greenness_rows` made, on the grid of the map.
        settings: See `bare_weight`.

    Yields:
        Strips, rounded as they were.
    """
    for strip in strips:
        rows, cols = strip.probability.shape
        values, _ = greenness.read(Window(0, strip.first_row, cols, rows))
        weight = bare_weight(values[..., 0].astype(np.float32), settings)
        yield Strip(strip.first_row, rounded(strip.probability * weight))


def lowered_share(greenness: OpenRaster, settings: BareGroundSettings) -> float:
    """The share of the pixels whose probability is lowered; the raster is read in strips."""
    rows, cols = greenness.grid.shape
    lowered_pixels = sum(
        int(np.count_nonzero(bare_weight(values[..., 0].astype(np.float32), settings) < 1.0))
        for values, _ in greenness.strips()
    )
    return lowered_pixels / (rows * cols)


def _smooth_ndvi(scene: WindowedScene, window: Window) -> NDArray[np.float32]:
    """NDVI in a window, mean of the observed ones of 3 x 3 pixels, NaN where the pixel itself was not observed."""
    try:
        reflectance, valid = scene.read(window, INDICES["ndvi"])
    except DataError as error:
        raise DataError(f"map.bare_ground needs NDVI: {error}; set map.bare_ground to null") from error
    infrared, red = np.moveaxis(reflectance.astype(np.float64), -1, 0)
    ndvi = np.where(valid, normalised_difference(infrared, red), 0.0)
    total = ndimage.uniform_filter(ndvi, 3, mode="constant")
    share = ndimage.uniform_filter(valid.astype(np.float64), 3, mode="constant")
    smooth = np.divide(total, share, out=np.full(total.shape, np.nan), where=valid & (share > 0))
    return np.asarray(smooth, dtype=np.float32)
