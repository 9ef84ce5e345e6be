"""What every measure of an inventory asks of its polygons: metres, valid outlines, and inside the area of interest.

Sits between the inventories (manual or predicted) and the figures made from them. What had to be repaired, dropped or
left out is kept beside the polygons, so that a report can say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from chronoslide.errors import GridError, InventoryError
from chronoslide.grid import name_of, require_metric
from chronoslide.vectors import repair_polygons


@dataclass(frozen=True, slots=True)
class Usable:
    """Polygons ready to be measured.

    Attributes:
        polygons: Valid Polygons and MultiPolygons, clipped to the area of interest, index as delivered.
        repaired: How many outlines had to be made valid.
        dropped: How many had no area.
        outside: How many lie wholly outside the area of interest.
        cut: How many its border cuts.
    """

    polygons: gpd.GeoDataFrame
    repaired: int
    dropped: int
    outside: int
    cut: int

    def as_dict(self) -> dict[str, int]:
        """What was done to the polygons, for a metrics file."""
        return {"repaired": self.repaired, "dropped": self.dropped, "outside": self.outside, "cut": self.cut}

    @property
    def outlines(self) -> NDArray[np.object_]:
        """A geometry a landslide."""
        return np.asarray(self.polygons.geometry.to_numpy())


def usable(frame: gpd.GeoDataFrame, what: str, area: shapely.Geometry | None = None) -> Usable:
    """Repairs the polygons of an inventory and clips them to an area of interest.

    A multipart feature stays one landslide. A landslide that the border cuts counts with the part inside.

    Args:
        frame: An inventory in any projected system in metres.
        what: Names the inventory in errors.
        area: The area of interest in the inventory's coordinate reference system; None takes all polygons as they are.

    Raises:
        GridError: The coordinate reference system is missing or not in metres.
        InventoryError: The inventory holds points or lines.
    """
    require_metric(_rasterio_crs(frame), what)
    repair = repair_polygons(frame, what)
    polygons = repair.polygons
    outside = cut = 0
    if area is not None and len(polygons):
        before = shapely.area(polygons.geometry.to_numpy())
        clipped = _clip(polygons.geometry.to_numpy(), area)
        after = shapely.area(clipped)
        cut = int(((after > 0) & (after < before * (1 - 1e-9))).sum())
        outside = int((after <= 0).sum())
        polygons = polygons.set_geometry(gpd.GeoSeries(clipped, index=polygons.index, crs=frame.crs))[after > 0]
    return Usable(polygons, len(repair.repaired), len(repair.dropped), outside, cut)


def usable_pair(
    manual: gpd.GeoDataFrame, predicted: gpd.GeoDataFrame, area: shapely.Geometry | None
) -> tuple[Usable, Usable]:
    """A manual and a predicted inventory of the same ground, both as `usable`.

    Raises:
        GridError: The two systems differ, or are missing or not in metres.
        InventoryError: An inventory holds points or lines.
    """
    require_one_crs({"the manual inventory": manual, "the predicted inventory": predicted})
    return usable(manual, "the manual inventory", area), usable(predicted, "the predicted inventory", area)


def area_of_interest(frame: gpd.GeoDataFrame, what: str = "the area of interest") -> shapely.Geometry:
    """The ground that a layer of polygons covers, as one geometry.

    Raises:
        GridError: The coordinate reference system is missing or not in metres.
        InventoryError: The layer covers nothing.
    """
    polygons = usable(frame, what).polygons
    if polygons.empty:
        raise InventoryError(f"{what}: covers no ground; deliver the outline of the mapped area")
    return shapely.union_all(polygons.geometry.to_numpy())


def require_one_crs(frames: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Refuses inventories in different coordinate reference systems.

    Raises:
        GridError: Naming the first two that differ.
    """
    names = list(frames)
    for name in names[1:]:
        if frames[name].crs != frames[names[0]].crs:
            first, second = (name_of(_rasterio_crs(frames[key])) for key in (names[0], name))
            raise GridError(f"{names[0]} is in {first} and {name} in {second}; reproject one of them")


def _clip(geometry: NDArray[np.object_], area: shapely.Geometry) -> NDArray[np.object_]:
    """The parts inside `area`; only what its border meets is cut, which keeps large inventories fast."""
    shapely.prepare(area)
    clipped = geometry.copy()
    partly = ~shapely.covers(area, geometry)
    parts = shapely.intersection(geometry[partly], area)
    # Touching borders leave lines and points beside the polygons: only ground counts.
    mixed = shapely.get_type_id(parts) == shapely.GeometryType.GEOMETRYCOLLECTION
    parts[mixed] = [
        shapely.union_all([part for part in shapely.get_parts(one) if "Polygon" in part.geom_type])
        for one in parts[mixed]
    ]
    clipped[partly] = parts
    return clipped


def _rasterio_crs(frame: gpd.GeoDataFrame) -> CRS | None:
    return None if frame.crs is None else CRS.from_user_input(frame.crs)
