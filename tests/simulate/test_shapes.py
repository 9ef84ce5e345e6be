from __future__ import annotations

import numpy as np
import pytest

from chronoslide.simulate.shapes import Body, apart_from, bodies_of, cut_to_area, outline, smooth_track, united

CORNER = (1000.0, 2000.0)


def cone(radius: float, *, factor: int = 1, side: int = 40) -> Body:
    """Cut at 1 it is a circle of `radius` pixels about the window's centre."""
    rows, cols = (np.indices((side * factor, side * factor)) + 0.5) / factor - side / 2
    return Body(np.hypot(rows, cols) / radius, 10, 20, factor)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_circle_lies_where_it_should(factor: int) -> None:
    polygon = outline(cone(10.0, factor=factor), 1.0, CORNER)
    assert polygon is not None
    # Window at row 10, column 20, 40 pixels of 5 m wide: its centre is 40 columns east, 30 rows south of the corner.
    assert (polygon.centroid.x, polygon.centroid.y) == pytest.approx((1000 + 40 * 5, 2000 - 30 * 5), abs=0.1)
    assert polygon.area == pytest.approx(np.pi * 50**2, rel=0.01)


def test_an_island_stays_a_hole() -> None:
    body = cone(15.0)
    ring = body.with_field(np.where(body.field < 1 / 3, 2.0 - body.field, body.field))
    polygon = outline(ring, 1.0, CORNER)
    assert polygon is not None
    assert len(polygon.interiors) == 1
    assert polygon.area == pytest.approx(np.pi * (75**2 - 25**2), rel=0.03)


def test_only_the_largest_part_is_kept() -> None:
    body = cone(10.0)
    field = body.field.copy()
    field[1:4, 1:4] = 0.0
    polygon = outline(body.with_field(field), 1.0, CORNER)
    assert polygon is not None
    assert polygon.area == pytest.approx(np.pi * 50**2, rel=0.01)


def test_nothing_is_left_below_the_lowest_value() -> None:
    body = cone(10.0)
    assert outline(body.with_field(np.full((40, 40), 2.5)), 1.0, CORNER) is None


@pytest.mark.parametrize("area", [2000.0, 7854.0, 15_000.0])
def test_a_body_is_cut_to_an_area(area: float) -> None:
    level, polygon = cut_to_area(cone(10.0), area, CORNER)
    assert polygon is not None
    assert polygon.area == pytest.approx(area, rel=0.005)
    assert level == pytest.approx(np.sqrt(area / np.pi) / 50.0, rel=0.02)


def test_apart_bodies_keep_a_gap_and_united_ones_have_none() -> None:
    rng = np.random.default_rng(2)
    lines = [np.column_stack((np.arange(0.0, 40.0), np.full(40, col))) for col in (0.0, 9.0)]
    first, second = bodies_of([[smooth_track(line, 5.0, 0.0, rng)] for line in lines], 1, rng)
    apart = apart_from(second, first, 1.0, 14.0)
    one, other = outline(first, 1.0, CORNER), outline(apart, 1.0, CORNER)
    whole = outline(united([first, second]), 1.0, CORNER)
    assert one is not None
    assert other is not None
    assert whole is not None
    assert one.distance(other) > 14.0 - 5.0  # to within a pixel
    assert whole.area > one.area + other.area
