import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.multitemporal.subtraction import APPEARED, GONE, UNCHANGED, UNKNOWN, subtract
from chronoslide.params import SubtractionSettings

GRID = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (20, 40))


def labels(*places, unobserved=None):
    array = np.zeros(GRID.shape, dtype=np.uint8)
    for place in places:
        array[place] = 1
    if unobserved is not None:
        array[unobserved] = 255
    return array


def count(change):
    return {int(value): int(number) for value, number in zip(*np.unique(change, return_counts=True), strict=True)}


def test_what_appeared_is_plus_one_and_what_went_is_minus_one():
    before, after = labels(np.s_[0:5, 0:5]), labels(np.s_[10:14, 10:15])
    change = subtract(before, after, GRID, SubtractionSettings())
    assert change.dtype == np.int8
    assert count(change) == {GONE: 25, UNCHANGED: 800 - 45, APPEARED: 20}
    assert change[2, 2] == GONE
    assert change[12, 12] == APPEARED


def test_growth_is_what_was_added():
    change = subtract(labels(np.s_[0:5, 0:5]), labels(np.s_[0:5, 0:10]), GRID, SubtractionSettings())
    assert count(change) == {UNCHANGED: 775, APPEARED: 25}


def test_slivers_of_a_displaced_outline_are_opened_away():
    before, after = labels(np.s_[2:12, 2:12]), labels(np.s_[2:12, 4:14])
    assert count(subtract(before, after, GRID, SubtractionSettings())) == {UNCHANGED: 800}
    raw = subtract(before, after, GRID, SubtractionSettings(opening_pixels=0, minimum_area_m2=0))
    assert count(raw) == {GONE: 20, UNCHANGED: 760, APPEARED: 20}


def test_objects_below_the_minimum_mapping_unit_are_dropped():
    seven, eight = np.s_[0:1, 0:7], np.s_[4:6, 0:4]
    change = subtract(labels(), labels(seven, eight), GRID, SubtractionSettings(opening_pixels=0))
    assert count(change) == {UNCHANGED: 792, APPEARED: 8}


def test_ground_that_one_year_did_not_show_is_unknown():
    before = labels(np.s_[0:5, 0:5], unobserved=np.s_[:, 20:])
    after = labels(np.s_[0:5, 0:5], np.s_[0:10, 16:30])
    change = subtract(before, after, GRID, SubtractionSettings())
    assert (change[:, 20:] == UNKNOWN).all()
    assert count(change) == {UNKNOWN: 400, UNCHANGED: 360, APPEARED: 40}


def test_the_years_the_other_way_round_give_the_negative():
    before, after = labels(np.s_[0:5, 0:5], np.s_[8:12, 8:20]), labels(np.s_[8:12, 14:30])
    assert (
        subtract(before, after, GRID, SubtractionSettings()) == -subtract(after, before, GRID, SubtractionSettings())
    ).all()


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(GridError, match="do not fit the grid"):
        subtract(labels()[1:], labels(), GRID, SubtractionSettings())
