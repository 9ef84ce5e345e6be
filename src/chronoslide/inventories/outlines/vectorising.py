"""Vectorising: probabilities become landslide polygons.

The first step of an inventory: threshold, minimum mapping unit, outlines. Pixels hang together over their edges only
(4-connectivity), in the minimum mapping unit and in the outlines alike: outlines over corners would touch themselves,
which makes invalid polygons. So each object that passes the minimum mapping unit is exactly one valid polygon, whose
area is its number of pixels times the area of a pixel. Pieces that touch at a corner are joined by `joining`.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rasterio import features
from scipy import ndimage
from shapely.geometry import Polygon
from shapely.geometry import shape as as_geometry

from chronoslide.grid import Grid


def binarise(
    probability: NDArray[np.float32], threshold: float, minimum_area_m2: float, grid: Grid
) -> NDArray[np.bool_]:
    """Landslide or not, without objects below the minimum mapping unit.

    Args:
        probability: (rows, cols), NaN where unobserved; NaN is background.
        threshold: Probability from which a pixel is landslide.
        minimum_area_m2: Smallest object that is kept [m2].
        grid: Where the pixels lie.

    Returns:
        (rows, cols), True on landslides.
    """
    with np.errstate(invalid="ignore"):
        above = probability >= threshold
    return remove_small(above, minimum_area_m2, grid)


def remove_small(binary: NDArray[np.bool_], minimum_area_m2: float, grid: Grid) -> NDArray[np.bool_]:
    """Removes objects (4-connectivity) of less than `minimum_area_m2` [m2] from (rows, cols)."""
    # The nudge keeps 200 m2 at 8 pixels of 25.000000001 m2 and of 24.999999999 m2 alike.
    minimum_pixels = math.ceil(minimum_area_m2 / grid.pixel_area_m2 - 1e-6)
    if minimum_pixels <= 1:
        return binary.copy()
    labels, _ = ndimage.label(binary)
    large = np.bincount(labels.ravel()) >= minimum_pixels
    large[0] = False
    return np.asarray(large[labels])


def polygonise(
    binary: NDArray[np.bool_], grid: Grid, probability: NDArray[np.float32] | None = None, **attributes: object
) -> gpd.GeoDataFrame:
    """The outlines of the objects of a raster, holes kept, areas preserved.

    Args:
        binary: (rows, cols), True on landslides.
        grid: Where the pixels lie.
        probability: (rows, cols) for the column `mean_probability`; the column is NaN without it.
        attributes: Further columns that have one value for all polygons, for example date, year, model_version. A
            date becomes ISO 8601 text.

    Returns:
        One row an object (4-connectivity), in the order of their first pixels, row by row: `landslide_id` (1, 2, ...),
        `area_m2`, `mean_probability`, then `attributes`. No object gives an empty frame with the same columns.
    """
    labels, count = ndimage.label(binary)
    # A label is one object, so each is one shape; GDAL gives them in the order in which they end, not begin.
    outlines = {
        int(label): as_geometry(outline)
        for outline, label in features.shapes(
            labels.astype(np.int32), mask=labels > 0, connectivity=4, transform=grid.transform
        )
    }
    pixels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    mean = np.full(count, np.nan)
    if probability is not None and count:
        mean = np.asarray(ndimage.mean(probability, labels, np.arange(1, count + 1)), dtype=np.float64)
    return polygon_frame(pixels, mean, [outlines[label + 1] for label in range(count)], grid, attributes)


def polygon_frame(
    pixels: NDArray[np.int64],
    mean_probability: NDArray[np.float64],
    outlines: Sequence[Polygon],
    grid: Grid,
    attributes: Mapping[str, object],
) -> gpd.GeoDataFrame:
    """The table that `polygonise` returns, from one number of pixels, mean and outline an object, in order."""
    count = len(outlines)
    columns: dict[str, object] = {
        "landslide_id": np.arange(1, count + 1, dtype=np.int64),
        "area_m2": pixels * grid.pixel_area_m2,
        "mean_probability": np.round(mean_probability, 4),
    }
    columns |= {name: _constant(value, count) for name, value in attributes.items()}
    return gpd.GeoDataFrame(columns, geometry=list(outlines), crs=grid.crs)


def _constant(value: object, count: int) -> pd.Series[Any]:
    """A column of one value whose type is right even without rows; dates become ISO 8601 text."""
    if isinstance(value, datetime.date):
        value = value.isoformat()
    kinds = {bool: "bool", int: "int64", float: "float64", str: "str"}
    return pd.Series([value] * count, dtype=kinds.get(type(value), "object"))
