import json

import numpy as np
import pandas as pd
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
        "normalisation.csv",
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


def described(delivery, year, site="investigation"):
    summary = json.loads((delivery.root / "results" / "scenes" / "summary.json").read_text())
    return summary["sites"][site][str(year)]


def test_the_table_tells_of_every_year_and_band_before_and_after(delivery):
    run(delivery.root)
    table = pd.read_csv(delivery.root / "results" / "scenes" / "normalisation.csv")
    assert list(zip(table["year"], table["band"], strict=True)) == [
        (year, band) for year in (2015, 2017) for band in ("blue", "green", "red", "red_edge", "nir")
    ]
    assert set(table["method"]) == {"histogram"}
    assert (table["unchanged_rmse_after"] < 0.1 * table["unchanged_rmse_before"]).all()


def test_irmad_brings_the_years_to_the_reference_year(delivery):
    """2015 has gain 0.8 and 0.02 more, 2017 gain 1.1; the bands need noise of their own for it."""
    delivery.with_own_noise()
    delivery.settings(normalisation="irmad")
    run(delivery.root)
    table = pd.read_csv(delivery.root / "results" / "scenes" / "normalisation.csv").set_index(["year", "band"])
    np.testing.assert_allclose(table.loc[2015, "gain"], 1 / 0.8, rtol=0.02)
    np.testing.assert_allclose(table.loc[2015, "offset"], -0.02 / 0.8, atol=0.005)
    np.testing.assert_allclose(table.loc[2017, "gain"], 1 / 1.1, rtol=0.02)
    assert (table["unchanged_rmse_after"] < 0.5 * table["unchanged_rmse_before"]).all()


def test_bands_that_irmad_cannot_tell_apart_are_one_line(delivery):
    """A sensor that delivers one value in the red."""
    delivery.with_own_noise(constant_band=2)
    delivery.settings(normalisation="irmad")
    with pytest.raises(DataError, match=r"investigation 2015: IR-MAD needs bands that differ"):
        run(delivery.root)


def test_shifts_are_reported_and_corrected_only_on_demand(delivery):
    delivery.shift(2015, cols=2)
    run(delivery.root)
    found = described(delivery, 2015)["shift"]
    assert (found["rows"], found["cols"]) == pytest.approx((0, 2), abs=0.1)
    assert not found["corrected"]
    assert "shift" not in described(delivery, 2016)
    delivery.settings(shifts="correct")
    run(delivery.root)
    assert described(delivery, 2015)["shift"]["corrected"]
    year, reference = (scene_of(delivery, "investigation", number).reflectance for number in (2015, 2016))
    difference = year - reference
    assert np.abs(difference[5:-5, 5:-5]).mean() < 0.002
    delivery.settings(shifts="ignore")
    run(delivery.root)
    assert described(delivery, 2015)["shift"] is None


def test_a_shift_beyond_the_limit_warns_or_stops(delivery, caplog):
    delivery.shift(2015, cols=4)
    run(delivery.root)
    assert "investigation 2015: shift of 20.0 m left as it is: above scenes.maximum_shift_metres" in caplog.text
    delivery.settings(shifts="correct")
    with pytest.raises(DataError, match=r"investigation 2015: lies 20\.0 m from the reference year"):
        run(delivery.root)


def test_channels_become_bands_of_every_scene(delivery):
    delivery.elevation()
    delivery.settings(channels=["ndvi", "slope"])
    run(delivery.root)
    for site, year in (("investigation", 2015), ("training", 2016)):
        scene = scene_of(delivery, site, year)
        assert scene.bands[5:] == ("ndvi", "slope")
        names = ("red", "nir", "ndvi", "slope")
        red, nir, ndvi, slope = (scene.reflectance[..., scene.bands.index(name)] for name in names)
        np.testing.assert_allclose(ndvi, 0.5 + 0.5 * (nir - red) / (nir + red), atol=1e-3)
        np.testing.assert_allclose(slope, 0.5, atol=1e-4)  # 45 of 90 degrees


def test_a_channel_of_the_terrain_needs_an_elevation_model(delivery):
    delivery.settings(channels=["elevation"])
    with pytest.raises(DataError, match=r"training 2016: scenes.channels holds 'elevation' and no elevation model"):
        run(delivery.root)


def test_flagged_ground_is_unobserved(delivery):
    """Nothing of this forest is dark but what a limit between its pixels calls so."""
    delivery.settings(flags={"shadow": "dark", "dark_nir": 0.26})
    run(delivery.root)
    entry = described(delivery, 2016)
    assert 0.3 < entry["flagged"]["shadow"] < 0.7
    assert entry["covered_share"] == pytest.approx(1 - entry["flagged"]["shadow"], abs=1e-5)
    assert not scene_of(delivery, "investigation", 2016).valid.all()


def test_shadow_by_terrain_needs_the_suns_position(delivery):
    """Ground that rises eastwards by 45 degrees is lit by a sun 50 degrees high in the east."""
    delivery.elevation()
    delivery.settings(flags={"shadow": "terrain"})
    with pytest.raises(DataError, match=r"training 2016: .* there is no position of the sun in the metadata"):
        run(delivery.root)
    delivery.sun(50.0, 90.0)
    run(delivery.root)
    assert described(delivery, 2016)["flagged"] == {"shadow": 0.0}
