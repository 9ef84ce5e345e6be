"""Thirty and more ways in which a delivery is bad: each gives one line with file and remedy, and nothing is written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

import made_deliveries as made
from chronoslide.cli import main

Case = Callable[[Path], list[object] | None]
CASES: dict[str, tuple[Case, str, str]] = {}


def bad(file: str, words: str) -> Callable[[Case], Case]:
    """A kind of bad delivery: the file that the line names, and words of the line."""

    def note(case: Case) -> Case:
        CASES[case.__name__.replace("_", " ")] = (case, file, words)
        return case

    return note


def scene_of(folder: Path) -> Path:
    return next(folder.glob("*_SR*.tif"))


@bad("_SR.tif", "cannot be read as a raster")
def cut_off_in_its_header(folder):
    path = made.rapideye(folder, "2016-11-04")
    path.write_bytes(path.read_bytes()[:100])


@bad("_SR.tif", "truncated")
def cut_off_in_its_pixels(folder):
    path = made.rapideye(folder, "2016-11-04", cube=made.values(made.RAPIDEYE, 600, 600))
    shutil.copy(path, folder / "kept")
    path.write_bytes((folder / "kept").read_bytes()[:-2_000])
    (folder / "kept").unlink()


@bad("_SR.tif", "cannot be read as a raster")
def an_empty_file(folder):
    made.rapideye(folder, "2016-11-04").write_bytes(b"")


@bad("_SR.tif", "cannot be read as a raster")
def not_a_tiff(folder):
    made.rapideye(folder, "2016-11-04").write_text("<html>Please log in</html>")


@bad("_SR.tif", "cannot be read as a raster")
def a_vrt_in_disguise(folder):
    """GDAL would follow it to any file or address."""
    path = made.rapideye(folder, "2016-11-04")
    path.write_text(
        '<VRTDataset rasterXSize="40" rasterYSize="30"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">../../secret.tif</SourceFilename></SimpleSource></VRTRasterBand>'
        "</VRTDataset>"
    )


@bad("_SR.tif", "has 3 bands, RapidEye has 5")
def too_few_bands(folder):
    made.rapideye(folder, "2016-11-04", cube=made.values((1, 2, 3)) + np.uint16(500))


@bad("tile_2016-11-04.tif", "has 7 bands")
def bands_that_no_sensor_has(folder):
    made.raster(folder / "tile_2016-11-04.tif", made.values((500,) * 7))


@bad("_SR.tif", "two bands are called 'red'")
def a_doubled_band(folder):
    made.rapideye(folder, "2016-11-04", names=("blue", "green", "red", "red", "nir"))


@bad(".tif", "not all of one sensor")
def two_sensors_in_one_folder(folder):
    made.rapideye(folder, "2016-11-04")
    made.planetscope(folder, "2017-11-04", 4)


@bad("B4.tif", "deliver all bands in one coordinate reference system")
def mixed_systems(folder):
    made.bands_in_degrees(folder / "2016-11-04")
    made.raster(folder / "2016-11-04/B4.tif", made.values((500,)))


@bad("B4.tif", "covers other ground")
def bands_of_two_tiles(folder):
    made.bands_in_degrees(folder / "2016-11-04", ("B2", "B3"))
    made.raster(folder / "2016-11-04/B4.tif", made.values((500,)), crs="EPSG:4326", pixel=9e-5, west=85.5, north=28.0)


@bad("_SR.tif", "outside of the area of interest")
def no_overlap_with_the_area(folder):
    made.rapideye(folder, "2016-11-04")
    return ["--aoi", made.inventory(folder.parent / "aoi.gpkg", made.square(90_000, 0, 100))]


@bad("_SR.tif", "shares no ground")
def years_without_common_ground(folder):
    made.rapideye(folder, "2016-11-04")
    made.rapideye(folder, "2017-11-04", west=made.WEST + 5_000)


@bad("before", "state it with --date before=YYYY-MM-DD")
def no_date(folder):
    made.bands_in_degrees(folder / "before")


@bad("_udm.tif", "deliver the mask that belongs to the scene")
def a_mask_of_another_size(folder):
    made.rapideye(folder, "2016-11-04", udm=np.zeros((20, 40, 1), np.uint8))


@bad("_udm.tif", "a usable-data mask has one (UDM) or eight (UDM2)")
def a_mask_of_three_bands(folder):
    made.rapideye(folder, "2016-11-04", udm=np.zeros((30, 40, 3), np.uint8))


@bad("_SR.tif", "8-bit")
def a_picture_of_8_bits(folder):
    made.rapideye(folder, "2016-11-04", cube=made.values((50, 60, 70, 80, 90)).astype(np.uint8))


@bad("_SR.tif", "8-bit")
def eight_bits_stored_as_sixteen(folder):
    made.rapideye(folder, "2016-11-04", cube=made.values((50, 60, 70, 80, 90)))


@bad("tile_2016-11-04.tif", "state the stored value of a reflectance of 1 with --scale")
def reflectance_in_percent(folder):
    made.raster(folder / "tile_2016-11-04.tif", made.values(made.RAPIDEYE).astype(np.float32) / 100)


@bad("_2017-11-04_", "not all of one scale")
def two_scales(folder):
    made.rapideye(folder, "2016-11-04")
    made.rapideye(folder, "2017-11-04", cube=made.values(made.RAPIDEYE).astype(np.float32) / 10_000)


@bad("_SR.tif", "nothing but NoData")
def nothing_but_nodata(folder):
    made.rapideye(folder, "2016-11-04", cube=np.zeros((30, 40, 5), np.uint16))


@bad("_SR.tif", "with other values; keep one")
def one_tile_twice_with_other_values(folder):
    made.rapideye(folder, "2016-11-04")
    made.rapideye(folder / "again", "2016-11-04", cube=made.values(made.RAPIDEYE, seed=4))


@bad("_metadata.json", "not JSON")
def broken_json(folder):
    made.planetscope(folder, "2016-11-04", 4)
    next(folder.glob("*.json")).write_text('{"properties": {"acquired": ')


@bad("_metadata.json", "not JSON")
def json_nested_without_end(folder):
    made.planetscope(folder, "2016-11-04", 4)
    next(folder.glob("*.json")).write_text("[" * 200_000)


@bad("_metadata.xml", "not XML")
def broken_xml(folder):
    made.rapideye(folder, "2016-11-04")
    next(folder.glob("*.xml")).write_text("<a><b></a>")


BOMB = "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
) + "]>"  # fmt: skip


@bad("_metadata.xml", "declares a document type or entities")
def xml_that_swells(folder):
    made.rapideye(folder, "2016-11-04")
    next(folder.glob("*.xml")).write_text(f"<?xml version='1.0'?>{BOMB}<a>&i;</a>")


@bad("MTD_MSIL2A.xml", "declares a document type or entities")
def xml_that_reads_other_files(folder):
    made.safe(folder, extra='<!DOCTYPE a [<!ENTITY own SYSTEM "file:///etc/hostname">]>')


@bad("_metadata.xml", "are too many for metadata")
def metadata_without_end(folder):
    made.rapideye(folder, "2016-11-04")
    with next(folder.glob("*.xml")).open("wb") as file:
        file.truncate(40_000_000)


@bad("MTD_MSIL2A.xml", "outside of its folder")
def a_path_out_of_the_product(folder):
    made.safe(folder, listed=["../../../etc/B02_10m"])


@bad("L2A.json", "outside of its folder")
def an_asset_out_of_the_folder(folder):
    made.cogs(folder, hrefs={"B02": "../../secret/B02.tif"})


@bad("tile_2016-11-04.tif", "of the reflectance is below 0")
def negative_reflectance(folder):
    cube = made.values(made.RAPIDEYE).astype(np.float32) / 10_000
    cube[:10] *= -1
    made.raster(folder / "tile_2016-11-04.tif", cube)


@bad("_SR.tif", "only north-up grids")
def a_rotated_grid(folder):
    made.rapideye(folder, "2016-11-04")
    made.raster(
        scene_of(folder), made.values(made.RAPIDEYE), transform=Affine(5, 1, made.WEST, 1, -5, made.NORTH)
    )  # fmt: skip


@bad("_SR.tif", "no coordinate reference system")
def no_reference_system(folder):
    made.rapideye(folder, "2016-11-04", crs=None)


@bad("2017-11-04", "has no file for band red")
def a_missing_band_file(folder):
    made.bands_in_degrees(folder / "2016-11-04")
    made.bands_in_degrees(folder / "2017-11-04", ("B2", "B3"))
    made.bands_in_degrees(folder / "2018-11-04")


@bad("_B04_10m.jp2", "listed by MTD_MSIL2A.xml and missing")
def a_missing_band_of_a_product(folder):
    next(made.safe(folder).rglob("*_B04_10m.jp2")).unlink()


@bad(".SAFE", "no scene classification (SCL)")
def no_scene_classification(folder):
    next(made.safe(folder).rglob("*_SCL_20m.jp2")).unlink()


@bad("_SCL_20m.jp2", "no scene classification (one band of classes 0 to 11)")
def a_classification_of_other_classes(folder):
    made.safe(folder, scl=np.full((15, 20, 1), 200, np.uint8))


@bad("_SCL_20m.jp2", "deliver the classification that belongs to the scene")
def a_classification_of_other_ground(folder):
    made.safe(folder, scl=np.full((10, 20, 1), 4, np.uint8))


@bad("MTD_MSIL2A.xml", "does not say which radiometric offset")
def an_unknown_baseline(folder):
    made.safe(folder, baseline="05.11", offset=None)


@bad(".SAFE", "does not say which radiometric offset")
def sentinel_bands_without_metadata(folder):
    next(made.safe(folder).glob("MTD*")).unlink()


@bad("MTD_MSIL1C.xml", "deliver its Level-2A")
def a_product_of_the_top_of_the_atmosphere(folder):
    product = made.safe(folder)
    (product / "MTD_MSIL2A.xml").rename(product / "MTD_MSIL1C.xml")


@bad("S2A_45RUL_20221104_0_L2A: ", "perhaps been taken away already")
def an_offset_that_was_applied_before(folder):
    """The item denies it, as some of Earth Search do."""
    made.cogs(folder, properties={"earthsearch:boa_offset_applied": False})


@bad("_AnalyticMS.tif", "not surface reflectance")
def radiance(folder):
    made.raster(folder / "20161104_051011_0e20_3B_AnalyticMS.tif", made.values((4_000, 6_000, 5_000, 9_000)), pixel=3.0)


@bad("order.zip", "unpack it")
def an_archive(folder):
    folder.mkdir(exist_ok=True)
    (folder / "order.zip").write_bytes(b"PK")


@bad("delivery", "holds no scene, inventory or chips")
def an_empty_folder(folder):
    folder.mkdir(exist_ok=True)


@bad("chips", "`chronoslide chips ")
def chips_for_scenes(folder):
    for name in ("images", "masks"):
        (folder / "chips/train" / name).mkdir(parents=True)
        (folder / "chips/train" / name / "a.png").write_bytes(b"")


@bad("mapped.gpkg", "tells the year")
def an_inventory_without_a_year(folder):
    made.rapideye(folder, "2016-11-04")
    made.inventory(folder / "mapped.gpkg")


@bad("mapped_2016.gpkg", "needs polygons")
def an_inventory_of_points(folder):
    made.rapideye(folder, "2016-11-04")
    made.inventory(folder / "mapped_2016.gpkg", made.square(0, 0, 10).centroid)


@bad("b_2016.gpkg", "the year 2016 is also in")
def two_inventories_of_a_year(folder):
    made.rapideye(folder, "2016-11-04")
    made.inventory(folder / "a_2016.gpkg")
    made.inventory(folder / "b_2016.gpkg")


def test_there_are_at_least_thirty_kinds() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize("kind", CASES)
def test_a_bad_delivery_gives_one_line(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, file, words = CASES[kind]
    delivery = tmp_path / "delivery"
    options = case(delivery) or []
    root = tmp_path / "root"
    code = main(["init", str(delivery), "--root", str(root), *map(str, options)])
    told = capsys.readouterr().err
    assert code == 2, told
    assert len(told.splitlines()) == 1, told
    assert file in told
    assert words in told
    assert told.count("chronoslide init: ") == 1
    assert "(and " not in told, "one mistake is one problem"
    assert not root.exists()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--date", "tile=yesterday"], "--date tile=yesterday: write it as SCENE=2016-11-04"),
        (["--date", "tiel=2016-11-04"], "no scene is called so"),
        (["--year", "2016"], "write it as SCENE=2016"),
        (["--bands", "blue,blue"], "name each band once"),
        (["--bands", "blue,green"], "has 5 bands, --bands names 2"),
        (["--scale", "0"], "must be above 0"),
        (["--crs", "EPSG:4326"], "not in metres"),
        (["--crs", "utm"], "is not known"),
        (["--aoi", "gone.gpkg"], "gone.gpkg: no such file"),
        (["--training", "gone"], "gone: no such file or folder"),
    ],
)
def test_a_wrong_option_gives_one_line(option, words, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made.rapideye(tmp_path / "delivery", "2016-11-04")
    assert main(["init", str(tmp_path / "delivery"), "--root", str(tmp_path / "root"), *option]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert words in told
    assert not (tmp_path / "root").exists()


def test_inspect_tells_all_problems_and_what_it_saw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made.rapideye(tmp_path, "2016-11-04")
    made.rapideye(tmp_path, "2017-11-04").write_bytes(b"")
    made.rapideye(tmp_path, "2018-11-04", cube=np.zeros((30, 40, 5), np.uint16))
    assert main(["inspect", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert "2016-11-04" in told.out
    assert told.out.count("_SR.tif: ") >= 2
    assert "(and 1 more" in told.err
    assert json.dumps(told.err).count("\\n") == 1
