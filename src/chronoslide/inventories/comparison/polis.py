"""The PoLiS distance: how far the outlines of two matched landslides lie apart, in metres.

Used where a predicted landslide is held against the manual one that it matches.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray


def polis_distance(first: shapely.Geometry, second: shapely.Geometry) -> float:
    """The mean distance of the vertices of each outline to the other outline (Avbelj et al. 2015), in metres.

    Half the mean over the first outline's vertices plus half the mean over the second's; symmetric, and zero for an
    outline and itself. Holes belong to the outline.

    Args:
        first: A Polygon or MultiPolygon.
        second: Another.
    """
    return float(polis_distances(np.array([first]), np.array([second]))[0])


def polis_distances(first: NDArray[np.object_], second: NDArray[np.object_]) -> NDArray[np.float64]:
    """`polis_distance` of many pairs at once.

    Args:
        first: (pairs,), Polygons and MultiPolygons.
        second: (pairs,), their partners.

    Returns:
        (pairs,), metres.
    """
    return (_one_way(first, second) + _one_way(second, first)) / 2.0


def _one_way(origins: NDArray[np.object_], targets: NDArray[np.object_]) -> NDArray[np.float64]:
    polygons, pair_of_polygon = shapely.get_parts(origins, return_index=True)
    rings, polygon_of_ring = shapely.get_rings(polygons, return_index=True)
    vertices, ring_of_vertex = shapely.get_coordinates(rings, return_index=True)
    same_ring_follows = np.flatnonzero(np.diff(ring_of_vertex) == 0)  # a ring ends with its first vertex once more
    pairs = pair_of_polygon[polygon_of_ring[ring_of_vertex[same_ring_follows]]]
    distances = shapely.distance(shapely.points(vertices[same_ring_follows]), shapely.boundary(targets)[pairs])
    number = len(origins)
    return np.asarray(np.bincount(pairs, distances, number) / np.bincount(pairs, minlength=number), dtype=np.float64)
