"""Relative radiometric normalisation: a year's reflectance is brought to the reference year's.

Follows the mosaic. Haze, gains and the height of the sun differ from year to year; a model that learnt from one year
misreads the others unless their histograms agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rasterio.features import geometry_mask
from scipy.ndimage import uniform_filter

from chronoslide.errors import DataError
from chronoslide.grid import Grid, require_same
from chronoslide.scenes.irmad import (
    LIKELIER_THAN_NOT,
    Line,
    detect_alteration,
    orthogonal_line,
    serving_pixels,
)
from chronoslide.scenes.scene import Scene

Method = Literal["none", "histogram", "irmad"]

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

# Covariances and lines hardly gain by more pixels, but take longer; evenly spread ones are taken.
_PIXELS_TO_FIT: Final = 200_000
_PIXELS_TO_JUDGE: Final = 30_000


def normalise(
    scene: Scene,
    reference: Scene,
    method: Method,
    what: str,
    landslides: NDArray[np.bool_] | None = None,
    contrast_pixels: int = 0,
) -> tuple[Scene, pd.DataFrame]:
    """Brings a scene's radiometry to a reference scene's.

    `histogram` matches each band's histogram to the reference's by a monotone mapping through 2,001 quantiles.
    The quantiles are taken from pixels that both scenes observed and that did not change: a new landslide is bright,
    and matching whole histograms would stretch a year of few landslides until its fields are as bright as debris.
    A pixel has changed if it departs by more than three robust standard deviations from the line through both
    scenes' medians and quartiles, in any band. The mapping is applied to every valid pixel; beyond the outermost
    quantiles it goes on as a line with the slope of the whole range.

    `irmad` fits a line to each band by orthogonal regression over the pixels that iteratively re-weighted multivariate
    alteration detection calls unchanged (Canty & Nielsen 2008) and that lie outside of mapped landslides. Patchy haze
    breaks it: haze varies more than dark forest does, and the line of the blue band lies down. With `contrast_pixels`,
    detection and gains look at the local contrast instead, reflectance less its mean over a window of that width, in
    which smooth haze is not; offsets make the means of the unchanged pixels meet.

    Args:
        scene: The scene to adjust.
        reference: The reference year's scene, of the same grid and bands.
        method: "none" leaves the scene as it is; the table is made all the same.
        what: Names the scene in errors.
        landslides: (rows, cols), True on the landslides that were mapped by hand in either year; `irmad` is not fitted
            to them, and no method is judged on them.
        contrast_pixels: Width of the window of local contrast for `irmad`; 0 is the published method.

    Returns:
        The adjusted scene, and a table indexed by band: `mean_reference`, `std_reference`, then `mean`, `std` and
        `rmse` (to the reference) `_before` and `_after`, all reflectance over the pixels that both observed;
        `fitted_share`, the share of those that the mapping was fitted to; `unchanged_rmse_before` and `_after`, the
        same over the pixels that the *other* bands say did not change (so that no band chooses the pixels it is judged
        by), and `unchanged_share` of those; with `irmad`, also `gain` and `offset`.

    Raises:
        GridError: The scenes lie on different grids.
        DataError: They differ in bands, there is no pixel that both observed, or IR-MAD finds no common relation.
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
    open_ground = np.ones(len(before), dtype=bool) if landslides is None else ~landslides[common]
    fitted_share = 0.0
    adjusted = scene
    lines: list[Line] = []
    if method == "histogram":
        fitted = _unchanged(before, target)
        fitted_share = float(fitted.mean())
        mappings = [_matching(before[fitted, band], target[fitted, band]) for band in range(len(scene.bands))]
        adjusted = _mapped(scene, [partial(_apply, mapping) for mapping in mappings])
    elif method == "irmad":
        details = None
        if contrast_pixels:
            details = (
                local_contrast(scene, contrast_pixels)[common][open_ground],
                local_contrast(reference, contrast_pixels)[common][open_ground],
            )
        lines, fitted_share = fit_lines(before[open_ground], target[open_ground], what, details)
        fitted_share *= float(open_ground.mean())
        adjusted = _mapped(scene, [partial(_along, line) for line in lines])
    after = adjusted.reflectance[common]
    table = _table(before, after, target, scene.bands)
    table["fitted_share"] = fitted_share
    _judge_unchanged(table, before[open_ground], after[open_ground], target[open_ground])
    if lines:
        table["gain"], table["offset"] = [line.gain for line in lines], [line.offset for line in lines]
    return adjusted, table


def mapped_landslides(polygons: gpd.GeoDataFrame, grid: Grid) -> NDArray[np.bool_]:
    """(rows, cols), True on every pixel that a polygon touches: the pixels on outlines are mixed.

    Args:
        polygons: Of an inventory, in any coordinate reference system.
        grid: The scene's.
    """
    outlines = [outline for outline in polygons.to_crs(grid.crs).geometry if outline and not outline.is_empty]
    if not outlines:
        return np.zeros(grid.shape, dtype=bool)
    return np.asarray(geometry_mask(outlines, grid.shape, grid.transform, invert=True, all_touched=True))


def local_contrast(scene: Scene, width_pixels: int) -> NDArray[np.float32]:
    """(rows, cols, bands), reflectance less the mean of the observed pixels of a square window around each pixel."""
    observed = uniform_filter(scene.valid.astype(np.float64), width_pixels, mode="constant")
    observed = np.maximum(observed, 0.5 / width_pixels**2)  # of one pixel at least
    contrast = np.zeros_like(scene.reflectance)
    for band in range(len(scene.bands)):
        values = np.where(scene.valid, scene.reflectance[..., band], 0.0).astype(np.float64)
        contrast[..., band] = values - uniform_filter(values, width_pixels, mode="constant") / observed
    return np.where(scene.valid[..., np.newaxis], contrast, np.float32(0.0))


def fit_lines(
    values: NDArray[np.float32],
    target: NDArray[np.float32],
    what: str,
    details: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> tuple[list[Line], float]:
    """The line of each band that brings a scene to its reference, by IR-MAD and orthogonal regression.

    Args:
        values: (pixels, bands), of the scene to adjust.
        target: (pixels, bands), of the reference.
        what: Names the pair in errors.
        details: Local contrast of both, of the same shapes, if gains and unchanged pixels are to be found by it.

    Returns:
        A line for each band, and the share of the pixels looked at that served for them.

    Raises:
        DataError: As `detect_alteration`, or a line's gain is none that light and air could make.
    """
    every = _stride(len(values), _PIXELS_TO_FIT)
    mine, theirs = (part[::every] for part in details or (values, target))
    serving = serving_pixels(detect_alteration(mine, theirs, what))
    lines = [orthogonal_line(x, y) for x, y in zip(mine[serving].T, theirs[serving].T, strict=True)]
    if details is not None:
        means = (part[::every][serving].mean(axis=0, dtype=np.float64) for part in (values, target))
        lines = [
            Line(line.gain, float(there - line.gain * here)) for line, here, there in zip(lines, *means, strict=True)
        ]
    for line in lines:
        if not _SMALLEST_GAIN <= line.gain <= _LARGEST_GAIN:
            raise DataError(
                f"{what}: IR-MAD finds a gain of {line.gain:.2f}, which light and air do not make; set "
                "scenes.normalisation to histogram or take another reference_year"
            )
    return lines, float(serving.mean())


def unchanged_by_other_bands(values: NDArray[np.float32], target: NDArray[np.float32], band: int) -> NDArray[np.bool_]:
    """(pixels,), True where all bands but one say that a pixel more probably did not change; gains do not matter.

    All pixels where the other bands cannot tell: there is none, or they are constant.
    """
    others = [other for other in range(values.shape[1]) if other != band]
    if not others:
        return np.ones(len(values), dtype=bool)
    try:
        alteration = detect_alteration(values[:, others], target[:, others], "")
    except DataError:
        return np.ones(len(values), dtype=bool)
    return np.asarray(alteration.unchanged > LIKELIER_THAN_NOT)


def _judge_unchanged(
    table: pd.DataFrame, before: NDArray[np.float32], after: NDArray[np.float32], target: NDArray[np.float32]
) -> None:
    """Adds to the table how far the unchanged pixels are from the reference, before and after."""
    every = _stride(len(before), _PIXELS_TO_JUDGE)
    before, after, target = before[::every], after[::every], target[::every]
    chosen = [unchanged_by_other_bands(before, target, band) for band in range(before.shape[1])]
    for name, values in (("before", before), ("after", after)):
        table[f"unchanged_rmse_{name}"] = [
            float(np.sqrt(((values[pixels, band] - target[pixels, band]) ** 2).mean(dtype=np.float64)))
            if pixels.any()
            else 0.0
            for band, pixels in enumerate(chosen)
        ]
    table["unchanged_share"] = [float(pixels.mean()) if len(pixels) else 0.0 for pixels in chosen]


def _stride(pixels: int, most: int) -> int:
    return max(-(-pixels // most), 1)


def _mapped(scene: Scene, mappings: Sequence[Callable[[NDArray[np.float32]], NDArray[np.float32]]]) -> Scene:
    """The scene with its valid pixels sent through the mapping of their band."""
    reflectance = np.zeros_like(scene.reflectance)
    for band, mapping in enumerate(mappings):
        reflectance[scene.valid, band] = mapping(scene.reflectance[scene.valid, band])
    return Scene(reflectance, scene.valid, scene.grid, scene.bands)


def _along(line: Line, values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.maximum(line.gain * values.astype(np.float64) + line.offset, 0.0).astype(np.float32)


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
