"""The outline of a landslide: a body of ground that fails along the drainage, as a field that is cut at a level.

A body is the smallest distance to its track, in units of the track's half width there, made irregular by a fractal
field. Cut at 1 it is the landslide as it happened; cut lower it has healed from its edges, cut higher it has grown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import Polygon
from skimage.measure import find_contours

from chronoslide.simulate.fields import FloatArray, gaussian_random_field
from chronoslide.simulate.plan import RESOLUTION_METRES

# A body never reaches beyond this level, so that the ground reserved for it is enough for ever.
LIMIT = 1.7
_OUTSIDE = 3.0
_ROUGHNESS = 0.13
_BULGING = 0.20
_SMALLEST_HOLE_M2 = 150.0


@dataclass(frozen=True, slots=True)
class Track:
    """A path that debris takes.

    Attributes:
        points: (n, 2), row and column [pixels], pixel centres at integers, from the crown to the toe.
        half_widths: (n,) [pixels].
    """

    points: FloatArray
    half_widths: FloatArray


@dataclass(frozen=True, slots=True)
class Body:
    """The field of a landslide on its own window of the site.

    Attributes:
        field: (rows, cols), 0 on the track, 1 at the original outline.
        row: First row of the window [pixels of the site].
        col: First column of the window.
        factor: Samples along the side of a pixel of the site.
    """

    field: FloatArray
    row: int
    col: int
    factor: int

    def reach(self) -> NDArray[np.bool_]:
        """The pixels of the window that the body may ever touch."""
        inside = self.field < LIMIT
        rows, cols = (length // self.factor for length in inside.shape)
        return np.asarray(inside.reshape(rows, self.factor, cols, self.factor).any(axis=(1, 3)))

    def with_field(self, field: FloatArray) -> Body:
        """The same window with another field."""
        return Body(np.round(field, 6), self.row, self.col, self.factor)


def profile(share: FloatArray, contrast: float) -> FloatArray:
    """Half width along a track, in units of its mean: wide source, narrow transport, fanning deposit.

    Args:
        share: Of the way from crown to toe, 0 to 1.
        contrast: 1 is the full difference between the zones, 0 an even width.
    """
    width = np.interp(share, [0.0, 0.06, 0.25, 0.45, 0.68, 0.86, 1.0], [0.75, 1.25, 1.25, 0.7, 0.7, 1.15, 1.0])
    return np.asarray(width**contrast)


def smooth_track(cells: FloatArray, half_width: float, contrast: float, rng: np.random.Generator) -> Track:
    """Turns a staircase of cells (n, 2) into a smooth track with the widths of a landslide."""
    points = ndimage.gaussian_filter1d(cells.astype(np.float64), 2.5, axis=0, mode="nearest")
    # Circles that overlap by far: two a pixel on a narrow track, fewer on a wide one.
    count = max(int(len(points) / max(0.5, half_width / 8.0)), 6)
    at = np.linspace(0.0, len(points) - 1.0, count)
    dense = np.column_stack([np.interp(at, np.arange(len(points)), points[:, axis]) for axis in (0, 1)])
    uneven = ndimage.gaussian_filter1d(rng.standard_normal(count + 12), max(count / 14.0, 1.0))[6:-6]
    widths = (
        half_width
        * profile(np.linspace(0.0, 1.0, count), contrast)
        * np.exp(0.16 * uneven / max(float(uneven.std()), 1e-9))
    )
    return Track(np.round(dense, 4), np.round(widths, 4))


def bodies_of(tracks: list[list[Track]], factor: int, rng: np.random.Generator) -> list[Body]:
    """Makes bodies that share one window and one roughness, a body for each list of tracks."""
    points = np.concatenate([track.points for group in tracks for track in group])
    widest = max(float(track.half_widths.max()) for group in tracks for track in group)
    room = LIMIT * 1.5 * widest + 3.0
    row, col = (int(edge) for edge in np.floor(points.min(axis=0) - room))
    rows, cols = (int(edge) for edge in np.ceil(points.max(axis=0) + room) - (row, col))
    shape = (rows * factor, cols * factor)
    edges, bulges = (gaussian_random_field(shape, exponent, rng) for exponent in (2.2, 3.2))
    rough = np.exp(_ROUGHNESS * edges + _BULGING * np.clip(bulges, -2.0, 2.0))
    bodies = []
    for group in tracks:
        field = np.full(shape, _OUTSIDE)
        for track in group:
            _lower(field, track, (row, col), factor)
        bodies.append(Body(np.round(np.minimum(field * rough, _OUTSIDE), 6), row, col, factor))
    return bodies


def _lower(field: FloatArray, track: Track, origin: tuple[int, int], factor: int) -> None:
    """Lowers `field` to the distance from a track in half widths, in place."""
    for (row, col), half_width in zip(track.points, track.half_widths, strict=True):
        # Sample i stands for the ground at (i + 0.5) / factor - 0.5 pixels from the window's first pixel centre.
        centre_row = (row - origin[0] + 0.5) * factor - 0.5
        centre_col = (col - origin[1] + 0.5) * factor - 0.5
        room = 1.5 * LIMIT * half_width * factor
        top, bottom = max(int(centre_row - room), 0), min(int(centre_row + room) + 2, field.shape[0])
        left, right = max(int(centre_col - room), 0), min(int(centre_col + room) + 2, field.shape[1])
        down = (np.arange(top, bottom) - centre_row)[:, np.newaxis]
        across = np.arange(left, right) - centre_col
        distance = np.sqrt(down * down + across * across) / (half_width * factor)
        part = field[top:bottom, left:right]
        np.minimum(part, distance, out=part)


def spared_island(body: Body, rng: np.random.Generator) -> Body:
    """Leaves an island of vegetation standing in a wide part of a landslide."""
    wide = ndimage.distance_transform_edt(body.field < 1.0)
    radius = float(wide.max())
    if radius * RESOLUTION_METRES / body.factor < 22.0:
        return body
    places = np.argwhere(wide > 0.72 * radius)
    centre = places[rng.integers(len(places))]
    hole = radius * rng.uniform(0.22, 0.38)
    rows, cols = np.indices(body.field.shape)
    stretch = rng.uniform(0.55, 1.6)
    distance = np.hypot((rows - centre[0]) / stretch, (cols - centre[1]) * stretch) / hole
    distance *= np.exp(0.3 * np.clip(gaussian_random_field(body.field.shape, 2.4, rng), -2.0, 2.0))
    island = 1.6 * np.exp(-0.47 * distance**2)  # 1 at the rim
    return body.with_field(np.where(island > 0.6, np.maximum(body.field, island), body.field))


def apart_from(body: Body, other: Body, level: float, gap_metres: float) -> Body:
    """The body without what lies nearer than `gap_metres` to another body of the same window cut at `level`."""
    away = ndimage.distance_transform_edt(other.field >= level) * (RESOLUTION_METRES / body.factor)
    barrier = np.clip(1.0 + (gap_metres - away) / 8.0, 0.0, _OUTSIDE)
    return body.with_field(np.maximum(body.field, np.where(barrier > 0.6, barrier, 0.0)))


def united(bodies: list[Body]) -> Body:
    """One body that covers several of the same window."""
    return bodies[0].with_field(np.minimum.reduce([body.field for body in bodies]))


def outline(body: Body, level: float, corner: tuple[float, float]) -> Polygon | None:
    """The largest connected part of a body, cut at `level`.

    Args:
        body: The body.
        level: Where to cut, below `LIMIT`.
        corner: (x, y) of the site's upper left corner [m].

    Returns:
        A valid polygon with coordinates rounded to a centimetre, or None where nothing is left.
    """
    padded = np.pad(body.field, 1, constant_values=_OUTSIDE)
    rings: list[FloatArray] = find_contours(padded, min(level, LIMIT))  # type: ignore[no-untyped-call]
    spacing = RESOLUTION_METRES / body.factor
    left = corner[0] + body.col * RESOLUTION_METRES
    top = corner[1] - body.row * RESOLUTION_METRES
    shells: list[tuple[float, FloatArray]] = []
    holes: list[tuple[float, FloatArray]] = []
    for ring in rings:
        if len(ring) < 4:
            continue
        coordinates = np.column_stack((left + (ring[:, 1] - 0.5) * spacing, top - (ring[:, 0] - 0.5) * spacing))
        signed = 0.5 * float(np.sum(ring[:-1, 1] * ring[1:, 0] - ring[1:, 1] * ring[:-1, 0]))
        # find_contours winds rings round low ground the one way and round high ground the other.
        (shells if signed < 0 else holes).append((abs(signed), np.round(coordinates, 2)))
    if not shells:
        return None
    shell = max(shells, key=lambda pair: pair[0])[1]
    polygon = Polygon(shell)
    inner = [
        ring for area, ring in holes
        if area * spacing**2 > _SMALLEST_HOLE_M2 and polygon.contains(shapely.Point(ring[0]))
    ]  # fmt: skip
    polygon = Polygon(shell, inner)
    if not polygon.is_valid:
        parts = [part for part in shapely.get_parts(polygon.buffer(0)) if part.geom_type == "Polygon"]
        if not parts:
            return None
        polygon = max(parts, key=lambda part: part.area)
    return shapely.normalize(polygon)


def cut_to_area(body: Body, area_m2: float, corner: tuple[float, float]) -> tuple[float, Polygon | None]:
    """Finds the level at which the outline has an area.

    Returns:
        The level and the outline; its area is off by about a percent at most, more only where the body is too small.
    """
    samples = np.sort(body.field, axis=None)
    spacing_m2 = (RESOLUTION_METRES / body.factor) ** 2
    low, high = 0.05, LIMIT
    level = float(np.clip(samples[min(int(area_m2 / spacing_m2), samples.size - 1)], low, high))
    best: tuple[float, float, Polygon | None] = (np.inf, level, None)
    for _ in range(7):
        polygon = outline(body, level, corner)
        area = polygon.area if polygon is not None else 0.0
        miss = abs(area / area_m2 - 1.0)
        if miss < best[0]:
            best = (miss, level, polygon)
        if miss < 0.004 or high - low < 1e-4:
            break
        if area < area_m2:
            low = level
        else:
            high = level
        step = level * float(np.sqrt(area_m2 / max(area, 1.0)))
        level = round(step if low < step < high else 0.5 * (low + high), 6)
    return best[1], best[2]
