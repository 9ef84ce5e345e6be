"""Where landslides may fail and the ground that each takes: sources on steep slopes, tracks down the drainage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chronoslide.simulate.drainage import IntArray, follow
from chronoslide.simulate.fields import FloatArray
from chronoslide.simulate.land_cover import Cover, LandCover
from chronoslide.simulate.plan import RESOLUTION_METRES
from chronoslide.simulate.shapes import (
    LIMIT,
    Body,
    apart_from,
    bodies_of,
    cut_to_area,
    outline,
    smooth_track,
    spared_island,
    united,
)
from chronoslide.simulate.terrain import Terrain

GAP_METRES = 14.0
_SOURCE_SLOPES = (28.0, 52.0)
_SOURCE_ACCUMULATION_M2 = 12_000.0
_STOP_SLOPE = 20.0
_STOP_ACCUMULATION_M2 = 1.0e8  # the river
_ATTEMPTS = 500


@dataclass(frozen=True, slots=True)
class Family:
    """Landslides that fail apart and may later grow together.

    Attributes:
        alone: A body for each member, none touching another.
        together: The bodies as they are once the ground between them has failed too.
    """

    alone: list[Body]
    together: list[Body]


class FailingGround:
    """The ground of a site that has not failed yet; each landslide that is placed takes some for ever."""

    def __init__(
        self,
        terrain: Terrain,
        land: LandCover,
        inside: NDArray[np.bool_],
        corner: tuple[float, float],
        rng: np.random.Generator,
    ) -> None:
        """Finds the possible sources.

        Args:
            terrain: The ground.
            land: What covers it.
            inside: (rows, cols), where a landslide may lie.
            corner: (x, y) of the upper left corner [m].
            rng: Source of randomness.
        """
        self.cols = terrain.elevation.shape[1]
        self.receivers = terrain.receivers
        self.corner = corner
        slope = ndimage.gaussian_filter(terrain.slope, 3.0)
        self.stops = (slope < _STOP_SLOPE) | (terrain.accumulation > _STOP_ACCUMULATION_M2)
        self.taken = ~inside
        steep = (slope >= _SOURCE_SLOPES[0]) & (slope <= _SOURCE_SLOPES[1])
        covered = np.isin(land.cover, (Cover.FOREST, Cover.CONIFER, Cover.SHRUB, Cover.GRASS))
        source = steep & covered & inside & (terrain.accumulation < _SOURCE_ACCUMULATION_M2)
        self.sources = rng.permutation(np.flatnonzero(source))
        self.next = 0

    def place(self, area_m2: float, shares: list[float], rng: np.random.Generator) -> Family | None:
        """Lets ground fail somewhere.

        Args:
            area_m2: Of the first member.
            shares: Areas of the further members in units of the first's; empty for an ordinary landslide.
            rng: Source of randomness.

        Returns:
            None where no place was found.
        """
        for attempt in range(_ATTEMPTS):
            ratio = float(np.exp(rng.normal(np.log(3.0), 0.42)))
            # Long tracks are rare on short slopes: an attempt that failed often is content with a shorter one.
            length = np.sqrt(area_m2 * ratio) / (1.0 + attempt / 250.0)
            family = self._attempt(area_m2, length, shares, rng)
            if family is not None:
                return family
        return None

    def _attempt(self, area_m2: float, length: float, shares: list[float], rng: np.random.Generator) -> Family | None:
        if not self.sources.size:
            return None
        source = int(self.sources[self.next % self.sources.size])
        self.next += 1
        if self.taken.flat[source]:
            return None
        cells, reached = self._track(source, length)
        if len(cells) < 3 or reached < 0.6 * length or self.taken.flat[cells].any():
            return None
        half_width = area_m2 / reached / 2.0 / RESOLUTION_METRES
        if self._is_crowded(cells, half_width):
            return None
        contrast = (1.0 if area_m2 > 1500.0 else 0.5) * float(rng.uniform(0.3, 1.1))
        path = self._points(cells)
        main = [smooth_track(path, half_width, contrast, rng)]
        known = set(cells.tolist())
        for _ in range(min(int(rng.poisson(1.5)), 4) if area_m2 > 4000.0 else 0):
            branch = self._joining(cells, known, half_width, rng, 6)
            if branch is not None:
                main.append(smooth_track(self._points(branch), half_width * rng.uniform(0.35, 0.7), 0.4, rng))
        tracks = [main]
        for share in shares:
            other = self._joining(cells, known, half_width, rng, 9)
            if other is None:
                return None
            reach = max(len(other) * RESOLUTION_METRES * 1.15, 40.0)
            width = np.clip(share * area_m2 / reach / 2.0 / RESOLUTION_METRES, 1.5, 1.2 * half_width + 1.0)
            tracks.append([smooth_track(self._points(other), float(width), contrast, rng)])
        factor = 4 if area_m2 < 1500.0 else 2 if area_m2 < 12_000.0 else 1
        bodies = bodies_of(tracks, factor if not shares else min(factor, 2), rng)
        if not self._is_free(bodies):
            return None
        level, polygon = cut_to_area(bodies[0], area_m2, self.corner)
        if polygon is None or not 0.55 < level < 1.45 or abs(polygon.area / area_m2 - 1.0) > 0.05:
            return None
        first = bodies[0].with_field(np.where(bodies[0].field < LIMIT, bodies[0].field / level, 3.0))
        if area_m2 > 12_000.0 and rng.uniform() < 0.3:
            first = spared_island(first, rng)
        alone, together = [first], [first]
        for body in bodies[1:]:
            apart = apart_from(body, united(alone), 1.0, GAP_METRES)
            piece = outline(apart, 1.0, self.corner)
            if piece is None or piece.area < 400.0:
                return None
            alone.append(apart)
            together.append(body)
        self._take(bodies)
        return Family(alone, together)

    def _track(self, source: int, length: float) -> tuple[IntArray, float]:
        """The cells from a source down to where debris stops, and how far that is [m]."""
        cells = follow(self.receivers, source, int(length / RESOLUTION_METRES) + 2)
        steps = np.hypot(np.diff(cells // self.cols), np.diff(cells % self.cols)) * RESOLUTION_METRES
        travelled = np.concatenate(([0.0], np.cumsum(steps)))
        stopped = np.flatnonzero(self.stops.flat[cells])
        last = int(stopped[0]) if stopped.size else len(cells) - 1
        last = min(last, int(np.searchsorted(travelled, length)))
        return cells[: last + 1], float(travelled[min(last, len(travelled) - 1)]) + RESOLUTION_METRES

    def _joining(
        self, cells: IntArray, known: set[int], half_width: float, rng: np.random.Generator, least: int
    ) -> IntArray | None:
        """A second track that starts beside the first and runs into it, at least `least` cells long before that."""
        rows, cols = self.taken.shape
        for _ in range(60):
            beside = cells[int(rng.integers(0, max(int(0.7 * len(cells)), 1)))]
            distance = half_width + rng.uniform(4.0, 16.0 + 2.0 * half_width)
            angle = rng.uniform(0.0, 2.0 * np.pi)
            row = int(beside // self.cols + distance * np.sin(angle))
            col = int(beside % self.cols + distance * np.cos(angle))
            if not (0 <= row < rows and 0 <= col < cols) or self.taken[row, col]:
                continue
            other = follow(self.receivers, row * self.cols + col, 90)
            joined = [position for position, cell in enumerate(other.tolist()) if cell in known]
            if not joined or joined[0] < least + half_width:
                continue
            other = other[: joined[0] + 1]
            if self.stops.flat[other].any() or self.taken.flat[other].any():
                continue
            return other
        return None

    def _points(self, cells: IntArray) -> FloatArray:
        return np.column_stack((cells // self.cols, cells % self.cols)).astype(np.float64)

    def _is_crowded(self, cells: IntArray, half_width: float) -> bool:
        """A quick look round the track, before the body is made, for ground that is taken or outside."""
        rows, cols = self.taken.shape
        angle = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)[:, np.newaxis]
        along = cells[:: max(len(cells) // 10, 1)]
        for reach in (0.8 * half_width, 1.6 * half_width + 1.0):
            row = np.rint(along // self.cols + reach * np.sin(angle)).astype(int)
            col = np.rint(along % self.cols + reach * np.cos(angle)).astype(int)
            if row.min() < 0 or col.min() < 0 or row.max() >= rows or col.max() >= cols or self.taken[row, col].any():
                return True
        return False

    def _is_free(self, bodies: list[Body]) -> bool:
        rows, cols = self.taken.shape
        for body in bodies:
            reach = body.reach()
            if body.row < 0 or body.col < 0 or body.row + reach.shape[0] > rows or body.col + reach.shape[1] > cols:
                return False
            window = np.s_[body.row : body.row + reach.shape[0], body.col : body.col + reach.shape[1]]
            if (self.taken[window] & reach).any():
                return False
        return True

    def _take(self, bodies: list[Body]) -> None:
        for body in bodies:
            reach = ndimage.binary_dilation(np.pad(body.reach(), 3), iterations=3)
            top, left = body.row - 3, body.col - 3
            rows, cols = np.nonzero(reach)
            rows, cols = rows + top, cols + left
            kept = (rows >= 0) & (cols >= 0) & (rows < self.taken.shape[0]) & (cols < self.taken.shape[1])
            self.taken[rows[kept], cols[kept]] = True
