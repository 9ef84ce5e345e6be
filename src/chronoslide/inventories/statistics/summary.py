"""How many landslides an inventory holds and how much ground they cover, as in the paper's Table 4.

Reads finished inventories, manual or predicted; the report prints the two beside each other.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from chronoslide.inventories.matching import dissolved
from chronoslide.inventories.usable import usable


@dataclass(frozen=True, slots=True)
class Summary:
    """Number and area of the landslides of one inventory.

    Attributes:
        number: T_L of the paper.
        total_area_m2: TA_L of the paper: the sum over landslides (ground under two of them counts twice).
        covered_area_m2: The ground under at least one landslide.
        minimum_area_m2: Of the smallest; NaN for an empty inventory, as the next three.
        maximum_area_m2: Of the largest.
        mean_area_m2: Arithmetic mean.
        median_area_m2: Median.
    """

    number: int
    total_area_m2: float
    covered_area_m2: float
    minimum_area_m2: float
    maximum_area_m2: float
    mean_area_m2: float
    median_area_m2: float

    def as_dict(self) -> dict[str, float]:
        """For a metrics file."""
        return asdict(self)


def summarise(
    inventory: gpd.GeoDataFrame, area: shapely.Geometry | None = None, *, what: str = "the inventory"
) -> Summary:
    """Counts and measures the landslides of an inventory inside an area of interest.

    Args:
        inventory: Polygons in a projected system in metres.
        area: The area of interest in the same system; None takes the whole inventory.
        what: Names the inventory in errors.

    Raises:
        GridError: The coordinate reference system is missing or not in metres.
        InventoryError: The inventory holds points or lines.
    """
    return summarise_outlines(usable(inventory, what, area).outlines)


def summarise_outlines(outlines: NDArray[np.object_]) -> Summary:
    """The same of an inventory that was made usable already."""
    if not len(outlines):
        return Summary(0, 0.0, 0.0, math.nan, math.nan, math.nan, math.nan)
    areas = shapely.area(outlines)
    return Summary(
        number=len(areas),
        total_area_m2=float(areas.sum()),
        covered_area_m2=float(shapely.area(dissolved(outlines)).sum()),
        minimum_area_m2=float(areas.min()),
        maximum_area_m2=float(areas.max()),
        mean_area_m2=float(areas.mean()),
        median_area_m2=float(np.median(areas)),
    )
