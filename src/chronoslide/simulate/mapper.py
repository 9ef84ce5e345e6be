"""A mapper's manual inventory: what can be seen, drawn by a hand that shakes, misses and errs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from scipy import ndimage
from shapely.geometry import Polygon

from chronoslide.simulate.fields import FloatArray
from chronoslide.simulate.histories import Sighting
from chronoslide.simulate.plan import RESOLUTION_METRES

_JITTER_METRES = 0.5 * RESOLUTION_METRES
_SHIFT_METRES = 0.4 * RESOLUTION_METRES
_VERTEX_METRES = 9.0
_SMALL_M2 = 2000.0
_MISSED_SMALL, _MISSED_LARGE = 0.10, 0.03
_FALSE = 0.025
_LEAST_OBSERVED = 0.3


def map_by_hand(
    sightings: Sequence[Sighting],
    observed: Sequence[float],
    lookalikes: Sequence[Polygon],
    rng: np.random.Generator,
) -> list[Polygon]:
    """Digitises the landslides of a year.

    Args:
        sightings: The true landslides.
        observed: Share of each that is not under clouds or outside the scene.
        lookalikes: Outlines of other bare ground that may be taken for landslides.
        rng: Source of randomness.

    Returns:
        Valid polygons, holes kept, ordered from north to south.
    """
    drawn = []
    for sighting, share in zip(sightings, observed, strict=True):
        missed = _MISSED_SMALL if sighting.polygon.area < _SMALL_M2 else _MISSED_LARGE
        overlooked = rng.uniform() < missed
        traced = trace(sighting.polygon, rng)
        if share >= _LEAST_OBSERVED and not overlooked and traced is not None:
            drawn.append(traced)
    wrong = int(np.floor(_FALSE * len(sightings) + rng.uniform()))
    for position in rng.permutation(len(lookalikes))[:wrong].tolist():
        traced = trace(lookalikes[position], rng)
        if traced is not None and not any(traced.intersects(other) for other in drawn):
            drawn.append(traced)
    return sorted(drawn, key=lambda polygon: (-polygon.centroid.y, polygon.centroid.x))


def trace(polygon: Polygon, rng: np.random.Generator) -> Polygon | None:
    """Draws an outline again, vertex by vertex, and moves it as a whole by the error of the scene's position."""
    shift = rng.normal(0.0, _SHIFT_METRES / np.sqrt(2.0), 2)
    shell = _drawn_ring(np.asarray(polygon.exterior.coords), shift, rng)
    holes = [
        _drawn_ring(np.asarray(ring.coords), shift, rng) for ring in polygon.interiors if Polygon(ring).area > 200.0
    ]
    drawn = Polygon(shell, holes)
    if not drawn.is_valid:
        drawn = drawn.buffer(0)
    parts = [part for part in shapely.get_parts(drawn) if part.geom_type == "Polygon" and part.area > 100.0]
    if not parts:
        return None
    rounded = shapely.set_precision(max(parts, key=lambda part: part.area), 0.01)
    parts = [part for part in shapely.get_parts(rounded) if part.geom_type == "Polygon"]
    return shapely.normalize(max(parts, key=lambda part: part.area)) if parts else None


def _drawn_ring(ring: FloatArray, shift: FloatArray, rng: np.random.Generator) -> FloatArray:
    line = shapely.LineString(ring)
    count = max(int(line.length / _VERTEX_METRES), 7)
    places = shapely.line_interpolate_point(line, np.linspace(0.0, line.length, count, endpoint=False))
    vertices = np.column_stack((shapely.get_x(places), shapely.get_y(places)))
    # A hand that is off stays off for a vertex or two.
    error = ndimage.gaussian_filter1d(rng.standard_normal(vertices.shape), 0.7, axis=0, mode="wrap")
    error *= _JITTER_METRES / np.sqrt(2.0) / max(float(error.std()), 1e-9)
    return np.asarray(np.round(vertices + shift + error, 2))
