import geopandas as gpd
import pytest
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from chronoslide.errors import GridError, InventoryError
from chronoslide.inventories.multitemporal.preparing import prepare_inventories

A, B = box(0, 0, 100, 100), box(300, 0, 340, 40)
BOW_TIE = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])


def inventory(*outlines, crs="EPSG:32645", **columns):
    return gpd.GeoDataFrame(columns, geometry=list(outlines), crs=crs)


def prepare(frame, name="MI_2014.gpkg"):
    return prepare_inventories({2014: frame}, {2014: name})


def test_good_inventories_pass_without_a_note():
    prepared = prepare_inventories({2013: inventory(A), 2014: inventory(A, B)})
    assert list(prepared.polygons) == [2013, 2014]
    assert prepared.notes == ()
    assert prepared.polygons[2014]["polygon_id"].tolist() == ["0", "1"]


@pytest.mark.parametrize(
    ("inventories", "error", "message"),
    [
        ({}, InventoryError, "no inventory was given"),
        ({2013: inventory(A), 2014: inventory(A, crs="EPSG:32644")}, GridError, "in EPSG:32645 and 2014 in EPSG:32644"),
        ({2013: inventory(A, crs=None)}, GridError, "2013: no coordinate reference system; assign"),
        ({2013: inventory(A, crs="EPSG:4326")}, GridError, "2013: EPSG:4326 is not in metres; reproject"),
        ({2013: inventory(A, crs="EPSG:2263")}, GridError, "not in metres"),
        ({2013: inventory(A, Point(1, 1))}, InventoryError, "2013: feature 1 is a Point; an inventory needs polygons"),
        ({2013: inventory(LineString([(0, 0), (1, 1)]))}, InventoryError, "LineString"),
    ],
)  # fmt: skip
def test_what_cannot_be_repaired_is_refused_in_one_line(inventories, error, message):
    with pytest.raises(error, match=message) as caught:
        prepare_inventories(inventories)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "note", "areas"),
    [
        (inventory(A, BOW_TIE), "self-intersecting outlines made valid: features 1", [10_000, 50]),
        (inventory(A, Polygon()), "features without area dropped: 1", [10_000]),
        (inventory(A, None), "features without area dropped: 1", [10_000]),
        (inventory(A, B, A), "polygons drawn twice dropped: features 2", [10_000, 1_600]),
        (inventory(MultiPolygon([A, B])), "features of several parts kept as one landslide each: 0", [11_600]),
        (inventory(), "no polygons; every landslide of the year before counts as gone", []),
        (inventory(A, B, id=[7, 7]), "ids that stand more than once were given a suffix: 7", [10_000, 1_600]),
        (inventory(Polygon([(0, 0, 5), (10, 0, 5), (10, 10, 5)])), "heights of the outlines' points left out", [50]),
    ],
)
def test_what_can_be_repaired_is_repaired_and_stated(frame, note, areas):
    prepared = prepare(frame)
    assert [one for one in prepared.notes if one == f"MI_2014.gpkg: {note}" or one.startswith(f"MI_2014.gpkg: {note},")]
    assert len(prepared.notes) == 1
    assert prepared.polygons[2014].geometry.area.tolist() == areas
    assert not prepared.polygons[2014].geometry.has_z.any()


def test_years_out_of_order_are_sorted_and_stated():
    prepared = prepare_inventories({2015: inventory(A), 2013: inventory(A), 2014: inventory(A)})
    assert list(prepared.polygons) == [2013, 2014, 2015]
    assert prepared.notes == ("the years came in the order 2015, 2013, 2014; they were sorted",)


def test_polygons_keep_the_ids_they_came_with():
    assert prepare(inventory(A, B, OBJECTID=[12, 13])).polygons[2014]["polygon_id"].tolist() == ["12", "13"]
    twice = prepare(inventory(A, B, ID=[7, 7], area=[1, 2])).polygons[2014]
    assert twice["polygon_id"].tolist() == ["7", "7-2"]
    assert twice["area"].tolist() == [1, 2]


def test_a_long_list_is_cut_short():
    note = prepare(inventory(*[A] * 9)).notes[0]
    assert note.endswith("features 1, 2, 3, 4, 5 and 3 more")


def test_the_delivered_frame_is_left_as_it_was():
    frame = inventory(BOW_TIE, A, A)
    before = frame.copy()
    prepare(frame)
    assert frame.equals(before)
