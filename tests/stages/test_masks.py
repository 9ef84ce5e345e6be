import json

import geopandas as gpd
import pandas as pd
import pytest
import rasterio
from shapely.geometry import box

from chronoslide.errors import DataError, InventoryError
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.rasters import read_raster
from chronoslide.stages import scenes
from chronoslide.stages.masks import run


@pytest.fixture
def prepared(delivery):
    scenes.run(delivery.root)
    return delivery


def mask_of(delivery, site, year):
    return delivery.root / "results" / "masks" / site / f"{year}.tif"


def summary_of(delivery):
    return json.loads((delivery.root / "results" / "masks" / "summary.json").read_text())


def test_every_year_with_an_inventory_gets_a_mask(prepared):
    run(prepared.root)
    assert sorted(prepared.bytes_of("masks")) == [
        "investigation/2016.tif",
        "investigation/2017.tif",
        "repairs.csv",
        "summary.json",
        "training/2016.tif",
    ]


def test_the_mask_lies_on_the_scene_and_keeps_what_it_did_not_observe(prepared):
    run(prepared.root)
    mask = read_raster(mask_of(prepared, "investigation", 2017))
    scene = read_raster(prepared.root / "results" / "scenes" / "investigation" / "2017.tif")
    assert mask.grid == scene.grid
    assert mask.values.dtype == "uint8"
    assert (mask.values[:4] == UNOBSERVED).all()
    assert (mask.values[10:20, 10:20] == LANDSLIDE).all()
    assert (mask.valid == scene.valid).all()


def test_counts_stand_in_the_summary_and_in_the_file(prepared):
    """A square of 10 x 10 pixels, a bow tie that is repaired, and a polygon without extent that is dropped."""
    run(prepared.root)
    entry = summary_of(prepared)["sites"]["investigation"]["2017"]
    assert (entry["polygons"], entry["repaired_polygons"], entry["dropped_polygons"]) == (2, 1, 1)
    assert entry["unobserved_pixels"] == 4 * 60
    assert 100 < entry["landslide_pixels"] <= 100 + 16
    assert entry["landslide_km2"] == entry["landslide_pixels"] * 25e-6
    assert entry["background_pixels"] == 40 * 60 - 4 * 60 - entry["landslide_pixels"]
    with rasterio.open(mask_of(prepared, "investigation", 2017)) as source:
        assert source.nodata == UNOBSERVED
        assert source.tags()["LANDSLIDE_PIXELS"] == str(entry["landslide_pixels"])
        assert source.tags()["PROVENANCE"] == "simulated"


def test_an_inventory_without_polygons_is_a_year_without_landslides(prepared):
    prepared.vectors("investigation/2017.gpkg")
    run(prepared.root)
    entry = summary_of(prepared)["sites"]["investigation"]["2017"]
    assert entry["empty_inventory"] is True
    assert entry["landslide_pixels"] == 0
    assert summary_of(prepared)["sites"]["investigation"]["2016"]["empty_inventory"] is False


def test_the_same_data_give_the_same_bytes(prepared):
    run(prepared.root)
    first = prepared.bytes_of("masks")
    run(prepared.root)
    assert prepared.bytes_of("masks") == first


def test_without_scenes_the_stage_to_run_is_named(delivery):
    with pytest.raises(DataError, match=r"training/2016\.tif: no such scene; run `chronoslide scenes` first"):
        run(delivery.root)


def test_a_described_inventory_that_is_missing_leaves_the_earlier_results(prepared):
    run(prepared.root)
    first = prepared.bytes_of("masks")
    (prepared.data / "investigation" / "2017.gpkg").unlink()
    with pytest.raises(DataError, match=r"investigation/2017\.gpkg: no such file"):
        run(prepared.root)
    assert prepared.bytes_of("masks") == first


def test_an_inventory_of_another_place_is_refused(prepared):
    prepared.vectors("investigation/2017.gpkg", box(0, 0, 100, 100))
    with pytest.raises(InventoryError, match=r"2017\.gpkg: all 1 polygons lie outside of the scene"):
        run(prepared.root)


def test_repairs_are_listed_with_their_reasons(prepared, caplog):
    with caplog.at_level("INFO", logger="chronoslide"):
        run(prepared.root)
    rows = (prepared.root / "results/masks/repairs.csv").read_text().splitlines()
    assert rows[0] == "site,year,feature,outcome,reason"
    assert rows[1:3] == [
        'training,2016,1,repaired,"Self-intersection at x 300210, y 3099860"',
        "training,2016,2,dropped,empty geometry",
    ]
    assert len(rows) == 7
    assert "2017.gpkg: 1 polygons repaired, 1 without area dropped (feature 1: Self-intersection" in caplog.text


def test_one_file_of_several_years_in_another_system_makes_the_same_masks(prepared):
    """Year by a column, in degrees."""
    run(prepared.root)
    before = {year: read_raster(mask_of(prepared, "investigation", year)).values for year in (2016, 2017)}
    years = {year: gpd.read_file(prepared.data / f"investigation/{year}.gpkg") for year in (2016, 2017)}
    whole = pd.concat([frame.assign(observed_year=year) for year, frame in years.items()], ignore_index=True)
    whole.to_crs(4326).to_file(prepared.data / "investigation/all.geojson", COORDINATE_PRECISION=12)
    for year in years:
        described = prepared.description["sites"]["investigation"]["years"][year]
        described["inventory"] = {"file": "investigation/all.geojson", "year_column": "observed_year"}
    prepared.describe()
    run(prepared.root)
    for year in years:
        after = read_raster(mask_of(prepared, "investigation", year)).values
        assert (after[10:20, 10:20] == LANDSLIDE).all()
        assert (after != before[year]).sum() <= 4  # pixels whose centre lies on the bow tie's own edge
