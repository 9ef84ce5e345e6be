import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from rasterio.crs import CRS
from shapely.affinity import rotate
from shapely.geometry import box

from chronoslide.grid import Grid
from chronoslide.inventories.outlines.joining import close_gaps, fragmentation_index, join_fragments
from chronoslide.inventories.pixels import Surface
from chronoslide.params import JoiningSettings

SETTINGS = JoiningSettings()
GRID = Grid(CRS.from_epsg(32645), Affine(5, 0, 0, 0, -5, 400), (80, 80))
ROWS, COLS = np.indices(GRID.shape)
# Falls by 3 m with each pixel towards the south.
SLOPE = Surface(1000.0 - 3.0 * ROWS, GRID)
UPPER, LOWER = box(100, 200, 120, 260), box(100, 110, 120, 180)  # 20 m apart, one below the other
BESIDE = box(140, 200, 160, 260)


def fragments(*outlines, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(outlines), crs="EPSG:32645")


def numbers(*outlines, settings=SETTINGS, **more):
    return join_fragments(fragments(*outlines), settings, **more)["fragments"].tolist()


def test_fragments_below_each_other_are_one_landslide_of_two_parts():
    joined = join_fragments(fragments(UPPER, LOWER), SETTINGS, elevation=SLOPE)
    assert joined["fragments"].tolist() == [2]
    assert joined["area_m2"].tolist() == [20 * 60 + 20 * 70]
    assert joined.geometry.iloc[0].equals(UPPER.union(LOWER))


def test_fragments_beside_each_other_are_two():
    assert numbers(UPPER, BESIDE, elevation=SLOPE) == [1, 1]


@pytest.mark.parametrize(("degrees", "count"), [(0, [2]), (25, [2]), (40, [1, 1]), (90, [1, 1])])
def test_the_line_between_must_follow_the_steepest_descent(degrees, count):
    turned = [rotate(one, degrees, origin=(110, 190)) for one in (UPPER, LOWER)]
    assert numbers(*turned, elevation=SLOPE) == count


@pytest.mark.parametrize(("gap", "count"), [(30, [2]), (31, [1, 1])])
def test_fragments_too_far_apart_are_two(gap, count):
    assert numbers(UPPER, box(100, 110, 120, 200 - gap), elevation=SLOPE) == count


def test_on_flat_ground_nothing_lies_below():
    assert numbers(UPPER, LOWER, elevation=Surface(np.zeros(GRID.shape), GRID)) == [1, 1]


def test_where_the_height_is_unknown_nothing_is_joined():
    assert numbers(UPPER, LOWER, elevation=Surface(np.full(GRID.shape, np.nan), GRID)) == [1, 1]


def test_across_a_valley_nothing_is_joined():
    # Both fall towards the gap, whose floor is flat where they face each other.
    valley = Surface(np.abs(ROWS - 42) * 3.0, GRID)
    assert numbers(UPPER, LOWER, elevation=valley) == [1, 1]


def test_certain_background_keeps_fragments_apart_on_either_side_of_the_origin():
    grid = Grid(GRID.crs, Affine(5, 0, -200, 0, -5, 200), (80, 80))
    probability = np.full(grid.shape, 0.9)
    probability[40, :] = 0.1  # from y = -5 to 0
    pair = box(-10, 10, 10, 70), box(-10, -80, 10, -10)
    slope = Surface(SLOPE.values, grid)
    assert numbers(*pair, elevation=slope) == [2]
    assert numbers(*pair, elevation=slope, probability=Surface(probability, grid)) == [1, 1]


@pytest.mark.parametrize(("between", "count"), [(0.19, [1, 1]), (0.2, [2]), (np.nan, [2])])
def test_certain_background_between_keeps_fragments_apart(between, count):
    probability = np.full(GRID.shape, 0.9)
    probability[42, :] = between  # between the two, that is from y = 185 to 190
    assert numbers(UPPER, LOWER, elevation=SLOPE, probability=Surface(probability, GRID)) == count


def test_without_elevation_the_long_axis_is_the_direction():
    assert numbers(UPPER, LOWER) == [2]
    assert numbers(UPPER, BESIDE) == [1, 1]


@pytest.mark.parametrize(("length", "count"), [(125, [2]), (150, [1, 1])])
def test_a_joined_landslide_is_at_most_fifteen_times_as_long_as_wide(length, count):
    # 20 m wide; 20 m gap: 270 m and 320 m long together, 15 times the width is 300 m.
    assert numbers(box(0, 0, 20, length), box(0, length + 20, 20, 2 * length + 20)) == count


def test_fragments_that_touch_at_a_corner_are_joined_along_their_centroids():
    assert numbers(box(100, 200, 120, 260), box(120, 140, 140, 200), elevation=SLOPE) == [2]
    assert numbers(box(100, 200, 160, 210), box(160, 190, 220, 200), elevation=SLOPE) == [1, 1]


def test_a_chain_of_fragments_is_one_landslide_with_the_attributes_of_the_largest():
    frame = fragments(
        box(0, 0, 20, 30), BESIDE, box(0, 40, 20, 100), box(0, 110, 20, 140),
        landslide_id=[1, 2, 3, 4], mean_probability=[0.6, 0.5, 0.9, 0.7], model_version=["a", "b", "c", "d"],
    )  # fmt: skip
    joined = join_fragments(frame, SETTINGS)
    assert joined["landslide_id"].tolist() == [3, 2]
    assert joined["fragments"].tolist() == [3, 1]
    assert joined["model_version"].tolist() == ["c", "b"]
    assert joined["mean_probability"].tolist() == [0.775, 0.5]
    assert joined["area_m2"].tolist() == [2_400, 1_200]


def test_nothing_stays_nothing():
    joined = join_fragments(fragments(landslide_id=[], mean_probability=[]), SETTINGS)
    assert len(joined) == 0
    assert "fragments" in joined


def test_fragmentation_before_and_after():
    manual = np.array([box(100, 110, 120, 260), BESIDE])
    broken = fragments(UPPER, LOWER, BESIDE)
    joined = join_fragments(broken, SETTINGS, elevation=SLOPE)
    assert fragmentation_index(manual, broken.geometry.to_numpy(), 0.1) == 1.5
    assert fragmentation_index(manual, joined.geometry.to_numpy(), 0.1) == 1.0
    assert np.isnan(fragmentation_index(manual, np.array([box(0, 0, 1, 1)]), 0.1))


def test_gaps_of_four_pixels_are_closed_and_wider_ones_are_not():
    binary = np.zeros((9, 30), dtype=bool)
    binary[:, :5] = binary[:, 9:14] = binary[:, 19:] = True
    closed = close_gaps(binary, SETTINGS)
    assert closed[:, 5:9].all()
    assert not closed[:, 14:19].any()


def test_certain_background_and_unobserved_ground_stay_open():
    binary = np.array([[1, 0, 1, 0, 1, 0, 1]] * 5, dtype=bool)
    probability = np.full(binary.shape, 0.9, dtype=np.float32)
    probability[:, 1], probability[:, 3], probability[:, 5] = 0.4, 0.1, np.nan
    assert close_gaps(binary, SETTINGS, probability)[2].tolist() == [True, True, True, False, True, False, True]


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.integers(0, 3))
def test_closing_only_adds(binary, radius):
    closed = close_gaps(binary, JoiningSettings(closing_pixels=radius))
    assert (closed >= binary).all()
    assert closed.shape == binary.shape
    if not binary.any() or not radius:
        assert (closed == binary).all()


@pytest.mark.parametrize(("radius", "closed"), [(1, False), (2, True)])
def test_gaps_are_closed_alike_in_all_directions(radius, closed):
    binary = np.zeros((13, 13), dtype=bool)
    binary[:5] = binary[8:] = True  # three rows are open
    for turned in (binary, binary.T):
        assert close_gaps(turned, JoiningSettings(closing_pixels=radius))[6, 6] == closed


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)), st.integers(1, 3))
def test_closing_does_not_depend_on_how_the_raster_lies(binary, radius):
    closing = JoiningSettings(closing_pixels=radius)
    closed = close_gaps(binary, closing)
    for turn in (np.transpose, np.flipud, np.fliplr):
        assert (close_gaps(turn(binary), closing) == turn(closed)).all()


@settings(max_examples=10, deadline=None)
@given(st.permutations([UPPER, LOWER, BESIDE, box(100, 20, 120, 95), box(300, 300, 310, 390)]))
def test_the_order_of_the_fragments_does_not_change_what_is_joined(outlines):
    joined = join_fragments(fragments(*outlines), SETTINGS, elevation=SLOPE)
    assert sorted(joined["area_m2"]) == [900, 1_200, 1_200 + 1_400 + 1_500]
