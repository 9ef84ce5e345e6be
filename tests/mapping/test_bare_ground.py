import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.mapping.bare_ground import bare_weight, greenness_rows, lowered, lowered_share, second_greenest
from chronoslide.mapping.strips import Strip
from chronoslide.params import BareGroundSettings
from chronoslide.rasters import open_raster, write_raster
from chronoslide.scenes.scene import Scene

SETTINGS = BareGroundSettings(ndvi=(0.2, 0.3), minimum_years=3)


def grid(rows: int, cols: int) -> Grid:
    return Grid(CRS.from_epsg(32645), Affine(5, 0, 0, 0, -5, 0), (rows, cols))


def scene(ndvi: np.ndarray, valid: np.ndarray | None = None) -> Scene:
    """Near infrared and red that sum up to 1."""
    reflectance = np.stack([(1 - ndvi) / 2, (1 + ndvi) / 2], axis=-1).astype(np.float32)
    observed = np.ones(ndvi.shape, dtype=bool) if valid is None else valid
    return Scene(np.where(observed[..., None], reflectance, 0), observed, grid(*ndvi.shape), ("red", "nir"))


def test_the_second_greenest_of_four_years_is_taken_so_one_wrong_year_changes_nothing():
    years = np.array([0.1, 0.9, 0.4, 0.2], dtype=np.float32).reshape(4, 1, 1)
    assert second_greenest(years, 3)[0, 0] == np.float32(0.4)


def test_years_that_did_not_observe_do_not_count_and_too_few_tell_nothing():
    years = np.array([[0.1, 0.1], [np.nan, np.nan], [0.4, np.nan], [0.3, 0.3]], dtype=np.float32).reshape(4, 1, 2)
    np.testing.assert_array_equal(second_greenest(years, 3)[0], np.array([0.3, np.nan], dtype=np.float32))
    assert np.isnan(second_greenest(years, 5)).all()


@pytest.mark.parametrize(
    ("ndvi", "weight"), [(-0.1, 0.0), (0.2, 0.0), (0.225, 0.25), (0.3, 1.0), (0.8, 1.0), (np.nan, 1.0)]
)
def test_a_probability_falls_along_a_line_to_zero_as_ground_is_barer(ndvi, weight):
    assert bare_weight(np.array([ndvi], dtype=np.float32), SETTINGS)[0] == pytest.approx(weight, abs=1e-6)


def test_rows_come_from_the_top_without_gaps_and_the_same_wherever_they_begin():
    rng = np.random.default_rng(0)
    years = [scene(rng.uniform(-0.2, 0.9, (600, 5))) for _ in range(3)]
    whole = np.concatenate(list(greenness_rows(years, 3)))
    assert whole.shape == (600, 5)
    np.testing.assert_array_equal(np.concatenate(list(greenness_rows(years, 3, 300))), whole[300:])


def test_ndvi_is_the_mean_of_the_observed_neighbours_and_unknown_where_nothing_was_observed():
    ndvi = np.zeros((3, 3))
    ndvi[1, 1] = 0.9
    valid = np.ones((3, 3), dtype=bool)
    valid[0] = False
    (rows,) = greenness_rows([scene(ndvi, valid)] * 2, 2)
    assert np.isnan(rows[0]).all()
    np.testing.assert_allclose(rows[1:], [[0.9 / 4, 0.9 / 6, 0.9 / 4]] * 2, atol=1e-6)


def test_strips_are_lowered_where_ground_stayed_bare_and_unobserved_stays_unobserved(tmp_path):
    greenness = np.array([[0.1, 0.25, 0.5, np.nan], [0.1, 0.25, 0.5, np.nan]], dtype=np.float32)
    write_raster(tmp_path / "greenness.tif", greenness, grid(2, 4), bands=["NDVI"], nodata=np.nan)
    probability = np.array([[0.9, 0.9, 0.9, 0.9], [0.5, np.nan, 0.5, np.nan]], dtype=np.float32)
    strips = [Strip(0, probability[:1]), Strip(1, probability[1:])]
    with open_raster(tmp_path / "greenness.tif") as green:
        made = list(lowered(iter(strips), green, SETTINGS))
        assert lowered_share(green, SETTINGS) == 0.5
    assert [strip.first_row for strip in made] == [0, 1]
    expected = np.array([[0.0, 0.45, 0.9, 0.9], [0.0, np.nan, 0.5, np.nan]], dtype=np.float32)
    np.testing.assert_allclose(np.concatenate([strip.probability for strip in made]), expected, atol=1e-4)


def test_scenes_without_infrared_are_refused_with_the_remedy():
    red = Scene(np.ones((2, 2, 1), np.float32), np.ones((2, 2), bool), grid(2, 2), ("red",))
    with pytest.raises(DataError, match=r"map\.bare_ground needs NDVI: .*'nir'.*; set map\.bare_ground to null"):
        next(greenness_rows([red, red], 2))


@pytest.mark.parametrize("ndvi", [(0.3, 0.2), (0.2, 0.2), (0.5, 1.5)])
def test_limits_that_do_not_rise_are_refused(ndvi):
    with pytest.raises(ValueError, match="two rising values"):
        BareGroundSettings(ndvi=ndvi)
