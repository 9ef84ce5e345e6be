"""How sure the network was of a polygon: the entropy of the probabilities under it.

The last step before the topographic filter; the review hands out what is large and unsure first.
"""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.pixels import pixels_of


def pixel_entropy(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """The entropy of each pixel's choice between landslide and background (Shannon 1948), in bits.

    0 where the network is certain, 1 at a probability of 0.5; NaN where the probability is NaN.
    """
    p = np.asarray(probability, dtype=np.float64)
    q = 1.0 - p
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -(np.where(p > 0, p * np.log2(p), 0.0) + np.where(q > 0, q * np.log2(q), 0.0))
    return np.where(np.isnan(p), np.nan, np.abs(entropy))


def add_uncertainty(
    inventory: gpd.GeoDataFrame,
    probability: NDArray[np.floating],
    grid: Grid,
    augmented: NDArray[np.floating] | None = None,
    threshold: float = 0.5,
) -> gpd.GeoDataFrame:
    """Says of every polygon how sure the network was of it.

    Args:
        inventory: Polygons in the grid's coordinate reference system.
        probability: (rows, cols), NaN = unobserved.
        grid: Where the pixels lie.
        augmented: (n, rows, cols), the probabilities of n test-time augmentations, if there are any.
        threshold: Probability from which a pixel is landslide.

    Returns:
        The inventory with the columns `mean_probability`, `uncertainty` (mean entropy of the pixels inside, bits) and,
        given augmentations, `agreement` (share of their votes inside that say landslide); NaN where nothing was
        observed.

    Raises:
        GridError: An array does not fit the grid.
    """
    for array in (probability, *(augmented if augmented is not None else ())):
        if array.shape != grid.shape:
            raise GridError(f"polygon uncertainty: an array {array.shape} does not fit the grid {grid.shape}")
    rows = []
    for outline in inventory.geometry:
        place, inside = pixels_of(outline, grid)
        values = probability[place][inside]
        row = {"mean_probability": _mean(values), "uncertainty": _mean(pixel_entropy(values))}
        if augmented is not None:
            votes = augmented[(slice(None), *place)][:, inside]
            row["agreement"] = _mean(np.where(np.isnan(votes), np.nan, votes >= threshold))
        rows.append(row)
    columns = ["mean_probability", "uncertainty", *(["agreement"] if augmented is not None else [])]
    added = pd.DataFrame(rows, columns=columns, dtype=np.float64)
    return inventory.assign(**{name: added[name].to_numpy() for name in columns})


def _mean(values: NDArray[np.floating]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if known.size else math.nan
