"""Years of a site are laid together label by label."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.patches.years import LabelledYear, labelled_year, labels_of_all
from chronoslide.scenes.scene import Scene


def grid(left=300_000, shape=(1, 5)):
    return Grid(CRS.from_epsg(32645), Affine(5, 0, left, 0, -5, 3_100_000), shape)


def year(labels, where=None):
    labels = np.array([labels], dtype=np.uint8)
    return LabelledYear(np.zeros((*labels.shape, 2), np.uint16), labels, where or grid())


def test_landslide_wins_and_what_one_year_saw_is_observed():
    first = year([BACKGROUND, LANDSLIDE, UNOBSERVED, UNOBSERVED, UNOBSERVED])
    second = year([LANDSLIDE, BACKGROUND, BACKGROUND, LANDSLIDE, UNOBSERVED])
    labels, where = labels_of_all({2015: first, 2016: second}, "the years")
    assert labels.tolist() == [[LANDSLIDE, LANDSLIDE, BACKGROUND, LANDSLIDE, UNOBSERVED]]
    assert where == grid()
    assert first.labels[0, 0] == BACKGROUND  # which is not changed


def test_years_on_different_grids_are_refused():
    years = {2015: year([0] * 5), 2016: year([0] * 5, grid(300_005))}
    with pytest.raises(GridError, match="the years of the training site"):
        labels_of_all(years, "the years of the training site")


def test_values_are_stored_as_ten_thousandths_of_reflectance():
    scene = Scene(np.full((1, 5, 2), 0.12344, np.float32), np.ones((1, 5), bool), grid(), ("red", "nir"))
    assert labelled_year(scene, np.zeros((1, 5), np.uint8)).images[0, 0].tolist() == [1234, 1234]
