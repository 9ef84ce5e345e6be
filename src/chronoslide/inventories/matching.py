"""Which landslides of two inventories overlap, and which of them belong together.

The overlaps are found once; hits and one-to-one matches are then choices among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True, slots=True)
class Overlaps:
    """The pairs of landslides of two inventories that share ground, ordered by first, then second.

    Attributes:
        first: (pairs,), position of the landslide in the first inventory.
        second: (pairs,), position in the second.
        intersection_m2: (pairs,), ground that they share.
        first_areas_m2: Of all landslides of the first inventory.
        second_areas_m2: Of all landslides of the second.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    intersection_m2: NDArray[np.float64]
    first_areas_m2: NDArray[np.float64]
    second_areas_m2: NDArray[np.float64]

    @property
    def iou(self) -> NDArray[np.float64]:
        """(pairs,), intersection over union."""
        united = self.first_areas_m2[self.first] + self.second_areas_m2[self.second] - self.intersection_m2
        return np.asarray(self.intersection_m2 / united)

    @property
    def share_of_smaller(self) -> NDArray[np.float64]:
        """(pairs,), intersection over the smaller of the two areas."""
        smaller = np.minimum(self.first_areas_m2[self.first], self.second_areas_m2[self.second])
        return np.asarray(self.intersection_m2 / smaller)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Overlaps:
        """Some of the pairs."""
        return Overlaps(
            self.first[chosen],
            self.second[chosen],
            self.intersection_m2[chosen],
            self.first_areas_m2,
            self.second_areas_m2,
        )


def find_overlaps(first: NDArray[np.object_], second: NDArray[np.object_]) -> Overlaps:
    """All pairs of polygons of two inventories that share ground.

    Args:
        first: (n,), valid Polygons and MultiPolygons, metres.
        second: (m,), the same.
    """
    areas = [np.asarray(shapely.area(geometry), dtype=np.float64) for geometry in (first, second)]
    if not len(first) or not len(second):
        nothing = np.zeros(0, dtype=np.intp)
        return Overlaps(nothing, nothing, np.zeros(0), areas[0], areas[1])
    left, right = shapely.STRtree(second).query(first, predicate="intersects")
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    shared = np.asarray(shapely.area(shapely.intersection(first[left], second[right])), dtype=np.float64)
    return Overlaps(left, right, shared, areas[0], areas[1]).where(shared > 0)


def assign(overlaps: Overlaps, above_iou: float) -> Overlaps:
    """The one-to-one matches of highest total intersection over union among the pairs above a threshold.

    Above 0.5 no choice is left unless an inventory overlaps itself (Kirillov et al. 2019); below, the optimal
    assignment decides. It is found for each connected group of pairs, which are small.
    """
    iou = overlaps.iou
    candidates = np.flatnonzero(iou > above_iou)
    first, second = overlaps.first[candidates], overlaps.second[candidates]
    alone = (np.bincount(first, minlength=1)[first] == 1) & (np.bincount(second, minlength=1)[second] == 1)
    matches = list(candidates[alone])
    for group in _groups(candidates[~alone], overlaps):
        rows, row_of = np.unique(overlaps.first[group], return_inverse=True)
        cols, col_of = np.unique(overlaps.second[group], return_inverse=True)
        gain = np.zeros((len(rows), len(cols)))
        gain[row_of, col_of] = iou[group]
        chosen = np.zeros(gain.shape, dtype=bool)
        chosen[linear_sum_assignment(gain, maximize=True)] = True
        matches.extend(group[chosen[row_of, col_of]])
    return overlaps.where(np.sort(np.asarray(matches, dtype=np.intp)))


def largest_partner(overlaps: Overlaps) -> Overlaps:
    """For each landslide of the second inventory the pair in which it shares most ground (ties: the first one)."""
    order = np.lexsort((overlaps.first, -overlaps.intersection_m2, overlaps.second))
    _, kept = np.unique(overlaps.second[order], return_index=True)
    return overlaps.where(np.sort(order[kept]))


def dissolved(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """The ground under polygons as polygons that do not overlap.

    Only polygons that meet are united, group by group, which grows with their number where one union would not.
    """
    parts = np.asarray(shapely.get_parts(geometry))
    if not len(parts):
        return parts
    left, right = shapely.STRtree(parts).query(parts, predicate="intersects")
    graph = coo_array((np.ones(len(left), dtype=bool), (left, right)), shape=(len(parts), len(parts)))
    label = connected_components(graph, directed=False)[1]
    united = [parts[np.bincount(label)[label] == 1]]
    meeting = np.flatnonzero(np.bincount(label)[label] > 1)
    united.extend(shapely.get_parts(shapely.union_all(parts[group])) for group in _split(meeting, label[meeting]))
    return np.concatenate(united)


def _groups(pairs: NDArray[np.intp], overlaps: Overlaps) -> list[NDArray[np.intp]]:
    """Splits pairs into groups that have no landslide in common."""
    first, second = overlaps.first[pairs], overlaps.second[pairs] + len(overlaps.first_areas_m2)
    nodes = len(overlaps.first_areas_m2) + len(overlaps.second_areas_m2)
    graph = coo_array((np.ones(len(pairs), dtype=bool), (first, second)), shape=(nodes, nodes))
    return _split(pairs, connected_components(graph, directed=False)[1][first]) if len(pairs) else []


def _split(items: NDArray[np.intp], label: NDArray[np.int32]) -> list[NDArray[np.intp]]:
    """Items of one label together, labels ascending."""
    if not len(items):
        return []
    order = np.argsort(label, kind="stable")
    return np.split(items[order], np.flatnonzero(np.diff(label[order])) + 1)
