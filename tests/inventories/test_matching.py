import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from chronoslide.inventories.matching import assign, dissolved, find_overlaps, largest_partner


def geometries(*boxes):
    return np.array([box(*corners) for corners in boxes], dtype=object)


def pairs(overlaps):
    return list(zip(overlaps.first.tolist(), overlaps.second.tolist(), strict=True))


@st.composite
def inventories(draw):
    number = draw(st.integers(1, 5))
    corners = [(draw(st.integers(0, 20)), draw(st.integers(0, 20))) for _ in range(number)]
    return geometries(*[(x, y, x + draw(st.integers(2, 15)), y + draw(st.integers(2, 15))) for x, y in corners])


def test_boxes_that_only_touch_do_not_overlap():
    assert pairs(find_overlaps(geometries((0, 0, 1, 1)), geometries((1, 0, 2, 1), (0.5, 0, 2, 1)))) == [(0, 1)]


def test_share_of_smaller_and_iou():
    overlaps = find_overlaps(geometries((0, 0, 10, 10)), geometries((8, 0, 13, 10)))
    assert overlaps.share_of_smaller.tolist() == [0.4]
    assert overlaps.iou.tolist() == [20 / 130]


def test_an_empty_inventory_overlaps_nothing():
    nothing = np.zeros(0, dtype=object)
    assert pairs(assign(find_overlaps(nothing, geometries((0, 0, 1, 1))), 0.1)) == []
    assert pairs(largest_partner(find_overlaps(geometries((0, 0, 1, 1)), nothing))) == []


def test_the_assignment_gives_up_a_better_pair_for_a_better_whole():
    # 0-0 is the best single pair, but 0-1 and 1-0 together are better.
    first = geometries((0, 0, 10, 1), (7, 0, 17, 1))
    second = geometries((4, 0, 14, 1), (-5, 0, 5, 1))
    overlaps = find_overlaps(first, second)
    iou = dict(zip(pairs(overlaps), overlaps.iou.round(3).tolist(), strict=True))
    assert iou == {(0, 0): 0.429, (0, 1): 0.333, (1, 0): 0.538}
    assert pairs(assign(overlaps, 0.1)) == [(0, 1), (1, 0)]
    assert pairs(assign(overlaps, 0.4)) == [(1, 0)]


def test_each_second_goes_to_the_first_that_it_shares_most_ground_with():
    overlaps = find_overlaps(geometries((0, 0, 10, 1), (10, 0, 20, 1)), geometries((4, 0, 13, 1), (12, 0, 14, 1)))
    assert pairs(largest_partner(overlaps)) == [(0, 0), (1, 1)]


@given(inventories(), inventories())
def test_iou_is_symmetric_and_in_0_1(first, second):
    forth, back = find_overlaps(first, second), find_overlaps(second, first)
    one = dict(zip(pairs(forth), forth.iou, strict=True))
    other = {(i, j): value for (j, i), value in zip(pairs(back), back.iou, strict=True)}
    assert one == pytest.approx(other)
    assert all(0 < value <= 1 for value in one.values())


@given(inventories(), inventories())
def test_the_assignment_is_the_best_of_all(first, second):
    overlaps = find_overlaps(first, second)
    table = np.zeros((len(first), len(second)))
    table[overlaps.first, overlaps.second] = np.where(overlaps.iou > 0.2, overlaps.iou, 0)
    if len(first) > len(second):
        table = table.T
    best = max(
        sum(table[row, col] for row, col in enumerate(order))
        for order in itertools.permutations(range(table.shape[1]), table.shape[0])
    )
    matches = assign(overlaps, 0.2)
    assert matches.iou.sum() == pytest.approx(best)
    assert len(set(matches.first)) == len(set(matches.second)) == len(matches.first)


def test_many_disjoint_pairs_stay_themselves():
    corners = np.arange(2000.0) * 20
    first = shapely.box(corners, 0, corners + 10, 10)
    matches = assign(find_overlaps(first, shapely.box(corners + 1, 0, corners + 11, 10)), 0.5)
    assert matches.first.tolist() == matches.second.tolist() == list(range(2000))


@given(inventories())
def test_dissolved_covers_the_same_ground_without_overlap(polygons):
    ground = dissolved(polygons)
    assert shapely.area(ground).sum() == pytest.approx(shapely.area(shapely.union_all(polygons)))
    assert shapely.equals(shapely.union_all(ground), shapely.union_all(polygons))


def test_nothing_dissolves_to_nothing():
    assert len(dissolved(np.zeros(0, dtype=object))) == 0
