"""Which years a vector file holds, and reading the part of one year."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import Point, box

from chronoslide.dataset import InventoryFile
from chronoslide.errors import DataError, InventoryError
from chronoslide.manual_inventories import find_inventories, read_inventory

REAL = Path(__file__).parents[1] / "../shared/data"


def frame(**columns):
    squares = [box(100 * number, 0, 100 * number + 50, 50) for number in range(3)]
    return gpd.GeoDataFrame(columns, geometry=squares, crs=32645)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("year", [2015, 2016, 2016]),
        ("Year_obs", [2015.0, 2016.0, 2016.0]),
        ("YR", ["2015", "2016", "2016"]),
        ("date", ["2015-11-09", "2016-11-04", "2016-12-01"]),
        ("obs_date", pd.to_datetime(["2015-11-09", "2016-11-04", "2016-12-01"])),
    ],
)
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp"])
def test_a_column_of_years_or_dates_is_found(tmp_path, column, values, suffix):
    if suffix == ".shp" and column == "obs_date":
        values = values.date  # a shapefile knows dates, but no times
    frame(**{column: values}).to_file(tmp_path / f"mapped{suffix}")
    found = find_inventories(tmp_path / f"mapped{suffix}")
    assert dict(found.polygons) == {2015: 1, 2016: 2}
    described = InventoryFile(file=f"mapped{suffix}", year_column=found.years[2016][1])
    assert list(read_inventory(tmp_path, described, 2016).index) == [1, 2]
    assert read_inventory(tmp_path, described, 2017).empty


def test_a_column_of_something_else_is_left_alone(tmp_path):
    frame(year=[1, 2, 3], Area=[2015, 2016, 2016]).to_file(tmp_path / "mapped_2016.gpkg")
    assert dict(find_inventories(tmp_path / "mapped_2016.gpkg").polygons) == {2016: 3}


def test_a_layer_a_year_is_found(tmp_path):
    path = tmp_path / "mapped.gpkg"
    frame().to_file(path, layer="slides_2015")
    frame()[:1].to_file(path, layer="slides_2016")
    found = find_inventories(path)
    assert dict(found.polygons) == {2015: 3, 2016: 1}
    assert len(read_inventory(tmp_path, InventoryFile(file="mapped.gpkg", layer=found.years[2016][0]), 2016)) == 1


def test_the_last_year_of_a_name_counts(tmp_path):
    frame().to_file(tmp_path / "new_2013_to_2015.shp")
    assert list(find_inventories(tmp_path / "new_2013_to_2015.shp").years) == [2015]


def test_a_polygon_without_a_year_is_named(tmp_path):
    frame(year=[2015, None, 2016]).to_file(tmp_path / "mapped.gpkg")
    with pytest.raises(InventoryError, match=r"feature 1 has no year in column 'year' \(nan\); fill it in"):
        read_inventory(tmp_path, InventoryFile(file="mapped.gpkg", year_column="year"), 2015)
    with pytest.raises(InventoryError, match=r"neither its name nor a column tells the year"):
        find_inventories(tmp_path / "mapped.gpkg")


def test_a_wrong_column_is_answered_with_the_nearest(tmp_path):
    frame(Year_obs=[2015, 2016, 2016]).to_file(tmp_path / "mapped.gpkg")
    with pytest.raises(DataError, match=r"no column 'Year_ob', did you mean 'Year_obs'"):
        read_inventory(tmp_path, InventoryFile(file="mapped.gpkg", year_column="Year_ob"), 2015)


def test_points_and_broken_files_are_refused(tmp_path):
    gpd.GeoDataFrame(geometry=[Point(0, 0)], crs=32645).to_file(tmp_path / "a_2016.gpkg")
    with pytest.raises(InventoryError, match="needs polygons"):
        find_inventories(tmp_path / "a_2016.gpkg")
    (tmp_path / "b_2016.shp").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"b_2016\.shp: cannot be read"):
        find_inventories(tmp_path / "b_2016.shp")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real inventories are not on this machine")
def test_real_inventories_are_found_as_they_come():
    nepal = [find_inventories(path) for path in sorted((REAL / "nepal_inventories").glob("*.shp"))]
    assert [sum(found.polygons.values()) for found in nepal] == [35, 21, 98, 28, 18, 12, 24]
    assert [found.repaired for found in nepal] == [0, 0, 1, 0, 0, 0, 0]
    kashmir = find_inventories(REAL / "kashmir/landslides.shp")
    assert dict(kashmir.polygons) == {
        2000: 113, 2001: 32, 2005: 281, 2006: 2400, 2009: 22, 2010: 931, 2011: 31, 2014: 9
    }  # fmt: skip
    assert kashmir.crs == "EPSG:32643"
