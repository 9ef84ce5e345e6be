"""Do two dates lie on each other? The shift between their scenes, measured by phase correlation, and its correction.

Between mosaic and normalisation: a year that lies a pixel aside makes slivers of change along every outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from chronoslide.errors import DataError
from chronoslide.grid import Grid, require_same
from chronoslide.scenes.reprojection import Sampling, onto_lattice
from chronoslide.scenes.scene import Scene

# Windows are large enough to hold outlines, and so many that clouds, change and bare slopes are outvoted.
_WINDOW_PIXELS: Final = 256
_MOST_WINDOWS_A_SIDE: Final = 5
_LEAST_OBSERVED: Final = 0.6

# Shorter sides hold no pattern to compare.
_SHORTEST_PIXELS: Final = 32

# The peak of the correlation is sought on a lattice this many times as fine.
_FINER: Final = 50

# A window fades out towards its border over this width, so that the border itself makes no pattern.
_TAPER_PIXELS: Final = 8

# Windows that differ by more than this do not tell of one shift; below the other, a shift is not worth a resampling.
_MOST_SPREAD_PIXELS: Final = 1.0
_WORTH_PIXELS: Final = 0.1

# One standard deviation of a normal distribution, in median absolute deviations.
_NORMAL_CONSISTENCY: Final = 1.4826


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a scene lies from its reference.

    Attributes:
        rows: The scene shows the ground this many pixels too far south.
        cols: And this many too far east.
        spread_pixels: Robust standard deviation of the windows' shifts; NaN with a single window.
        windows: How many windows told of it; with 0 nothing is known and the shift is NaN.
        resolution_metres: Of a pixel.
    """

    rows: float
    cols: float
    spread_pixels: float
    windows: int
    resolution_metres: float

    @property
    def metres(self) -> float:
        """Length of the shift [m]."""
        return float(np.hypot(self.rows, self.cols)) * self.resolution_metres


@dataclass(frozen=True, slots=True)
class Alignment:
    """What was done about a shift.

    Attributes:
        shift: As measured.
        corrected: Whether the scene was moved.
        remark: Why it was not although it may lie aside, or empty.
    """

    shift: Shift
    corrected: bool
    remark: str

    def as_dict(self) -> dict[str, Any]:
        """For a summary: pixels and metres, None where nothing is known."""
        return {
            "rows": _known(self.shift.rows),
            "cols": _known(self.shift.cols),
            "metres": _known(round(self.shift.metres, 3)),
            "spread_pixels": _known(self.shift.spread_pixels),
            "windows": self.shift.windows,
            "corrected": self.corrected,
            "remark": self.remark,
        }


def align(scene: Scene, reference: Scene, maximum_metres: float, correct: bool, what: str) -> tuple[Scene, Alignment]:
    """Measures how far a scene lies aside of its reference, and puts it right if asked to.

    A shift below a tenth of a pixel is left: interpolation would cost more sharpness than it gains. So is one that the
    windows do not agree on.

    Args:
        scene: The scene.
        reference: Of the same grid and bands.
        maximum_metres: A longer shift is no misregistration.
        correct: Whether to move the scene.
        what: Names the scene in errors.

    Returns:
        The scene, moved or as it was, and what was found and done.

    Raises:
        GridError: The scenes lie on different grids.
        DataError: The scene is to be moved by more than `maximum_metres`.
    """
    shift = measure_shift(scene, reference, what)
    if not shift.windows:
        return scene, Alignment(shift, False, "too little common ground to measure a shift")
    if shift.spread_pixels > _MOST_SPREAD_PIXELS:
        return scene, Alignment(shift, False, "the windows do not agree on a shift")
    if shift.metres > maximum_metres and not correct:
        return scene, Alignment(shift, False, "above scenes.maximum_shift_metres")
    if not correct or shift.metres < _WORTH_PIXELS * shift.resolution_metres:
        return scene, Alignment(shift, False, "")
    require_shift_below(shift, maximum_metres, what)
    return undo_shift(scene, shift), Alignment(shift, True, "")


def measure_shift(scene: Scene, reference: Scene, what: str) -> Shift:
    """Measures the shift of a scene against a reference by phase correlation (Kuglin & Hines 1975).

    Compared is the strength of the edges (gradient magnitude, each band on its own scale, summed up), which gains and
    haze leave in place, in up to 5 x 5 windows of 256 pixels spread over the scene; the median of their shifts is
    taken, to a fiftieth of a pixel (upsampled cross-correlation of Guizar-Sicairos et al. 2008). At and beside
    unobserved pixels there are no edges.

    Args:
        scene: The scene to measure.
        reference: Of the same grid and bands.
        what: Names the scene in errors.

    Raises:
        GridError: The scenes lie on different grids.
    """
    require_same(scene.grid, reference.grid, f"{what}: co-registration")
    common = scene.valid & reference.valid
    mine, theirs = (_edges(each, common) for each in (scene, reference.select(scene.bands)))
    shifts = []
    for place in _windows(scene.grid):
        if common[place].mean() < _LEAST_OBSERVED:
            continue
        moving, fixed = mine[place], theirs[place]
        if moving.any() and fixed.any():
            taper = _taper(moving.shape)
            moving, fixed = ((part - part.mean()) * taper for part in (moving, fixed))
            # It answers with the shift that would bring `moving` onto `fixed`.
            found, _, _ = phase_cross_correlation(  # type: ignore[no-untyped-call]
                fixed, moving, upsample_factor=_FINER, normalization=None
            )
            shifts.append(-found)
    resolution = scene.grid.resolution[0]
    if not shifts:
        return Shift(float("nan"), float("nan"), float("nan"), 0, resolution)
    every = np.array(shifts)
    middle = np.round(np.median(every.astype(np.float64), axis=0), 3)
    spread = float("nan")
    if len(every) > 1:
        spread = round(float(_NORMAL_CONSISTENCY * np.median(np.hypot(*(every - middle).T))), 3)
    return Shift(float(middle[0]), float(middle[1]), spread, len(every), resolution)


def undo_shift(scene: Scene, shift: Shift) -> Scene:
    """Puts a scene where its reference lies, by cubic interpolation onto the same grid.

    A pixel that was made of an unobserved one, or of ground beyond the scene, is unobserved.

    Args:
        scene: The scene that was measured.
        shift: What `measure_shift` found.
    """
    moved = Grid(scene.grid.crs, scene.grid.transform @ Affine.translation(-shift.cols, -shift.rows), scene.grid.shape)
    part = onto_lattice(Scene(scene.reflectance, scene.valid, moved, scene.bands), scene.grid, Sampling.CUBIC)
    window = scene.grid.window_of(part.grid)
    reflectance, valid = np.zeros_like(scene.reflectance), np.zeros_like(scene.valid)
    place = window.toslices()
    reflectance[place], valid[place] = np.maximum(part.reflectance, 0.0), part.valid
    return Scene(reflectance, valid, scene.grid, scene.bands)


def require_shift_below(shift: Shift, maximum_metres: float, what: str) -> None:
    """Refuses a shift that is too long to be a misregistration.

    Raises:
        DataError: Naming `what` lies how far away.
    """
    if shift.metres > maximum_metres:
        raise DataError(
            f"{what}: lies {shift.metres:.1f} m from the reference year ({-shift.rows:+.2f} pixels north, "
            f"{shift.cols:+.2f} east), above scenes.maximum_shift_metres {maximum_metres:g}; deliver a scene with a "
            "better geometry, or raise the limit"
        )


def _edges(scene: Scene, common: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(rows, cols), how steep the bands are together, 0 at and beside pixels that were not observed in both scenes."""
    inside = ndimage.binary_erosion(common, structure=np.ones((3, 3), dtype=bool), border_value=0)
    total = np.zeros(scene.grid.shape, dtype=np.float32)
    for band in range(len(scene.bands)):
        values = np.where(common, scene.reflectance[..., band], np.float32(0.0))
        strength = np.hypot(ndimage.sobel(values, axis=0), ndimage.sobel(values, axis=1))
        spread = float(strength[inside].std()) if inside.any() else 0.0
        if spread > 0.0:
            total += strength / np.float32(spread)
    return np.where(inside, total, np.float32(0.0))


def _windows(grid: Grid) -> list[tuple[slice, slice]]:
    """Windows spread evenly over a grid, without overlap where there is room."""
    if min(grid.shape) < _SHORTEST_PIXELS:
        return []
    side = min(_WINDOW_PIXELS, *grid.shape)
    starts = []
    for length in grid.shape:
        count = min(length // side, _MOST_WINDOWS_A_SIDE)
        starts.append([round(first) for first in np.linspace(0, length - side, count)])
    return [(slice(row, row + side), slice(col, col + side)) for row in starts[0] for col in starts[1]]


def _taper(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """(rows, cols), 1 inside and falling to 0 at the border, so that the borders of a window make no pattern."""
    ramps = [
        np.clip(np.minimum(np.arange(length) + 0.5, length - np.arange(length) - 0.5) / _TAPER_PIXELS, 0.0, 1.0)
        for length in shape
    ]
    rows, cols = (0.5 - 0.5 * np.cos(np.pi * ramp) for ramp in ramps)
    return np.asarray(np.outer(rows, cols), dtype=np.float32)


def _known(number: float) -> float | None:
    return number if np.isfinite(number) else None
