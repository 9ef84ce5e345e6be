import datetime
from pathlib import Path

import pytest
import yaml

from chronoslide.dataset import read_dataset, write_dataset
from chronoslide.errors import DataError

DESCRIBED = """
name: Valley
provenance: observed
sensor: RapidEye
bands: [blue, green, red, red_edge, nir]
scale: 10000
nodata: 0
crs: EPSG:32645
resolution_metres: 5
sites:
  training:
    area_of_interest: training/area.gpkg
    years:
      2016:
        date: 2016-11-04
        acquisitions: [{scene: training/2016.tif}]
        inventory: training/2016.gpkg
  investigation:
    area_of_interest: investigation/area.gpkg
    years:
      2015:
        date: 2015-11-09
        acquisitions:
          - {scene: investigation/2015_a.tif, usable_data_mask: investigation/2015_a_udm.tif}
          - {scene: investigation/2015_b.tif}
      2016:
        date: 2016-11-04
        acquisitions: [{scene: investigation/2016.tif}]
"""


def write(folder, text=DESCRIBED):
    (folder / "dataset.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_description_is_read(tmp_path):
    dataset = read_dataset(write(tmp_path))
    year = dataset.year("investigation", 2015)
    assert year.date == datetime.date(2015, 11, 9)
    assert [tile.scene for tile in year.acquisitions] == [
        Path("investigation/2015_a.tif"),
        Path("investigation/2015_b.tif"),
    ]
    assert year.inventory is None
    assert dataset.provenance == "observed"


def test_what_is_written_is_read(tmp_path):
    dataset = read_dataset(write(tmp_path))
    write_dataset(tmp_path / "again", dataset)
    assert read_dataset(tmp_path / "again") == dataset


def test_a_year_that_was_not_delivered_is_answered_with_those_that_were(tmp_path):
    dataset = read_dataset(write(tmp_path))
    with pytest.raises(DataError, match=r"sites\.investigation\.years has no 2014 \(it has \[2015, 2016\]\)"):
        dataset.year("investigation", 2014)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("nodata: 0", "no_data: 0", "unknown key 'no_data', did you mean 'nodata'?"),
        ("crs: EPSG:32645", "", "'crs' is missing; add it"),
        ("provenance: observed", "provenance: real", "provenance: Input should be 'simulated' or 'observed'"),
        ("scale: 10000", "scale: 0", "scale: Input should be greater than 0"),
        ("red, red_edge", "red, red", "bands: ['red'] stand more than once"),
        ("resolution_metres: 5", "resolution_metres: fine", "resolution_metres: Input should be a valid number"),
        ("  training:\n    area_of", "  trainings:\n    area_of", "sites.trainings"),
        ("date: 2015-11-09", "date: last autumn", "sites.investigation.years.2015.date"),
        ("[{scene: training/2016.tif}]", "[]", "sites.training.years.2016.acquisitions"),
        ("{scene: investigation/2015_b.tif}", "{scenes: b.tif}", "sites.investigation.years.2015.acquisitions.1"),
        ("        inventory:", "        inventry:", "'sites.training.years.2016.inventry', did you mean 'inventory'?"),
        ("bands: [", "bands: [[", "not YAML"),
    ],
)
def test_a_mistake_is_said_in_one_line_with_its_place(tmp_path, before, after, words):
    assert before in DESCRIBED
    write(tmp_path, DESCRIBED.replace(before, after))
    with pytest.raises(DataError) as caught:
        read_dataset(tmp_path)
    assert "dataset.yaml: " in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_area_that_is_mapped_is_needed(tmp_path):
    content = yaml.safe_load(DESCRIBED)
    del content["sites"]["investigation"]
    write(tmp_path, yaml.safe_dump(content))
    with pytest.raises(DataError, match=r"'investigation' missing; describe the area"):
        read_dataset(tmp_path)


def test_without_a_training_area_the_other_one_is_described(tmp_path):
    content = yaml.safe_load(DESCRIBED)
    del content["sites"]["training"]
    write(tmp_path, yaml.safe_dump(content))
    assert read_dataset(tmp_path).described_sites == ("investigation",)


@pytest.mark.parametrize("path", ["../elsewhere.tif", "/elsewhere.tif", "training/../../elsewhere.tif"])
def test_a_path_that_leaves_the_data_is_refused(tmp_path, path):
    write(tmp_path, DESCRIBED.replace("training/2016.tif", path))
    with pytest.raises(DataError, match=r"leaves the folder of dataset\.yaml; put the file there"):
        read_dataset(tmp_path)


def test_a_scene_is_one_file_or_a_file_a_band(tmp_path):
    both = "{scene: a.tif, bands: {red: b.tif}}"
    for wrong in ("{metadata: a.xml}", both):
        write(tmp_path, DESCRIBED.replace("{scene: training/2016.tif}", wrong))
        with pytest.raises(DataError, match=r"name either `scene` .* or `bands`"):
            read_dataset(tmp_path)


def test_every_band_needs_its_file(tmp_path):
    write(tmp_path, DESCRIBED.replace("{scene: training/2016.tif}", "{bands: {blue: t/b.tif, green: t/g.tif}}"))
    with pytest.raises(DataError, match=r"training\.years\.2016: t has no file for band 'red'"):
        read_dataset(tmp_path)


def test_an_inventory_may_be_a_layer_or_a_column_of_a_file(tmp_path):
    write(tmp_path, DESCRIBED.replace("inventory: training/2016.gpkg", "inventory: {file: a.shp, year_column: year}"))
    dataset = read_dataset(tmp_path)
    assert dataset.year("training", 2016).inventory.year_column == "year"
    write_dataset(tmp_path / "again", dataset)
    assert read_dataset(tmp_path / "again") == dataset


def test_a_missing_description_says_how_to_get_one(tmp_path):
    with pytest.raises(DataError, match="no such file; run `make data`, or `chronoslide init` on your own"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../outside.tif", "a/../../b.tif", "/vsicurl/http://host/a.tif", '"a\\0b"']
)
@pytest.mark.parametrize("key", ["scene: investigation/2016.tif", "area_of_interest: training/area.gpkg"])
def test_a_description_names_only_files_below_its_folder(tmp_path, key, path):
    text = DESCRIBED.replace(key, f"{key.split(':')[0]}: {path}")
    assert text != DESCRIBED
    with pytest.raises(DataError, match=r"leaves the folder of dataset\.yaml"):
        read_dataset(write(tmp_path, text))


def test_a_link_below_the_folder_is_followed_as_dvc_makes_them(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/investigation").symlink_to(tmp_path / "disk")
    dataset = read_dataset(write(tmp_path / "data"))
    assert dataset.year("investigation", 2016).acquisitions[0].scene == Path("investigation/2016.tif")
