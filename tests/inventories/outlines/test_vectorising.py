import datetime

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from rasterio.crs import CRS
from rasterio.features import rasterize

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.vectorising import binarise, polygonise, remove_small

UTM = CRS.from_epsg(32645)


def grid_of(array, resolution=5.0):
    return Grid(UTM, Affine(resolution, 0, 300_000, 0, -resolution, 3_100_000), array.shape)


RING = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 0],
        [0, 1, 0, 0, 0, 1, 0],
        [0, 1, 0, 1, 0, 1, 0],
        [0, 1, 0, 0, 0, 1, 0],
        [0, 1, 1, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    dtype=bool,
)


def test_a_ring_keeps_its_hole_and_the_island_in_it():
    frame = polygonise(RING, grid_of(RING))
    ring, island = frame.geometry
    assert frame["area_m2"].tolist() == [16 * 25, 25]
    assert [len(ring.interiors), len(island.interiors)] == [1, 0]
    assert ring.area == 16 * 25
    assert ring.bounds == (300_005, 3_099_970, 300_030, 3_099_995)
    assert island.bounds == (300_015, 3_099_980, 300_020, 3_099_985)


def test_mean_probability_is_over_the_pixels_of_the_object():
    probability = np.array([[0.5, 0.75, 0.0, 1.0], [0.0, 0.0, np.nan, 0.5]], dtype=np.float32)
    frame = polygonise(probability >= 0.5, grid_of(probability), probability)
    assert frame["mean_probability"].tolist() == [0.625, 0.75]


def test_without_probability_its_mean_is_undefined():
    assert polygonise(RING, grid_of(RING))["mean_probability"].isna().all()


def test_attributes_stand_in_every_row_and_dates_are_text():
    frame = polygonise(RING, grid_of(RING), year=2015, date=datetime.date(2015, 11, 9), model_version="transferred 3")
    assert frame.columns.tolist() == [
        "landslide_id", "area_m2", "mean_probability", "year", "date", "model_version", "geometry",
    ]  # fmt: skip
    assert frame["date"].tolist() == ["2015-11-09"] * 2
    assert frame["year"].tolist() == [2015, 2015]


def test_objects_are_numbered_by_their_first_pixel_row_by_row():
    binary = np.array([[0, 0, 1], [1, 0, 1], [1, 0, 1], [1, 0, 0]], dtype=bool)
    frame = polygonise(binary, grid_of(binary))
    assert frame["landslide_id"].tolist() == [1, 2]
    assert frame.geometry.bounds["minx"].tolist() == [300_010, 300_000]


def test_nothing_gives_an_empty_frame_with_the_same_columns_and_types():
    nothing = np.zeros((3, 3), dtype=bool)
    attributes = {"year": 2015, "date": datetime.date(2015, 11, 9), "model_version": "x"}
    empty = polygonise(nothing, grid_of(nothing), nothing.astype(np.float32), **attributes)
    full = polygonise(RING, grid_of(RING), RING.astype(np.float32), **attributes)
    assert len(empty) == 0
    assert empty.crs == full.crs
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert isinstance(empty, gpd.GeoDataFrame)


def test_pixels_that_touch_at_a_corner_are_two_valid_polygons():
    binary = np.array([[1, 0], [0, 1]], dtype=bool)
    frame = polygonise(binary, grid_of(binary))
    assert len(frame) == 2


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_polygons_are_valid_keep_the_area_exactly_and_rasterise_back(binary):
    grid = grid_of(binary)
    frame = polygonise(binary, grid)
    assert frame.geometry.is_valid.all()
    assert (frame.geometry.geom_type == "Polygon").all()
    assert (frame.geometry.area == frame["area_m2"]).all()
    assert frame["area_m2"].sum() == binary.sum() * 25
    if len(frame):
        back = rasterize(frame.geometry, out_shape=grid.shape, transform=grid.transform)
        assert (back.astype(bool) == binary).all()


def test_the_threshold_itself_is_landslide_and_nan_is_background():
    probability = np.array([[0.5, 0.4999, np.nan, 1.0]], dtype=np.float32)
    assert binarise(probability, 0.5, 0.0, grid_of(probability)).tolist() == [[True, False, False, True]]


def test_objects_below_eight_pixels_go_and_eight_stay():
    binary = np.zeros((3, 20), dtype=bool)
    binary[0, :7] = binary[2, :8] = True
    kept = remove_small(binary, 200.0, grid_of(binary))
    assert not kept[0].any()
    assert kept[2].sum() == 8


def test_an_object_of_two_corners_counts_as_two():
    binary = np.zeros((4, 4), dtype=bool)
    binary[:2, :2] = binary[2:, 2:] = True
    assert remove_small(binary, 100.0, grid_of(binary)).sum() == 8
    assert not remove_small(binary, 101.0, grid_of(binary)).any()


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.sampled_from([0.0, 25.0, 26.0, 75.0, 200.0]))
def test_every_polygon_is_at_least_the_minimum_mapping_unit(binary, minimum):
    frame = polygonise(remove_small(binary, minimum, grid_of(binary)), grid_of(binary))
    assert (frame["area_m2"] >= minimum).all()


def test_the_input_is_left_as_it_was():
    kept = remove_small(RING, 0.0, grid_of(RING))
    kept[:] = False
    assert RING.any()


def test_degrees_are_refused():
    grid = Grid(CRS.from_epsg(4326), Affine(1e-4, 0, 85, 0, -1e-4, 28), RING.shape)
    with pytest.raises(GridError, match="not in metres"):
        binarise(RING.astype(np.float32), 0.5, 200.0, grid)
