import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from chronoslide.errors import DataError, InventoryError
from chronoslide.vectors import read_polygons, repair_polygons, write_geopackage

SQUARE = box(0, 0, 10, 10)
BOW_TIE = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])  # two triangles of 25 that meet in the middle
WITH_HOLE = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(2, 2), (2, 8), (8, 8), (8, 2)]])
FLAT = Polygon([(0, 0), (10, 0), (5, 0)])
SQUARE_WITH_SPIKE = Polygon([(0, 0), (10, 0), (10, 10), (20, 10), (10, 10), (0, 10)])


def layer(*geometries, crs=32645):
    return gpd.GeoDataFrame({"name": [f"L{i}" for i in range(len(geometries))]}, geometry=list(geometries), crs=crs)


def test_what_is_written_is_read(tmp_path):
    written = layer(SQUARE, WITH_HOLE, MultiPolygon([SQUARE, box(20, 0, 30, 10)]))
    write_geopackage(tmp_path / "a.gpkg", {"2013": written, "2014": written[:1]})
    read = read_polygons(tmp_path / "a.gpkg", "2013")
    assert read.geom_equals(written).all()
    assert list(read["name"]) == ["L0", "L1", "L2"]
    assert read.crs == written.crs
    assert len(read_polygons(tmp_path / "a.gpkg", "2014")) == 1


def test_an_inventory_without_landslides_can_be_kept(tmp_path):
    write_geopackage(tmp_path / "a.gpkg", {"landslides": layer()})
    assert read_polygons(tmp_path / "a.gpkg").empty


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name in ("a.gpkg", "b.gpkg"):
        write_geopackage(tmp_path / name, {"2013": layer(SQUARE), "2014": layer(BOW_TIE, WITH_HOLE)})
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


def write_broken(path, how):
    if how == "text":
        path.write_text("not a GeoPackage")
    elif how == "truncated":
        write_geopackage(path, {"landslides": layer(SQUARE)})
        path.write_bytes(path.read_bytes()[:5_000])
    elif how == "without CRS":
        write_geopackage(path, {"landslides": layer(SQUARE, crs=None)})
    elif how == "several layers":
        write_geopackage(path, {"2013": layer(SQUARE), "2014": layer(SQUARE)})


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", "no such file"),
        ("text", "cannot be read"),
        ("truncated", "cannot be read"),
        ("without CRS", "no coordinate reference system"),
        ("several layers", "has the layers 2013, 2014; deliver"),
    ],
)
def test_a_broken_file_is_named_in_one_line(tmp_path, how, words):
    path = tmp_path / "2016.gpkg"
    write_broken(path, how)
    with pytest.raises(DataError, match=words) as caught:
        read_polygons(path)
    assert "2016.gpkg" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_layer_that_does_not_exist_is_answered_with_those_that_do(tmp_path):
    write_geopackage(tmp_path / "a.gpkg", {"2013": layer(SQUARE), "2014": layer(SQUARE)})
    with pytest.raises(DataError, match=r"no layer '2015'; it has 2013, 2014"):
        read_polygons(tmp_path / "a.gpkg", "2015")


def test_a_table_without_geometry_is_refused(tmp_path):
    write_geopackage(tmp_path / "a.gpkg", {}, tables={"areas": pd.DataFrame({"area": [200]})})
    with pytest.raises(DataError, match="without geometry"):
        read_polygons(tmp_path / "a.gpkg")
    (tmp_path / "a.csv").write_text("name,area\nL1,200\n")
    with pytest.raises(DataError, match=r"a\.csv: cannot be read"):
        read_polygons(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("geometry", "area", "repaired", "dropped"),
    [
        (SQUARE, 100, False, False),
        (WITH_HOLE, 64, False, False),
        (MultiPolygon([SQUARE, box(20, 0, 30, 10)]), 200, False, False),
        (BOW_TIE, 50, True, False),
        (SQUARE_WITH_SPIKE, 100, True, False),
        (FLAT, 0, False, True),
        (Polygon(), 0, False, True),
        (None, 0, False, True),
    ],
    ids=["square", "hole", "two parts", "bow tie", "spike", "no area", "empty", "missing"],
)
def test_repair_keeps_the_area_that_is_there_and_says_what_it_did(geometry, area, repaired, dropped):
    result = repair_polygons(layer(box(50, 50, 51, 51), geometry), "2016.gpkg")
    assert result.polygons.geometry.is_valid.all()
    assert set(result.polygons.geom_type) <= {"Polygon", "MultiPolygon"}
    assert result.polygons.geometry.area.sum() == 1 + area
    assert result.repaired == ((1,) if repaired else ())
    assert result.dropped == ((1,) if dropped else ())


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_an_outline_with_a_coordinate_that_is_no_number_is_dropped_with_its_reason(number):
    """Found by `make test-faults` in shapefiles: GEOS ended with an exception of its own."""
    broken = shapely.transform(WITH_HOLE, lambda ring: np.where(ring == 8, number, ring))
    result = repair_polygons(layer(SQUARE, broken, MultiPolygon([SQUARE, broken])), "layer")
    assert list(result.polygons["name"]) == ["L0"]
    assert result.dropped == (1, 2)
    assert result.reasons == dict.fromkeys((1, 2), "a coordinate that is no number")


def test_a_collection_keeps_its_polygons():
    collection = GeometryCollection([SQUARE, LineString([(0, 0), (1, 1)])])
    result = repair_polygons(layer(collection), "2016.gpkg")
    assert result.polygons.geometry.area.tolist() == [100]
    assert result.polygons.geom_type.tolist() == ["Polygon"]


@pytest.mark.parametrize("geometry", [Point(0, 0), LineString([(0, 0), (1, 1)])])
def test_points_and_lines_are_no_inventory(geometry):
    with pytest.raises(InventoryError, match=rf"2016.gpkg: feature 1 is a {geometry.geom_type}; .* polygons"):
        repair_polygons(layer(SQUARE, geometry), "2016.gpkg")


ELSEWHERE = [
    "<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
    "\n <OGRWFSDataSource><URL>http://localhost:9/wfs</URL></OGRWFSDataSource>",
    "<?xml version='1.0'?><ogr:FeatureCollection xmlns:ogr='http://ogr.maptools.org/'/>",
]


@pytest.mark.parametrize("text", ELSEWHERE)
@pytest.mark.parametrize("name", ["a.gpkg", "a.vrt", "a.geojson"])
def test_a_file_that_points_elsewhere_is_refused(tmp_path, text, name):
    write_geopackage(tmp_path / "secret.gpkg", {"landslides": layer(SQUARE)})
    (tmp_path / name).write_text(text.format(secret=tmp_path / "secret.gpkg"))
    with pytest.raises(DataError, match=r"no GeoPackage, shapefile.* convert it"):
        read_polygons(tmp_path / name)


@pytest.mark.parametrize("suffix", [".shp", ".geojson", ".fgb", ".gpkg"])
def test_formats_that_hold_their_own_polygons_are_read(tmp_path, suffix):
    layer(SQUARE).to_file(tmp_path / f"a{suffix}", engine="pyogrio")
    assert read_polygons(tmp_path / f"a{suffix}").geometry.iloc[0].equals(SQUARE)


def test_a_word_in_another_encoding_is_told(tmp_path):
    layer(SQUARE).to_file(tmp_path / "a.shp", engine="pyogrio")
    (tmp_path / "a.cpg").write_text("UTF-8")
    content = (tmp_path / "a.dbf").read_bytes()
    (tmp_path / "a.dbf").write_bytes(content.replace(b"L0", b"\xa0\xff"))
    with pytest.raises(DataError, match=r"a\.shp: cannot be read"):
        read_polygons(tmp_path / "a.shp")
