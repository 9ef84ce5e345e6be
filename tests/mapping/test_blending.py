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


@given(shapes, lattices)
@settings(deadline=None)
def test_every_pixel_has_a_total_weight_of_one(shape, lattice):
    window, overlap = lattice
    blend = Blend.over(shape, window, overlap)
    total = np.zeros(shape)
    for piece in cover(shape, window, overlap):
        total[piece.toslices()] += blend.share(piece)
    assert np.abs(total - 1.0).max() < 1e-14


@given(shapes, lattices, st.floats(0, 1, width=32))
@settings(deadline=None)
def test_a_constant_comes_back_exactly(shape, lattice, constant):
    window, overlap = lattice
    blend = Blend.over(shape, window, overlap)
    for piece in cover(shape, window, overlap):
        blend.add(piece, np.full((piece.height, piece.width), constant, dtype=np.float32))
    assert (blend.values() == np.float32(constant)).all()


def test_a_pixel_of_one_window_keeps_its_value():
    blend = Blend.over((1, 6), 4, 2)
    first, second = cover((1, 6), 4, 2)
    blend.add(first, np.array([[0.1, 0.2, 0.3, 0.4]], dtype=np.float32))
    blend.add(second, np.array([[0.3, 0.4, 0.5, 0.6]], dtype=np.float32))
    assert blend.values().tolist() == np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]], dtype=np.float32).tolist()
