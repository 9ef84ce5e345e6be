"""The band along outlines from which nothing, or less, is learnt."""

import numpy as np

from chronoslide.patches.boundaries import soft_labels, without_boundaries


def drawn(*rows):
    return np.array([[{".": 0, "#": 1, "?": 254}[sign] for sign in row] for row in rows], dtype=np.uint8)


BLOCK = drawn(
    ".......",
    ".......",
    "..####.",
    "..####.",
    "..####.",
    ".......",
)


def test_a_band_on_both_sides_is_unlabelled():
    expected = drawn(
        ".......",
        "..????.",
        ".??????",
        ".??##??",
        ".??????",
        "..????.",
    )
    np.testing.assert_array_equal(without_boundaries(BLOCK[None], 1)[0], expected)


def test_no_pixels_change_nothing():
    np.testing.assert_array_equal(without_boundaries(BLOCK[None], 0)[0], BLOCK)


def test_the_border_of_a_patch_is_no_outline_and_patches_do_not_touch():
    full = np.ones((1, 4, 4), np.uint8)
    both = np.concatenate([full, np.zeros((1, 4, 4), np.uint8)])
    np.testing.assert_array_equal(without_boundaries(both, 2), both)


def test_what_was_unobserved_stays_so():
    labels = np.array([[[255, 1, 1, 0, 0, 0]]], np.uint8)
    np.testing.assert_array_equal(without_boundaries(labels, 1), [[[255, 254, 254, 254, 0, 0]]])


def test_soft_labels_are_the_share_of_landslide_around():
    soft = soft_labels(BLOCK[None], BLOCK[None], 1)[0]
    assert soft.dtype == np.float32
    ninths = [0, 3, 6, 9, 9, 6]
    np.testing.assert_allclose(soft[3], [*np.array(ninths) / 9, 3 / 6], atol=1e-6)  # the patch ends beside the last
    np.testing.assert_allclose(soft[:, 0], 0, atol=1e-6)


def test_soft_labels_leave_what_is_not_counted_and_count_only_what_has_a_label():
    labels = np.array([[[0, 0, 1, 1, 255, 255]]], np.uint8)
    soft = soft_labels(labels, without_boundaries(labels, 0), 1)
    np.testing.assert_allclose(soft[0, 0], [0, 1 / 3, 2 / 3, 1, 255, 255], atol=1e-6)
    banded = without_boundaries(labels, 1)
    np.testing.assert_allclose(soft_labels(labels, banded, 1)[0, 0], [0, 254, 254, 254, 255, 255], atol=1e-6)


def test_without_soft_pixels_labels_are_the_same_object():
    assert soft_labels(BLOCK[None], BLOCK, 0) is BLOCK
