import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronoslide.errors import SettingsError
from chronoslide.mapping.windows import Axis, axis, cover

shapes = st.tuples(st.integers(1, 70), st.integers(1, 70))
lattices = st.integers(1, 32).flatmap(lambda window: st.tuples(st.just(window), st.integers(0, window - 1)))


def test_whole_windows_stand_side_by_side():
    assert axis(10, 4, 1) == Axis(4, (0, 3, 6))


def test_windows_are_as_small_as_their_number_allows():
    # Three windows of at most 384 that share 64 reach 1024 pixels; 900 need three of 343, and 352 is 16 * 22.
    assert axis(900, 384, 64) == Axis(352, (0, 274, 548))


def test_an_axis_not_longer_than_a_window_is_one_window():
    assert axis(4, 4, 1) == Axis(4, (0,))
    assert axis(3, 4, 1) == Axis(3, (0,))
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
    assert len({(piece.height, piece.width) for piece in cover(shape, *lattice)}) == 1


@given(st.integers(1, 300), lattices)
def test_neighbours_share_at_least_the_overlap_and_no_window_stands_twice(length, lattice):
    windows, overlap = axis(length, *lattice), lattice[1]
    steps = np.diff(windows.starts)
    assert (steps >= 1).all()
    assert (steps <= windows.side - overlap).all()


@given(st.integers(1, 3_000), st.integers(2, 32).map(lambda number: 16 * number), st.integers(0, 16))
def test_no_fewer_windows_and_no_smaller_ones_would_do(length, largest, overlap):
    windows = axis(length, largest, overlap)
    count = len(windows.starts)

    def reach(count: int, side: int) -> int:
        return count * side - (count - 1) * overlap

    assert windows.side <= largest
    assert reach(count, windows.side) >= length
    if count > 1:
        assert reach(count - 1, largest) < length
        assert windows.side % 16 == 0
        assert reach(count, windows.side - 16) < length


@pytest.mark.parametrize(("window", "overlap"), [(8, 8), (8, 9), (8, -1)])
def test_windows_that_do_not_advance_are_refused(window, overlap):
    with pytest.raises(SettingsError, match="overlap_pixels"):
        axis(20, window, overlap)
