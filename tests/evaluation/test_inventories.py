"""A judgement repairs and clips each inventory once, and tells what its parts tell of the inventories as delivered."""

import geopandas as gpd
import pytest
from rasterio.crs import CRS
from shapely import Polygon, box

from chronoslide.errors import GridError
from chronoslide.evaluation.inventories import judge_inventories
from chronoslide.grid import Grid
from chronoslide.inventories.comparison.comparing import compare_inventories
from chronoslide.inventories.statistics.densities import compare_densities
from chronoslide.inventories.statistics.summary import summarise
from chronoslide.params import EvaluateSettings, StatisticsSettings

AREA = box(0, 0, 1000, 1000)
GRID = Grid.from_bounds(AREA.bounds, CRS.from_epsg(32645), 50.0)
SETTINGS = EvaluateSettings(bootstrap_samples=20, statistics=StatisticsSettings(bootstrap_samples=0))
BOW_TIE = Polygon([(500, 500), (540, 540), (540, 500), (500, 540)])


def inventory(*polygons, crs="EPSG:32645"):
    return gpd.GeoDataFrame(geometry=list(polygons), crs=crs)


MANUAL = inventory(box(100, 100, 160, 140), BOW_TIE, box(980, 300, 1040, 340), box(2000, 2000, 2050, 2050))
PREDICTED = inventory(box(110, 100, 170, 140), BOW_TIE, box(700, 700, 730, 730))


def judge(manual=MANUAL, predicted=PREDICTED, fragments=None):
    return judge_inventories(manual, predicted, AREA, GRID, SETTINGS, minimum_area_m2=0.0, seed=1, fragments=fragments)


def test_the_parts_of_a_judgement_are_those_of_the_inventories_as_delivered():
    figures = judge().figures
    objects = {name: value for name, value in figures["objects"].items() if name != "intervals"}
    assert repr(objects) == repr(compare_inventories(MANUAL, PREDICTED, AREA, SETTINGS.compare).as_dict())
    assert repr(figures["densities"]) == repr(compare_densities(MANUAL, PREDICTED, AREA, GRID).as_dict())
    for kind, frame in (("manual", MANUAL), ("predicted", PREDICTED)):
        assert figures[kind]["area_m2"] == summarise(frame, AREA).total_area_m2
        assert figures[kind]["count"] == 3


def test_fragments_are_counted_before_and_after_joining():
    halves = inventory(box(110, 100, 140, 140), box(141, 100, 170, 140))
    figures = judge(fragments=halves).figures["fragmentation"]
    assert figures == {"before": 2.0, "after": 1.0}


def test_inventories_in_two_systems_are_refused():
    with pytest.raises(GridError, match="the predicted inventory in"):
        judge(predicted=inventory(box(0, 0, 10, 10), crs="EPSG:32644"))
