import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from chronoslide.inventories.comparison.polis import polis_distance

corners = st.integers(0, 100)


@st.composite
def boxes(draw):
    left, bottom = draw(corners), draw(corners)
    return box(left, bottom, left + draw(st.integers(1, 50)), bottom + draw(st.integers(1, 50)))


def test_two_boxes_shifted_along_their_long_side():
    assert polis_distance(box(0, 0, 100, 50), box(20, 0, 120, 50)) == 10.0


def test_a_box_inside_another():
    # Each inner corner is 10 m from the outer outline, each outer one sqrt(200) m from the inner.
    assert polis_distance(box(0, 0, 100, 100), box(10, 10, 90, 90)) == pytest.approx((10 + 200**0.5) / 2)


def test_the_first_vertex_of_a_ring_counts_once():
    # Two of the longer box's four corners are 20 m from the shorter one, whose own corners lie on the longer's outline.
    assert polis_distance(box(0, 0, 100, 50), box(0, 0, 120, 50)) == 5.0


def test_holes_count():
    whole = box(0, 0, 100, 100)
    pierced = Polygon(whole.exterior.coords, [box(40, 40, 60, 60).exterior.coords])
    # The four corners of the hole are 40 m from the outer ring, the other four lie on it.
    assert polis_distance(whole, pierced) == pytest.approx(10.0)


def test_multipart_outlines():
    two = MultiPolygon([box(0, 0, 10, 10), box(100, 0, 110, 10)])
    assert polis_distance(two, two) == 0.0


@given(boxes(), boxes())
def test_symmetric(first, second):
    assert polis_distance(first, second) == pytest.approx(polis_distance(second, first))


@given(boxes())
def test_zero_on_itself(outline):
    assert polis_distance(outline, outline) == 0.0
