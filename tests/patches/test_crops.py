"""Crops carry the labels of training ground alone, lie near landslides, and turn image and label together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronoslide.errors import DataError
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNLABELLED, UNOBSERVED
from chronoslide.patches.crops import draw_crops, prepare

SIDE = 16


def draw(grounds, n=30, weights=None, empty_share=0.0, scale=0.0, seed=1):
    return draw_crops(
        grounds, weights or [1.0] * len(grounds), n, side=SIDE, empty_share=empty_share, scale=scale, seed=seed
    )


def site(seed=0, rows=40, cols=50, bands=5):
    rng = np.random.default_rng(seed)
    labels = np.zeros((rows, cols), dtype=np.uint8)
    labels[5:9, 5:9] = labels[25:35, 30:40] = LANDSLIDE
    images = rng.integers(100, 3000, (rows, cols, bands)).astype(np.uint16)
    return images, labels


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([0.0, 0.3]))
def test_no_label_of_ground_that_is_not_for_training_is_shown(seed, scale):
    images, labels = site()
    allowed = np.zeros(labels.shape, dtype=bool)
    allowed[:, :25] = True
    images[...] = np.where(allowed, 1000, 3000)[..., np.newaxis]
    crops = draw([prepare(images, labels, allowed)], n=60, empty_share=1.0, scale=scale, seed=seed)
    labelled = (crops.labels == LANDSLIDE) | (crops.labels == BACKGROUND)
    # Along the border interpolation mixes the two, and the nearest of four pixels has a quarter at least.
    assert (crops.images[labelled] <= 3000 - 2000 / 4 + 1).all()
    assert crops.images[crops.labels == UNLABELLED].max() == 3000


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1000))
def test_what_was_not_observed_is_zero_and_mixes_into_nothing(seed):
    images, labels = site()
    images[...] = 2000
    labels[10:20] = UNOBSERVED
    images[10:20] = 0
    crops = draw([prepare(images, labels, np.ones(labels.shape, bool))], n=10, seed=seed)
    unobserved = crops.labels == UNOBSERVED
    assert (crops.images[unobserved] == 0).all()
    assert (crops.images[~unobserved] == 2000).all()


def test_image_and_label_are_turned_together():
    images, labels = site(bands=4)
    images[...] = np.where(labels == LANDSLIDE, 2000, 500)[..., np.newaxis]
    crops = draw([prepare(images, labels, np.ones(labels.shape, bool))])
    landslide, background = crops.labels == LANDSLIDE, crops.labels == BACKGROUND
    # Along an outline bilinear interpolation mixes the two, and the nearest of four pixels has a quarter at least.
    assert (crops.images[landslide] >= 500 + 1500 / 4 - 1).all()
    assert (crops.images[background] <= 2000 - 1500 / 4 + 1).all()
    assert landslide.any()


def test_an_unturned_window_of_the_same_centre_begins_at_the_corner_that_is_kept():
    images, labels = site(bands=1)
    images[...] = 1
    images[20, 20] = 5000
    labels[...] = UNLABELLED
    labels[20, 20] = BACKGROUND
    crops = draw([prepare(images, labels, np.ones(labels.shape, bool))], n=4, empty_share=1.0)
    assert (crops.corners == [20 - SIDE // 2, 20 - SIDE // 2]).all()
    assert (
        crops.images[:, SIDE // 2 - 1 : SIDE // 2 + 1, SIDE // 2 - 1 : SIDE // 2 + 1].max(axis=(1, 2, 3)) > 500
    ).all()


def test_crops_lie_on_small_landslides_as_often_as_on_large_ones_or_more_often_than_their_area_says():
    images, labels = site()  # 16 and 100 pixels
    corners = draw([prepare(images, labels, np.ones(labels.shape, bool))], n=400).corners
    on_small = (corners[:, 1] + SIDE / 2 < 20).mean()
    # half by number (1/2), half by area (16/116)
    assert on_small == pytest.approx(0.5 * 0.5 + 0.5 * 16 / 116, abs=0.07)


def test_without_landslides_crops_lie_anywhere_and_unlabelled_ground_is_never_a_centre():
    images, labels = site()
    labels[...] = UNLABELLED
    labels[:5, :5] = BACKGROUND
    corners = draw([prepare(images, labels, np.ones(labels.shape, bool))]).corners
    assert (corners + SIDE / 2 <= 5).all()


def test_years_are_drawn_by_their_weights_and_one_without_labels_never():
    images, labels = site()
    everywhere = np.ones(labels.shape, bool)
    ground, empty = prepare(images, labels, everywhere), prepare(images, labels, ~everywhere)
    assert set(draw([ground, ground, empty], weights=[0.0, 0.5, 0.5]).ground) == {1}


def test_the_seed_decides_the_bytes():
    images, labels = site()
    ground = prepare(images, labels, np.ones(labels.shape, bool))
    first, again, other = draw([ground], seed=1), draw([ground], seed=1), draw([ground], seed=2)
    assert first.images.tobytes() == again.images.tobytes()
    assert first.images.tobytes() != other.images.tobytes()


def test_no_labelled_ground_is_told():
    images, labels = site()
    with pytest.raises(DataError, match="no labelled training ground"):
        draw([prepare(images, labels, np.zeros(labels.shape, bool))])
