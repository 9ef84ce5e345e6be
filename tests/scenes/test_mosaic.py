import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.windows import Window
from shapely.geometry import box

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid
from chronoslide.scenes.mosaic import Coverage, coverage, mosaic, require_coverage
from chronoslide.scenes.scene import Scene

SITE = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (4, 6))


def tile(value, col=0, row=0, cols=6, rows=4, bands=("red", "nir"), invalid=()):
    """A tile of one reflectance on the site's lattice; `invalid` lists its unobserved (row, col)."""
    valid = np.ones((rows, cols), dtype=bool)
    for place in invalid:
        valid[place] = False
    reflectance = np.full((rows, cols, len(bands)), value, dtype=np.float32)
    reflectance[~valid] = 99
    return Scene(reflectance, valid, SITE.crop(Window(col, row, cols, rows)), tuple(bands))


def test_two_halves_make_a_whole():
    scene = mosaic([tile(0.1, cols=3), tile(0.2, col=3, cols=3)], SITE, ["red", "nir"])
    assert scene.valid.all()
    np.testing.assert_allclose(scene.reflectance[0, :, 0], [0.1, 0.1, 0.1, 0.2, 0.2, 0.2])


def test_where_tiles_overlap_the_first_that_observed_a_pixel_gives_it():
    scene = mosaic([tile(0.1, cols=4, invalid=[(0, 2)]), tile(0.2, col=2, cols=4, invalid=[(0, 3)])], SITE, ["red"])
    np.testing.assert_allclose(scene.reflectance[0, :, 0], [0.1, 0.1, 0.2, 0.1, 0.2, 0.0])
    np.testing.assert_allclose(scene.reflectance[1, :, 0], [0.1, 0.1, 0.1, 0.1, 0.2, 0.2])
    np.testing.assert_array_equal(scene.valid[0], [True, True, True, True, True, False])


def test_what_no_tile_observed_is_invalid_and_zero():
    scene = mosaic([tile(0.1, cols=2)], SITE, ["red"])
    assert scene.valid.sum() == 4 * 2
    assert (scene.reflectance[~scene.valid] == 0).all()


def test_bands_come_in_the_order_asked_whatever_the_tiles_order():
    first, second = tile(0.1, cols=3), tile(0.2, col=3, cols=3, bands=("nir", "red", "blue"))
    second.reflectance[..., 0] = 0.9
    scene = mosaic([first, second], SITE, ["nir", "red"])
    assert scene.bands == ("nir", "red")
    np.testing.assert_allclose(scene.reflectance[0, -1], [0.9, 0.2])


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 12), st.integers(1, 12))
def test_a_tile_lands_where_its_coordinates_say(col, row, cols, rows):
    expected = np.zeros(SITE.shape, dtype=bool)
    expected[max(row, 0) : max(row + rows, 0), max(col, 0) : max(col + cols, 0)] = True
    np.testing.assert_array_equal(mosaic([tile(0.1, col, row, cols, rows)], SITE, ["red"]).valid, expected)


def test_tiles_may_come_one_at_a_time():
    scene = mosaic((tile(0.1, col=col, cols=1) for col in range(6)), SITE, ["red"])
    assert scene.valid.all()


def test_a_tile_off_the_lattice_is_refused():
    shifted = Scene(
        np.zeros((4, 6, 1), dtype=np.float32),
        np.ones((4, 6), dtype=bool),
        Grid(SITE.crs, SITE.transform @ Affine.translation(0.5, 0), (4, 6)),
        ("red",),
    )
    with pytest.raises(GridError, match="part of a pixel"):
        mosaic([shifted], SITE, ["red"])


def test_a_tile_without_a_band_is_refused():
    with pytest.raises(DataError, match="no band 'blue'"):
        mosaic([tile(0.1)], SITE, ["blue"])


def area(left_col, right_col):
    left, right = (300_000 + 5 * col for col in (left_col, right_col))
    return gpd.GeoDataFrame(geometry=[box(left, 3_099_980, right, 3_100_000)], crs=32645)


@pytest.mark.parametrize(
    ("columns", "share", "unobserved_km2"),
    [((0, 6), 8 / 24, 16 * 25e-6), ((0, 2), 1.0, 0.0), ((1, 3), 0.5, 4 * 25e-6), ((4, 6), 0.0, 8 * 25e-6)],
)
def test_coverage_counts_only_the_area_of_interest(columns, share, unobserved_km2):
    found = coverage(mosaic([tile(0.1, cols=2)], SITE, ["red"]), area(*columns))
    assert found.share == pytest.approx(share)
    assert found.unobserved_km2 == pytest.approx(unobserved_km2)


def test_too_little_coverage_is_refused_with_the_share_and_the_remedy():
    words = (
        r"investigation 2015: the mosaic covers 43\.2% of the area of interest, 90\.0% are needed; deliver the missing "
        r"tile or lower scenes\.minimum_coverage"
    )
    with pytest.raises(DataError, match=words):
        require_coverage(Coverage(0.432, 18.7), 0.9, "investigation 2015")
    require_coverage(Coverage(0.9, 3.3), 0.9, "investigation 2015")


@pytest.mark.parametrize("place", [area(0, 6).to_crs(4326), area(100, 106)])
def test_an_area_that_does_not_meet_the_scene_is_refused(place):
    with pytest.raises(GridError, match="area of interest"):
        coverage(tile(0.1), place)
