from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box

from chronoslide.simulate.histories import Sighting
from chronoslide.simulate.mapper import map_by_hand, trace


def row_of(count: int, radius: float) -> list[Sighting]:
    return [Sighting(n + 1, "new", (), Point(500.0 * n, 0.0).buffer(radius), 0.0, 1.0) for n in range(count)]


@pytest.mark.parametrize(("radius", "missed"), [(20.0, 0.10), (60.0, 0.03)])
def test_the_shares_that_a_mapper_misses(radius: float, missed: float) -> None:
    drawn = map_by_hand(row_of(2000, radius), [1.0] * 2000, [], np.random.default_rng(0))
    assert 1.0 - len(drawn) / 2000 == pytest.approx(missed, abs=0.015)


def test_false_landslides_are_two_to_three_percent() -> None:
    lookalikes = [box(x, 9000.0, x + 40.0, 9040.0) for x in range(0, 20_000, 100)]
    drawn = map_by_hand(row_of(1000, 60.0), [1.0] * 1000, lookalikes, np.random.default_rng(0))
    assert 20 <= sum(polygon.centroid.y > 5000.0 for polygon in drawn) <= 30


def test_what_lies_under_clouds_is_not_drawn() -> None:
    drawn = map_by_hand(row_of(300, 60.0), [0.2] * 300, [], np.random.default_rng(0))
    assert drawn == []


def test_outlines_shake_by_half_a_pixel_and_shift_by_less() -> None:
    true = Point(0.0, 0.0).buffer(200.0, quad_segs=64)
    rng = np.random.default_rng(1)
    traced = [trace(true, rng) for _ in range(60)]
    offsets = np.array([[one.centroid.x, one.centroid.y] for one in traced if one is not None])
    assert np.sqrt((offsets**2).sum(axis=1).mean()) == pytest.approx(2.0, abs=0.4)
    first = traced[0]
    assert first is not None
    off = np.hypot(*np.asarray(first.exterior.coords).T - offsets[0][:, None]) - 200.0
    assert off.std() == pytest.approx(2.5 / np.sqrt(2), abs=0.6)


def test_natural_holes_are_kept() -> None:
    ring = Point(0.0, 0.0).buffer(100.0).difference(Point(0.0, 0.0).buffer(30.0))
    traced = trace(ring, np.random.default_rng(1))
    assert traced is not None
    assert len(traced.interiors) == 1
    assert traced.area == pytest.approx(ring.area, rel=0.05)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(8.0, 60.0), st.floats(8.0, 60.0))
def test_a_traced_outline_is_one_valid_polygon(seed: int, width: float, height: float) -> None:
    traced = trace(box(0.0, 0.0, width + 8.0, height + 8.0), np.random.default_rng(seed))
    assert traced is None or (isinstance(traced, Polygon) and traced.is_valid and traced.area > 0)
