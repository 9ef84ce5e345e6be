"""Averaging over flips and turns."""

import numpy as np
import pytest

from chronoslide.mapping.symmetries import over_symmetries


def first_band(reflectance: np.ndarray) -> np.ndarray:
    return reflectance[..., 0]


@pytest.mark.parametrize("symmetries", ["none", "flips", "all"])
def test_what_depends_on_each_pixel_alone_is_not_moved(symmetries: str) -> None:
    images = np.random.default_rng(1).random((2, 4, 4, 3), dtype=np.float32)
    assert np.allclose(over_symmetries(first_band, symmetries)(images), images[..., 0])


def test_what_looks_to_one_side_is_averaged_over_all_sides() -> None:
    image = np.zeros((1, 3, 3, 1), np.float32)
    image[0, 1, 1, 0] = 1.0
    mean = over_symmetries(lambda seen: np.roll(seen[..., 0], 1, axis=2), "all")(image)[0]
    assert mean.tolist() == [[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]]


def test_flips_keep_rows_rows_so_that_windows_need_not_be_square() -> None:
    images = np.random.default_rng(1).random((1, 2, 6, 1), dtype=np.float32)
    assert over_symmetries(first_band, "flips")(images).shape == (1, 2, 6)
