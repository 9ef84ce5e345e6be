"""Landslide density by four definitions, density maps, and how alike two of them are (the paper's Table 5, Figure 7).

The paper does not say which density its Table 5 prints, and the definitions differ by a factor of several, so each
carries its name: number per area, share of area, maximum of a kernel density, mean of a kernel density.

Landslides stand as points, the centroids of their polygons. The kernel is the quartic one of Silverman (1986, p. 76),
its bandwidth the default of ArcGIS.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import geometry_mask
from scipy.signal import fftconvolve

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.matching import dissolved
from chronoslide.inventories.usable import usable, usable_pair

_M2_PER_KM2 = 1e6


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """The default search radius of ArcGIS's kernel density and what it is made of.

    Attributes:
        standard_distance_m: Root mean square distance of the points to their mean centre.
        median_distance_m: Median distance of the points to their mean centre.
        bandwidth_m: h; NaN where the points do not spread (fewer than two, or all in one place).
    """

    standard_distance_m: float
    median_distance_m: float
    bandwidth_m: float


@dataclass(frozen=True, slots=True)
class Densities:
    """The density of one inventory by four definitions.

    Attributes:
        number_per_km2: (a) landslides / area.
        area_share_percent: (b) ground under landslides / area.
        kernel_maximum_per_km2: (c) maximum of the kernel density inside the area, as in the paper's Table 5, most
            likely; NaN without a bandwidth.
        kernel_mean_per_km2: (d) mean of the kernel density inside the area, corrected for the kernels' part beyond
            its edge; NaN without a bandwidth.
        bandwidth_m: The bandwidth of (c) and (d).
        reason: Why a figure is NaN, or an empty text.
    """

    number_per_km2: float
    area_share_percent: float
    kernel_maximum_per_km2: float
    kernel_mean_per_km2: float
    bandwidth_m: float
    reason: str

    def as_dict(self) -> dict[str, float | str]:
        """For a metrics file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class MapComparison:
    """How alike two density maps on one bandwidth and one extent are.

    Attributes:
        pearson_r: Correlation over the pixels inside the area; NaN where one map is constant.
        rmse_per_km2: Root mean square difference.
        overlap: Sum of the lower values over sum of the higher ones: 1 for equal maps, 0 for disjoint ones; NaN where
            both are zero everywhere.
    """

    pearson_r: float
    rmse_per_km2: float
    overlap: float

    def as_dict(self) -> dict[str, float]:
        """For a metrics file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DensityComparison:
    """Manual and predicted inventory: densities and maps on the manual one's bandwidth and one grid.

    Attributes:
        manual: Densities of the manual inventory.
        predicted: Densities of the predicted inventory.
        manual_map: (rows, cols), landslides per km2; NaN outside the area.
        predicted_map: The same of the predicted inventory.
        likeness: How alike the maps are.
        grid: Where the pixels of the maps lie.
    """

    manual: Densities
    predicted: Densities
    manual_map: NDArray[np.float32]
    predicted_map: NDArray[np.float32]
    likeness: MapComparison
    grid: Grid

    def as_dict(self) -> dict[str, dict[str, float | str]]:
        """For a metrics file: all but the maps."""
        return {
            "manual": self.manual.as_dict(),
            "predicted": self.predicted.as_dict(),
            "likeness": {**self.likeness.as_dict()},
        }


def landslide_points(inventory: gpd.GeoDataFrame, area: shapely.Geometry, *, what: str) -> NDArray[np.float64]:
    """The landslides inside an area as points (n, 2): centroids, or a point on the surface where these lie outside.

    Raises:
        GridError: The coordinate reference system is missing or not in metres.
        InventoryError: The inventory holds points or lines.
    """
    return _points(usable(inventory, what, area).outlines, area)


def default_bandwidth(points: NDArray[np.float64]) -> Bandwidth:
    """The default bandwidth of ArcGIS's kernel density: 0.9 min(SD, sqrt(1 / ln 2) D_m) n^-0.2.

    Args:
        points: (n, 2), metres.
    """
    if len(points) < 2:
        return Bandwidth(math.nan, math.nan, math.nan)
    distances = np.hypot(*(points - points.mean(axis=0)).T)
    standard = float(np.sqrt((distances**2).mean()))
    median = float(np.median(distances))
    bandwidth = 0.9 * min(standard, math.sqrt(1 / math.log(2)) * median) * len(points) ** -0.2
    return Bandwidth(standard, median, bandwidth if bandwidth > 0 else math.nan)


def kernel_density(points: NDArray[np.float64], bandwidth_m: float, grid: Grid) -> NDArray[np.float64]:
    """Quartic kernel density at the centres of a grid's pixels.

    f = sum of 3 / (pi h^2) (1 - d^2 / h^2)^2 over the points nearer than h (Silverman 1986). Each point is added in the
    window that it reaches, at its exact place, so nothing is binned.

    Args:
        points: (n, 2), metres; those beyond the grid count where their kernel reaches into it.
        bandwidth_m: h.
        grid: In metres.

    Returns:
        (rows, cols), points per km2.
    """
    width, height = grid.resolution
    left, _, _, top = grid.bounds
    centres_x = left + (np.arange(grid.cols) + 0.5) * width
    centres_y = top - (np.arange(grid.rows) + 0.5) * height
    density = np.zeros(grid.shape)
    for x, y in points:
        cols = slice(*np.searchsorted(centres_x, [x - bandwidth_m, x + bandwidth_m]))
        rows = slice(*np.searchsorted(-centres_y, [-y - bandwidth_m, bandwidth_m - y]))
        across = ((centres_x[cols] - x) / bandwidth_m) ** 2
        along = ((centres_y[rows] - y) / bandwidth_m) ** 2
        density[rows, cols] += np.maximum(1.0 - across[np.newaxis, :] - along[:, np.newaxis], 0.0) ** 2
    return density * (3.0 / (math.pi * bandwidth_m**2) * _M2_PER_KM2)


def edge_share(inside: NDArray[np.bool_], bandwidth_m: float, grid: Grid) -> NDArray[np.float64]:
    """The share of a kernel at each pixel that lies inside the area; 1 far from the edge, about 1/2 on a straight edge.

    A density divided by it is unbiased for evenly spread points (Diggle 1985).

    Args:
        inside: (rows, cols), True inside the area.
        bandwidth_m: h.
        grid: Where the pixels lie.
    """
    width, height = grid.resolution
    # A kernel wider than the grid is cut where it cannot reach a pixel any more.
    cols = np.arange(-min(int(bandwidth_m / width), grid.cols), min(int(bandwidth_m / width), grid.cols) + 1)
    rows = np.arange(-min(int(bandwidth_m / height), grid.rows), min(int(bandwidth_m / height), grid.rows) + 1)
    squares = (cols[np.newaxis, :] * width / bandwidth_m) ** 2 + (rows[:, np.newaxis] * height / bandwidth_m) ** 2
    kernel = 3.0 / (math.pi * bandwidth_m**2) * np.maximum(1.0 - squares, 0.0) ** 2 * width * height
    whole = (bandwidth_m < grid.cols * width) and (bandwidth_m < grid.rows * height)
    if whole:
        kernel /= kernel.sum()  # the sampled kernel's sum differs from 1 by the discretisation
    share = fftconvolve(
        np.pad(inside.astype(np.float64), [(len(rows) // 2,) * 2, (len(cols) // 2,) * 2]), kernel, "valid"
    )
    return np.clip(np.asarray(share, dtype=np.float64), 0.0, 1.0)


def measure_densities(
    outlines: NDArray[np.object_],
    area: shapely.Geometry,
    grid: Grid,
    *,
    bandwidth_m: float | None = None,
    what: str = "the inventory",
) -> Densities:
    """The density of an inventory inside an area by the four definitions.

    Args:
        outlines: (landslides,), usable ones inside the area, metres.
        area: The area of interest in the same system.
        grid: Where the kernel density is evaluated; it covers the area.
        bandwidth_m: None takes the default of the inventory's own points.
        what: Names the inventory in errors.

    Raises:
        GridError: No pixel centre lies in the area.
    """
    return _measure(outlines, area, grid, bandwidth_m, what)[0]


def compare_densities(
    manual: gpd.GeoDataFrame, predicted: gpd.GeoDataFrame, area: shapely.Geometry, grid: Grid
) -> DensityComparison:
    """Densities and density maps of a manual and a predicted inventory on the manual one's bandwidth and one extent.

    Raises:
        GridError: A coordinate reference system is missing, not in metres, or not the other's.
        InventoryError: An inventory holds points or lines.
    """
    first, second = usable_pair(manual, predicted, area)
    return compare_outline_densities(first.outlines, second.outlines, area, grid)


def compare_outline_densities(
    manual: NDArray[np.object_], predicted: NDArray[np.object_], area: shapely.Geometry, grid: Grid
) -> DensityComparison:
    """The same of inventories that were made usable already.

    Raises:
        GridError: No pixel centre lies in the area.
    """
    bandwidth = default_bandwidth(_points(manual, area)).bandwidth_m
    manual_figures, manual_map = _measure(manual, area, grid, bandwidth, "the manual inventory")
    predicted_figures, predicted_map = _measure(predicted, area, grid, bandwidth, "the predicted inventory")
    return DensityComparison(
        manual=manual_figures,
        predicted=predicted_figures,
        manual_map=manual_map.astype(np.float32),
        predicted_map=predicted_map.astype(np.float32),
        likeness=compare_maps(manual_map, predicted_map),
        grid=grid,
    )


def compare_maps(first: NDArray[np.floating], second: NDArray[np.floating]) -> MapComparison:
    """How alike two density maps are, over the pixels where both are defined.

    Args:
        first: (rows, cols), per km2; NaN where undefined.
        second: The same shape.
    """
    both = np.isfinite(first) & np.isfinite(second)
    one, other = np.asarray(first[both], dtype=np.float64), np.asarray(second[both], dtype=np.float64)
    if not one.size:
        return MapComparison(math.nan, math.nan, math.nan)
    varied = one.std() > 0 and other.std() > 0
    higher = float(np.maximum(one, other).sum())
    return MapComparison(
        pearson_r=float(np.corrcoef(one, other)[0, 1]) if varied else math.nan,
        rmse_per_km2=float(np.sqrt(((one - other) ** 2).mean())),
        overlap=float(np.minimum(one, other).sum()) / higher if higher > 0 else math.nan,
    )


def normalised(density: NDArray[np.floating]) -> NDArray[np.float32]:
    """A density map stretched to 0-1, as the paper draws its Figure 7; a constant map becomes 0."""
    low, high = np.nanmin(density), np.nanmax(density)
    span = high - low
    return np.asarray((density - low) / (span if span > 0 else 1.0), dtype=np.float32)


def _measure(
    outlines: NDArray[np.object_], area: shapely.Geometry, grid: Grid, bandwidth_m: float | None, what: str
) -> tuple[Densities, NDArray[np.float64]]:
    """The densities of an inventory and its kernel density map, NaN outside the area or without a bandwidth."""
    points = _points(outlines, area)
    inside = ~geometry_mask([area], out_shape=grid.shape, transform=grid.transform)
    if not inside.any():
        raise GridError(f"{what}: no pixel of the density map lies inside the area; choose a finer resolution")
    area_m2 = float(shapely.area(area))
    bandwidth = default_bandwidth(points).bandwidth_m if bandwidth_m is None else bandwidth_m
    density = np.full(grid.shape, math.nan)
    maximum = mean = math.nan
    if math.isfinite(bandwidth):
        raw = kernel_density(points, bandwidth, grid)
        corrected = raw[inside] / edge_share(inside, bandwidth, grid)[inside]
        density[inside] = raw[inside]
        maximum, mean = float(raw[inside].max()), float(corrected.mean())
    covered = float(shapely.area(dissolved(outlines)).sum())
    figures = Densities(
        number_per_km2=len(points) / area_m2 * _M2_PER_KM2,
        area_share_percent=100.0 * covered / area_m2,
        kernel_maximum_per_km2=maximum,
        kernel_mean_per_km2=mean,
        bandwidth_m=bandwidth,
        reason="" if math.isfinite(bandwidth) else "no bandwidth: fewer than two landslides, or all in one place",
    )
    return figures, density


def _points(geometry: NDArray[np.object_], area: shapely.Geometry) -> NDArray[np.float64]:
    points = shapely.centroid(geometry)
    astray = ~shapely.covers(area, points) if len(points) else np.zeros(0, dtype=bool)
    points[astray] = shapely.point_on_surface(geometry[astray])
    return np.asarray(shapely.get_coordinates(points), dtype=np.float64).reshape(-1, 2)
