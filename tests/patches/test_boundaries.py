"""The band along outlines from which nothing is learnt."""

import numpy as np

from chronoslide.patches.boundaries import without_boundaries


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
