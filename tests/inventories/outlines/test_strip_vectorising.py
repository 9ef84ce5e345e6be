"""Polygons of strips are those of the whole raster."""

import itertools

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pandas.testing import assert_frame_equal
from rasterio.crs import CRS

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.joining import close_gaps
from chronoslide.inventories.outlines.strip_vectorising import binary_strips, polygonise_strips
from chronoslide.inventories.outlines.vectorising import polygonise, remove_small
from chronoslide.params import JoiningSettings

UTM = CRS.from_epsg(32645)


def grid_of(array):
    # A resolution and an origin that no binary fraction is.
    return Grid(UTM, Affine(4.7, 0, 300_000.1, 0, -4.7, 3_100_000.3), array.shape)


def in_strips(binary, probability, heights):
    edges = [0, *np.cumsum(heights), len(binary)]
    for begin, end in itertools.pairwise(edges):
        if end > begin:
            yield binary[begin:end], None if probability is None else probability[begin:end]


def assert_same(strips, whole):
    assert_frame_equal(strips.drop(columns="geometry"), whole.drop(columns="geometry"), check_exact=True)
    assert strips.crs == whole.crs
    assert [one.wkb for one in strips.geometry] == [one.wkb for one in whole.geometry]  # vertex by vertex


@given(
    arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=14)),
    st.lists(st.integers(1, 6), max_size=14),
    st.sampled_from([0.0, 50.0, 200.0]),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_strips_give_the_polygons_of_the_whole(binary, heights, minimum, known):
    grid = grid_of(binary)
    heights = [height for height, total in zip(heights, np.cumsum(heights), strict=True) if total < len(binary)]
    probability = np.random.default_rng(1).random(binary.shape, dtype=np.float32) if known else None
    whole = polygonise(remove_small(binary, minimum, grid), grid, probability, year=2016)
    assert_same(polygonise_strips(in_strips(binary, probability, heights), grid, minimum, year=2016), whole)


@given(
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=30),
    st.lists(st.integers(1, 9), max_size=30),
    st.integers(0, 3),
    st.integers(0, 2**16),
)
@settings(deadline=None, max_examples=40)
def test_gaps_are_closed_across_strips_as_in_the_whole(shape, heights, radius, seed):
    rng = np.random.default_rng(seed)
    probability = rng.random(shape, dtype=np.float32)
    probability[rng.random(shape) < 0.05] = np.nan
    joining = JoiningSettings(closing_pixels=radius)
    whole = close_gaps(probability >= 0.8, joining, probability)
    heights = [height for height, total in zip(heights, np.cumsum(heights), strict=True) if total < len(probability)]
    strips = list(binary_strips((rows for rows, _ in in_strips(probability, None, heights)), 0.8, joining))
    np.testing.assert_array_equal(np.concatenate([binary for binary, _ in strips]), whole)
    np.testing.assert_array_equal(np.concatenate([known for _, known in strips]), probability)


def test_a_comb_is_one_object_though_its_teeth_meet_in_the_last_row_only():
    comb = np.zeros((6, 7), dtype=bool)
    comb[:, ::2] = True
    comb[5] = True
    assert_same(polygonise_strips(in_strips(comb, None, [2, 2]), grid_of(comb)), polygonise(comb, grid_of(comb)))
    assert len(polygonise_strips(in_strips(comb, None, [1] * 5), grid_of(comb))) == 1


def test_a_large_noisy_raster_is_the_same_in_strips():
    rng = np.random.default_rng(2)
    probability = rng.random((400, 300), dtype=np.float32)
    binary = probability > 0.45  # near the percolation of squares: large, ragged objects
    grid = grid_of(binary)
    whole = polygonise(binary, grid, probability)
    assert_same(polygonise_strips(in_strips(binary, probability, [97, 64, 1, 130]), grid), whole)


@pytest.mark.parametrize("strips", [[(2, 4)], [(5, 4)], [(3, 5)]])
def test_strips_that_are_not_the_grid_are_refused(strips):
    grid = grid_of(np.zeros((3, 4), dtype=bool))
    with pytest.raises(GridError, match="strip"):
        polygonise_strips([(np.zeros(shape, dtype=bool), None) for shape in strips], grid)
