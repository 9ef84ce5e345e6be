from __future__ import annotations

import numpy as np
import pytest

from chronoslide.simulate.swath import cut_tiles

MARGIN = 60


def mosaic(shape: tuple[int, int], lost: float) -> np.ndarray:
    whole = np.zeros(shape, dtype=bool)
    for tile in cut_tiles(shape, MARGIN, lost):
        whole[:, tile.first_col : tile.last_col] |= tile.imaged
    return whole


@pytest.mark.parametrize("shape", [(1120, 1440), (376, 376), (248, 248)])
def test_two_tiles_image_the_whole_area_and_have_black_borders(shape: tuple[int, int]) -> None:
    first, second = cut_tiles(shape, MARGIN, 0.0)
    assert mosaic(shape, 0.0)[MARGIN:-MARGIN, MARGIN:-MARGIN].all()
    for tile in (first, second):
        assert tile.imaged.shape == (shape[0], tile.last_col - tile.first_col)
        assert 0.02 < 1.0 - tile.imaged.mean() < 0.25


def test_the_tiles_of_the_full_site_overlap_by_about_a_fifth() -> None:
    first, second = cut_tiles((1120, 1440), MARGIN, 0.0)
    assert first.last_col - second.first_col == 264
    both = first.imaged[:, second.first_col :] & second.imaged[:, :264]
    assert both.any(axis=1).all()


def test_a_lost_corner_takes_half_the_square_of_its_share() -> None:
    inner = mosaic((1120, 1440), 0.1)[MARGIN:-MARGIN, MARGIN:-MARGIN]
    assert 1.0 - inner.mean() == pytest.approx(0.005, abs=0.0003)
    assert not inner[0, 0]
    assert inner[0, -1]
    assert inner[-1, 0]
    assert inner[-1, -1]
