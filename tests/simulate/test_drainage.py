from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chronoslide.simulate.drainage import accumulate, flow_receivers, follow, incise


def test_accumulation_on_a_valley_that_fits_on_paper() -> None:
    # Water runs to the middle column and down it; the outlet is the middle of the last row.
    elevation = np.array([[9.0, 7.0, 9.0], [8.0, 5.0, 8.0], [7.0, 3.0, 7.0], [6.0, 1.0, 6.0]])
    receiver = flow_receivers(elevation)
    assert receiver.reshape(4, 3).tolist() == [[4, 4, 4], [7, 7, 7], [10, 10, 10], [10, 10, 10]]
    assert accumulate(receiver, np.ones((4, 3))).tolist() == [[1, 1, 1], [1, 4, 1], [1, 7, 1], [1, 12, 1]]


def test_a_diagonal_step_counts_its_length() -> None:
    # Four lower to the east, five lower to the south-east: 4 / 1 is steeper than 5 / 1.41.
    elevation = np.array([[10.0, 6.0, 20.0], [20.0, 5.0, 20.0], [20.0, 4.0, 20.0]])
    assert flow_receivers(elevation)[0] == 1


def test_a_pit_is_left_by_its_lowest_pass() -> None:
    elevation = np.full((5, 7), 9.0)
    elevation[2, 1:6] = [6.0, 1.0, 5.0, 4.0, 3.0]  # the pit is at column 2; the pass to the east is at column 3
    elevation[2, 6] = 0.0
    elevation[2, 0] = 8.0
    receiver = flow_receivers(elevation)
    assert follow(receiver, 2 * 7 + 1, 9).tolist() == [15, 16, 17, 18, 19, 20]
    assert accumulate(receiver, np.ones((5, 7)))[2, 6] >= 6


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_cell_drains_to_the_border_and_nothing_is_lost(seed: int) -> None:
    elevation = np.random.default_rng(seed).integers(0, 30, (17, 13)).astype(float)
    receiver = flow_receivers(elevation)
    own = receiver == np.arange(receiver.size)
    row, col = np.divmod(np.flatnonzero(own), 13)
    assert np.all((row == 0) | (row == 16) | (col == 0) | (col == 12))
    total = accumulate(receiver, np.ones((17, 13))).ravel()
    assert total[own].sum() == 17 * 13
    assert all(own[follow(receiver, cell, 999)[-1]] for cell in range(receiver.size))


def test_rivers_only_cut_down() -> None:
    elevation = np.random.default_rng(5).uniform(0, 100, (20, 20))
    lower = incise(elevation, 0.05, np.full((20, 20), 25.0))
    assert np.all(lower <= elevation + 1e-9)
    assert lower.sum() < elevation.sum()
