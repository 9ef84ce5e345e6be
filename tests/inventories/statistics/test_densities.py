import math

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import Point, box

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.statistics.densities import (
    compare_densities,
    compare_maps,
    default_bandwidth,
    edge_share,
    kernel_density,
    measure_densities,
    normalised,
)
from chronoslide.inventories.usable import usable

UTM = CRS.from_epsg(32645)
FIVE = np.array([[0, 0], [1000, 0], [0, 1000], [1000, 1000], [500, 500]], dtype=float)


def measured(inventory, area, grid, **options):
    return measure_densities(usable(inventory, "the inventory", area).outlines, area, grid, **options)


def grid_around(left, bottom, right, top, resolution):
    return Grid.from_bounds((left, bottom, right, top), UTM, resolution)


def landslides(points, side=10.0):
    return gpd.GeoDataFrame(geometry=[Point(x, y).buffer(side / 2, cap_style="square") for x, y in points], crs=UTM)


def test_default_bandwidth_of_a_square_and_its_centre():
    bandwidth = default_bandwidth(FIVE)
    assert bandwidth.standard_distance_m == pytest.approx(632.456, abs=5e-4)
    assert bandwidth.median_distance_m == pytest.approx(707.107, abs=5e-4)
    assert bandwidth.bandwidth_m == pytest.approx(412.552, abs=5e-4)


def test_density_at_the_centre_of_a_square():
    grid = Grid(UTM, Affine(10, 0, -505, 0, -10, 1505), (201, 201))  # a pixel centre at (500, 500)
    density = kernel_density(FIVE, default_bandwidth(FIVE).bandwidth_m, grid)
    assert density[100, 100] == pytest.approx(5.6107, abs=5e-5)
    assert density.max() == density[100, 100]


def test_density_integrates_to_the_number_of_points():
    points = np.random.default_rng(1).uniform(500, 1500, (40, 2))
    density = kernel_density(points, 300.0, grid_around(0, 0, 2000, 2000, 5))
    assert density.sum() * 25 / 1e6 == pytest.approx(40.0, rel=1e-3)


def test_density_is_the_sum_over_all_points():
    points = np.random.default_rng(2).uniform(-100, 400, (30, 2))
    grid = grid_around(0, 0, 300, 200, 10)
    x, y = np.meshgrid(np.arange(5, 300, 10), np.arange(195, 0, -10))
    squares = ((x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2) / 150.0**2
    expected = (3 / (math.pi * 150.0**2) * np.where(squares < 1, (1 - squares) ** 2, 0)).sum(axis=-1) * 1e6
    np.testing.assert_allclose(kernel_density(points, 150.0, grid), expected, atol=1e-9)


def test_edge_share_is_one_inside_half_at_an_edge_and_a_quarter_in_a_corner():
    share = edge_share(np.ones((201, 201), dtype=bool), 200.0, grid_around(0, 0, 2010, 2010, 10))
    assert share[100, 100] == pytest.approx(1.0)
    assert share[100, 0] == pytest.approx(0.5, abs=0.05)
    assert share[0, 0] == pytest.approx(0.25, abs=0.05)


def test_pixels_need_not_be_square():
    grid = Grid(UTM, Affine(10, 0, 0, 0, -20, 2000), (100, 200))
    points = np.random.default_rng(1).uniform(500, 1500, (40, 2))
    assert kernel_density(points, 300.0, grid).sum() * 200 / 1e6 == pytest.approx(40.0, rel=1e-3)
    share = edge_share(np.ones(grid.shape, dtype=bool), 200.0, grid)
    assert share[50, 100] == pytest.approx(1.0)
    assert share[50, 0] == pytest.approx(0.5, abs=0.05)
    assert share[0, 100] == pytest.approx(0.5, abs=0.07)
    assert share[11, 100] == share[50, 21] == pytest.approx(1.0)  # 230 and 215 m from the edges


def test_edge_share_of_a_kernel_wider_than_the_area_is_the_area_under_its_top():
    share = edge_share(np.ones((10, 10), dtype=bool), 1000.0, grid_around(0, 0, 100, 100, 10))
    assert share[5, 5] == pytest.approx(3 / (math.pi * 1000.0**2) * 100 * 100, rel=0.02)


def test_four_definitions_of_31_landslides_on_33_km2():
    points = [(300 * k + 100, 100 + (k % 5) * 900) for k in range(21)] + [(200 * k + 150, 450) for k in range(10)]
    area = box(0, 0, 6600, 5000)
    densities = measured(landslides(points, side=100.0), area, grid_around(0, 0, 6600, 5000, 50))
    assert densities.number_per_km2 == pytest.approx(0.94, abs=0.005)
    assert densities.area_share_percent == pytest.approx(0.94, abs=0.005)  # each covers 0.01 km2
    assert densities.kernel_maximum_per_km2 > 2 * densities.kernel_mean_per_km2
    assert densities.reason == ""


def test_edge_correction_makes_the_mean_of_an_even_spread_its_number_per_area():
    x, y = np.meshgrid(np.arange(50, 2000, 100), np.arange(50, 2000, 100))
    points = np.column_stack([x.ravel(), y.ravel()]).astype(float)
    area = box(0, 0, 2000, 2000)
    densities = measured(landslides(points), area, grid_around(0, 0, 2000, 2000, 20), bandwidth_m=400.0)
    assert densities.number_per_km2 == 100.0
    assert densities.kernel_mean_per_km2 == pytest.approx(100.0, rel=0.01)


@pytest.mark.parametrize("points", [[], [(500, 500)], [(500, 500), (500, 500)]])
def test_without_spread_there_is_no_kernel_density_and_a_reason(points):
    densities = measured(landslides(points), box(0, 0, 1000, 1000), grid_around(0, 0, 1000, 1000, 50))
    assert densities.number_per_km2 == len(points)
    assert math.isnan(densities.kernel_maximum_per_km2)
    assert "no bandwidth" in densities.reason


def test_an_inventory_is_like_itself():
    manual = landslides(FIVE)
    comparison = compare_densities(manual, manual, box(-10, -10, 1010, 1010), grid_around(-20, -20, 1020, 1020, 20))
    assert comparison.likeness.pearson_r == pytest.approx(1.0)
    assert comparison.likeness.rmse_per_km2 == 0.0
    assert comparison.likeness.overlap == 1.0
    assert comparison.manual == comparison.predicted


def test_the_predicted_map_takes_the_manual_bandwidth_and_an_empty_one_is_zero():
    area, grid = box(-10, -10, 1010, 1010), grid_around(-20, -20, 1020, 1020, 20)
    comparison = compare_densities(landslides(FIVE), landslides([]), area, grid)
    assert comparison.predicted.bandwidth_m == comparison.manual.bandwidth_m
    assert comparison.predicted.kernel_maximum_per_km2 == 0.0
    assert comparison.likeness.overlap == 0.0
    assert math.isnan(comparison.likeness.pearson_r)


def test_maps_are_undefined_outside_the_area():
    comparison = compare_densities(
        landslides(FIVE), landslides(FIVE), box(-10, -10, 1010, 500), grid_around(-20, -20, 1020, 1020, 20)
    )
    assert np.isnan(comparison.manual_map[0]).all()
    assert np.isfinite(comparison.manual_map[-10, 5:-5]).all()


def test_likeness_of_two_maps_on_paper():
    likeness = compare_maps(np.array([[1.0, 2.0, np.nan]]), np.array([[2.0, 4.0, 1.0]]))
    assert likeness.pearson_r == pytest.approx(1.0)
    assert likeness.rmse_per_km2 == pytest.approx(math.sqrt(2.5))
    assert likeness.overlap == 0.5


def test_normalised_runs_from_0_to_1():
    np.testing.assert_array_equal(normalised(np.array([2.0, 4.0, 6.0])), np.float32([0, 0.5, 1]))


def test_two_crs_are_refused():
    with pytest.raises(GridError, match="manual inventory is in EPSG:32645 and the predicted inventory in EPSG:32644"):
        compare_densities(
            landslides(FIVE), landslides(FIVE).to_crs(32644), box(0, 0, 1, 1), grid_around(0, 0, 10, 10, 1)
        )
