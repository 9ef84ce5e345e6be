import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.grid import Grid
from chronoslide.scenes.scene import Scene
from chronoslide.scenes.sharpening import sharpen

SITE = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (9, 12))
LEFT = np.broadcast_to(np.arange(12) < 6, SITE.shape)


def scene(reflectance, valid=None):
    observed = np.ones(SITE.shape, dtype=bool) if valid is None else valid
    return Scene(np.repeat(reflectance[..., None], 2, axis=-1).astype(np.float32), observed, SITE, ("red", "nir"))


def test_no_weight_is_no_change():
    edge = scene(np.where(LEFT, 0.1, 0.3))
    assert sharpen(edge, 0.0) is edge


def test_an_even_scene_stays_even_to_its_border():
    np.testing.assert_allclose(sharpen(scene(np.full(SITE.shape, 0.2)), 2.0).reflectance, 0.2, rtol=1e-5)


def test_an_edge_grows_steeper_by_the_share_that_the_blur_took():
    """A step of 0.2 under a Gaussian of one pixel: the two pixels beside it lose 0.2 x 0.2995 to the blur."""
    sharp = sharpen(scene(np.where(LEFT, 0.1, 0.3)), 0.5).reflectance[4, :, 0]
    assert sharp[5] == pytest.approx(0.1 - 0.5 * 0.2 * 0.3005, abs=2e-4)
    assert sharp[6] == pytest.approx(0.3 + 0.5 * 0.2 * 0.3005, abs=2e-4)
    assert sharp[0] == pytest.approx(0.1, abs=1e-4)


@pytest.mark.parametrize("hidden", [0.0, 99.0, np.nan])
def test_what_lies_under_nodata_does_not_bleed_into_its_neighbours(hidden):
    dotted = np.where(LEFT, 0.2, hidden)
    sharp = sharpen(scene(dotted, LEFT.copy()), 1.0)
    np.testing.assert_allclose(sharp.reflectance[LEFT], 0.2, rtol=1e-5)
    assert (sharp.reflectance[~LEFT] == 0).all()
    np.testing.assert_array_equal(sharp.valid, LEFT)


def test_reflectance_does_not_become_negative():
    dark = np.full(SITE.shape, 0.3)
    dark[4, 6] = 0.01
    assert sharpen(scene(dark), 5.0).reflectance.min() == 0
