import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.windows import Window

from chronoslide.errors import GridError
from chronoslide.grid import Grid, name_of, require_metric, require_same

UTM45 = CRS.from_epsg(32645)
UTM44 = CRS.from_epsg(32644)
DEGREES = CRS.from_epsg(4326)
GRID = Grid(UTM45, Affine(5, 0, 300_000, 0, -5, 3_100_000), (4, 6))

coordinates = st.floats(-1e6, 1e7, allow_nan=False)
lengths = st.floats(0.01, 5_000, allow_nan=False)
resolutions = st.sampled_from([0.5, 3.0, 5.0, 10.0, 30.0])
offsets = st.integers(-10_000, 10_000)
counts = st.integers(1, 3_000)


@given(coordinates, coordinates, lengths, lengths, resolutions)
def test_a_grid_from_bounds_covers_them_starts_at_multiples_and_wastes_no_pixel(left, bottom, width, height, size):
    grid = Grid.from_bounds((left, bottom, left + width, bottom + height), UTM45, size)
    tolerance = size * 2e-3
    assert grid.bounds[0] <= left + tolerance
    assert grid.bounds[1] <= bottom + tolerance
    assert grid.bounds[2] >= left + width - tolerance
    assert grid.bounds[3] >= bottom + height - tolerance
    assert math.isclose(grid.bounds[0] / size, round(grid.bounds[0] / size), abs_tol=1e-6)
    assert math.isclose(grid.bounds[3] / size, round(grid.bounds[3] / size), abs_tol=1e-6)
    assert grid.cols <= width / size + 2
    assert grid.rows <= height / size + 2


@given(offsets, offsets, counts, counts)
def test_crop_and_window_of_undo_each_other(col, row, cols, rows):
    window = Window(col, row, cols, rows)
    assert GRID.window_of(GRID.crop(window)) == window


@given(offsets, offsets, counts, counts, offsets, offsets)
def test_two_crops_are_one_crop_by_the_sum_of_their_offsets(col, row, cols, rows, more_cols, more_rows):
    twice = GRID.crop(Window(col, row, 1, 1)).crop(Window(more_cols, more_rows, cols, rows))
    assert twice == GRID.crop(Window(col + more_cols, row + more_rows, cols, rows))


@given(st.floats(0.01, 0.99))
def test_a_grid_shifted_by_part_of_a_pixel_is_refused(share):
    shifted = Grid(UTM45, GRID.transform @ Affine.translation(share, 0), GRID.shape)
    with pytest.raises(GridError, match="part of a pixel"):
        GRID.window_of(shifted)


def test_bounds_resolution_area_and_footprint_of_four_rows_and_six_columns():
    assert GRID.bounds == (300_000, 3_099_980, 300_030, 3_100_000)
    assert GRID.resolution == (5, 5)
    assert GRID.pixel_area_m2 == 25
    assert GRID.footprint.area == 4 * 6 * 25
    assert (GRID.rows, GRID.cols) == (4, 6)


def test_bounds_on_pixel_edges_up_to_rounding_add_no_pixel():
    assert Grid.from_bounds((299_999.9999, 3_099_980.0001, 300_030.0001, 3_099_999.9999), UTM45, 5) == GRID


@pytest.mark.parametrize(
    ("crs", "transform", "shape", "words"),
    [
        (UTM45, Affine(5, 0, 0, 0, -5, 0), (0, 6), "at least one row"),
        (UTM45, Affine(5, 0, 0, 0, -5, 0), (-1, 6), "at least one row"),
        (UTM45, Affine(5, 0, 0, 0, -5, 0), (4, 0), "at least one row"),
        (UTM45, Affine(5, 0, 0, 0, -5, 0), (4, -1), "at least one row"),
        (UTM45, Affine(5, 1, 0, 0, -5, 0), (4, 6), r"north-up.*\(5.0, 1.0, 0.0, 0.0, -5.0, 0.0\)"),
        (UTM45, Affine(5, 0, 0, 1, -5, 0), (4, 6), "north-up"),
        (UTM45, Affine(5, 0, 0, 0, 5, 0), (4, 6), "north-up"),
        (UTM45, Affine(5, 0, 0, 0, 0, 0), (4, 6), "north-up"),
        (UTM45, Affine(0, 0, 0, 0, -5, 0), (4, 6), "north-up"),
        (UTM45, Affine(-5, 0, 0, 0, -5, 0), (4, 6), "north-up"),
    ],
)
def test_an_impossible_grid_is_refused(crs, transform, shape, words):
    with pytest.raises(GridError, match=words):
        Grid(crs, transform, shape)


def test_one_pixel_is_a_grid_also_one_smaller_than_a_metre():
    assert Grid(UTM45, Affine(0.5, 0, 0, 0, -0.5, 0), (1, 1)).bounds == (0, -0.5, 0.5, 0)


def test_a_grid_from_a_point_or_from_one_pixel_has_one_pixel():
    one = Grid(UTM45, Affine(5, 0, 300_000, 0, -5, 3_100_000), (1, 1))
    assert Grid.from_bounds((300_000, 3_100_000, 300_000, 3_100_000), UTM45, 5) == one
    assert Grid.from_bounds((300_001, 3_099_996, 300_004, 3_099_999), UTM45, 5) == one


def test_bounds_that_reach_over_an_edge_by_more_than_rounding_add_the_pixel():
    assert Grid.from_bounds((299_999.9, 3_099_979.9, 300_030.1, 3_100_000.1), UTM45, 5).shape == (6, 8)


def test_a_grid_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        GRID.shape = (5, 6)


def test_rows_and_columns_from_an_array_are_plain_numbers():
    shape = Grid(UTM45, GRID.transform, tuple(np.array([4, 6]))).shape
    assert [type(length) for length in shape] == [int, int]


def test_a_shift_by_part_of_a_pixel_along_one_axis_or_backwards_is_refused():
    for column, row in [(0.5, 0), (0, 0.5), (-0.4, 0), (0, -0.4), (0.002, 0), (0, 0.002)]:
        shifted = Grid(UTM45, GRID.transform @ Affine.translation(column, row), GRID.shape)
        with pytest.raises(GridError, match=f"column {column:.3f}, row {row:.3f}"):
            GRID.window_of(shifted)


def test_a_shift_by_rounding_along_either_axis_is_none():
    for column, row in [(0.0005, 0), (0, 0.0005), (-0.0005, 0), (0, -0.0005)]:
        shifted = Grid(UTM45, GRID.transform @ Affine.translation(column, row), GRID.shape)
        assert GRID.window_of(shifted) == Window(0, 0, 6, 4)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Grid(UTM44, GRID.transform, GRID.shape), "differ in CRS: EPSG:32645 and EPSG:32644"),
        (Grid(UTM45, GRID.transform @ Affine.scale(2), GRID.shape), "differ in resolution"),
        (Grid(UTM45, GRID.transform @ Affine.scale(1, 2), GRID.shape), "differ in resolution"),
        (Grid(UTM45, GRID.transform @ Affine.scale(0.5, 1), GRID.shape), "differ in resolution"),
        (
            GRID.crop(Window(1, 0, 6, 4)),
            r"scene: .*\(4, 6\) at \(300000.0, 3099980.0\) and \(4, 6\) at \(300005.0, 3099980.0\)",
        ),
        (GRID.crop(Window(-1, 0, 6, 4)), "different ground"),
        (GRID.crop(Window(0, 1, 6, 4)), "different ground"),
        (GRID.crop(Window(0, -1, 6, 4)), "different ground"),
        (GRID.crop(Window(0, 0, 5, 4)), "different ground"),
        (GRID.crop(Window(0, 0, 7, 4)), "different ground"),
    ],
)
def test_different_grids_do_not_meet(other, words):
    with pytest.raises(GridError, match=words):
        require_same(GRID, other, "masks and scene")


def test_equal_grids_meet_even_when_delivered_with_rounded_corners():
    require_same(GRID, GRID, "masks and scene")
    require_same(GRID, Grid(UTM45, Affine(5, 0, 300_000.0004, 0, -5, 3_100_000), (4, 6)), "masks and scene")


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        (None, "no coordinate reference system"),
        (DEGREES, "EPSG:4326 is not in metres"),
        (CRS.from_epsg(2263), "metres"),
    ],
)
def test_areas_need_metres(crs, words):
    with pytest.raises(GridError, match=words):
        require_metric(crs, "the inventory")


def test_a_system_without_a_code_is_named_by_its_text():
    assert name_of(UTM45) == "EPSG:32645"
    assert name_of(None) == "no CRS"
    assert name_of(CRS.from_proj4("+proj=tmerc +lat_0=1 +lon_0=3 +ellps=WGS84 +units=m")).startswith("PROJCS")
    assert len(name_of(CRS.from_proj4("+proj=tmerc +lat_0=1 +lon_0=3 +ellps=WGS84 +units=m"))) == 60
