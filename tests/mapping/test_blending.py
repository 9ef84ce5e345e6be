import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronoslide.mapping.blending import Blend, axis_shares, taper
from chronoslide.mapping.windows import cover

shapes = st.tuples(st.integers(1, 70), st.integers(1, 70))
lattices = st.integers(1, 32).flatmap(lambda window: st.tuples(st.just(window), st.integers(0, window // 2)))


def test_a_window_fades_over_its_overlap():
    weight = taper(8, 2)
    # sin^2(pi/8) and sin^2(3 pi/8) above a floor of a thousandth
    assert weight[:3] == pytest.approx([0.001 + 0.999 * 0.146447, 0.001 + 0.999 * 0.853553, 1.0], abs=1e-6)
    assert (weight == weight[::-1]).all()


@given(lattices)
def test_weights_are_positive_and_at_most_one(lattice):
    weight = taper(*lattice)
    assert (weight > 0).all()
    assert (weight <= 1).all()


def test_two_windows_share_their_overlap_symmetrically():
    shares = axis_shares(6, 4, 2)
    assert shares[0][:2].tolist() == [1.0, 1.0]
    assert shares[0][2:] == pytest.approx(shares[2][:2][::-1])
    assert shares[0][2:] + shares[2][:2] == pytest.approx([1.0, 1.0], abs=1e-15)


def blended(shape, window, overlap, values, first_row=0):
    """The rows that a blend gives away, from `first_row` on; `values` gives the array of a window."""
    blend = Blend(shape, window, overlap, first_row)
    pieces = cover(shape, window, overlap)
    tops = sorted({piece.row_off for piece in pieces})
    finished = []
    for top, end in zip(tops, [*tops[1:], shape[0]], strict=True):
        for piece in pieces:
            if piece.row_off == top and piece.row_off + piece.height > first_row:
                blend.add(piece, values(piece))
        if end > first_row:
            finished.append(blend.finished(max(top, first_row), end))
            blend.drop(end)
    return np.concatenate(finished)


@given(shapes, lattices)
@settings(deadline=None)
def test_every_pixel_has_a_total_weight_of_one(shape, lattice):
    down, along = (axis_shares(length, *lattice) for length in shape)
    total = np.zeros(shape)
    for piece in cover(shape, *lattice):
        total[piece.toslices()] += np.outer(down[piece.row_off], along[piece.col_off])
    assert np.abs(total - 1.0).max() < 1e-14


@given(shapes, lattices, st.floats(0, 1, width=32))
@settings(deadline=None)
def test_a_constant_comes_back_exactly(shape, lattice, constant):
    mapped = blended(shape, *lattice, lambda piece: np.full((piece.height, piece.width), constant, dtype=np.float32))
    assert mapped.shape == shape
    assert (mapped == np.float32(constant)).all()


@given(shapes, lattices, st.data())
@settings(deadline=None)
def test_a_blend_that_begins_later_gives_the_same_rows(shape, lattice, data):
    first_row = data.draw(st.integers(0, shape[0] - 1))
    rng = np.random.default_rng(1)
    noise = {
        (piece.row_off, piece.col_off): rng.random((piece.height, piece.width), dtype=np.float32)
        for piece in cover(shape, *lattice)
    }
    whole, rest = (
        blended(shape, *lattice, lambda piece: noise[piece.row_off, piece.col_off], row) for row in (0, first_row)
    )
    np.testing.assert_array_equal(whole[first_row:], rest)


def test_a_pixel_of_one_window_keeps_its_value():
    blend = Blend((1, 6), 4, 2)
    first, second = cover((1, 6), 4, 2)
    blend.add(first, np.array([[0.1, 0.2, 0.3, 0.4]], dtype=np.float32))
    blend.add(second, np.array([[0.3, 0.4, 0.5, 0.6]], dtype=np.float32))
    assert blend.finished(0, 1).tolist() == np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]], dtype=np.float32).tolist()
