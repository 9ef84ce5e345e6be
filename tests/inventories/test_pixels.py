import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from shapely.geometry import box

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.multitemporal.ground import Ground
from chronoslide.inventories.pixels import Surface, pixels_of
from chronoslide.scenes.scene import Scene

GRID = Grid(CRS.from_epsg(32645), Affine(5, 0, 0, 0, -5, 50), (10, 20))
VALUES = np.arange(200, dtype=np.float64).reshape(10, 20)


def test_a_polygon_has_the_pixels_whose_centre_it_covers():
    place, inside = pixels_of(box(10, 40, 24, 50), GRID)
    assert VALUES[place][inside].tolist() == [2, 3, 4, 22, 23, 24]


def test_a_polygon_too_thin_for_a_centre_has_the_pixels_it_touches():
    place, inside = pixels_of(box(10.5, 41, 11, 44), GRID)
    assert VALUES[place][inside].tolist() == [22]


@pytest.mark.parametrize("outline", [box(-50, 0, -10, 40), box(0, 60, 10, 80), box(200, 200, 210, 210)])
def test_a_polygon_outside_has_none(outline):
    place, inside = pixels_of(outline, GRID)
    assert VALUES[place][inside].size == 0
    assert np.isnan(Surface(VALUES, GRID).mean(outline))


@given(*[st.integers(-3, 23)] * 2, *[st.integers(1, 10)] * 2)
def test_a_rectangle_of_whole_pixels_has_exactly_these(col, row, width, height):
    outline = box(col * 5, 50 - (row + height) * 5, (col + width) * 5, 50 - row * 5)
    place, inside = pixels_of(outline, GRID)
    expected = VALUES[max(row, 0) : max(row + height, 0), max(col, 0) : max(col + width, 0)]
    assert VALUES[place][inside].tolist() == expected.ravel().tolist()


def test_values_at_points():
    surface = Surface(VALUES, GRID)
    assert surface.at(np.array([[0.0, 50.0], [99.9, 0.1], [7.0, 44.0]])).tolist() == [0, 199, 21]
    assert np.isnan(surface.at(np.array([[-1.0, 20.0], [20.0, -0.1]]))).all()


def test_a_surface_that_does_not_fit_its_grid_is_refused():
    with pytest.raises(GridError, match="do not fit"):
        Surface(VALUES[1:], GRID)
    with pytest.raises(GridError, match="does not fit"):
        Ground(np.ones((3, 3), dtype=bool), GRID)


def test_masked_share_counts_masked_pixels_and_ground_outside():
    observed = np.ones(GRID.shape, dtype=bool)
    observed[0, :4] = False
    ground = Ground(observed, GRID)
    outlines = np.array([box(0, 30, 20, 50), box(50, 0, 60, 10), box(90, 0, 110, 10), box(-30, 0, -10, 9)])
    assert ground.masked_share(outlines).tolist() == [0.25, 0.0, 0.5, 1.0]


def test_mean_ndvi_is_over_the_observed_pixels():
    observed = np.ones(GRID.shape, dtype=bool)
    observed[0, 0] = False
    ndvi = np.full(GRID.shape, 0.5, dtype=np.float32)
    ndvi[0, 0], ndvi[0, 1], ndvi[1, 1] = 9.0, 0.25, np.nan
    ground = Ground(observed, GRID, ndvi)
    outlines = np.array([box(0, 40, 10, 50), box(0, 45, 5, 50), box(50, 0, 60, 10)])
    assert ground.mean_ndvi(outlines)[[0, 2]].tolist() == [0.375, 0.5]
    assert np.isnan(ground.mean_ndvi(outlines[[1]])[0])
    assert np.isnan(Ground(observed, GRID).mean_ndvi(outlines)).all()


def test_a_scene_tells_validity_and_greenness():
    valid = np.ones(GRID.shape, dtype=bool)
    valid[3, 3] = False
    reflectance = np.full((*GRID.shape, 2), 0.1, dtype=np.float32)
    reflectance[..., 1] = 0.3
    ground = Ground.of_scene(Scene(reflectance, valid, GRID, ("red", "nir")))
    assert (ground.observed == valid).all()
    assert ground.mean_ndvi(np.array([box(0, 0, 20, 20)])) == pytest.approx([0.5])
    assert Ground.of_scene(Scene(reflectance, valid, GRID, ("red", "green"))).ndvi is None
