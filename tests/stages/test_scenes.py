import json

import numpy as np
import pytest
import rasterio

from chronoslide.errors import DataError, SettingsError
from chronoslide.scenes.scene import read_scene
from chronoslide.stages.scenes import run


def scene_of(delivery, site, year):
    return read_scene(delivery.root / "results" / "scenes" / site / f"{year}.tif")


def test_every_described_year_of_both_sites_becomes_a_scene(delivery):
    run(delivery.root)
    assert sorted(delivery.bytes_of("scenes")) == [
        "investigation/2015.tif",
        "investigation/2016.tif",
        "investigation/2017.tif",
        "summary.json",
        "training/2016.tif",
    ]
    scene = scene_of(delivery, "investigation", 2016)
    assert scene.grid.shape == (40, 60)
    assert scene.valid.all()
    np.testing.assert_array_equal(np.rint(scene.reflectance * 10_000), np.rint(delivery.ground()))
    with rasterio.open(delivery.root / "results" / "scenes" / "investigation" / "2015.tif") as source:
        tags = source.tags()
    assert {name: tags[name] for name in ("SITE", "YEAR", "DATE", "PROVENANCE", "NORMALISATION")} == {
        "SITE": "investigation",
        "YEAR": "2015",
        "DATE": "2015-11-04",
        "PROVENANCE": "simulated",
        "NORMALISATION": "histogram",
    }


def test_other_years_are_brought_to_the_reference_year(delivery):
    run(delivery.root)
    reference = scene_of(delivery, "investigation", 2016)
    for year in (2015, 2017):
        scene = scene_of(delivery, "investigation", year)
        difference = (scene.reflectance - reference.reflectance)[scene.valid]
        assert np.abs(difference).max() < 3e-4
    summary = json.loads((delivery.root / "results" / "scenes" / "summary.json").read_text())
    nir = summary["sites"]["investigation"]["2015"]["normalisation"]["nir"]
    assert nir["rmse_before"] > 0.03
    assert nir["rmse_after"] < 0.0002


def test_neither_the_reference_year_nor_the_training_area_is_touched(delivery):
    run(delivery.root)
    summary = json.loads((delivery.root / "results" / "scenes" / "summary.json").read_text())
    assert summary["sites"]["training"]["2016"]["normalised"] == "none"
    assert summary["sites"]["investigation"]["2016"]["normalisation"] is None
    assert summary["sites"]["investigation"]["2015"]["normalised"] == "histogram"


def test_the_summary_says_what_was_observed(delivery):
    """A cloud hides 4 of 40 rows in 2017: 4 x 60 x 25 m2 = 0.006 km2."""
    run(delivery.root)
    entry = json.loads((delivery.root / "results" / "scenes" / "summary.json").read_text())["sites"]["investigation"]
    assert entry["2017"]["covered_share"] == 0.9
    assert entry["2017"]["unobserved_km2"] == 0.006
    assert entry["2017"]["date"] == "2017-11-04"
    assert entry["2016"]["tiles"] == 2
    assert entry["2016"]["resampled_tiles"] == []
    assert entry["2016"]["covered_share"] == 1.0


def test_bands_come_in_the_order_of_the_settings(delivery):
    delivery.settings(bands=["nir", "red"])
    run(delivery.root)
    scene = scene_of(delivery, "training", 2016)
    assert scene.bands == ("nir", "red")
    np.testing.assert_array_equal(np.rint(scene.reflectance * 10_000), np.rint(delivery.ground()[..., [4, 2]]))


def test_normalisation_can_be_left_out(delivery):
    delivery.settings(normalisation="none")
    run(delivery.root)
    scene = scene_of(delivery, "investigation", 2015)
    np.testing.assert_array_equal(np.rint(scene.reflectance * 10_000), np.rint(delivery.ground() * 0.8 + 200))


def test_sharpening_widens_the_spread(delivery):
    run(delivery.root)
    plain = scene_of(delivery, "training", 2016).reflectance.std()
    delivery.settings(sharpening=1.0)
    run(delivery.root)
    assert scene_of(delivery, "training", 2016).reflectance.std() > plain


def test_the_same_data_give_the_same_bytes(delivery):
    run(delivery.root)
    first = delivery.bytes_of("scenes")
    run(delivery.root)
    assert delivery.bytes_of("scenes") == first


def test_a_failure_leaves_the_earlier_results_whole(delivery):
    run(delivery.root)
    first = delivery.bytes_of("scenes")
    delivery.settings(sharpening=1.0)
    (delivery.data / "investigation" / "2017_a.tif").unlink()
    with pytest.raises(DataError, match=r"2017_a\.tif: no such file"):
        run(delivery.root)
    assert delivery.bytes_of("scenes") == first
    assert [path.name for path in (delivery.root / "results").iterdir()] == ["scenes"]


def test_a_year_that_leaves_the_description_leaves_the_results(delivery):
    run(delivery.root)
    del delivery.description["sites"]["investigation"]["years"][2015]
    delivery.describe()
    run(delivery.root)
    assert "investigation/2015.tif" not in delivery.bytes_of("scenes")


def test_a_reference_year_that_was_not_delivered_is_one_line(delivery):
    delivery.settings(reference_year=2014)
    with pytest.raises(DataError, match=r"sites\.investigation\.years has no 2014 .* or name another one"):
        run(delivery.root)
    assert not (delivery.root / "results").exists()


def test_a_missing_tile_is_one_line_with_the_share(delivery):
    tiles = delivery.description["sites"]["investigation"]["years"][2016]["acquisitions"]
    del tiles[1]
    delivery.describe()
    with pytest.raises(DataError, match=r"investigation 2016: the mosaic covers 58\.3% of the area of interest"):
        run(delivery.root)


def test_settings_with_a_mistake_are_one_line(delivery):
    delivery.settings(sharpening=-1)
    with pytest.raises(SettingsError, match=r"scenes\.sharpening"):
        run(delivery.root)
