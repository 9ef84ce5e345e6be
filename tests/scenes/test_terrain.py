from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid
from chronoslide.rasters import Raster, read_raster
from chronoslide.scenes.terrain import Sun, cast_shadow, elevation_on

REAL = Path(__file__).parents[2] / "../shared/data/hokkaido_s2/dsm.tif"
UTM = CRS.from_epsg(32645)
SITE = Grid(UTM, Affine(5, 0, 300_000, 0, -5, 3_100_000), (60, 60))


def raster(values, grid=SITE, valid=None):
    return Raster(values[..., None], np.ones(grid.shape, bool) if valid is None else valid, grid, ("",))


@pytest.mark.parametrize(
    ("azimuth", "shaded"),
    [(180, np.s_[10:29, 29:31]), (0, np.s_[31:50, 29:31]), (90, np.s_[29:31, 10:29]), (270, np.s_[29:31, 31:50])],
    ids=["south", "north", "east", "west"],
)
def test_a_tower_of_100_m_casts_100_m_under_a_sun_at_45_degrees(azimuth, shaded):
    """Less than 20 pixels of 5 m, on the side away from the sun. The pixels beside the tower are its slopes."""
    elevation = np.zeros(SITE.shape)
    elevation[29:31, 29:31] = 100.0
    expected = np.zeros(SITE.shape, dtype=bool)
    expected[shaded] = True
    aside = np.ones(SITE.shape, dtype=bool)
    aside[28:32, 28:32] = False
    dark = cast_shadow(elevation, SITE, Sun(45.0, azimuth))
    np.testing.assert_array_equal(dark & aside, expected & aside)


def test_a_high_sun_leaves_gentle_ground_lit_and_a_low_one_does_not():
    rows, _ = np.indices(SITE.shape)
    towards_north = 5.0 * rows * np.tan(np.radians(30.0))  # rises southwards by 30 degrees
    assert not cast_shadow(towards_north, SITE, Sun(31.0, 180.0)).any()
    assert cast_shadow(towards_north, SITE, Sun(29.0, 180.0)).all()
    assert not cast_shadow(towards_north, SITE, Sun(29.0, 0.0)).any()


def test_where_the_elevation_is_unknown_there_is_no_shadow():
    elevation = np.zeros(SITE.shape)
    elevation[30, :] = 100.0
    elevation[:, :30] = np.nan
    dark = cast_shadow(elevation, SITE, Sun(45.0, 180.0))
    assert not dark[:, :28].any()
    assert dark[15, 40]


def test_shadows_need_square_pixels():
    grid = Grid(UTM, Affine(5, 0, 300_000, 0, -10, 3_100_000), (60, 60))
    with pytest.raises(GridError, match="square pixels, these are 5 x 10 m"):
        cast_shadow(np.zeros(grid.shape), grid, Sun(45.0, 180.0))


def test_an_elevation_model_of_coarser_pixels_comes_onto_the_sites():
    """A plane stays a plane."""
    coarse = Grid(UTM, Affine(30, 0, 299_900, 0, -30, 3_100_100), (30, 30))
    rows, cols = np.indices(coarse.shape)
    x, y = coarse.transform @ (cols + 0.5, rows + 0.5)
    found = elevation_on(raster((0.2 * (x - 300_000) - 0.1 * (y - 3_100_000)).astype(np.float32), coarse), SITE, "dem")
    rows, cols = np.indices(SITE.shape)
    x, y = SITE.transform @ (cols + 0.5, rows + 0.5)
    np.testing.assert_allclose(found, 0.2 * (x - 300_000) - 0.1 * (y - 3_100_000), atol=1e-2)


def test_an_elevation_model_on_the_sites_grid_is_taken_as_it_is():
    heights = np.arange(3_600.0, dtype=np.float32).reshape(SITE.shape)
    valid = heights > 10
    found = elevation_on(raster(heights, valid=valid), SITE, "dem")
    np.testing.assert_array_equal(np.isfinite(found), valid)
    np.testing.assert_array_equal(found[valid], heights[valid])


def test_an_elevation_model_of_elsewhere_or_of_two_bands_is_refused():
    elsewhere = Grid(UTM, Affine(5, 0, 400_000, 0, -5, 3_100_000), (60, 60))
    with pytest.raises(DataError, match="dem: knows no elevation of the area of interest"):
        elevation_on(raster(np.ones(SITE.shape, np.float32), elsewhere), SITE, "dem")
    two = Raster(np.ones((60, 60, 2), np.float32), np.ones(SITE.shape, bool), SITE, ("", ""))
    with pytest.raises(DataError, match="dem: has 2 bands; an elevation model has one"):
        elevation_on(two, SITE, "dem")


@pytest.mark.skipif(not REAL.is_file(), reason="the real surface model is not on this machine")
def test_a_real_surface_model_in_degrees_comes_onto_a_metric_grid():
    site = Grid(CRS.from_epsg(32654), Affine(10, 0, 576_500, 0, -10, 4_732_000), (100, 150))
    found = elevation_on(read_raster(REAL), site, "dsm")
    assert np.isfinite(found).all()
    assert 0 <= found.min() < found.max() < 600
