"""One year's predicted inventory against the manual one: Tables 4 and 5, objects, sizes, and the pairs of Figure 8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from chronoslide.grid import Grid
from chronoslide.inventories.comparison.comparing import compare_usable
from chronoslide.inventories.comparison.intervals import comparison_intervals
from chronoslide.inventories.outlines.joining import fragmentation_index
from chronoslide.inventories.statistics.densities import DensityComparison, compare_outline_densities
from chronoslide.inventories.statistics.size_statistics import empirical_density, measure_sizes
from chronoslide.inventories.statistics.summary import summarise_outlines
from chronoslide.inventories.usable import usable, usable_pair
from chronoslide.params import EvaluateSettings

_M2_PER_KM2 = 1e6


@dataclass(frozen=True)
class InventoryJudgement:
    """Two inventories of one year, held against each other.

    Attributes:
        figures: For `reports/metrics.json`: `manual` and `predicted` (number, areas, densities a and b), `objects`
            (matching, shapes, with intervals), `densities` (all four definitions, likeness of the maps), `sizes`,
            `fragmentation` (index before and after joining).
        pairs: A row a manual landslide that is hit: `manual`, `manual_area_m2`, `predicted_area_m2` (Figure 8).
        size_distribution: Empirical densities: `inventory`, `area_m2`, `density_per_m2`, `number`.
        densities: With the density maps (Figure 7).
    """

    figures: dict[str, Any]
    pairs: pd.DataFrame
    size_distribution: pd.DataFrame
    densities: DensityComparison


def judge_inventories(
    manual: gpd.GeoDataFrame,
    predicted: gpd.GeoDataFrame,
    area: shapely.Geometry,
    grid: Grid,
    settings: EvaluateSettings,
    *,
    minimum_area_m2: float,
    seed: int,
    fragments: gpd.GeoDataFrame | None = None,
) -> InventoryJudgement:
    """Compares two inventories inside an area of interest.

    Args:
        manual: The reference; polygons in metres.
        predicted: The same coordinate reference system.
        area: The area of interest.
        grid: Of the density maps.
        settings: Thresholds, classes, bootstrap.
        minimum_area_m2: The minimum mapping unit, from which sizes are fitted.
        seed: Of the bootstraps.
        fragments: The predicted polygons before fragments were joined, for the fragmentation index before and after.

    Raises:
        GridError: The two do not share one reference system in metres.
        InventoryError: One holds points or lines.
    """
    first, second = usable_pair(manual, predicted, area)
    outlines = {"manual": first.outlines, "predicted": second.outlines}
    comparison = compare_usable(first, second, settings.compare)
    densities = compare_outline_densities(outlines["manual"], outlines["predicted"], area, grid)
    intervals = comparison_intervals(
        comparison, settings.block_metres, settings.bootstrap_samples, settings.confidence, seed
    )
    areas = {kind: shapely.area(geometry) for kind, geometry in outlines.items()}
    sizes = {
        kind: measure_sizes(
            values,
            minimum_area_m2=minimum_area_m2,
            seed=seed,
            settings=settings.statistics,
            confidence=settings.confidence,
        )
        for kind, values in areas.items()
    }
    objects = comparison.as_dict()
    objects["intervals"] = {name: [interval.low, interval.high] for name, interval in intervals.items()}
    figures = {
        **{kind: _table_4(geometry, area) for kind, geometry in outlines.items()},
        "objects": objects,
        "densities": densities.as_dict(),
        "sizes": {kind: size.as_dict() for kind, size in sizes.items()},
        "fragmentation": {
            "before": float("nan")
            if fragments is None
            else _fragmentation(outlines["manual"], fragments, area, settings),
            "after": fragmentation_index(outlines["manual"], outlines["predicted"], settings.compare.hit_overlap),
        },
    }
    distribution = [empirical_density(values).assign(inventory=kind) for kind, values in areas.items()]
    return InventoryJudgement(figures, comparison.sizes.table, pd.concat(distribution), densities)


def _fragmentation(
    manual: NDArray[np.object_], fragments: gpd.GeoDataFrame, area: shapely.Geometry, settings: EvaluateSettings
) -> float:
    pieces = usable(fragments, "the predicted fragments", area).outlines
    return fragmentation_index(manual, pieces, settings.compare.hit_overlap)


def _table_4(outlines: NDArray[np.object_], area: shapely.Geometry) -> dict[str, float]:
    summary = summarise_outlines(outlines)
    return {
        "count": summary.number,
        "area_m2": summary.total_area_m2,
        "min_m2": summary.minimum_area_m2,
        "max_m2": summary.maximum_area_m2,
        "mean_m2": summary.mean_area_m2,
        "density_per_km2": summary.number / (area.area / _M2_PER_KM2),
        "density_percent": 100 * summary.covered_area_m2 / area.area,
    }
