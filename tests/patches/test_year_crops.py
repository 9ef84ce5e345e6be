"""Crops of several years take labels of the year itself, or the reference year lends them where NDVI allows it."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNLABELLED, UNOBSERVED
from chronoslide.params import CropsSettings, PatchesSettings
from chronoslide.patches.year_crops import crops_of_years, lend_labels, ndvi_of
from chronoslide.patches.years import LabelledYear
from chronoslide.scenes.scene import Scene

SHAPE = (40, 50)
BANDS = ("red", "nir")
GRID = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), SHAPE)


def scene(red, nir, bands=BANDS, valid=True):
    reflectance = np.stack([np.full(SHAPE, red), np.full(SHAPE, nir)], axis=-1).astype(np.float32)
    return Scene(reflectance, np.full(SHAPE, valid), GRID, bands)


def year(value):
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[25:35, 30:40] = LANDSLIDE
    return LabelledYear(np.full((*SHAPE, 2), value, np.uint16), labels, GRID)


def settings_of(other_years=0.0):
    return PatchesSettings(side_pixels=16, crops=CropsSettings(other_years=other_years))


def draw(labelled, lent, n=40, other_years=0.0, seed=1):
    blocks = np.zeros(SHAPE, dtype=np.uint8)
    section = settings_of(other_years)
    return crops_of_years(labelled, lent, blocks, section, n, site="investigation", bands=BANDS, seed=seed)


@pytest.mark.parametrize(
    ("red", "nir", "background", "landslide"),
    [(0.05, 0.3, BACKGROUND, LANDSLIDE), (0.05, 0.5, BACKGROUND, UNLABELLED), (0.2, 0.3, UNLABELLED, LANDSLIDE)],
)
def test_labels_are_lent_where_ndvi_allows_it(red, nir, background, landslide):
    labels = year(0).labels
    lent = lend_labels(labels, ndvi_of(scene(0.05, 0.3)), scene(red, nir), CropsSettings(), bands=("nir",))
    assert lent.images.shape == (*SHAPE, 1)
    assert lent.images[0, 0, 0] == round(nir * 10_000)
    assert set(lent.labels[labels == BACKGROUND].tolist()) == {background}
    assert set(lent.labels[labels == LANDSLIDE].tolist()) == {landslide}


def test_nothing_is_lent_to_what_was_not_observed():
    before = ndvi_of(scene(0.05, 0.3))
    lent = lend_labels(year(0).labels, before, scene(0.0, 0.0, valid=False), CropsSettings(), bands=BANDS)
    assert (lent.labels == UNOBSERVED).all()


def test_without_near_infrared_labels_cannot_be_lent():
    with pytest.raises(DataError, match=r"patches\.crops\.other_years needs NDVI"):
        ndvi_of(scene(0.1, 0.1, bands=("red", "green")))


def test_samples_name_the_year_that_a_crop_shows():
    crops, samples = draw({2016: year(1000)}, {2015: year(2000), 2018: year(3000)}, other_years=0.6)
    shown = crops.images.max(axis=(1, 2, 3))
    assert samples["year"].map({2016: 1000, 2015: 2000, 2018: 3000}).tolist() == shown.tolist()
    assert set(samples["year"]) == {2015, 2016, 2018}
    assert samples["copy"].tolist() == list(range(1, 41))
    assert set(samples["site"]) == {"investigation"}


def test_without_lent_years_the_share_goes_to_the_others():
    with_share = draw({2016: year(1000)}, {}, other_years=0.6)
    without = draw({2016: year(1000)}, {}, other_years=0.0)
    np.testing.assert_array_equal(with_share[0].images, without[0].images)
    np.testing.assert_array_equal(with_share[0].labels, without[0].labels)
