import geopandas as gpd
import pytest
from shapely.geometry import MultiPolygon, Polygon, box

from chronoslide.errors import GridError, InventoryError
from chronoslide.inventories.usable import area_of_interest, require_one_crs, usable


def layer(*geometries, crs="EPSG:32645"):
    return gpd.GeoDataFrame(geometry=list(geometries), crs=crs)


def test_everything_that_was_done_is_told():
    bow_tie = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    made = usable(layer(bow_tie, None, box(90, 0, 110, 10), box(500, 0, 510, 10)), "ours", box(0, 0, 100, 100))
    assert made.as_dict() == {"repaired": 1, "dropped": 1, "outside": 1, "cut": 1}
    assert made.polygons.index.tolist() == [0, 2]
    assert made.polygons.area.tolist() == [50.0, 100.0]


def test_a_polygon_along_the_border_keeps_only_ground():
    # Inside lie a square and, where the two borders meet, a line, which is no ground.
    bracket = Polygon([(100, 0), (110, 0), (110, 50), (90, 50), (90, 40), (105, 40), (105, 10), (100, 10)])
    made = usable(layer(bracket), "ours", box(0, 0, 100, 100))
    assert made.polygons.geometry.iloc[0].geom_type == "Polygon"
    assert made.polygons.area.iloc[0] == 100.0


def test_without_an_area_nothing_is_cut():
    assert usable(layer(box(-5, 0, 5, 10)), "ours").polygons.area.tolist() == [100.0]


def test_the_area_of_interest_is_one_geometry():
    area = area_of_interest(layer(box(0, 0, 10, 10), box(5, 0, 15, 10), MultiPolygon([box(100, 0, 110, 10)])))
    assert area.area == 250.0


def test_an_area_without_ground_is_refused():
    with pytest.raises(InventoryError, match="covers no ground"):
        area_of_interest(layer())


def test_feet_are_refused():
    with pytest.raises(GridError, match="ours: EPSG:2263 is not in metres"):
        usable(layer(box(0, 0, 1, 1), crs="EPSG:2263"), "ours")


def test_two_reference_systems_are_named():
    with pytest.raises(GridError, match="a is in EPSG:32645 and c in EPSG:32644; reproject one of them"):
        require_one_crs({"a": layer(), "b": layer(), "c": layer(crs="EPSG:32644")})
