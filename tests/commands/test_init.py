"""From deliveries as they come to a description and a scene, for every provider and for the real data."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from rasterio.crs import CRS

import made_deliveries as made
from chronoslide.cli import main
from chronoslide.dataset import read_dataset
from chronoslide.params import read_settings
from chronoslide.scenes.deliveries.reading import read_area, read_tile

ROOT = Path(__file__).parents[2]
REAL = ROOT / "../shared/data"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the settings of the repository and nothing else."""
    (tmp_path / "root").mkdir()
    shutil.copy(ROOT / "params.yaml", tmp_path / "root/params.yaml")
    return tmp_path / "root"


def init(root: Path, *words: object) -> None:
    assert main(["init", *map(str, words), "--root", str(root)]) == 0


def scene_of(root: Path, year: int, site: str = "investigation"):
    """The tiles of a year on the site's grid, read as the stage reads them; the first alone is returned."""
    dataset = read_dataset(root / "data")
    _, grid = read_area(root / "data" / dataset.sites[site].area_of_interest, dataset)
    return read_tile(root / "data", dataset.year(site, year).acquisitions[0], dataset, dataset.bands, grid).scene


def test_a_rapideye_order_of_two_tiles_and_its_inventories(tmp_path, root, capsys):
    made.rapideye(tmp_path / "order", "2015-11-09", tile="4548017", names=("Band 1",) * 5)
    made.rapideye(tmp_path / "order", "2016-11-04", tile="4548017", nodata=0)
    made.rapideye(tmp_path / "order", "2016-11-04", tile="4548018", west=made.WEST + 100)
    made.inventory(tmp_path / "order/mapped_2015.shp")
    made.inventory(tmp_path / "order/mapped_2016.geojson", made.square(20, 20, 30), made.BOW_TIE, crs="EPSG:4326")
    init(root, tmp_path / "order")
    dataset = read_dataset(root / "data")
    assert (dataset.sensor, dataset.scale, dataset.nodata) == ("RapidEye", 10_000, 0)
    assert dataset.bands == ("blue", "green", "red", "red_edge", "nir")
    assert (dataset.crs, dataset.resolution_metres) == ("EPSG:32645", 5.0)
    years = dataset.sites["investigation"].years
    assert {year: (str(one.date), len(one.acquisitions)) for year, one in years.items()} == {
        2015: ("2015-11-09", 1), 2016: ("2016-11-04", 2)
    }  # fmt: skip
    tile = years[2015].acquisitions[0]
    assert tile.metadata.suffix == ".xml"
    assert all((root / "data" / path).exists() for path in (tile.scene, tile.usable_data_mask, tile.metadata))
    assert str(years[2015].inventory) == "investigation/inventories/mapped_2015.shp"
    assert (root / "data/investigation/inventories/mapped_2015.dbf").exists()
    told = capsys.readouterr().out
    assert "dvc add data" in told
    assert "inventories of 2015, 2016" in told
    assert scene_of(root, 2015).valid.all()


def test_a_training_area_makes_the_description_whole(tmp_path, root, capsys):
    for site in ("inside", "outside"):
        made.rapideye(tmp_path / site, "2016-11-04")
        made.inventory(tmp_path / site / "mapped_2016.gpkg")
    init(root, tmp_path / "inside", "--training", tmp_path / "outside", "--name", "valley")
    dataset = read_dataset(root / "data")
    assert dataset.name == "valley"
    assert dataset.described_sites == ("training", "investigation")
    assert "dvc repro\n" in capsys.readouterr().out


def test_four_bands_of_planetscope_change_the_bands_of_the_model(tmp_path, root, capsys):
    made.planetscope(tmp_path / "order", "2016-11-04", 4)
    init(root, tmp_path / "order")
    dataset = read_dataset(root / "data")
    assert (dataset.sensor, dataset.resolution_metres) == ("PlanetScope (4 bands)", 3.0)
    assert dataset.bands == ("blue", "green", "red", "nir")
    assert read_settings(root / "params.yaml").scenes.bands == ("blue", "green", "red", "nir")
    assert "delivers no red_edge" in capsys.readouterr().out
    valid = scene_of(root, 2016).valid
    assert not valid[:2].any()  # the clouds of the udm2, of which the rim cut a row
    assert valid[3:].all()  # the older cloud bit takes nothing away


def test_eight_bands_of_planetscope_hold_those_of_the_model(tmp_path, root):
    made.planetscope(tmp_path / "order", "2016-11-04", 8)
    before = (root / "params.yaml").read_text()
    init(root, tmp_path / "order")
    assert set(read_settings(root / "params.yaml").scenes.bands) <= set(read_dataset(root / "data").bands)
    assert (root / "params.yaml").read_text() == before


@pytest.mark.parametrize(
    ("baseline", "stored_with", "listed"), [("05.11", 1000, -1000), ("02.14", 0, None)], ids=["with offset", "before"]
)
def test_a_sentinel_product_loses_its_offset_once(tmp_path, root, baseline, stored_with, listed):
    made.safe(tmp_path / "order", added=stored_with, baseline=baseline, offset=listed)
    init(root, tmp_path / "order")
    dataset = read_dataset(root / "data")
    assert dataset.bands == ("blue", "green", "red", "red_edge", "nir", "narrow_nir")
    assert dataset.year("investigation", 2022).acquisitions[0].offset == listed
    assert (str(dataset.year("investigation", 2022).date), dataset.resolution_metres) == ("2022-11-04", 10.0)
    scene = scene_of(root, 2022)
    assert not scene.valid[:3].any()  # clouds of 20 m
    assert scene.valid[4:].all()
    mean = scene.reflectance[scene.valid].mean(axis=0)
    np.testing.assert_allclose(mean, [0.04, 0.06, 0.05, 0.09, 0.26, 0.27], rtol=0.02)


@pytest.mark.parametrize(
    ("properties", "added", "band_offset"),
    [
        ({"earthsearch:boa_offset_applied": True}, 0, -0.1),
        ({"earthsearch:boa_offset_applied": False}, 1000, -0.1),
        ({"s2:processing_baseline": "03.01"}, 0, None),
        ({}, 1000, -0.1),
    ],
)
def test_an_item_tells_whether_the_offset_is_still_there(tmp_path, root, properties, added, band_offset):
    made.cogs(tmp_path / "order", added=added, properties=properties, band_offset=band_offset)
    init(root, tmp_path / "order")
    scene = scene_of(root, 2022)
    np.testing.assert_allclose(
        scene.reflectance[scene.valid].mean(axis=0), [0.04, 0.06, 0.05, 0.09, 0.26, 0.27], rtol=0.02
    )


def test_an_offset_that_the_metadata_deny_is_refused_when_reading(tmp_path, root):
    made.cogs(tmp_path / "order", added=1000)
    init(root, tmp_path / "order")
    path = root / "data/dataset.yaml"
    path.write_text(path.read_text().replace("offset: -1000.0", "offset: -2000.0"))
    with pytest.raises(Exception, match=r"states a radiometric offset of -1000, dataset.yaml says -2000; correct"):
        scene_of(root, 2022)


def test_a_stated_offset_wins_over_metadata_that_err(tmp_path, root):
    made.cogs(tmp_path / "order", added=0, properties={"earthsearch:boa_offset_applied": False})
    init(root, tmp_path / "order", "--offset", 0)
    acquisition = read_dataset(root / "data").year("investigation", 2022).acquisitions[0]
    assert (acquisition.offset, acquisition.metadata) == (None, None)
    assert scene_of(root, 2022).reflectance[..., 0].max() < 0.06


def test_a_folder_in_degrees_comes_to_its_utm_zone(tmp_path, root):
    for name in ("before", "after"):
        made.bands_in_degrees(tmp_path / "order" / name)
    made.raster(
        tmp_path / "order/dsm.tif", made.values((1_500,)).astype(np.int16), crs="EPSG:4326", pixel=1e-4, west=85.0,
        north=28.0,
    )  # fmt: skip
    init(root, tmp_path / "order", "--date", "before=2017-10-01", "--date", "after=2018-10-01")
    dataset = read_dataset(root / "data")
    assert (dataset.crs, dataset.resolution_metres) == ("EPSG:32645", 10.0)
    assert dataset.bands == ("blue", "green", "red")
    scene = scene_of(root, 2017)
    assert scene.grid.crs == CRS.from_epsg(32645)
    assert scene.valid.mean() > 0.9
    np.testing.assert_allclose(scene.reflectance[scene.valid].mean(axis=0), [0.05, 0.06, 0.07], rtol=0.02)
    with rasterio.open(root / "data/investigation/elevation.tif") as elevation:
        assert elevation.crs == CRS.from_epsg(32645)
        assert elevation.read(1, masked=True).mean() == pytest.approx(1_500, rel=0.02)


def test_any_raster_is_described_by_options(tmp_path, root):
    cube = made.values((500, 900, 2_600)).astype(np.float32) / 100
    made.raster(tmp_path / "order/flight.tif", cube, pixel=0.5)
    init(root, tmp_path / "order", "--bands", "red,red_edge,nir", "--scale", 100, "--date", "flight=2016-11-04")
    dataset = read_dataset(root / "data")
    assert (dataset.bands, dataset.scale, dataset.resolution_metres) == (("red", "red_edge", "nir"), 100, 0.5)
    assert scene_of(root, 2016).reflectance[..., 0].mean() == pytest.approx(0.05, rel=0.02)


def test_reflectance_of_0_to_1_is_taken_with_its_scale_said(tmp_path, root, capsys):
    made.rapideye(tmp_path, "2016-11-04", cube=made.values(made.RAPIDEYE).astype(np.float32) / 10_000)
    assert main(["inspect", str(tmp_path)]) == 0
    assert "scale 1 (a guess: floating point up to 0.2" in capsys.readouterr().out


def test_an_untagged_minus_9999_is_seen_to_be_nodata(tmp_path, root):
    cube = made.values(made.RAPIDEYE).astype(np.int16)
    cube[:, :10] = -9_999
    made.rapideye(tmp_path / "order", "2016-11-04", cube=cube)
    init(root, tmp_path / "order")
    assert read_dataset(root / "data").nodata == -9_999
    assert scene_of(root, 2016).valid.all()  # the area that was made of it leaves the strip out


def test_one_date_stands_for_a_year_and_the_user_may_say_which(tmp_path, root, capsys):
    for date in ("2016-06-01", "2016-11-04", "2017-11-10"):
        made.rapideye(tmp_path / "order", date)
    init(root, tmp_path / "order")
    years = read_dataset(root / "data").sites["investigation"].years
    assert {year: str(one.date) for year, one in years.items()} == {2016: "2016-11-04", 2017: "2017-11-10"}
    assert "left out: 2016-06-01" in capsys.readouterr().out
    init(root, tmp_path / "order", "--year", "2016-06-01=2015", "--force")
    assert sorted(read_dataset(root / "data").sites["investigation"].years) == [2015, 2016, 2017]


def test_the_same_tile_twice_is_taken_once(tmp_path, root, capsys):
    made.rapideye(tmp_path / "order", "2016-11-04")
    made.rapideye(tmp_path / "order/again", "2016-11-04")
    init(root, tmp_path / "order")
    assert len(read_dataset(root / "data").year("investigation", 2016).acquisitions) == 1
    assert "left out" in capsys.readouterr().out


def test_a_description_is_not_overwritten_unless_forced(tmp_path, root, capsys):
    made.rapideye(tmp_path / "order", "2016-11-04")
    (root / "data").mkdir()
    (root / "data/dataset.yaml").write_text("mine")
    assert main(["init", str(tmp_path / "order"), "--root", str(root)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (root / "data/dataset.yaml").read_text() == "mine"
    (root / "data/old.tif").write_text("mine")
    init(root, tmp_path / "order", "--force")
    assert read_dataset(root / "data").sensor == "RapidEye"
    assert "holds 1 files that are not described, as old.tif" in capsys.readouterr().out


def test_the_same_delivery_gives_the_same_bytes(tmp_path, root):
    made.rapideye(tmp_path / "order", "2016-11-04")
    made.inventory(tmp_path / "order/mapped_2016.gpkg")
    for data in ("first", "second"):
        init(root, tmp_path / "order", "--data", tmp_path / data)

    def content(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert content(tmp_path / "first") == content(tmp_path / "second")


def test_files_in_the_folder_of_their_site_stay_where_they_are(tmp_path, root):
    order = root / "data/investigation/acquisitions/mine"
    scene = made.rapideye(order, "2016-11-04")
    init(root, order)
    described = read_dataset(root / "data").year("investigation", 2016).acquisitions[0]
    assert root / "data" / described.scene == scene
    assert not (root / "data/investigation/acquisitions/2016").exists()


def test_links_are_made_on_request(tmp_path, root):
    scene = made.rapideye(tmp_path / "order", "2016-11-04")
    init(root, tmp_path / "order", "--link")
    described = root / "data" / read_dataset(root / "data").year("investigation", 2016).acquisitions[0].scene
    assert described.is_symlink()
    assert described.resolve() == scene.resolve()


def test_years_of_an_inventory_without_a_scene_are_said(tmp_path, root, capsys):
    made.rapideye(tmp_path / "order", "2016-11-04")
    made.inventory(
        tmp_path / "order/mapped.gpkg", made.square(10, 10, 20), made.square(50, 10, 20), Year_obs=[2014, 2016]
    )  # fmt: skip
    init(root, tmp_path / "order")
    assert "mapped.gpkg: no scene of 2014" in capsys.readouterr().out
    inventory = read_dataset(root / "data").year("investigation", 2016).inventory
    assert (str(inventory.file), inventory.year_column) == ("investigation/inventories/mapped.gpkg", "Year_obs")


def test_the_simulated_delivery_is_recognised_with_what_it_says_of_itself(tmp_path, root):
    content = {
        "acquired": "2016-11-04T05:08:00Z", "bands": ["red", "nir"], "reflectance_scale": 5000,
        "sensor": "RapidEye (simulated)", "provenance": "simulated",
    }  # fmt: skip
    made.raster(tmp_path / "order/a_tile1_Analytic_SR.tif", made.values((400, 1_300)))
    (tmp_path / "order/a_tile1_metadata.json").write_text(json.dumps(content))
    init(root, tmp_path / "order")
    dataset = read_dataset(root / "data")
    assert (dataset.provenance, dataset.scale, dataset.bands) == ("simulated", 5_000, ("red", "nir"))


def test_a_wrong_params_file_is_met_before_anything_is_written(tmp_path, root, capsys):
    (root / "params.yaml").write_text("seed: [")
    made.rapideye(tmp_path / "order", "2016-11-04")
    assert main(["init", str(tmp_path / "order"), "--root", str(root)]) == 2
    assert "params.yaml" in capsys.readouterr().err
    assert not (root / "data").exists()


def test_a_published_inventory_comes_by_dvc_import(tmp_path, root):
    """As docs/own_data.md says: import beside the data, then init takes it in."""
    published, here = tmp_path / "published", root
    made.inventory(published / "inventories/2016.gpkg")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Published"]):
        subprocess.run([*git, *words], cwd=published, check=True)
    subprocess.run([*git, "init", "-q"], cwd=here, check=True)
    dvc = [str(Path(sys.executable).with_name("dvc"))]
    subprocess.run([*dvc, "init", "-q"], cwd=here, check=True)
    subprocess.run([*dvc, "config", "core.analytics", "false"], cwd=here, check=True)
    subprocess.run(
        [*dvc, "import", "-q", str(published), "inventories/2016.gpkg", "-o", "imported_2016.gpkg"],
        cwd=here,
        check=True,
    )
    pointer = yaml.safe_load((here / "imported_2016.gpkg.dvc").read_text())
    assert pointer["deps"][0]["repo"]["rev_lock"]  # the revision that it was taken from
    made.rapideye(tmp_path / "order", "2016-11-04")
    init(here, tmp_path / "order", here / "imported_2016.gpkg")
    assert str(read_dataset(here / "data").year("investigation", 2016).inventory).endswith("imported_2016.gpkg")
    subprocess.run([*dvc, "add", "-q", "data"], cwd=here, check=True)
    assert (here / "data.dvc").exists()


real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the real data are not on this machine")


@real_data
def test_real_rapideye_goes_in_without_hand_work(root):
    """Three dates, without NoData tag or band names, and a clip of odd pixels with 65535: a year for each."""
    names = {"2014-06-25": 2011, "2014-08-17": 2012, "2014-08-20": 2013}
    words = [word for date, year in names.items() for word in ("--year", f"{date}={year}")]
    init(root, REAL / "rapideye", *words)
    dataset = read_dataset(root / "data")
    assert dataset.bands == ("blue", "green", "red", "red_edge", "nir")
    assert (dataset.crs, dataset.resolution_metres) == ("EPSG:32721", 5.0)
    for year in (2011, 2014):
        scene = scene_of(root, year)
        assert scene.valid[5:-5, 5:-5].mean() > 0.9
        assert 0.1 < scene.reflectance[scene.valid].mean() < 1.0


@real_data
def test_real_bands_in_degrees_go_in_without_hand_work(root):
    init(root, REAL / "hokkaido_s2", "--date", "pre=2017-09-01", "--date", "post=2018-09-28")
    dataset = read_dataset(root / "data")
    assert (dataset.crs, dataset.resolution_metres) == ("EPSG:32654", 10.0)
    area = gpd.read_file(root / "data/investigation/area_of_interest.gpkg")
    assert 50e6 < area.area.sum() < 150e6
    for year in (2017, 2018):
        assert 0.02 < scene_of(root, year).reflectance.mean() < 0.3


@real_data
@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("nepal_inventories", ["2015.shp: 98 polygons", "1 to be repaired", "chronoslide track"]),
        ("kashmir", ["3819 polygons in EPSG:32643", "2006: 2400", "--year-column Year_obs", "elevation    AW3D30.tif"]),
        ("l4s_rgb", ["900 images, 900 masks", "chronoslide chips"]),
    ],
)
def test_what_is_no_scene_is_shown_its_way_in(folder, words, capsys):
    assert main(["inspect", str(REAL / folder)]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in words), told
