"""The ground: a Himalayan valley with tributaries, its slopes, drainage and river."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.transform import resize

from chronoslide.simulate.drainage import IntArray, accumulate, flow_receivers, incise
from chronoslide.simulate.fields import FloatArray, gaussian_random_field
from chronoslide.simulate.plan import RESOLUTION_METRES

_SMALLEST_SIDE = 1024  # pixels; a small site is cut from fields of this side, so that its slopes are as steep
_RIVER_INFLOW_M2 = 4.0e8  # the catchment above the scene
_FLOOR_HALF_WIDTH_METRES = 35.0
_VALLEY_GRADIENT = 0.03
_PAD = 96  # pixels: the rim of the computed ground, where no river can cut down, stays outside
_FLOOR_METRES = 950.0
_RELIEF = 0.85  # what is left of the relief: carving makes slopes steeper than the 30-35 degrees of the real ground
_EROSION_STEPS = 7
_ERODIBILITY = 0.20
_REPOSE_DEGREES = 27.5  # along rows and columns; up to 36 degrees across, more where a river cuts
_RELAXATIONS = 14


@dataclass(frozen=True, slots=True)
class Terrain:
    """The ground of a site, every array (rows, cols) unless said otherwise.

    Attributes:
        elevation: [m].
        slope: [degrees].
        aspect: Direction of steepest descent, clockwise from north [radians].
        valley_distance: To the axis of the main valley [m].
        accumulation: Ground that drains through each pixel, itself included [m2].
        receivers: (rows * cols,), from `flow_receivers`.
    """

    elevation: FloatArray
    slope: FloatArray
    aspect: FloatArray
    valley_distance: FloatArray
    accumulation: FloatArray
    receivers: IntArray


def simulate_terrain(shape: tuple[int, int], rng: np.random.Generator) -> Terrain:
    """Makes a valley.

    Args:
        shape: (rows, cols) at 5 m.
        rng: Source of randomness.
    """
    padded = (shape[0] + 2 * _PAD, shape[1] + 2 * _PAD)
    axis = _valley_axis(padded, rng)
    distance = valley_distance(padded, axis)
    large, small, lines = (
        gaussian_random_field(padded, exponent, rng, smallest_side=_SMALLEST_SIDE) for exponent in (4.0, 3.0, 4.4)
    )
    beside = np.maximum(distance - _FLOOR_HALF_WIDTH_METRES * (1.0 + 0.4 * large), 0.0)
    away = 1.0 - np.exp(-beside / 500.0)  # the valley floor itself stays a floor
    elevation = _FLOOR_METRES + 2500.0 * (1.0 - np.exp(-beside / 2300.0))
    elevation += away * (260.0 * large - 320.0 * np.exp(-np.abs(lines) / 0.25))
    elevation -= _VALLEY_GRADIENT * RESOLUTION_METRES * np.arange(padded[0])[:, np.newaxis]
    elevation = _erode(elevation + 22.0 * small, int(axis[0]))
    elevation = ndimage.gaussian_filter(elevation + (0.15 + 0.85 * away) * 8.0 * small, 3.0)
    inner = np.s_[_PAD:-_PAD, _PAD:-_PAD]
    elevation = np.round(_FLOOR_METRES + _RELIEF * (elevation[inner] - _FLOOR_METRES), 3)
    distance = distance[inner]
    return describe(elevation, distance, inflow=(0, int(np.argmin(distance[0]))))


def _erode(elevation: FloatArray, inflow_col: int) -> FloatArray:
    """Carves ridges and valleys at half the resolution and adds what was carved to the full one."""
    rows, cols = (length // 2 for length in elevation.shape)
    coarse = elevation[: 2 * rows, : 2 * cols].reshape(rows, 2, cols, 2).mean(axis=(1, 3))
    weight = np.full(coarse.shape, (2 * RESOLUTION_METRES) ** 2)
    weight[0, inflow_col // 2] += _RIVER_INFLOW_M2
    carved = np.round(_dammed(coarse, inflow_col // 2, 20), 4)
    for _ in range(_EROSION_STEPS):
        carved = incise(carved, _ERODIBILITY / (2 * RESOLUTION_METRES), weight)
        carved = np.round(_relax(ndimage.gaussian_filter(carved, 0.8), 2 * RESOLUTION_METRES), 4)
    change: FloatArray = resize(carved - coarse, elevation.shape, order=1, mode="edge")  # type: ignore[no-untyped-call]
    return elevation + change


def _dammed(elevation: FloatArray, col: int, half_width: int) -> FloatArray:
    """Raises the northern rim where the river enters, so that it does not leave the scene where it came from."""
    raised = elevation.copy()
    raised[0, max(col - half_width, 0) : col + half_width + 1] += 60.0
    return raised


def _relax(elevation: FloatArray, spacing: float) -> FloatArray:
    """Lets ground that is steeper than the angle of repose slide to its neighbours, a little at a time."""
    steepest = np.tan(np.radians(_REPOSE_DEGREES)) * spacing
    relaxed = elevation.copy()
    for _ in range(_RELAXATIONS):
        for axis in (0, 1):
            step = np.diff(relaxed, axis=axis)
            surplus = 0.25 * np.sign(step) * np.maximum(np.abs(step) - steepest, 0.0)
            if axis == 0:
                relaxed[:-1] += surplus
                relaxed[1:] -= surplus
            else:
                relaxed[:, :-1] += surplus
                relaxed[:, 1:] -= surplus
    return relaxed


def describe(elevation: FloatArray, distance: FloatArray, inflow: tuple[int, int]) -> Terrain:
    """Derives slope, aspect and drainage from elevations [m]; the river enters at pixel `inflow`."""
    fall_south, fall_east = (-step for step in np.gradient(elevation, RESOLUTION_METRES))
    slope = np.degrees(np.arctan(np.hypot(fall_south, fall_east)))
    aspect = np.arctan2(fall_east, -fall_south) % (2.0 * np.pi)
    receivers = flow_receivers(_dammed(elevation, inflow[1], 40))
    weight = np.full(elevation.shape, RESOLUTION_METRES**2)
    weight[inflow] += _RIVER_INFLOW_M2
    slope, aspect = np.asarray(np.round(slope, 4)), np.asarray(np.round(aspect, 6))
    return Terrain(elevation, slope, aspect, distance, accumulate(receivers, weight), receivers)


def _valley_axis(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """The column [pixels] of the valley's axis in each row: it winds from north to south."""
    rows, cols = shape
    length = max(rows, _SMALLEST_SIDE)
    along = np.arange(length) / length
    column = 0.45 + 0.16 * (along - 0.5) * rng.choice([-1.0, 1.0])
    for waves, amplitude in ((1.0, 0.055), (2.3, 0.035), (4.1, 0.018), (7.7, 0.006)):
        column += amplitude * np.sin(2.0 * np.pi * (waves * along + rng.uniform()))
    start = (length - rows) // 2
    middle = column[start : start + rows]
    # In pixels of a full-sized site, so that a small one has bends of the same size.
    full = max(cols, _SMALLEST_SIDE)
    return np.asarray(np.round((middle - middle.mean()) * full + 0.42 * cols, 3))


def valley_distance(shape: tuple[int, int], axis: FloatArray) -> FloatArray:
    """Distance [m] of each pixel to a line given by its column in each row."""
    away = np.ones(shape, dtype=bool)
    rows = np.arange(shape[0] * 4) / 4.0
    columns = np.interp(rows, np.arange(shape[0]), axis)
    inside = (columns >= 0) & (columns <= shape[1] - 1)
    away[rows[inside].astype(int), np.round(columns[inside]).astype(int)] = False
    return np.asarray(ndimage.distance_transform_edt(away) * RESOLUTION_METRES)
