import math

import geopandas as gpd
import pytest
from shapely.geometry import MultiPolygon, Point, Polygon, box

from chronoslide.errors import GridError, InventoryError
from chronoslide.inventories.statistics.summary import summarise


def inventory(*geometries, crs="EPSG:32645"):
    return gpd.GeoDataFrame(geometry=list(geometries), crs=crs)


def test_numbers_of_three_boxes():
    summary = summarise(inventory(box(0, 0, 10, 10), box(20, 0, 50, 10), box(100, 0, 120, 10)))
    assert summary.as_dict() == {
        "number": 3,
        "total_area_m2": 600.0,
        "covered_area_m2": 600.0,
        "minimum_area_m2": 100.0,
        "maximum_area_m2": 300.0,
        "mean_area_m2": 200.0,
        "median_area_m2": 200.0,
    }


def test_only_the_part_inside_the_area_counts():
    polygons = inventory(box(-5, 0, 5, 10), box(20, 0, 30, 10), box(200, 0, 210, 10))
    summary = summarise(polygons, box(0, 0, 100, 100))
    assert (summary.number, summary.total_area_m2, summary.minimum_area_m2) == (2, 150.0, 50.0)


def test_a_polygon_that_touches_the_area_from_outside_does_not_count():
    assert summarise(inventory(box(-10, 0, 0, 10)), box(0, 0, 100, 100)).number == 0


def test_ground_under_two_landslides_is_covered_once():
    summary = summarise(inventory(box(0, 0, 10, 10), box(5, 0, 15, 10)))
    assert (summary.total_area_m2, summary.covered_area_m2) == (200.0, 150.0)


def test_a_multipart_landslide_is_one():
    assert summarise(inventory(MultiPolygon([box(0, 0, 10, 10), box(20, 0, 30, 10)]))).number == 1


def test_an_empty_inventory_has_no_areas():
    summary = summarise(inventory())
    assert summary.number == 0
    assert math.isnan(summary.mean_area_m2)


def test_a_bow_tie_is_repaired():
    assert summarise(inventory(Polygon([(0, 0), (10, 10), (10, 0), (0, 10)]))).total_area_m2 == pytest.approx(50.0)


def test_degrees_are_refused():
    with pytest.raises(GridError, match="manual 2013: EPSG:4326 is not in metres"):
        summarise(inventory(box(0, 0, 1, 1), crs="EPSG:4326"), what="manual 2013")


def test_a_missing_crs_is_refused():
    with pytest.raises(GridError, match="no coordinate reference system"):
        summarise(inventory(box(0, 0, 1, 1), crs=None))


def test_points_are_refused():
    with pytest.raises(InventoryError, match="is a Point"):
        summarise(inventory(Point(0, 0)))
