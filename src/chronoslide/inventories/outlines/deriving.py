"""Deriving an inventory: the probability raster of one scene becomes landslide polygons.

The whole way of this room from map to inventory, in one call: threshold, gaps, minimum mapping unit, outlines,
fragments, uncertainty, mean probability, topography. The stage `inventory`, the command for single scenes and the
served model all take it, so that the same map gives the same landslides wherever they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from chronoslide.grid import Grid
from chronoslide.inventories.outlines.joining import join_fragments
from chronoslide.inventories.outlines.strip_vectorising import binary_strips, polygonise_strips
from chronoslide.inventories.outlines.topography import filter_by_topography
from chronoslide.inventories.outlines.uncertainty import add_uncertainty
from chronoslide.inventories.pixels import Surface
from chronoslide.params import InventorySettings

_STRIP_ROWS: Final = 512


@dataclass(frozen=True, slots=True)
class Derived:
    """What one map gives.

    Attributes:
        landslides: A row a landslide: `landslide_id` (1, 2, ...), `area_m2`, `mean_probability`, `fragments`, the
            columns of `add_uncertainty`, the outline.
        unsure: What is less probable on average than the settings want, before the topographic filter.
        removed: What the topographic filter took away.
    """

    landslides: gpd.GeoDataFrame
    unsure: gpd.GeoDataFrame
    removed: gpd.GeoDataFrame


def derive_inventory(
    probability: NDArray[np.float32],
    grid: Grid,
    threshold: float,
    settings: InventorySettings,
    elevation: Surface | None = None,
) -> Derived:
    """The landslides of a map, and what was drawn and is none.

    Gaps are closed and fragments joined before the minimum mapping unit is applied: small pieces of a large landslide
    are not small landslides. How probable a landslide is on average is asked of the joined one, too.

    Args:
        probability: (rows, cols), NaN where unobserved.
        grid: Where the pixels lie, in metres.
        threshold: Probability from which a pixel is landslide; that of `settings` may be a word and is not read.
        settings: Minimum mapping unit, joining, mean probability, topography.
        elevation: Elevation [m] on a grid of its own, for directions of descent and the topographic filter.

    Raises:
        GridError: The grid is not in metres.
        InventoryError: The topographic filter is on and there is no elevation model.
    """
    # What labelling and outlines take on top of the map stays small in strips, and they give the same polygons.
    rows = (probability[first : first + _STRIP_ROWS] for first in range(0, len(probability), _STRIP_ROWS))
    strips = binary_strips(rows, threshold, settings.joining if settings.join_fragments else None)
    polygons = polygonise_strips(strips, grid, settings.minimum_area_m2)
    if settings.join_fragments:
        surface = Surface(probability, grid)
        polygons = join_fragments(polygons, settings.joining, elevation=elevation, probability=surface)
    else:
        polygons = polygons.assign(fragments=1)
    polygons = add_uncertainty(polygons, probability, grid, threshold=threshold)
    sure = polygons["mean_probability"] >= settings.minimum_mean_probability
    filtered = filter_by_topography(
        polygons[sure],
        settings.topography,
        elevation=elevation.values if elevation else None,
        grid=elevation.grid if elevation else None,
    )
    kept = filtered.kept.reset_index(drop=True)
    landslides = kept.assign(landslide_id=np.arange(1, len(kept) + 1))
    return Derived(landslides, polygons[~sure], filtered.removed)
