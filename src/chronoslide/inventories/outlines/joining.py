"""Joining fragments: one landslide that a map broke into pieces becomes one landslide again (the paper's Figure 6).

Between vectorising and tracking. In the raster, narrow gaps are closed; then fragments that lie one below the other
along the slope, with nothing certain between them, are joined. A joined landslide is one feature of several parts, so
that no ground is made up; the order is `binarise` without a minimum mapping unit, `close_gaps`, `remove_small`,
`polygonise`, `join_fragments`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from chronoslide.inventories.matching import find_overlaps
from chronoslide.inventories.pixels import Surface
from chronoslide.params import JoiningSettings
from chronoslide.scenes.terrain import gradient

# Fragments nearer than this touch each other: the line between them has no direction of its own [m].
_TOUCHING = 1e-6


def close_gaps(
    binary: NDArray[np.bool_], settings: JoiningSettings, probability: NDArray[np.float32] | None = None
) -> NDArray[np.bool_]:
    """Closes gaps between and inside landslides of a raster (a disc of `closing_pixels` radius).

    Ground that is certainly background or was not observed stays open.

    Args:
        binary: (rows, cols), True on landslides.
        settings: The radius, and what is certain.
        probability: (rows, cols), NaN where unobserved.
    """
    radius = settings.closing_pixels
    if not radius:
        return binary.copy()
    row, col = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = row**2 + col**2 <= radius**2
    # Without a margin that goes on like the border, the erosion would eat landslides there.
    closed = ndimage.binary_closing(np.pad(binary, radius, mode="edge"), disc)[radius:-radius, radius:-radius]
    if probability is not None:
        with np.errstate(invalid="ignore"):
            closed &= probability >= settings.certain_background
    return np.asarray(closed | binary)


def join_fragments(
    polygons: gpd.GeoDataFrame,
    settings: JoiningSettings,
    *,
    elevation: Surface | None = None,
    probability: Surface | None = None,
) -> gpd.GeoDataFrame:
    """Joins fragments that are one landslide.

    Two fragments belong together when their gap is at most `maximum_gap_metres`; the shortest line between them lies
    within `maximum_angle_degrees` of the steepest descent, and one fragment lies below the other; no pixel on that
    line is certain background. Without an elevation model, the direction is the long axis of the more elongated of
    the two. Narrow gaps are bridged first, and none that would make a landslide more than `maximum_elongation` times
    as long as wide.

    Args:
        polygons: Fragments, metres.
        settings: The thresholds.
        elevation: The elevation model [m].
        probability: The probability of landslide; without it nothing between fragments is certain.

    Returns:
        One row a landslide, in the order of their first fragments: the attributes of the largest fragment,
        `mean_probability` weighted by area, `area_m2` of all, and `fragments`, their number.
    """
    outlines = polygons.geometry.to_numpy()
    groups = _Groups(outlines, settings.maximum_elongation)
    for pair in _candidates(outlines, settings, elevation, probability):
        groups.join(*pair)
    return _dissolve(polygons, np.array([groups.root(index) for index in range(len(outlines))], dtype=np.intp))


def fragmentation_index(manual: NDArray[np.object_], predicted: NDArray[np.object_], hit_overlap: float) -> float:
    """Predicted landslides per manual one that is hit: 1 is whole, more is broken; NaN if none is hit.

    Args:
        manual: (n,), outlines of the reference.
        predicted: (m,), outlines to be judged.
        hit_overlap: Overlap / smaller area from which two hit each other.
    """
    overlaps = find_overlaps(manual, predicted)
    hit = overlaps.first[overlaps.share_of_smaller >= hit_overlap]
    return len(hit) / len(np.unique(hit)) if len(hit) else math.nan


def _candidates(
    outlines: NDArray[np.object_],
    settings: JoiningSettings,
    elevation: Surface | None,
    probability: Surface | None,
) -> list[tuple[int, int]]:
    """The pairs that belong together, narrow gaps first."""
    if not len(outlines) or not settings.maximum_gap_metres:
        return []
    first, second = shapely.STRtree(outlines).query(outlines, predicate="dwithin", distance=settings.maximum_gap_metres)
    first, second = first[first < second], second[first < second]
    lines = shapely.shortest_line(outlines[first], outlines[second])
    order = np.lexsort((second, first, np.round(shapely.length(lines), 6)))
    terrain = _terrain(elevation) if elevation is not None else None
    pairs = []
    for index in order:
        pair = outlines[first[index]], outlines[second[index]]
        line = _direction_line(lines[index], *pair)
        along = (
            _along_descent(line, *pair, terrain, settings.maximum_angle_degrees)
            if terrain is not None
            else _along_long_axis(line, *pair, settings.maximum_angle_degrees)
        )
        if along and not _background_between(lines[index], probability, settings.certain_background):
            pairs.append((int(first[index]), int(second[index])))
    return pairs


def _direction_line(
    shortest: shapely.LineString, first: shapely.Geometry, second: shapely.Geometry
) -> NDArray[np.float64]:
    """(2, 2), from the first to the second; where they touch, from centroid to centroid."""
    if shapely.length(shortest) > _TOUCHING:
        return np.asarray(shapely.get_coordinates(shortest))
    return np.asarray(shapely.get_coordinates([shapely.centroid(first), shapely.centroid(second)]))


def _points_along(line: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Points on a line from end to end, at most `step` [m] apart."""
    count = max(int(np.ceil(np.hypot(*(line[1] - line[0])) / step)) + 1, 2)
    return np.asarray(line[0] + np.linspace(0.0, 1.0, count)[:, np.newaxis] * (line[1] - line[0]))


def _background_between(line: shapely.LineString, probability: Surface | None, certain: float) -> bool:
    """Whether a pixel that the line crosses is certain background; unobserved pixels are not certain."""
    if probability is None or shapely.length(line) <= _TOUCHING:
        return False
    points = _points_along(np.asarray(shapely.get_coordinates(line)), min(probability.grid.resolution) / 4.0)
    with np.errstate(invalid="ignore"):
        return bool((probability.at(points)[1:-1] < certain).any())


class _Terrain(NamedTuple):
    """Elevation [m] and its rise towards the east and towards the south [m per m]."""

    elevation: Surface
    east: Surface
    south: Surface


def _terrain(elevation: Surface) -> _Terrain:
    east, south = gradient(elevation.values, elevation.grid)
    return _Terrain(elevation, Surface(east, elevation.grid), Surface(south, elevation.grid))


def _along_descent(
    line: NDArray[np.float64],
    first: shapely.Geometry,
    second: shapely.Geometry,
    terrain: _Terrain,
    most_degrees: float,
) -> bool:
    """Whether a line from the first to the second follows the steepest descent, from the higher to the lower."""
    drop = float(np.subtract(*terrain.elevation.at(line)))
    mean_drop = terrain.elevation.mean(first) - terrain.elevation.mean(second)
    if not drop * mean_drop > 0:  # the gap and the fragments fall different ways, or a height is unknown
        return False
    points = _points_along(line, min(terrain.elevation.grid.resolution) / 2.0)
    fall = np.array([-np.mean(terrain.east.at(points)), np.mean(terrain.south.at(points))])
    return _angle_between(line[1] - line[0], fall) <= most_degrees


def _along_long_axis(
    line: NDArray[np.float64], first: shapely.Geometry, second: shapely.Geometry, most_degrees: float
) -> bool:
    sides = max((_sides(first), _sides(second)), key=_elongation)
    longest = sides[0] if np.hypot(*sides[0]) >= np.hypot(*sides[1]) else sides[1]
    return _angle_between(line[1] - line[0], longest) <= most_degrees


def _angle_between(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The acute angle between two directions [degrees]; 90 if one has no length."""
    lengths = np.hypot(*first) * np.hypot(*second)
    if not lengths > 0:
        return 90.0
    return math.degrees(math.acos(min(abs(float(first @ second)) / float(lengths), 1.0)))


def _sides(outline: shapely.Geometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two adjacent sides of the smallest rectangle around an outline, as vectors [m]."""
    corners = np.asarray(shapely.get_coordinates(shapely.minimum_rotated_rectangle(outline)))
    return corners[1] - corners[0], corners[2] - corners[1]


def _elongation(sides: tuple[NDArray[np.float64], NDArray[np.float64]]) -> float:
    """Length / width."""
    lengths = sorted(float(np.hypot(*side)) for side in sides)
    return lengths[1] / lengths[0] if lengths[0] > 0 else math.inf


class _Groups:
    """Fragments that were joined so far."""

    def __init__(self, outlines: NDArray[np.object_], maximum_elongation: float) -> None:
        self.parent = list(range(len(outlines)))
        self.outlines = dict(enumerate(outlines))
        self.maximum_elongation = maximum_elongation

    def root(self, index: int) -> int:
        while self.parent[index] != index:
            self.parent[index] = self.parent[self.parent[index]]
            index = self.parent[index]
        return index

    def join(self, first: int, second: int) -> None:
        """Joins the groups of two fragments, unless the whole would be too long for its width."""
        low, high = sorted((self.root(first), self.root(second)))
        if low == high:
            return
        together = shapely.GeometryCollection([self.outlines[low], self.outlines[high]])
        if _elongation(_sides(together)) > self.maximum_elongation:
            return
        self.parent[high] = low
        self.outlines[low] = together


def _dissolve(polygons: gpd.GeoDataFrame, group: NDArray[np.intp]) -> gpd.GeoDataFrame:
    """One row a group."""
    areas = polygons.geometry.area.to_numpy()
    rows, outlines, count, mean = [], [], [], []
    weighted = "mean_probability" in polygons
    for members in pd.Series(np.arange(len(group))).groupby(group).groups.values():
        positions = np.asarray(members, dtype=np.intp)
        rows.append(int(positions[np.argmax(areas[positions])]))
        parts = shapely.get_parts(polygons.geometry.to_numpy()[positions])
        outlines.append(parts[0] if len(parts) == 1 else shapely.union_all(parts))
        count.append(len(positions))
        if weighted:
            probabilities = polygons["mean_probability"].to_numpy(dtype=np.float64)[positions]
            mean.append(float(np.average(probabilities, weights=areas[positions])))
    joined = polygons.iloc[rows].reset_index(drop=True)
    joined = joined.set_geometry(gpd.GeoSeries(outlines, crs=polygons.crs, index=joined.index))
    joined["area_m2"] = shapely.area(joined.geometry.to_numpy())
    if weighted:
        joined["mean_probability"] = np.round(np.asarray(mean, dtype=np.float64), 4)
    return joined.assign(fragments=np.asarray(count, dtype=np.int64))
