from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.windows import Window

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid
from chronoslide.rasters import read_raster
from chronoslide.scenes.normalisation import normalise
from chronoslide.scenes.scene import Scene

REAL = Path(__file__).parents[2] / "../shared/data/rapideye"
SITE = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (100, 120))
HALF_A_STORED_STEP = 0.5e-4


def ground(seed=0):
    """Reflectance of a forest with bright fields in it, in two bands, as it is stored."""
    random = np.random.default_rng(seed)
    forest = random.normal((0.04, 0.25), (0.008, 0.05), (*SITE.shape, 2))
    fields = random.normal((0.13, 0.20), (0.020, 0.03), (*SITE.shape, 2))
    mixed = np.where(random.random((*SITE.shape, 1)) < 0.1, fields, forest)
    return quantised(np.clip(mixed, 0.005, 0.9))


def quantised(reflectance):
    return (np.rint(reflectance * 10_000) / 10_000).astype(np.float32)


def scene(reflectance, valid=None):
    observed = np.ones(SITE.shape, dtype=bool) if valid is None else valid
    return Scene(np.where(observed[..., None], reflectance, 0).astype(np.float32), observed, SITE, ("red", "nir"))


REFERENCE = scene(ground())


@pytest.mark.parametrize(
    ("gain", "offset"),
    [(1.0, 0.0), (0.8, 0.0), (1.25, 0.0), (1.0, 0.05), (0.83, 0.06), (1.09, -0.001), (3.0, 0.1), (0.3, 0.02)],
)
def test_gain_and_offset_are_undone_within_the_stored_step(gain, offset):
    year = scene(quantised(REFERENCE.reflectance * np.float32(gain) + np.float32(offset)))
    adjusted, _ = normalise(year, REFERENCE, "histogram", "2015")
    tolerance = 2 * HALF_A_STORED_STEP * max(1 / gain, 1)
    np.testing.assert_allclose(adjusted.reflectance, REFERENCE.reflectance, atol=tolerance)


def test_a_scene_against_itself_stays_as_it_is():
    adjusted, table = normalise(REFERENCE, REFERENCE, "histogram", "2016")
    np.testing.assert_allclose(adjusted.reflectance, REFERENCE.reflectance, atol=1e-6)
    assert (table["rmse_before"] == 0).all()
    assert (table["fitted_share"] == 1).all()


def test_a_curve_is_undone_too():
    """Not only lines: the square root of reflectance, as a bad conversion might leave it."""
    year = scene(np.sqrt(REFERENCE.reflectance))
    adjusted, table = normalise(year, REFERENCE, "histogram", "2015")
    assert (table["rmse_after"] < 0.05 * table["rmse_before"]).all()
    np.testing.assert_allclose(
        np.median(adjusted.reflectance, (0, 1)), np.median(REFERENCE.reflectance, (0, 1)), atol=1e-3
    )


def test_a_few_new_landslides_do_not_bend_the_rest():
    """Five per cent turns to debris in the reference year; the year's own fields must not be stretched to its red."""
    random = np.random.default_rng(5)
    changed = random.random(SITE.shape) < 0.05
    slid = REFERENCE.reflectance.copy()
    slid[changed] = (0.14, 0.215)
    reference = scene(slid)
    noisy = REFERENCE.reflectance * 0.85 + 0.03 + random.normal(0, 0.002, REFERENCE.reflectance.shape)
    adjusted, table = normalise(scene(quantised(noisy)), reference, "histogram", "2013")
    bias = (adjusted.reflectance - REFERENCE.reflectance)[REFERENCE.reflectance[..., 0] > 0.1].mean(axis=0)
    np.testing.assert_allclose(bias, 0, atol=5e-4)
    assert 0.94 < table["fitted_share"].iloc[0] < 0.95


def test_the_mapping_reaches_pixels_that_only_this_year_observed():
    seen = np.zeros(SITE.shape, dtype=bool)
    seen[:60] = True
    reference = scene(REFERENCE.reflectance, seen)
    year = scene(quantised(REFERENCE.reflectance * np.float32(0.8) + np.float32(0.02)))
    adjusted, _ = normalise(year, reference, "histogram", "2015")
    np.testing.assert_allclose(adjusted.reflectance, REFERENCE.reflectance, atol=2e-3)
    assert adjusted.valid.all()


def test_beyond_the_outermost_quantiles_the_line_goes_on():
    year = scene(REFERENCE.reflectance * np.float32(0.5))
    year.reflectance[0, 0] = 0.45  # snow that the reference year does not have
    adjusted, _ = normalise(year, REFERENCE, "histogram", "2015")
    np.testing.assert_allclose(adjusted.reflectance[0, 0], 0.9, atol=0.02)


def test_invalid_pixels_take_no_part_and_stay_zero():
    clouded = np.ones(SITE.shape, dtype=bool)
    clouded[:50] = False
    year = Scene(REFERENCE.reflectance * np.float32(0.8), clouded, SITE, ("red", "nir"))
    year.reflectance[:50] = np.nan
    adjusted, table = normalise(year, REFERENCE, "histogram", "2015")
    assert (adjusted.reflectance[:50] == 0).all()
    assert np.isfinite(table.to_numpy()).all()
    np.testing.assert_allclose(adjusted.reflectance[50:], REFERENCE.reflectance[50:], atol=2 * HALF_A_STORED_STEP)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["noise", "constant", "one pixel", "two values"]))
def test_the_mapping_is_monotone_finite_and_never_negative(seed, kind):
    random = np.random.default_rng(seed)
    values = {
        "noise": random.random((*SITE.shape, 2)),
        "constant": np.full((*SITE.shape, 2), random.random()),
        "one pixel": random.random((*SITE.shape, 2)),
        "two values": random.integers(0, 2, (*SITE.shape, 2)) * 0.3,
    }[kind]
    seen = np.ones(SITE.shape, dtype=bool)
    if kind == "one pixel":
        seen[:] = False
        seen[3, 4] = True
    adjusted, table = normalise(scene(values), scene(ground(seed), seen), "histogram", "2015")
    assert np.isfinite(adjusted.reflectance).all()
    assert (adjusted.reflectance >= 0).all()
    assert np.isfinite(table.to_numpy()).all()
    for band in range(2):
        order = np.argsort(values[..., band].astype(np.float32), axis=None, kind="stable")
        assert (np.diff(adjusted.reflectance[..., band].ravel()[order]) >= 0).all()


def test_none_changes_nothing_and_still_measures():
    year = scene(REFERENCE.reflectance + np.float32(0.01))
    adjusted, table = normalise(year, REFERENCE, "none", "2015")
    assert adjusted is year
    np.testing.assert_allclose(table["rmse_before"], 0.01, rtol=1e-4)
    np.testing.assert_array_equal(table["rmse_after"], table["rmse_before"])
    assert (table["fitted_share"] == 0).all()


def test_the_table_by_hand():
    """Reference 0.1 and 0.3 in equal parts; the year 0.1 higher: mean 0.2 and 0.3, deviation 0.1, distance 0.1."""
    halves = np.where(np.arange(SITE.cols)[None, :, None] < 60, 0.1, 0.3) * np.ones((*SITE.shape, 2))
    _, table = normalise(scene(halves + 0.1), scene(halves), "histogram", "2015")
    expected = {
        "mean_reference": 0.2, "std_reference": 0.1, "mean_before": 0.3, "std_before": 0.1, "rmse_before": 0.1,
        "mean_after": 0.2, "std_after": 0.1, "rmse_after": 0.0, "fitted_share": 1.0,
        "unchanged_rmse_before": 0.1, "unchanged_rmse_after": 0.0, "unchanged_share": 1.0,
    }  # fmt: skip
    assert list(table.index) == ["red", "nir"]
    assert table.loc["nir"].to_dict() == pytest.approx(expected, abs=1e-6)


def test_the_same_scenes_give_the_same_bytes():
    year = scene(ground(7))
    first, second = (normalise(year, REFERENCE, "histogram", "2015")[0] for _ in range(2))
    assert first.reflectance.tobytes() == second.reflectance.tobytes()


def test_without_a_common_pixel_there_is_nothing_to_normalise_by():
    left = np.arange(SITE.cols)[None, :] < np.full((SITE.rows, 1), 60)
    with pytest.raises(DataError, match=r"investigation 2015: no pixel is observed both .* reference_year"):
        normalise(scene(ground(), left), scene(ground(), ~left), "histogram", "investigation 2015")


def test_other_ground_or_other_bands_are_refused():
    part = SITE.crop(Window(0, 0, 50, 50))
    small = Scene(np.zeros((50, 50, 2), dtype=np.float32), np.ones((50, 50), dtype=bool), part, ("red", "nir"))
    with pytest.raises(GridError, match="2015: normalisation: the grids cover different ground"):
        normalise(small, REFERENCE, "histogram", "2015")
    with pytest.raises(DataError, match="2015: bands"):
        normalise(REFERENCE.select(["nir", "red"]), REFERENCE, "histogram", "2015")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real RapidEye scenes are not on this machine")
def test_two_real_dates_three_days_apart_come_closer_in_every_band():
    bands = ("blue", "green", "red", "red_edge", "nir")
    hazy, clear = (
        Scene((raster.values / np.float32(10_000)).astype(np.float32), raster.valid, raster.grid, bands)
        for raster in (read_raster(REAL / f"2014-08-{day}.tif") for day in (17, 20))
    )
    _, table = normalise(hazy, clear, "histogram", "2014-08-17")
    assert (table["rmse_after"] < 0.6 * table["rmse_before"]).all()
    np.testing.assert_allclose(table["mean_after"], table["mean_reference"], atol=0.003)
