import itertools
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.windows import Window
from scipy import ndimage

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid
from chronoslide.rasters import read_raster
from chronoslide.scenes.coregistration import Shift, align, measure_shift, require_shift_below, undo_shift
from chronoslide.scenes.scene import Scene

REAL = Path(__file__).parents[2] / "../shared/data/rapideye"
SITE = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (300, 320))
BANDS = ("red", "nir")


def ground(seed=0):
    """Smooth patches with outlines, in two bands."""
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.normal(size=SITE.shape), 4)
    fields = np.where(field > 0, 0.10, 0.03) + 0.2 * ndimage.gaussian_filter(random.normal(size=SITE.shape), 2)
    return np.stack([fields, 0.35 - fields], axis=-1).clip(0.005)


def seen(reflectance, valid=None, seed=1):
    noise = np.random.default_rng(seed).normal(0, 0.001, reflectance.shape)
    observed = np.ones(SITE.shape, dtype=bool) if valid is None else valid
    return Scene(np.where(observed[..., None], reflectance + noise, 0).astype(np.float32), observed, SITE, BANDS)


def moved(rows, cols, **changes):
    layers = [ndimage.shift(ground()[..., band], (rows, cols), order=3, mode="nearest") for band in range(2)]
    return seen(np.stack(layers, axis=-1), seed=2, **changes)


REFERENCE = seen(ground())


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.5, -0.75), (0.4, 0.3), (-2.25, 4.1), (-6.0, 0.0)])
def test_a_known_shift_is_recovered_within_a_tenth_of_a_pixel(shift):
    found = measure_shift(moved(*shift), REFERENCE, "2015")
    np.testing.assert_allclose((found.rows, found.cols), shift, atol=0.1)
    assert found.metres == pytest.approx(5 * np.hypot(*shift), abs=0.5)


def test_haze_gain_clouds_and_a_slanted_border_do_not_move_it():
    rows, cols = np.indices(SITE.shape)
    valid = cols + 0.2 * rows > 40
    valid[100:160, 200:280] = False
    year = moved(1.5, -0.75, valid=valid)
    hazy = Scene(year.reflectance * np.float32(0.7) + valid[..., None] * np.float32(0.05), valid, SITE, BANDS)
    found = measure_shift(hazy, REFERENCE, "2015")
    np.testing.assert_allclose((found.rows, found.cols), (1.5, -0.75), atol=0.1)


def test_a_scene_is_put_back_where_its_reference_lies():
    year = moved(1.5, -0.75)
    back = undo_shift(year, Shift(1.5, -0.75, 0.0, 1, 5.0))
    assert back.grid == SITE
    assert not back.valid[-1].any()  # that ground was not seen
    assert back.valid[5:-5, 5:-5].all()
    inside = np.s_[10:-10, 10:-10]
    before = np.abs(year.reflectance[inside] - REFERENCE.reflectance[inside]).mean()
    after = np.abs(back.reflectance[inside] - REFERENCE.reflectance[inside]).mean()
    assert after < 0.3 * before


def test_a_moved_pixel_made_of_an_unobserved_one_is_unobserved():
    valid = np.ones(SITE.shape, dtype=bool)
    valid[100, 100] = False
    year = moved(0.0, 0.5, valid=valid)
    year.reflectance[100, 100] = np.nan
    back = undo_shift(year, Shift(0.0, 0.5, 0.0, 1, 5.0))
    assert not back.valid[100, 99:101].any()
    assert np.isfinite(back.reflectance).all()
    assert back.valid[90:99, 90:110].all()


def test_only_what_is_worth_it_is_moved():
    year = moved(1.5, -0.75)
    same, reported = align(year, REFERENCE, 15.0, False, "2015")
    assert same is year
    assert not reported.corrected
    put_right, corrected = align(year, REFERENCE, 15.0, True, "2015")
    assert corrected.corrected
    left = measure_shift(put_right, REFERENCE, "2015")
    assert left.metres < 0.5
    again, untouched = align(put_right, REFERENCE, 15.0, True, "2015")
    assert again is put_right
    assert untouched.as_dict()["corrected"] is False


def test_a_shift_beyond_the_limit_is_reported_or_refused_but_never_undone():
    year = moved(-6.0, 0.0)
    same, reported = align(year, REFERENCE, 15.0, False, "2015")
    assert same is year
    assert reported.remark == "above scenes.maximum_shift_metres"
    with pytest.raises(DataError, match=r"2015: lies 30\.\d m .* \(\+6\.\d\d pixels north.*maximum_shift_metres 15"):
        align(year, REFERENCE, 15.0, True, "2015")


def test_a_limit_is_a_limit():
    require_shift_below(Shift(3.0, 0.0, 0.0, 1, 5.0), 15.0, "2015")
    with pytest.raises(DataError, match="better geometry"):
        require_shift_below(Shift(3.0, 0.1, 0.0, 1, 5.0), 15.0, "2015")


@pytest.mark.parametrize("kind", ["flat", "no common ground", "small"])
def test_where_nothing_can_be_measured_nothing_is_claimed(kind):
    year, reference = REFERENCE, REFERENCE
    if kind == "flat":
        year = Scene(np.full_like(REFERENCE.reflectance, 0.1), REFERENCE.valid, SITE, BANDS)
    elif kind == "small":
        window = Window(0, 0, 30, 30)
        year = reference = Scene(REFERENCE.reflectance[:30, :30], REFERENCE.valid[:30, :30], SITE.crop(window), BANDS)
    else:
        half = np.arange(SITE.rows)[:, None] < np.full((1, SITE.cols), 150)
        year, reference = seen(ground(), half), seen(ground(), ~half)
    same, found = align(year, reference, 15.0, True, "2015")
    assert same is year
    assert found.as_dict() == {
        "rows": None, "cols": None, "metres": None, "spread_pixels": None, "windows": 0, "corrected": False,
        "remark": "too little common ground to measure a shift",
    }  # fmt: skip


def test_other_ground_is_refused():
    part = Scene(REFERENCE.reflectance[:50], REFERENCE.valid[:50], SITE.crop(Window(0, 0, 320, 50)), BANDS)
    with pytest.raises(GridError, match="2015: co-registration: the grids cover different ground"):
        measure_shift(part, REFERENCE, "2015")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real RapidEye scenes are not on this machine")
def test_the_shifts_of_three_real_dates_add_up():
    dates = {}
    for day in (17, 20, 26):
        raster = read_raster(REAL / f"2014-08-{day}.tif")
        dates[day] = Scene(
            (raster.values / np.float32(10_000)).astype(np.float32), raster.valid, raster.grid, tuple("abcde")
        )
    found = {
        (a, b): np.array([shift.rows, shift.cols])
        for a, b in itertools.combinations(dates, 2)
        for shift in [measure_shift(dates[a], dates[b], str(a))]
    }
    np.testing.assert_allclose(found[17, 20] + found[20, 26], found[17, 26], atol=0.15)
    assert np.hypot(*found[17, 20]) > 1.0
