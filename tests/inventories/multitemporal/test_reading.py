import datetime

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from chronoslide.errors import DataError, InventoryError
from chronoslide.inventories.multitemporal.reading import read_inventories
from chronoslide.vectors import write_geopackage

A = box(0, 0, 100, 100)


def frame(*outlines, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(outlines or [A]), crs="EPSG:32645")


def written(path, layers=None):
    write_geopackage(path, layers or {"landslides": frame()})
    return path


def test_the_year_is_in_the_name_of_the_file(tmp_path):
    paths = [written(tmp_path / name) for name in ("MI_2014.gpkg", "2013.gpkg", "v3_from_2013_to_2015.gpkg")]
    read = read_inventories(paths)
    assert list(read.polygons) == [2014, 2013, 2015]
    assert read.names[2014] == str(paths[0])


def test_a_layer_a_year(tmp_path):
    path = written(tmp_path / "predicted.gpkg", {"2013": frame(), "2014": frame(A, A), "events": frame()})
    read = read_inventories([path])
    assert {year: len(polygons) for year, polygons in read.polygons.items()} == {2013: 1, 2014: 2}


def test_a_single_layer_named_by_its_year(tmp_path):
    assert list(read_inventories([written(tmp_path / "predicted.gpkg", {"2013": frame()})]).polygons) == [2013]


@pytest.mark.parametrize("values", [[2014, 2013], ["2014", "2013"], [datetime.datetime(2014, 5, 1), datetime.datetime(2013, 5, 1)]])  # fmt: skip  # noqa: E501
def test_a_column_holds_the_year(tmp_path, values):
    path = written(tmp_path / "all.gpkg", {"landslides": frame(A, box(0, 0, 5, 5), seen=pd.Series(values))})
    read = read_inventories([path], "seen")
    assert {year: polygons.geometry.area.sum() for year, polygons in read.polygons.items()} == {2013: 25, 2014: 10_000}


@pytest.mark.parametrize(
    ("names", "column", "error", "message"),
    [
        (["all.gpkg"], None, InventoryError, "no year in the name; call it for example all_2013.gpkg"),
        (["id_20134.gpkg"], None, InventoryError, "no year in the name"),
        (["a_2013.gpkg", "b_2013.gpkg"], None, InventoryError, "the year 2013 is already in .*a_2013.gpkg"),
        (["all.gpkg"], "yera", DataError, "no column 'yera', did you mean 'year'"),
        (["all.gpkg"], "broken", InventoryError, "feature 0 has no year in column 'broken'"),
        ([], None, InventoryError, "no inventory was named"),
    ],
)
def test_what_has_no_year_is_refused_in_one_line(tmp_path, names, column, error, message):
    paths = [written(tmp_path / name, {"x": frame(year=[2013], broken=["unknown"])}) for name in names]
    with pytest.raises(error, match=message) as caught:
        read_inventories(paths, column)
    assert "\n" not in str(caught.value)


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"MI_2013\.gpkg: no such file"):
        read_inventories([tmp_path / "MI_2013.gpkg"])
    broken = tmp_path / "MI_2014.gpkg"
    broken.write_text("not a GeoPackage")
    with pytest.raises(DataError, match=r"MI_2014\.gpkg: cannot be read"):
        read_inventories([broken])
