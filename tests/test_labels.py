from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from shapely.geometry import MultiPolygon, Point, Polygon, box

from chronoslide.errors import GridError, InventoryError
from chronoslide.grid import Grid
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNLABELLED, UNOBSERVED, rasterise
from chronoslide.vectors import read_polygons, repair_polygons

REAL = Path(__file__).parents[1] / "../shared/data/nepal_inventories"
UTM45 = CRS.from_epsg(32645)
GRID = Grid(UTM45, Affine(5, 0, 0, 0, -5, 30), (6, 8))  # 40 m wide, 30 m high, lower left corner at 0, 0
VALID = np.ones(GRID.shape, dtype=bool)


def inventory(*geometries, crs=UTM45):
    return gpd.GeoDataFrame(geometry=list(geometries), crs=crs)


def labelled(*geometries, valid=VALID, all_touched=False, crs=UTM45):
    return rasterise(inventory(*geometries, crs=crs), GRID, valid, all_touched=all_touched, what="2016.gpkg")


def drawn(text):
    """A picture of labels: `.` background, `#` landslide, `?` unobserved."""
    signs = {".": BACKGROUND, "#": LANDSLIDE, "?": UNOBSERVED}
    return np.array([[signs[sign] for sign in line] for line in text.split()], dtype=np.uint8)


@pytest.mark.parametrize(
    ("geometry", "all_touched", "picture"),
    [
        (box(5, 5, 20, 15), False, "........ ........ ........ .###.... .###.... ........"),
        (box(7, 7, 18, 13), False, "........ ........ ........ .###.... .###.... ........"),
        (box(8, 8, 12, 12), False, "........ ........ ........ ........ ........ ........"),
        (box(8, 8, 12, 12), True, "........ ........ ........ .##..... .##..... ........"),
        (
            Polygon(box(0, 0, 25, 25).exterior, [box(10, 10, 15, 15).exterior]),
            False,
            "........ #####... #####... ##.##... #####... #####...",
        ),
        (
            MultiPolygon([box(0, 0, 5, 5), box(35, 25, 40, 30)]),
            False,
            ".......# ........ ........ ........ ........ #.......",
        ),
        (box(30, 20, 90, 90), False, "......## ......## ........ ........ ........ ........"),
        (
            Polygon([(0, 0), (30, 30), (30, 0), (0, 30)]),
            False,
            None,
        ),
    ],
    ids=["on edges", "over centres", "beside centres", "touched", "hole", "two parts", "over the border", "bow tie"],
)
def test_a_pixel_is_landslide_where_its_centre_lies_in_a_polygon(geometry, all_touched, picture):
    labels = labelled(geometry, all_touched=all_touched)
    assert labels.dtype == np.uint8
    if picture is None:  # two triangles of 225 m2 that meet in the middle
        assert abs((labels == LANDSLIDE).sum() * 25 - 450) <= 3 * 25 * 2
        assert labels[0, 3] == BACKGROUND
        assert labels[3, 0] == LANDSLIDE
    else:
        np.testing.assert_array_equal(labels, drawn(picture))


def test_masks_on_disk_hold_0_1_254_and_255():
    assert (BACKGROUND, LANDSLIDE, UNLABELLED, UNOBSERVED) == (0, 1, 254, 255)


def test_what_the_scene_did_not_observe_is_neither():
    valid = VALID.copy()
    valid[:, 2] = False
    np.testing.assert_array_equal(
        labelled(box(5, 5, 20, 15), valid=valid), drawn("..?..... ..?..... ..?..... .#?#.... .#?#.... ..?.....")
    )


def test_overlapping_polygons_are_landslide_once():
    labels = labelled(box(5, 5, 20, 15), box(10, 5, 25, 15))
    np.testing.assert_array_equal(labels, drawn("........ ........ ........ .####... .####... ........"))


def test_an_inventory_without_polygons_is_all_background():
    np.testing.assert_array_equal(labelled(), np.full(GRID.shape, BACKGROUND))


def test_polygons_in_degrees_land_where_their_metres_do():
    shifted = Grid(UTM45, Affine(5, 0, 300_000, 0, -5, 3_100_030), GRID.shape)
    place = inventory(box(300_006, 3_100_006, 300_019, 3_100_014)).to_crs(4326)
    labels = rasterise(place, shifted, VALID, all_touched=False, what="2016.gpkg")
    np.testing.assert_array_equal(labels, drawn("........ ........ ........ .###.... .###.... ........"))


def test_the_inventory_is_left_as_it_was():
    frame = inventory(box(5, 5, 20, 15), Polygon([(0, 0), (30, 30), (30, 0), (0, 30)]))
    before = frame.copy()
    rasterise(frame, GRID, VALID, all_touched=False, what="2016.gpkg")
    assert frame.geometry.to_wkt().tolist() == before.geometry.to_wkt().tolist()


@pytest.mark.parametrize(
    ("geometry", "crs", "error", "words"),
    [
        (
            box(1_000, 1_000, 1_100, 1_100),
            UTM45,
            InventoryError,
            "all 1 polygons lie outside of the scene.*x 1000 to 1100",
        ),
        (box(85, 28, 85.1, 28.1), CRS.from_epsg(4326), InventoryError, "lie outside of the scene"),
        (box(5, 5, 20, 15), None, GridError, "no coordinate reference system; assign"),
        (Point(5, 5), UTM45, InventoryError, "is a Point"),
        (Polygon([(0, 0), (5, 5), (10, 10)]), UTM45, InventoryError, "none of its 1 features has an area"),
    ],
    ids=["elsewhere", "elsewhere in degrees", "no CRS", "a point", "no area"],
)
def test_an_inventory_that_cannot_be_used_is_named(geometry, crs, error, words):
    with pytest.raises(error, match=words) as caught:
        labelled(geometry, crs=crs)
    assert str(caught.value).startswith("2016.gpkg: ")
    assert "\n" not in str(caught.value)


def test_metres_taken_for_degrees_are_found_outside():
    """Coordinates that their system cannot show become infinite; that must not break the message."""
    with pytest.raises(InventoryError, match="lie outside of the scene"):
        labelled(box(300_000, 3_100_000, 300_100, 3_100_100), crs=CRS.from_epsg(4326))


@pytest.mark.parametrize("shape", [(2, 2), (6, 9), (48,)])
def test_a_validity_of_another_shape_is_refused(shape):
    with pytest.raises(GridError, match="does not fit the grid"):
        labelled(box(5, 5, 20, 15), valid=np.ones(shape, dtype=bool))


corners = st.integers(0, 7)


@settings(max_examples=50, deadline=None)
@given(corners, corners, corners, corners)
def test_boxes_on_pixel_edges_keep_their_area_exactly(left, bottom, width, height):
    polygon = box(5 * left, 5 * bottom, 5 * (left + width + 1), 5 * (bottom + height + 1))
    inside = polygon.intersection(GRID.footprint).area
    if inside:
        assert (labelled(polygon) == LANDSLIDE).sum() * 25 == inside


@pytest.mark.skipif(not REAL.is_dir(), reason="the published inventories are not on this machine")
@pytest.mark.parametrize("year", range(2013, 2020))
def test_the_published_inventories_keep_their_area_within_two_per_cent(year):
    published = read_polygons(REAL / f"{year}.shp")
    polygons = repair_polygons(published, str(year)).polygons
    left, bottom, right, top = (float(value) for value in polygons.total_bounds)
    grid = Grid.from_bounds((left, bottom, right, top), UTM45, 5)
    labels = rasterise(published, grid, np.ones(grid.shape, dtype=bool), all_touched=False, what=str(year))
    burned = (labels == LANDSLIDE).sum() * grid.pixel_area_m2
    assert burned == pytest.approx(polygons.geometry.union_all().area, rel=0.02)
