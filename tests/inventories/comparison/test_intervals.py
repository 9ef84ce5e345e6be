import math

import geopandas as gpd
import numpy as np
import pytest
from rasterio.crs import CRS
from shapely.geometry import box

from chronoslide.inventories.comparison.comparing import compare_inventories
from chronoslide.inventories.comparison.intervals import comparison_intervals

UTM = CRS.from_epsg(32645)


def inventory(*boxes):
    return gpd.GeoDataFrame(geometry=[box(*corners) for corners in boxes], crs=UTM)


def scattered(number, seed):
    rng = np.random.default_rng(seed)
    manual, predicted = [], []
    for k in range(number):
        x, y = 400.0 * (k % 10), 400.0 * (k // 10)
        manual.append((x, y, x + 50, y + 50))
        if rng.random() < 0.7:
            shift = rng.uniform(0, 15)
            predicted.append((x + shift, y, x + 60 + shift, y + 50))
    return compare_inventories(inventory(*manual), inventory(*predicted))


def test_intervals_hold_the_values_of_the_comparison():
    comparison = scattered(100, seed=1)
    intervals = comparison_intervals(comparison, 640.0, 300, 0.95, seed=1)
    figures, main = comparison.figures, comparison.figures.one_to_one[0]
    for name, interval in intervals.items():
        assert interval.value == pytest.approx(getattr(figures, name, None) or getattr(main, name))
        assert interval.low <= interval.value <= interval.high
    assert 0.05 < intervals["recall"].high - intervals["recall"].low < 0.35


def test_the_same_seed_draws_the_same_blocks():
    comparison = scattered(30, seed=2)
    assert comparison_intervals(comparison, 640.0, 50, 0.9, 3) == comparison_intervals(comparison, 640.0, 50, 0.9, 3)


def test_one_block_has_no_interval():
    interval = comparison_intervals(scattered(1, seed=4), 6400.0, 50, 0.95, 1)["detection_rate"]
    assert math.isnan(interval.low)
    assert interval.blocks == 1


def test_nothing_to_compare_has_no_values():
    intervals = comparison_intervals(compare_inventories(inventory(), inventory()), 640.0, 50, 0.95, 1)
    assert all(math.isnan(interval.value) for interval in intervals.values())
