"""The PoLiS distance: how far the outlines of two matched landslides lie apart, in metres.

Used where a predicted landslide is held against the manual one that it matches.
"""

from __future__ import annotations

import shapely


def polis_distance(first: shapely.Geometry, second: shapely.Geometry) -> float:
    """The mean distance of the vertices of each outline to the other outline (Avbelj et al. 2015), in metres.

    Half the mean over the first outline's vertices plus half the mean over the second's; symmetric, and zero for an
    outline and itself. Holes belong to the outline.

    Args:
        first: A Polygon or MultiPolygon.
        second: Another.
    """
    return (_one_way(first, second) + _one_way(second, first)) / 2.0


def _one_way(origin: shapely.Geometry, target: shapely.Geometry) -> float:
    vertices = shapely.unary_union(shapely.points(shapely.get_coordinates(origin)))  # a ring repeats its first vertex
    distances = shapely.distance(shapely.get_parts(vertices), shapely.boundary(target))
    return float(distances.mean())
