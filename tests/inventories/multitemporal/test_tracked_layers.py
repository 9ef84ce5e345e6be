import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from xml.etree import ElementTree as Xml

import geopandas as gpd
import pyogrio
import pytest
from shapely.geometry import box

from chronoslide.inventories.multitemporal.states import State
from chronoslide.inventories.multitemporal.tracked_layers import EVENT_COLUMNS, LANDSLIDE_COLUMNS, YEAR_COLUMNS
from chronoslide.inventories.multitemporal.tracked_style import COLOURS, qgis_style
from chronoslide.inventories.multitemporal.tracked_writer import write_tracked
from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.params import TrackingSettings

PROGRAM = """
import sys
from pathlib import Path
import geopandas as gpd
from shapely.geometry import box
from chronoslide.inventories.multitemporal.tracked_writer import write_tracked
from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.params import TrackingSettings

def inventory(*outlines):
    return gpd.GeoDataFrame(geometry=list(outlines), crs="EPSG:32645")

years = {2013: inventory(box(0, 0, 99, 100), box(300, 0, 340, 40)), 2014: inventory(box(0, 0, 100, 150)), 2015: inventory()}
write_tracked(Path(sys.argv[1]), track_inventories(years, TrackingSettings()))
"""  # noqa: E501


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("tracked") / "tracked.gpkg"
    subprocess.run([sys.executable, "-c", PROGRAM, str(path)], check=True)
    return path


def test_one_file_holds_a_layer_a_year_the_landslides_and_the_events(package):
    layers = pyogrio.list_layers(package)[:, 0].tolist()
    assert layers == ["2013", "2014", "2015", "landslides", "events", "balance", "columns", "layer_styles"]


@pytest.mark.parametrize(
    ("layer", "columns", "rows"),
    [
        ("2013", YEAR_COLUMNS, 2),
        ("2014", YEAR_COLUMNS, 1),
        ("2015", YEAR_COLUMNS, 0),
        ("landslides", LANDSLIDE_COLUMNS, 2),
        ("events", EVENT_COLUMNS, 5),
    ],
)
def test_layers_have_exactly_the_documented_columns(package, layer, columns, rows):
    frame = gpd.read_file(package, layer=layer)
    assert frame.columns.tolist() == [*columns, "geometry"]
    assert len(frame) == rows
    assert frame.crs.to_epsg() == 32645


def test_the_balance_and_the_meaning_of_the_columns_are_in_the_file(package):
    balance = gpd.read_file(package, layer="balance")
    assert balance["stock"].tolist() == [2, 1, 0]
    columns = gpd.read_file(package, layer="columns")
    meaning = columns.set_index(["layer", "column_name"])["meaning"]
    assert meaning["landslides", "merged_into"] == LANDSLIDE_COLUMNS["merged_into"]
    assert len(columns) == len(YEAR_COLUMNS) + len(LANDSLIDE_COLUMNS) + len(EVENT_COLUMNS) + balance.shape[1]


def test_the_same_bytes_in_two_processes(package, tmp_path):
    again = tmp_path / "again.gpkg"
    subprocess.run([sys.executable, "-c", PROGRAM, str(again)], check=True)
    assert hashlib.sha256(package.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest()


def test_qgis_finds_a_style_for_every_layer(package):
    # The condition is the one with which QGIS looks for a default style.
    query = "SELECT styleQML FROM layer_styles WHERE f_table_schema='' AND f_table_name=? AND f_geometry_column=?"
    with closing(sqlite3.connect(package)) as database:
        columns = dict(database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        styles = {layer: database.execute(query, (layer, column)).fetchall() for layer, column in columns.items()}
    assert set(styles) == {"2013", "2014", "2015", "landslides", "events"}
    assert all(found == [(qgis_style(),)] for found in styles.values())


def test_the_style_has_a_colour_for_each_state():
    root = Xml.fromstring(qgis_style().split("\n", 1)[1])
    renderer = root.find("renderer-v2")
    assert renderer.get("attr") == "state"
    symbols = {symbol.get("name"): symbol for symbol in renderer.find("symbols")}
    shown = {}
    for category in renderer.find("categories"):
        options = symbols[category.get("symbol")].find("layer/Option")
        [colour] = [option.get("value") for option in options if option.get("name") == "color"]
        shown[category.get("value")] = "#" + "".join(f"{int(part):02x}" for part in colour.split(",")[:3])
    assert shown == {str(state): COLOURS[state] for state in State}
    assert len(set(shown.values())) == len(State)


def test_an_inventory_of_nothing_is_written_and_read_back(tmp_path):
    empty = gpd.GeoDataFrame(geometry=[], crs="EPSG:32645")
    path = tmp_path / "empty.gpkg"
    write_tracked(path, track_inventories({2013: empty}, TrackingSettings()))
    assert len(gpd.read_file(path, layer="landslides")) == 0


def test_multipart_landslides_are_written(tmp_path):
    apart = box(0, 0, 10, 10).union(box(20, 0, 30, 10))
    frame = gpd.GeoDataFrame(geometry=[apart, box(100, 0, 110, 10)], crs="EPSG:32645")
    path = tmp_path / "parts.gpkg"
    write_tracked(path, track_inventories({2013: frame}, TrackingSettings()))
    assert gpd.read_file(path, layer="2013").geometry.area.tolist() == [200, 100]
