"""What the providers' modules make of names and metadata, by tables of names as providers give them."""

import datetime
import json
from pathlib import Path

import pytest

import made_deliveries as made
from chronoslide.errors import DataError
from chronoslide.scenes.deliveries import folder_of_bands, planet, sentinel2
from chronoslide.scenes.deliveries.metadata_reading import date_in, inside


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("4548017_2013-11-07_RE3_3A_Analytic_SR.tif", "2013-11-07"),
        ("20220115_101010_55_2414_3B_AnalyticMS_SR_8b.tif", "2022-01-15"),
        ("S2A_MSIL2A_20161104T045931_N0204_R076_T45RUL_20201104T083000.SAFE", "2016-11-04"),
        ("scene_2016_11_04", "2016-11-04"),
        ("354815_4548017", None),
        ("2016-1104", None),
        ("20161304_a_20161104", "2016-11-04"),
        ("20170229", None),
        ("120161104", None),
        (None, None),
    ],
)
def test_dates_in_names(text, date):
    assert date_in(text) == (datetime.date.fromisoformat(date) if date else None)


PLANET = {
    "4548017_2013-11-07_RE3_3A_Analytic_SR.tif": ("4548017_2013-11-07_RE3_3A_udm.tif", "_3A_Analytic_metadata.xml"),
    "20220115_101010_55_2414_3B_AnalyticMS_SR_8b_harmonized_clip.tif": ("_3B_udm2_clip.tif", "_metadata.json"),
    "20180216_095751_0f2d_3B_AnalyticMS_SR.tif": ("_3B_AnalyticMS_DN_udm.tif", "_3B_AnalyticMS_metadata.xml"),
    "354815_4548017_2016-11-04_0e20_BGRN_SR.tif": ("_BGRN_DN_udm.tif", "_BGRN_Analytic_metadata.xml"),
    "20161104_tile1_Analytic_SR.tif": ("20161104_tile1_udm.tif", "20161104_tile1_metadata.json"),
}


@pytest.mark.parametrize("scene", PLANET)
def test_planets_scenes_find_their_masks_and_metadata(tmp_path, scene):
    items = {
        "4548017": "4548017_2013-11-07_RE3", "2022": "20220115_101010_55_2414", "2018": "20180216_095751_0f2d",
        "3548": "354815_4548017_2016-11-04_0e20", "2016": "20161104_tile1",
    }  # fmt: skip
    item = next(name for start, name in items.items() if scene.startswith(start))
    mask, metadata = (name if name.startswith(item) else item + name for name in PLANET[scene])
    for name in (scene, mask, metadata):
        (tmp_path / name).write_text(
            "{}" if name.endswith("json") else made.planet_xml("2016-11-04", "PlanetScope", "0e20", 4)
        )
    recognised = planet.recognise(sorted(tmp_path.iterdir()))
    (found,) = recognised.scenes
    assert found.problem is None
    assert (found.usable_data_mask, found.metadata) == (tmp_path / mask, tmp_path / metadata)
    assert len(recognised.taken) == 3


@pytest.mark.parametrize(
    ("platform", "serial", "bands", "sensor"),
    [
        ("RapidEye", "RE-3", 5, "RapidEye"),
        ("PlanetScope", "2414", 8, "PlanetScope (8 bands)"),
        ("PlanetScope", "0e20", 4, "PlanetScope (4 bands)"),
        ("SkySat", "SSC1", 4, ""),
    ],
)
def test_the_date_is_that_of_the_acquisition_and_the_sensor_that_of_the_platform(
    tmp_path, platform, serial, bands, sensor
):
    (tmp_path / "a_Analytic_SR.tif").write_bytes(b"")
    (tmp_path / "a_metadata.xml").write_text(made.planet_xml("2016-11-04", platform, serial, bands))
    (found,) = planet.recognise(sorted(tmp_path.iterdir())).scenes
    assert (str(found.date), found.sensor) == ("2016-11-04", sensor)  # not the date of archiving


@pytest.mark.parametrize(
    ("key", "asset", "band"),
    [
        ("red", {}, "B04"),
        ("red-jp2", {}, None),
        ("rededge1", {}, "B05"),
        ("nir08", {}, "B8A"),
        ("B08", {}, "B08"),
        ("B05_20m", {}, "B05"),
        ("SCL_20m", {}, "SCL"),
        ("visual", {"eo:bands": [{"name": "B04"}, {"name": "B03"}]}, None),
        ("nir_10m", {"eo:bands": [{"name": "B08"}]}, "B08"),
        ("thumbnail", {}, None),
        ("aot", {}, None),
    ],
)
def test_assets_of_several_catalogues(key, asset, band):
    assert sentinel2.band_of_asset(key, asset) == band


def test_of_the_files_of_a_band_the_finest_pixels_are_taken(tmp_path):
    product = made.safe(tmp_path)
    twin = next(product.rglob("*_B02_10m.jp2"))
    twin.with_name(twin.name.replace("10m", "20m")).write_bytes(b"")
    (found,) = sentinel2.recognise(sorted(path for path in product.rglob("*") if path.is_file())).scenes
    assert found.band_files["blue"] == twin
    assert list(found.band_files) == ["blue", "green", "red", "red_edge", "nir", "narrow_nir"]
    assert (found.offset, found.nodata) == (-1000, 0)


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (["B2", "B3", "B4", "B8"], ("blue", "green", "red", "nir")),
        (["B02", "B8A", "B05"], ("blue", "red_edge", "narrow_nir")),
        (["LC08_123_SR_B2", "LC08_123_SR_B5"], ("blue", "nir")),
        (["scene_blue", "scene_rededge", "scene_nir"], ("blue", "red_edge", "nir")),
        (["x_Red", "x_NIR"], ("red", "nir")),
    ],
)
def test_files_a_band_by_number_or_name(names, bands):
    files = [Path(f"folder/{name}.tif") for name in names]
    (found,) = folder_of_bands.recognise(files).scenes
    assert found.bands == bands
    assert found.problem is None


def test_other_satellites_numbers_are_not_guessed():
    (found,) = folder_of_bands.recognise([Path(f"f/LE07_1_B{number}.tif") for number in (1, 2)]).scenes
    assert "numbered otherwise" in found.problem


def test_one_file_is_no_folder_of_bands():
    assert not folder_of_bands.recognise([Path("f/B2.tif"), Path("f/dsm.tif")]).scenes


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a", "https://x/a", "a\\b", "a\0"])
def test_names_that_lead_out_of_the_folder_are_refused(name):
    with pytest.raises(DataError, match="outside of its folder"):
        inside(Path("folder"), name, Path("told.xml"))


@pytest.mark.parametrize("told", [3, 0.5, "bands", {"offset": 1}, True])
def test_an_asset_whose_bands_are_no_list_tells_no_offset(tmp_path, told):
    """Found by `make test-faults`: it was a traceback once."""
    folder = made.cogs(tmp_path, properties={"s2:processing_baseline": "03.01"})
    item = next(folder.glob("*.json"))
    content = json.loads(item.read_text())
    for asset in content["assets"].values():
        asset["raster:bands"] = told
    item.write_text(json.dumps(content))
    (found,) = sentinel2.recognise(sorted(folder.iterdir())).scenes
    assert found.offset == 0
