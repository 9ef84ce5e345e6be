from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from chronoslide.dataset import read_dataset
from chronoslide.grid import Grid
from chronoslide.params import SimulateSettings
from chronoslide.rasters import read_raster
from chronoslide.simulate.dataset import simulate_dataset

SETTINGS = SimulateSettings(
    rows=160, cols=192, training_rows=128, training_cols=128, training_landslides=6, years=(2015, 2016)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    simulate_dataset(made, SETTINGS, 7)
    return made


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_another_process_makes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from chronoslide.params import SimulateSettings; "
        "from chronoslide.simulate.dataset import simulate_dataset; "
        "simulate_dataset(Path(sys.argv[1]), SimulateSettings.model_validate_json(sys.argv[2]), 7)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path), SETTINGS.model_dump_json()], check=True)
    assert hashes(tmp_path) == hashes(folder)


def test_the_two_sites_are_different_places(folder: Path) -> None:
    one, other = (read_raster(folder / site / "elevation.tif") for site in ("training", "investigation"))
    shared = one.values.shape[:2]
    assert not np.allclose(one.values, other.values[: shared[0], : shared[1]], atol=5.0)
    assert not one.grid.footprint.intersects(other.grid.footprint)


def test_the_description_names_every_file(folder: Path) -> None:
    dataset = read_dataset(folder)
    assert dataset.provenance == "simulated"
    named = {Path("dataset.yaml"), Path("answer_key/training.gpkg"), Path("answer_key/investigation.gpkg")}
    for site in dataset.sites.values():
        named |= {site.area_of_interest, site.elevation} - {None}
        for year in site.years.values():
            named |= {year.inventory} - {None}
            for one in year.acquisitions:
                named |= {one.scene, one.usable_data_mask, one.metadata} - {None}
    assert named == {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert sorted(dataset.sites["investigation"].years) == [2015, 2016]
    assert sorted(dataset.sites["training"].years) == [2016]


def test_the_area_of_interest_has_the_size_asked_for(folder: Path) -> None:
    area = gpd.read_file(folder / "investigation" / "area_of_interest.gpkg")
    grid = Grid.from_bounds(tuple(area.total_bounds), area.crs, 5.0)
    assert grid.shape == (160, 192)
    assert grid.crs.to_epsg() == 32645


def test_tiles_have_black_borders_agree_where_they_overlap_and_cover_the_area(folder: Path) -> None:
    dataset = read_dataset(folder)
    area = gpd.read_file(folder / "investigation" / "area_of_interest.gpkg")
    grid = Grid.from_bounds(tuple(area.total_bounds), area.crs, 5.0)
    whole = np.zeros((*grid.shape, 5), dtype=np.uint16)
    for one in dataset.sites["investigation"].years[2015].acquisitions:
        tile = read_raster(folder / one.scene)
        assert one.usable_data_mask is not None
        unusable = read_raster(folder / one.usable_data_mask).values[..., 0]
        assert tile.bands == ("blue", "green", "red", "red_edge", "nir")
        assert tile.values.dtype == np.uint16
        assert np.array_equal(tile.values.max(axis=-1) == 0, (unusable & 1) == 1)
        assert 0.0 < (unusable & 1).mean() < 0.25
        window = tile.grid.window_of(grid)
        row, col = int(window.row_off), int(window.col_off)
        left, right = max(-col, 0), min(tile.grid.cols - col, grid.cols)
        part = tile.values[row : row + grid.rows, col + left : col + right]
        before = whole[:, left:right]
        both = (part > 0).all(axis=-1) & (before > 0).all(axis=-1)
        assert np.array_equal(part[both], before[both])
        whole[:, left:right] = np.maximum(before, part)
    assert (whole > 0).all(axis=-1).mean() > 0.99


def test_elevation_covers_the_site(folder: Path) -> None:
    area = gpd.read_file(folder / "investigation" / "area_of_interest.gpkg").geometry.iloc[0]
    elevation = read_raster(folder / "investigation" / "elevation.tif")
    assert elevation.values.dtype == np.float32
    assert elevation.grid.footprint.contains(area)


def test_landslides_lie_inside_and_are_bare(folder: Path) -> None:
    area = gpd.read_file(folder / "investigation" / "area_of_interest.gpkg").geometry.iloc[0]
    key = gpd.read_file(folder / "answer_key" / "investigation.gpkg", layer="2016")
    assert list(key.columns) == ["landslide_id", "state", "parent_ids", "area_m2", "observed_share", "geometry"]
    assert key.within(area).all()
    assert len(key) >= 6
    manual = gpd.read_file(folder / "investigation" / "inventories" / "2016.gpkg", layer="landslides")
    assert len(manual) > 0
    assert manual.is_valid.all()


def test_scenes_are_plain_tiled_geotiffs(folder: Path) -> None:
    scene = next(folder.glob("training/acquisitions/2016/20161104_tile1_Analytic_SR.tif"))
    with rasterio.open(scene) as source:
        assert source.nodata == 0
        assert source.profile["tiled"]
        assert source.profile["compress"] == "deflate"
        assert source.tags().keys() <= {"AREA_OR_POINT"}
