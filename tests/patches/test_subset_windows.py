"""Windows of several years are dealt out to the subsets by place, or at random as in the paper."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.labels import LANDSLIDE
from chronoslide.params import PatchesSettings
from chronoslide.patches.blocks import TEST, TRAIN, VALIDATION
from chronoslide.patches.subset_windows import at_random, by_place, cut_patches, require_patches
from chronoslide.patches.years import LabelledYear

SHAPE = (48, 48)
GRID = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), SHAPE)
SETTINGS = PatchesSettings(side_pixels=16, block_metres=80.0, stride_pixels=16)
BLOCKS = np.repeat(np.array([TRAIN, VALIDATION, TEST], np.uint8), 16)[:, np.newaxis].repeat(48, axis=1)


def year(number):
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[4::16, 4::16] = LANDSLIDE
    return LabelledYear(np.full((*SHAPE, 2), number, np.uint16), labels, GRID)


YEARS = {2015: year(2015), 2016: year(2016)}


def test_windows_by_place_lie_in_their_blocks_in_every_year():
    windows, dropped = by_place(YEARS, BLOCKS, SETTINGS, test_share=0.3, seed=1)
    for subset, row in (("train", 0), ("validation", 16), ("test", 32)):
        for of_year in windows[subset].values():
            assert of_year.tolist() == [[row, col, 16, 16] for col in (0, 16, 32)]
    assert dropped["train"]["other_subset"] == 2 * 6


def test_windows_at_random_are_each_in_one_subset():
    windows, dropped = at_random(YEARS, SETTINGS, test_share=0.3, seed=1)
    every = [(year, *window) for of in windows.values() for year, chosen in of.items() for window in chosen.tolist()]
    assert len(every) == len(set(every)) == 2 * 9
    assert sum(map(len, windows["test"].values())) == round(0.3 * 18)
    assert set(dropped) == {"all"}


def test_without_a_share_there_is_no_test_subset():
    assert list(by_place(YEARS, BLOCKS, SETTINGS, test_share=0.0, seed=1).windows) == ["train", "validation"]
    assert list(at_random(YEARS, SETTINGS, test_share=0.0, seed=1).windows) == ["train", "validation"]


def test_patches_show_the_year_and_place_that_their_samples_name():
    windows, _ = by_place(YEARS, BLOCKS, SETTINGS, test_share=0.3, seed=1)
    patches, samples = cut_patches(YEARS, windows["validation"], 16, site="training", bands=("red", "nir"))
    assert patches.images[:, 0, 0, 0].tolist() == samples["year"].tolist() == [2015] * 3 + [2016] * 3
    assert samples["row"].tolist() == [16] * 6
    assert set(samples["copy"]) == {0}


def test_a_subset_without_a_window_is_named():
    one, none = np.ones((1, 4), np.int64), np.zeros((0, 4), np.int64)
    with pytest.raises(DataError, match="training site: no validation patch; lower"):
        require_patches({"train": {2016: one}, "validation": {2015: none, 2016: none}}, "training")
