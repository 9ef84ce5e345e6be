import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from shapely.geometry import box

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.uncertainty import add_uncertainty, pixel_entropy

UTM = CRS.from_epsg(32645)
GRID = Grid(UTM, Affine(5, 0, 0, 0, -5, 20), (4, 4))


def inventory(*boxes):
    return gpd.GeoDataFrame(geometry=[box(*corners) for corners in boxes], crs=UTM)


@given(st.floats(0.0, 1.0))
def test_entropy_is_symmetric_and_between_0_and_1(p):
    entropy = float(pixel_entropy(np.array(p)))
    assert 0.0 <= entropy <= 1.0
    assert entropy == pytest.approx(float(pixel_entropy(np.array(1.0 - p))), abs=1e-9)


def test_entropy_on_paper():
    np.testing.assert_allclose(pixel_entropy(np.array([0.0, 0.5, 1.0, 0.25])), [0, 1, 0, 0.811278], atol=1e-6)
    assert np.isnan(pixel_entropy(np.array([np.nan])))[0]


def test_a_certain_and_an_uncertain_polygon():
    probability = np.full((4, 4), 0.5)
    probability[:, :2] = 1.0
    told = add_uncertainty(inventory((0, 0, 10, 20), (10, 0, 20, 20), (5, 0, 15, 20)), probability, GRID)
    assert told["mean_probability"].tolist() == [1.0, 0.5, 0.75]
    assert told["uncertainty"].tolist() == [0.0, 1.0, 0.5]
    assert "agreement" not in told


def test_agreement_is_the_share_of_votes():
    probability = np.full((4, 4), 0.6)
    augmented = np.stack([probability, np.full((4, 4), 0.7), np.full((4, 4), 0.2), np.full((4, 4), np.nan)])
    assert add_uncertainty(inventory((0, 0, 20, 20)), probability, GRID, augmented)["agreement"].tolist() == [2 / 3]


def test_unobserved_ground_says_nothing():
    probability = np.full((4, 4), np.nan)
    probability[0, 0] = 0.5
    told = add_uncertainty(inventory((0, 0, 20, 20), (10, 0, 20, 10), (100, 100, 110, 110)), probability, GRID)
    assert told["uncertainty"].iloc[0] == 1.0
    assert told["uncertainty"].iloc[1:].isna().all()


def test_an_empty_inventory_gets_the_columns():
    told = add_uncertainty(inventory(), np.zeros((4, 4)), GRID)
    assert told["uncertainty"].dtype == np.float64


def test_another_grid_is_refused():
    with pytest.raises(GridError, match="does not fit the grid"):
        add_uncertainty(inventory((0, 0, 20, 20)), np.zeros((3, 4)), GRID)
