"""Windows: none crosses into another subset, validation and test ground is covered once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronoslide.errors import SettingsError
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.patches.blocks import TEST, TRAIN, VALIDATION
from chronoslide.patches.sampling import cut, paper_windows, split_at_random, tiling_windows, training_windows


def choose(labels, blocks, *, side=4, stride=2, block=4, minimum=1, empty_share=0.0, seed=0):
    return training_windows(
        labels,
        blocks,
        side=side,
        stride=stride,
        block_shape=(block, block),
        minimum_landslide_pixels=minimum,
        empty_share=empty_share,
        rng=np.random.default_rng(seed),
    )


def blocks_of(codes, block, shape):
    return np.kron(np.array(codes, dtype=np.uint8), np.ones((block, block), np.uint8))[: shape[0], : shape[1]]


@st.composite
def sites(draw):
    rows, cols = draw(st.integers(16, 40)), draw(st.integers(16, 40))
    block = draw(st.sampled_from([8, 10, 16]))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    codes = rng.choice([TRAIN, TRAIN, VALIDATION, TEST], size=(-(-rows // block), -(-cols // block)))
    labels = rng.choice([0, LANDSLIDE, UNOBSERVED], p=[0.9, 0.095, 0.005], size=(rows, cols)).astype(np.uint8)
    return labels, blocks_of(codes, block, (rows, cols)), block


@settings(deadline=None, max_examples=80)
@given(site=sites(), side=st.sampled_from([4, 8]), stride=st.sampled_from([1, 3, 4]))
def test_patches_of_different_subsets_share_no_source_pixel(site, side, stride):
    labels, blocks, block = site
    number = np.arange(1, labels.size + 1, dtype=np.uint16).reshape(labels.shape)[..., np.newaxis]
    windows = {
        TRAIN: choose(labels, blocks, side=side, stride=stride, block=block, minimum=0).windows,
        VALIDATION: tiling_windows(labels, blocks, VALIDATION, side=side, block_shape=(block, block)).windows,
        TEST: tiling_windows(labels, blocks, TEST, side=side, block_shape=(block, block)).windows,
    }
    seen = {code: set(np.unique(cut(number, chosen, side, fill=0)).tolist()) - {0} for code, chosen in windows.items()}
    assert not seen[TRAIN] & seen[VALIDATION]
    assert not seen[TRAIN] & seen[TEST]
    assert not seen[VALIDATION] & seen[TEST]


@settings(deadline=None, max_examples=40)
@given(site=sites(), side=st.sampled_from([4, 8]))
def test_tiles_hold_every_observed_pixel_of_their_subset_once(site, side):
    labels, blocks, block = site
    for code in (VALIDATION, TEST):
        chosen = tiling_windows(labels, blocks, code, side=side, block_shape=(block, block))
        tiles = cut(labels, chosen.windows, side, fill=UNOBSERVED)
        for label in (0, LANDSLIDE):
            assert (tiles == label).sum() == ((labels == label) & (blocks == code)).sum()


@settings(deadline=None, max_examples=40)
@given(site=sites(), minimum=st.integers(0, 5))
def test_training_windows_are_fully_observed_and_hold_enough_landslide(site, minimum):
    labels, blocks, block = site
    patches = cut(labels, choose(labels, blocks, block=block, minimum=minimum).windows, 4, fill=UNOBSERVED)
    assert not (patches == UNOBSERVED).any()
    assert ((patches == LANDSLIDE).sum(axis=(1, 2)) >= minimum).all()


def test_every_candidate_is_chosen_or_dropped_for_one_reason():
    labels = np.zeros((8, 12), dtype=np.uint8)
    labels[1, 1] = LANDSLIDE
    labels[7, 0] = UNOBSERVED
    blocks = blocks_of([[TRAIN, TRAIN, VALIDATION], [TRAIN, TRAIN, TRAIN]], 4, (8, 12))
    chosen = choose(labels, blocks)
    # Corners at rows 0, 2, 4 and columns 0, 2, 4, 6, 8; those at columns 6 and 8 of rows 0 and 2 touch validation.
    assert chosen.windows.tolist() == [[0, 0, 4, 4]]
    assert chosen.dropped == {"other_subset": 4, "unobserved": 1, "too_little_landslide": 0, "empty_not_drawn": 9}


def test_empty_windows_make_up_their_share():
    labels = np.zeros((8, 80), dtype=np.uint8)
    labels[:, :40] = LANDSLIDE
    chosen = choose(labels, np.zeros_like(labels), side=8, stride=8, block=8, empty_share=0.375)
    landslide = (cut(labels, chosen.windows, 8, fill=0) == LANDSLIDE).any(axis=(1, 2))
    assert (landslide.sum(), (~landslide).sum()) == (5, 3)
    assert chosen.dropped["empty_not_drawn"] == 2


def test_a_window_with_some_but_too_little_landslide_is_never_an_example_of_background():
    labels = np.zeros((4, 8), dtype=np.uint8)
    labels[0, 0] = LANDSLIDE
    labels[:, 4:] = LANDSLIDE
    chosen = choose(labels, np.zeros_like(labels), stride=4, minimum=2, empty_share=0.5)
    assert chosen.windows.tolist() == [[0, 4, 4, 4]]
    assert chosen.dropped["too_little_landslide"] == 1


def test_corners_of_blocks_are_candidates_even_if_the_stride_misses_them():
    labels = np.full((4, 12), LANDSLIDE, dtype=np.uint8)
    blocks = blocks_of([[TEST, TRAIN, TEST]], 4, (4, 12))
    assert choose(labels, blocks, stride=3).windows.tolist() == [[0, 4, 4, 4]]


def test_a_tile_at_the_border_ends_with_the_site():
    labels = np.zeros((4, 6), dtype=np.uint8)
    chosen = tiling_windows(labels, np.full_like(labels, TEST), TEST, side=4, block_shape=(4, 4))
    assert chosen.windows.tolist() == [[0, 0, 4, 4], [0, 4, 4, 2]]
    tile = cut(labels, chosen.windows, 4, fill=UNOBSERVED)[1]
    assert tile[0].tolist() == [0, 0, UNOBSERVED, UNOBSERVED]


def test_a_tile_without_any_observation_is_dropped():
    labels = np.zeros((4, 8), dtype=np.uint8)
    labels[:, :4] = UNOBSERVED
    chosen = tiling_windows(labels, np.full_like(labels, TEST), TEST, side=4, block_shape=(4, 4))
    assert chosen.windows.tolist() == [[0, 4, 4, 4]]
    assert chosen.dropped == {"unobserved": 1}


def test_the_papers_windows_hold_landslides_and_no_nodata():
    labels = np.zeros((4, 12), dtype=np.uint8)
    labels[0, 0] = labels[0, 8] = LANDSLIDE
    labels[3, 3] = UNOBSERVED
    chosen = paper_windows(labels, side=4, stride=4, minimum_landslide_pixels=0)
    assert chosen.windows.tolist() == [[0, 8, 4, 4]]
    assert chosen.dropped == {"unobserved": 1, "too_little_landslide": 1}


def test_a_random_split_takes_validation_from_what_testing_left():
    codes = split_at_random(100, validation_share=0.1, test_share=0.3, rng=np.random.default_rng(0))
    assert np.bincount(codes).tolist() == [63, 7, 30]


def test_a_site_smaller_than_a_patch_is_refused_by_name():
    labels = np.zeros((3, 9), dtype=np.uint8)
    with pytest.raises(SettingsError, match=r"patches.side_pixels: 4 is more than the site's 3 x 9 pixels"):
        choose(labels, labels)
