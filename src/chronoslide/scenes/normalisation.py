"""Relative radiometric normalisation: a year's reflectance is brought to the reference year's.

Follows the mosaic. Haze, gains and the height of the sun differ from year to year; a model that learnt from one year
misreads the others unless their histograms agree.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.errors import DataError
from chronoslide.grid import require_same
from chronoslide.scenes.scene import Scene

# The outermost thousandth at either end is noise, snow and cloud edges; beyond it the mapping goes on as a line.
_QUANTILES: Final = np.linspace(0.001, 0.999, 2001)

# A pixel has changed if in some band it departs from the common relation by more than this many standard deviations.
_UNCHANGED_DEVIATIONS: Final = 3.0

# One standard deviation of a normal distribution, in median absolute deviations.
_NORMAL_CONSISTENCY: Final = 1.4826

# Gains beyond these do not come from light and air; a slope is held within them where it is extrapolated.
_SMALLEST_GAIN, _LARGEST_GAIN = 0.2, 5.0

# Fewer unchanged pixels than this share say that the relation was not found; all pixels are then taken.
_LEAST_UNCHANGED: Final = 0.2


def normalise(
    scene: Scene, reference: Scene, method: Literal["none", "histogram"], what: str
) -> tuple[Scene, pd.DataFrame]:
    """Brings a scene's radiometry to a reference scene's.

    `histogram` matches each band's histogram to the reference's by a monotone mapping through 2,001 quantiles.
    The quantiles are taken from pixels that both scenes observed and that did not change: a new landslide is bright,
    and matching whole histograms would stretch a year of few landslides until its fields are as bright as debris.
    A pixel has changed if it departs by more than three robust standard deviations from the line through both
    scenes' medians and quartiles, in any band. The mapping is applied to every valid pixel; beyond the outermost
    quantiles it goes on as a line with the slope of the whole range.

    Args:
        scene: The scene to adjust.
        reference: The reference year's scene, of the same grid and bands.
        method: "none" leaves the scene as it is; the table is made all the same.
        what: Names the scene in errors.

    Returns:
        The adjusted scene, and a table indexed by band: `mean_reference`, `std_reference`, then `mean`, `std` and
        `rmse` (to the reference) `_before` and `_after`, all reflectance over the pixels that both observed, and
        `fitted_share`, the share of those that the mapping was fitted to.

    Raises:
        GridError: The scenes lie on different grids.
        DataError: They differ in bands, or there is no pixel that both observed.
    """
    require_same(scene.grid, reference.grid, f"{what}: normalisation")
    if scene.bands != reference.bands:
        raise DataError(f"{what}: bands {scene.bands}, the reference year has {reference.bands}; repeat both")
    common = scene.valid & reference.valid
    if not common.any():
        raise DataError(
            f"{what}: no pixel is observed both in this year and in the reference year, so there is nothing to "
            "normalise by; deliver overlapping tiles, take another reference_year or set scenes.normalisation to none"
        )
    before, target = scene.reflectance[common], reference.reflectance[common]
    fitted = np.zeros(len(before), dtype=bool)
    adjusted = scene
    if method == "histogram":
        fitted = _unchanged(before, target)
        reflectance = np.zeros_like(scene.reflectance)
        for band in range(len(scene.bands)):
            mapping = _matching(before[fitted, band], target[fitted, band])
            reflectance[scene.valid, band] = _apply(mapping, scene.reflectance[scene.valid, band])
        adjusted = Scene(reflectance, scene.valid, scene.grid, scene.bands)
    table = _table(before, adjusted.reflectance[common], target, scene.bands)
    table["fitted_share"] = float(fitted.mean())
    return adjusted, table


def _unchanged(values: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(pixels,), True where both scenes, each (pixels, bands), follow one relation in every band.

    Medians and quartiles barely notice the few per cent of a scene that slide or heal in a year.
    """
    unchanged = np.ones(len(values), dtype=bool)
    for mine, theirs in zip(values.T, target.T, strict=True):
        low, middle, high = np.quantile(mine, (0.25, 0.5, 0.75))
        their_low, their_middle, their_high = np.quantile(theirs, (0.25, 0.5, 0.75))
        gain = _gain(high - low, their_high - their_low)
        departure = theirs - (their_middle + gain * (mine - middle))
        departure -= np.median(departure)
        spread = _NORMAL_CONSISTENCY * np.median(np.abs(departure))
        # A scene against itself departs by rounding alone: nothing is rarer than the smallest step that is stored.
        unchanged &= np.abs(departure) <= _UNCHANGED_DEVIATIONS * max(spread, 1e-4)
    return unchanged if unchanged.mean() >= _LEAST_UNCHANGED else np.ones_like(unchanged)


def _gain(width: float, target_width: float) -> float:
    if width <= 0.0:
        return 1.0
    return float(np.clip(target_width / width, _SMALLEST_GAIN, _LARGEST_GAIN))


def _matching(values: NDArray[np.float32], target: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    """Knots (from, to) of the monotone mapping and its (slope,) beyond them."""
    knots = np.quantile(values.astype(np.float64), _QUANTILES)
    images = np.quantile(target.astype(np.float64), _QUANTILES)
    slope = _gain(knots[-1] - knots[0], images[-1] - images[0])
    distinct, position = np.unique(knots, return_inverse=True)  # stored values repeat: one image for each
    images = np.bincount(position, weights=images) / np.bincount(position)
    return distinct, images, np.array([slope])


def _apply(mapping: tuple[NDArray[np.float64], ...], values: NDArray[np.float32]) -> NDArray[np.float32]:
    knots, images, (slope,) = mapping
    mapped = np.interp(values, knots, images)
    mapped += slope * (np.minimum(values - knots[0], 0.0) + np.maximum(values - knots[-1], 0.0))
    return np.maximum(mapped, 0.0).astype(np.float32)


def _table(
    before: NDArray[np.float32], after: NDArray[np.float32], target: NDArray[np.float32], bands: tuple[str, ...]
) -> pd.DataFrame:
    columns = {
        "mean_reference": target.mean(axis=0, dtype=np.float64),
        "std_reference": target.std(axis=0, dtype=np.float64),
    }
    for name, values in (("before", before), ("after", after)):
        columns[f"mean_{name}"] = values.mean(axis=0, dtype=np.float64)
        columns[f"std_{name}"] = values.std(axis=0, dtype=np.float64)
        columns[f"rmse_{name}"] = np.sqrt(((values - target) ** 2).mean(axis=0, dtype=np.float64))
    return pd.DataFrame(columns, index=pd.Index(bands, name="band"))
