"""Which landslides of a year lie where earlier ones lay: the edges of the overlap graph.

Below `succession`, which reads identities and states from the graph.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import shapely
from numpy.typing import NDArray

from chronoslide.inventories.matching import Overlaps
from chronoslide.params import TrackingSettings

# Pairs in a piece of work: small enough to share out among threads, large enough to be worth it.
_PIECE = 5_000


def link(earlier: NDArray[np.object_], later: NDArray[np.object_], settings: TrackingSettings) -> Overlaps:
    """The pairs of an earlier and a later landslide that are the same or related.

    They share `new_overlap` of the smaller one; or `tolerant_overlap` of the smaller one lies within the larger one
    grown by the tolerance. The second rule finds thin landslides whose outline was displaced between two years: a copy
    displaced by at most the tolerance lies wholly within, while mere neighbours do not reach far into each other.

    Args:
        earlier: (n,), valid polygons, metres.
        later: (m,), the same.
        settings: Tolerance and least overlaps.

    Returns:
        The pairs, ordered by earlier, then later; `intersection_m2` is the ground shared by the outlines as they are.
    """
    areas = [np.asarray(shapely.area(outlines), dtype=np.float64) for outlines in (earlier, later)]
    first, second = _near_pairs(earlier, later, settings.tolerance_metres)
    smaller = np.minimum(areas[0][first], areas[1][second])
    bounds = shapely.bounds(earlier)[first], shapely.bounds(later)[second]
    # What the rectangles around two outlines do not share, the outlines do not share either.
    possible = _shared_by_rectangles(*bounds, 0.0) >= settings.new_overlap * smaller
    shared = np.zeros(len(first))
    shared[possible] = _shared_area(earlier[first[possible]], later[second[possible]])
    linked = possible & (shared >= settings.new_overlap * smaller)
    if settings.tolerance_metres:
        least = settings.tolerant_overlap * smaller
        unsure = np.flatnonzero(~linked & (_shared_by_rectangles(*bounds, settings.tolerance_metres) >= least))
        within = (
            _within_grown(earlier[first[unsure]], later[second[unsure]], settings.tolerance_metres) >= least[unsure]
        )
        displaced = unsure[within]
        shared[displaced] = _shared_area(earlier[first[displaced]], later[second[displaced]])
        linked[displaced] = True
    return Overlaps(first, second, shared, *areas).where(linked)


def _near_pairs(
    earlier: NDArray[np.object_], later: NDArray[np.object_], distance: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of those whose surrounding rectangles are nearer than `distance` [m], in order."""
    if not len(earlier) or not len(later):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    left, bottom, right, top = shapely.bounds(earlier).T
    rectangles = shapely.box(left - distance, bottom - distance, right + distance, top + distance)
    first, second = shapely.STRtree(later).query(rectangles)
    order = np.lexsort((second, first))
    return first[order], second[order]


def _shared_by_rectangles(
    earlier: NDArray[np.float64], later: NDArray[np.float64], margin: float
) -> NDArray[np.float64]:
    """(pairs,), the ground that the rectangles around two outlines share [m2], the earlier one grown by a margin."""
    width = np.minimum(earlier[:, 2] + margin, later[:, 2]) - np.maximum(earlier[:, 0] - margin, later[:, 0])
    height = np.minimum(earlier[:, 3] + margin, later[:, 3]) - np.maximum(earlier[:, 1] - margin, later[:, 1])
    return np.asarray(np.maximum(width, 0.0) * np.maximum(height, 0.0))


def _shared_area(first: NDArray[np.object_], second: NDArray[np.object_]) -> NDArray[np.float64]:
    """(pairs,), the ground that two outlines share [m2]; all cores share the work, the result does not depend on it."""
    pieces = range(0, len(first), _PIECE)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        areas = pool.map(
            lambda start: shapely.area(
                shapely.intersection(first[start : start + _PIECE], second[start : start + _PIECE])
            ),
            pieces,
        )
        return np.concatenate([np.zeros(0), *areas])


def _within_grown(earlier: NDArray[np.object_], later: NDArray[np.object_], distance: float) -> NDArray[np.float64]:
    """(pairs,), how much of the smaller of two outlines lies within the larger one grown by `distance` [m2]."""
    later_is_smaller = shapely.area(later) <= shapely.area(earlier)
    smaller = np.where(later_is_smaller, later, earlier)
    larger = np.where(later_is_smaller, earlier, later)
    return _shared_area(smaller, shapely.buffer(larger, distance, quad_segs=4))
