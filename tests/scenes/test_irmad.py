from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.rasters import read_raster
from chronoslide.scenes.coregistration import measure_shift, undo_shift
from chronoslide.scenes.irmad import NO_CHANGE, detect_alteration, orthogonal_line, serving_pixels
from chronoslide.scenes.normalisation import fit_lines, local_contrast, normalise, unchanged_by_other_bands
from chronoslide.scenes.scene import Scene

REAL = Path(__file__).parents[2] / "../shared/data/rapideye"
BANDS = ("blue", "green", "red", "red_edge", "nir")
FOREST = np.array([0.02, 0.04, 0.025, 0.085, 0.27])
SHRUB = np.array([0.03, 0.055, 0.05, 0.11, 0.24])
FIELD = np.array([0.08, 0.115, 0.155, 0.18, 0.22])
DEBRIS = np.array([0.11, 0.14, 0.165, 0.185, 0.215])
SITE = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (120, 150))


def ground(random, pixels):
    """Reflectance of mixtures of forest, shrub and fields on slopes of different light."""
    shares = random.dirichlet((2.0, 1.0, 0.5), pixels)
    return shares @ np.stack([FOREST, SHRUB, FIELD]) * random.normal(1.0, 0.2, (pixels, 1)).clip(0.4)


def observed(reflectance, random):
    return reflectance + random.normal(0.0, 0.0015, reflectance.shape) * (1 + 8 * reflectance)


def two_dates(gain=1.0, offset=0.0, changed_share=0.06, pixels=20_000, seed=1):
    """(pixels, bands) of both dates, the second of which is the reference, and where the ground slid in between."""
    random = np.random.default_rng(seed)
    before = ground(random, pixels)
    changed = random.random(pixels) < changed_share
    after = np.where(changed[:, None], DEBRIS * random.normal(1.0, 0.14, (pixels, 1)), before)
    return (observed(before, random) - offset) / gain, observed(after, random), changed


@pytest.mark.parametrize(
    ("gain", "offset"),
    [
        (np.ones(5), np.zeros(5)),
        (1 / np.array([0.88, 0.90, 0.83, 0.96, 1.09]), -np.array([0.024, 0.018, 0.013, 0.010, 0.006])),
        (np.array([0.6, 0.8, 1.0, 1.3, 1.6]), np.array([0.03, -0.02, 0.01, 0.0, -0.04])),
        (np.full(5, 1.2), np.full(5, 0.05)),
    ],
    ids=["none", "haze of a bad year", "each band its own", "all alike"],
)
def test_gains_and_offsets_are_recovered_although_ground_slid(gain, offset):
    year, reference, _ = two_dates(gain, offset)
    lines, _ = fit_lines(year, reference, "2015")
    np.testing.assert_allclose([line.gain for line in lines], gain, rtol=0.02)
    np.testing.assert_allclose([line.offset for line in lines], offset, atol=0.005)


def test_what_slid_is_told_from_what_stayed():
    year, reference, changed = two_dates()
    found = detect_alteration(year, reference, "2015")
    assert found.converged
    assert (found.unchanged[changed] < 0.05).mean() > 0.99
    assert not changed[found.unchanged > NO_CHANGE].any()
    assert (np.diff(found.correlations) <= 0).all()
    assert found.correlations[0] > 0.99


def test_gains_and_offsets_do_not_matter_to_what_is_unchanged():
    """Canonical correlation is invariant under linear changes of either side (Nielsen 2007)."""
    year, reference, _ = two_dates(pixels=4_000)
    mixing = np.random.default_rng(2).normal(size=(5, 5))
    plain = detect_alteration(year, reference, "2015").unchanged
    mixed = detect_alteration(year @ mixing + 3.0, reference, "2015").unchanged
    np.testing.assert_allclose(mixed, plain, atol=1e-6)


def test_a_date_against_itself_has_not_changed():
    year, _, _ = two_dates(pixels=2_000)
    found = detect_alteration(year, year, "2016")
    np.testing.assert_allclose(found.unchanged, 1.0)
    np.testing.assert_allclose(found.correlations, 1.0)


def test_a_small_scene_is_fitted_to_more_than_its_few_surest_pixels():
    year, reference, changed = two_dates(pixels=3_000)
    found = detect_alteration(year, reference, "2015")
    serving = serving_pixels(found)
    assert 100 < serving.sum() <= 1_000
    assert serving.sum() > 4 * (found.unchanged > NO_CHANGE).sum()
    assert not changed[serving].any()


def test_the_orthogonal_line_by_hand():
    """(0, 0), (1, 0), (1, 2), (2, 2): variances 1/2 and 1, covariance 1/2; the slope is the golden ratio."""
    line = orthogonal_line(np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.0, 0.0, 2.0, 2.0]))
    assert line.gain == pytest.approx((1 + 5**0.5) / 2)
    assert line.offset == pytest.approx(1 - line.gain)


def test_the_orthogonal_line_is_the_same_seen_from_the_other_side():
    random = np.random.default_rng(4)
    x = random.normal(0.2, 0.05, 500)
    y = 1.3 * x - 0.02 + random.normal(0, 0.01, 500)
    there, back = orthogonal_line(x, y), orthogonal_line(y, x)
    assert there.gain * back.gain == pytest.approx(1.0)


def test_what_does_not_vary_together_is_only_moved():
    line = orthogonal_line(np.array([0.1, 0.1, 0.1]), np.array([0.2, 0.3, 0.4]))
    assert (line.gain, line.offset) == (1.0, pytest.approx(0.2))


@pytest.mark.parametrize("fault", ["constant", "doubled", "sum"])
def test_bands_that_say_nothing_of_their_own_are_refused_in_one_line(fault):
    year, reference, _ = two_dates(pixels=500)
    year[:, 3] = {"constant": 0.1, "doubled": year[:, 2], "sum": year[:, 0] + year[:, 1]}[fault]
    with pytest.raises(DataError, match=r"2015: IR-MAD needs bands that differ.*scenes.normalisation") as caught:
        detect_alteration(year, reference, "2015")
    assert "\n" not in str(caught.value)


def test_too_few_pixels_are_refused():
    year, reference, _ = two_dates(pixels=39)
    with pytest.raises(DataError, match=r"2015: IR-MAD needs 40 pixels .* there are 39"):
        detect_alteration(year, reference, "2015")


def test_a_gain_that_no_air_makes_is_refused():
    year, reference, _ = two_dates(gain=np.full(5, 12.0))
    with pytest.raises(DataError, match=r"2015: IR-MAD finds a gain of 1[12]\.\d+, which light and air do not make"):
        fit_lines(year, reference, "2015")


def test_a_band_has_no_say_in_the_pixels_that_it_is_judged_by():
    year, reference, changed = two_dates(pixels=3_000)
    odd = year.copy()
    odd[:, 2] = np.random.default_rng(6).random(3_000)
    np.testing.assert_array_equal(
        unchanged_by_other_bands(odd, reference, 2), unchanged_by_other_bands(year, reference, 2)
    )
    assert not changed[unchanged_by_other_bands(year, reference, 2)].any()


def scene_of(pixels, valid=None):
    seen = np.ones(SITE.shape, dtype=bool) if valid is None else valid
    cube = pixels.reshape(*SITE.shape, 5).astype(np.float32)
    return Scene(np.where(seen[..., None], cube, np.float32(0)), seen, SITE, BANDS)


def test_a_scene_is_brought_to_its_reference_through_clouds_and_landslides():
    gain, offset = np.array([1.2, 1.1, 1.25, 1.05, 0.9]), np.array([-0.02, -0.02, -0.01, 0.0, 0.01])
    year, reference, _ = two_dates(gain, offset, pixels=SITE.rows * SITE.cols)
    seen = np.ones(SITE.shape, dtype=bool)
    seen[:30, :40] = False
    cloudy = scene_of(year, seen)
    cloudy.reflectance[~seen] = np.nan  # nothing that is not observed may have a say
    adjusted, table = normalise(cloudy, scene_of(reference), "irmad", "2015")
    np.testing.assert_allclose(table["gain"], gain, rtol=0.02)
    np.testing.assert_allclose(table["offset"], offset, atol=0.005)
    assert (table["unchanged_rmse_after"] < 0.7 * table["unchanged_rmse_before"]).all()
    assert (adjusted.reflectance[~seen] == 0).all()
    again, _ = normalise(cloudy, scene_of(reference), "irmad", "2015")
    assert again.reflectance.tobytes() == adjusted.reflectance.tobytes()


def test_mapped_landslides_take_no_part():
    """Two fifths of the scene turn to debris."""
    year, reference, changed = two_dates(1.2, 0.02, changed_share=0.4, pixels=SITE.rows * SITE.cols)
    _, table = normalise(scene_of(year), scene_of(reference), "irmad", "2015", changed.reshape(SITE.shape))
    np.testing.assert_allclose(table["gain"], 1.2, rtol=0.02)
    np.testing.assert_allclose(table["offset"], 0.02, atol=0.005)
    assert (table["fitted_share"] < 0.6).all()
    _, blind = normalise(scene_of(year), scene_of(reference), "none", "2015")
    assert blind["rmse_before"]["red"] > 1.5 * table["unchanged_rmse_before"]["red"]


def test_patchy_haze_lays_the_published_line_down_and_leaves_that_of_local_contrast():
    """Haze as strong as the ground's own pattern in the blue, in patches of about 40 pixels."""
    random = np.random.default_rng(8)
    pixels = SITE.rows * SITE.cols
    haze = ndimage.gaussian_filter(random.normal(size=SITE.shape), 20)
    haze = (0.015 * (1 + haze / haze.std())).reshape(-1, 1) * np.array([1.0, 0.75, 0.5, 0.4, 0.3])
    here = ground(random, pixels)
    year = scene_of(observed(here / 1.2 + haze, random))
    reference = scene_of(observed(here, random))
    _, published = normalise(year, reference, "irmad", "2015")
    _, local = normalise(year, reference, "irmad", "2015", contrast_pixels=11)
    np.testing.assert_allclose(local["gain"], 1.2, rtol=0.02)
    assert published["gain"]["blue"] < 0.7


@pytest.mark.parametrize("width", [0, 11])
def test_gains_and_offsets_of_a_clear_year_are_recovered_in_both_ways(width):
    gain, offset = np.array([1.2, 1.1, 1.25, 1.05, 0.9]), np.array([-0.02, -0.02, -0.01, 0.0, 0.01])
    year, reference, _ = two_dates(gain, offset, pixels=SITE.rows * SITE.cols)
    _, table = normalise(scene_of(year), scene_of(reference), "irmad", "2015", contrast_pixels=width)
    np.testing.assert_allclose(table["gain"], gain, rtol=0.02)
    np.testing.assert_allclose(table["offset"], offset, atol=0.005)


def test_local_contrast_by_hand():
    """One bright pixel of 9: 0.9 less the mean of its window, 0.1; beside it 0 less 0.1. What is unseen counts not."""
    cube = np.zeros((SITE.rows * SITE.cols, 5))
    year = scene_of(cube)
    year.reflectance[10, 10] = 0.9
    contrast = local_contrast(year, 3)[..., 0]
    assert contrast[10, 10] == pytest.approx(0.8)
    assert contrast[9, 9] == pytest.approx(-0.1)
    assert contrast[10, 12] == 0
    year.valid[9] = False
    year.reflectance[9] = 77.0
    contrast = local_contrast(year, 3)[..., 0]
    assert contrast[10, 10] == pytest.approx(0.9 - 0.9 / 6)
    assert (contrast[9] == 0).all()


@pytest.mark.skipif(not REAL.is_dir(), reason="the real RapidEye scenes are not on this machine")
@pytest.mark.parametrize("day", [17, 26])
def test_real_dates_come_at_least_30_percent_closer_in_every_band(day):
    """Fitted on every other square of 16 x 16 pixels, judged on the others, where the other bands see no change.

    The dates are first put on each other: 17 August lies 1.4 pixels aside.
    """
    year, reference = (
        Scene((raster.values / np.float32(10_000)).astype(np.float32), raster.valid, raster.grid, BANDS)
        for raster in (read_raster(REAL / f"2014-08-{number}.tif") for number in (day, 20))
    )
    moved = undo_shift(year, measure_shift(year, reference, "17 August"))
    rows, cols = np.indices(year.grid.shape) // 16
    fitted, held_out = ((rows + cols) % 2 == 0) & moved.valid, ((rows + cols) % 2 == 1) & moved.valid
    lines, _ = fit_lines(moved.reflectance[fitted], reference.reflectance[fitted], "17 August")
    mine, theirs = moved.reflectance[held_out], reference.reflectance[held_out]
    for band, line in enumerate(lines):
        unchanged = unchanged_by_other_bands(mine, theirs, band)
        x, y = mine[unchanged, band], theirs[unchanged, band]
        before, after = (np.sqrt(np.mean((values - y) ** 2)) for values in (x, line.gain * x + line.offset))
        assert after < 0.7 * before, BANDS[band]
