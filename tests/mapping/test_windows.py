import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronoslide.errors import SettingsError
from chronoslide.mapping.windows import cover, starts

shapes = st.tuples(st.integers(1, 70), st.integers(1, 70))
lattices = st.integers(1, 32).flatmap(lambda window: st.tuples(st.just(window), st.integers(0, window - 1)))


def test_the_last_window_is_shifted_inward():
    assert starts(10, 4, 1) == [0, 3, 6]
    assert starts(11, 4, 1) == [0, 3, 6, 7]


def test_an_axis_shorter_than_a_window_is_one_window():
    assert starts(3, 4, 1) == [0]
    [window] = cover((3, 2), 4, 1)
    assert (window.col_off, window.row_off, window.width, window.height) == (0, 0, 2, 3)


def test_windows_come_row_by_row():
    assert [(window.row_off, window.col_off) for window in cover((4, 6), 4, 2)] == [(0, 0), (0, 2)]


@given(shapes, lattices)
def test_every_pixel_is_covered_and_none_outside(shape, lattice):
    window, overlap = lattice
    count = np.zeros(shape, dtype=int)
    for piece in cover(shape, window, overlap):
        assert piece.row_off >= 0
        assert piece.row_off + piece.height <= shape[0]
        assert piece.col_off >= 0
        assert piece.col_off + piece.width <= shape[1]
        count[piece.toslices()] += 1
    assert count.min() >= 1


@given(shapes, lattices)
def test_all_windows_have_one_shape(shape, lattice):
    window, overlap = lattice
    expected = (min(window, shape[0]), min(window, shape[1]))
    assert {(piece.height, piece.width) for piece in cover(shape, window, overlap)} == {expected}


@given(st.integers(1, 300), lattices)
def test_neighbours_share_at_least_the_overlap_and_no_window_stands_twice(length, lattice):
    window, overlap = lattice
    offsets = starts(length, window, overlap)
    steps = np.diff(offsets)
    assert (steps >= 1).all()
    assert (steps <= window - overlap).all()


@pytest.mark.parametrize(("window", "overlap"), [(8, 8), (8, 9), (8, -1)])
def test_windows_that_do_not_advance_are_refused(window, overlap):
    with pytest.raises(SettingsError, match="overlap_pixels"):
        starts(20, window, overlap)
