"""Blocks of ground: constant, in proportion, and the same again from the same seed."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from chronoslide.errors import GridError, SettingsError
from chronoslide.grid import Grid
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.patches.blocks import SUBSETS, TEST, TRAIN, VALIDATION, assign_blocks, block_shape


def grid_of(labels, resolution=5.0):
    return Grid(CRS.from_epsg(32645), Affine(resolution, 0, 300_000, 0, -resolution, 3_100_000), labels.shape)


def assign(labels, *, block_metres=50.0, validation_share=0.25, test_share=0.25, seed=1):
    return assign_blocks(
        labels,
        grid_of(labels),
        block_metres=block_metres,
        validation_share=validation_share,
        test_share=test_share,
        seed=seed,
    )


def scattered(rows, cols, share=0.05, seed=0):
    return (np.random.default_rng(seed).random((rows, cols)) < share).astype(np.uint8)


def test_the_table_of_subsets_names_each_code():
    assert dict(SUBSETS) == {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def test_four_blocks_with_one_landslide_each_give_every_subset_a_place():
    labels = np.zeros((20, 20), dtype=np.uint8)
    labels[::10, ::10] = LANDSLIDE
    blocks = assign(labels)
    corners = blocks[::10, ::10]
    assert sorted(corners.ravel().tolist()) == [TRAIN, TRAIN, VALIDATION, TEST]
    assert (blocks == corners.repeat(10, axis=0).repeat(10, axis=1)).all()


@settings(deadline=None, max_examples=20)
@given(rows=st.integers(40, 75), cols=st.integers(40, 75), seed=st.integers(0, 1000))
def test_blocks_are_constant_and_each_subset_has_landslides(rows, cols, seed):
    labels = scattered(rows, cols, seed=seed)
    blocks = assign(labels, seed=seed)
    assert blocks.shape == labels.shape
    for row in range(0, rows, 10):
        for col in range(0, cols, 10):
            assert np.unique(blocks[row : row + 10, col : col + 10]).size == 1
    for code in SUBSETS.values():
        assert (labels[blocks == code] == LANDSLIDE).any()


def test_landslide_area_and_ground_come_near_the_shares():
    rng = np.random.default_rng(5)
    labels = np.zeros((200, 260), dtype=np.uint8)  # 20 x 26 blocks, a third with landslides of very different size
    for row, col in zip(rng.integers(0, 190, 170), rng.integers(0, 250, 170), strict=True):
        length = int(rng.pareto(1.2) * 2) + 1
        labels[row : row + length, col : col + 3] = LANDSLIDE
    labels[:, :17] = UNOBSERVED
    blocks = assign(labels, validation_share=0.15, test_share=0.30)
    for code, share in ((TRAIN, 0.55), (VALIDATION, 0.15), (TEST, 0.30)):
        assert (labels[blocks == code] == LANDSLIDE).sum() / (labels == LANDSLIDE).sum() == pytest.approx(
            share, abs=0.01
        )
        assert (labels[blocks == code] != UNOBSERVED).sum() / (labels != UNOBSERVED).sum() == pytest.approx(
            share, abs=0.01
        )


def test_of_many_deals_the_nearest_is_taken():
    """Seven blocks, whose landslides of 1 to 64 pixels can be dealt out as 10 : 1 only with luck."""
    labels = np.zeros((10, 70), dtype=np.uint8)
    for block, pixels in enumerate([64, 32, 16, 8, 4, 2, 1]):
        labels[:, 10 * block : 10 * block + 10].flat[:pixels] = LANDSLIDE
    for seed in range(5):
        blocks = assign(labels, validation_share=2 / 7, test_share=0.0, seed=seed)
        # two of seven blocks; of all pairs 32 + 4 of 127 pixels comes nearest to 2/7
        assert (labels[blocks == VALIDATION] == LANDSLIDE).sum() == 36


def test_a_share_of_zero_gives_no_block():
    blocks = assign(scattered(60, 60), test_share=0.0)
    assert set(np.unique(blocks)) == {TRAIN, VALIDATION}


def test_the_seed_alone_decides():
    labels = scattered(80, 80)
    assert (assign(labels, seed=3) == assign(labels, seed=3)).all()
    assert (assign(labels, seed=3) != assign(labels, seed=4)).any()


def test_too_few_blocks_with_landslides_are_refused_by_name():
    labels = np.zeros((20, 20), dtype=np.uint8)
    labels[0, 0] = labels[19, 19] = LANDSLIDE
    with pytest.raises(
        SettingsError, match=r"patches.block_metres: .*2 of 4 blocks of 50 m hold any; make the blocks smaller"
    ):
        assign(labels)


def test_a_block_below_a_pixel_is_refused():
    labels = scattered(20, 20)
    with pytest.raises(SettingsError, match=r"patches.block_metres: 2 m is less than a pixel"):
        assign(labels, block_metres=2.0)


def test_labels_of_another_shape_are_refused():
    with pytest.raises(GridError, match="do not fit"):
        assign_blocks(
            scattered(20, 20),
            grid_of(np.zeros((20, 21))),
            block_metres=50,
            validation_share=0.2,
            test_share=0.2,
            seed=1,
        )


def test_block_shape_counts_pixels_along_each_axis():
    grid = Grid(CRS.from_epsg(32645), Affine(5, 0, 0, 0, -10, 0), (100, 100))
    assert block_shape(grid, 640.0) == (64, 128)
