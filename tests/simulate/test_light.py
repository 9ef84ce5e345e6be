from __future__ import annotations

import numpy as np
import pytest

from chronoslide.simulate.light import DIFFUSE_SHARE, brightness, cast_shadow, illumination


def wall() -> np.ndarray:
    ground = np.zeros((21, 21))
    ground[10, :] = 20.0
    return ground


@pytest.mark.parametrize(
    ("azimuth", "dark_rows"),
    [(180.0, [7, 8, 9]), (0.0, [11, 12, 13])],
)
def test_a_wall_of_20_m_throws_a_shadow_of_20_m_at_45_degrees(azimuth: float, dark_rows: list[int]) -> None:
    # Pixels are 5 m: rows one to three behind the wall stand in its shadow, the fourth meets its very edge.
    dark = cast_shadow(wall(), 45.0, azimuth)
    assert np.flatnonzero(dark[:, 10]).tolist() == dark_rows


@pytest.mark.parametrize(("azimuth", "dark_cols"), [(90.0, [7, 8, 9]), (270.0, [11, 12, 13])])
def test_the_sun_may_stand_in_the_east_or_west(azimuth: float, dark_cols: list[int]) -> None:
    dark = cast_shadow(wall().T, 45.0, azimuth)
    assert np.flatnonzero(dark[10]).tolist() == dark_cols


def test_flat_ground_has_no_shadow_and_full_light() -> None:
    flat = np.zeros((5, 5))
    assert not cast_shadow(flat, 40.0, 161.0).any()
    assert illumination(flat, flat, 40.0, 161.0) == pytest.approx(1.0)


def test_a_slope_that_faces_the_sun_at_a_right_angle_gets_the_most() -> None:
    # Sun 40 degrees high in the south: a south slope of 50 degrees faces it; cos 0 / sin 40 = 1.5557.
    slope = np.array([[50.0, 50.0]])
    aspect = np.array([[np.pi, 0.0]])
    light = illumination(slope, aspect, 40.0, 180.0)
    assert light[0, 0] == pytest.approx(1.5557, abs=1e-4)
    assert light[0, 1] == 0.0


def test_a_cast_shadow_leaves_the_diffuse_light() -> None:
    both = brightness(np.ones((1, 2)), np.array([[1.0, 0.0]]))
    assert both[0, 0] == pytest.approx(1.0)
    assert both[0, 1] == pytest.approx(DIFFUSE_SHARE)
