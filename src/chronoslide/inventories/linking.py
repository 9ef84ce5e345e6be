"""Which landslides of a year lie where earlier ones lay: the edges of the overlap graph.

Below `succession`, which reads identities and states from the graph.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from chronoslide.inventories.matching import Overlaps, find_overlaps
from chronoslide.params import TrackingSettings


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
    overlaps = find_overlaps(earlier, later)
    linked = overlaps.share_of_smaller >= settings.new_overlap
    certain = overlaps.where(linked)
    if not settings.tolerance_metres or not len(earlier) or not len(later):
        return certain
    near = _near_pairs(earlier, later, settings.tolerance_metres, known=certain)
    smaller_is_later = overlaps.second_areas_m2[near[1]] <= overlaps.first_areas_m2[near[0]]
    smaller = np.where(smaller_is_later, later[near[1]], earlier[near[0]])
    larger = np.where(smaller_is_later, earlier[near[0]], later[near[1]])
    grown = shapely.buffer(larger, settings.tolerance_metres, quad_segs=4)
    within = shapely.area(shapely.intersection(smaller, grown)) >= settings.tolerant_overlap * shapely.area(smaller)
    first = np.concatenate([certain.first, near[0][within]])
    second = np.concatenate([certain.second, near[1][within]])
    shared = np.concatenate(
        [certain.intersection_m2, shapely.area(shapely.intersection(earlier[near[0]], later[near[1]])[within])]
    )
    order = np.lexsort((second, first))
    return Overlaps(first, second, shared, overlaps.first_areas_m2, overlaps.second_areas_m2).where(order)


def _near_pairs(
    earlier: NDArray[np.object_], later: NDArray[np.object_], distance: float, known: Overlaps
) -> NDArray[np.intp]:
    """(2, pairs), those nearer than `distance` [m] that are not known yet."""
    pairs = np.asarray(shapely.STRtree(later).query(earlier, predicate="dwithin", distance=distance))
    keys = pairs[0] * len(later) + pairs[1]
    return pairs[:, ~np.isin(keys, known.first * len(later) + known.second)]
