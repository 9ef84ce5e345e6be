from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import box

from chronoslide.simulate.healing import debris_left, recovery
from chronoslide.simulate.histories import Scar, Sighting
from chronoslide.simulate.land_cover import DEBRIS, REFLECTANCE, Cover
from chronoslide.simulate.surface import SlidGround, with_landslides

LEFT_HALF = box(0.0, 0.0, 10.0, 20.0)  # of a site of 4 x 4 pixels whose upper left corner is (0, 20)


def ndvi(reflectance: np.ndarray) -> float:
    return float((reflectance[4] - reflectance[2]) / (reflectance[4] + reflectance[2]))


def test_recovery_follows_the_exponential() -> None:
    assert recovery(0.0, 7.0) == 0.0
    assert recovery(7.0, 7.0) == pytest.approx(0.6321, abs=1e-4)
    assert recovery(2.0, 2.5) == pytest.approx(0.5507, abs=1e-4)


def test_debris_goes_on_fading_after_it_is_called_healed() -> None:
    assert debris_left(np.array([1.0, 3.0, 5.0])) == pytest.approx([0.32, 0.32 / np.e, 0.32 / np.e**2])


def test_ground_is_bare_then_heals_and_never_forgets() -> None:
    ground = SlidGround((4, 4), (0.0, 20.0), [])
    slid, debris = ground.advance([Sighting(1, "new", (), LEFT_HALF, 0.1, 1.0)])
    assert slid[0].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert debris[0].tolist() == pytest.approx([0.9, 0.9, 0.0, 0.0])
    slid, debris = ground.advance([])
    assert slid[0].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert debris[0].tolist() == pytest.approx([0.32, 0.32, 0.0, 0.0])
    _, debris = ground.advance([Sighting(1, "reactivated", (1,), LEFT_HALF, 0.0, 1.0)])
    assert debris[0].tolist() == pytest.approx([1.0, 1.0, 0.0, 0.0])


def test_an_old_scar_is_older_in_the_first_year() -> None:
    ground = SlidGround((4, 4), (0.0, 20.0), [Scar(LEFT_HALF, 2)])
    _, debris = ground.advance([])
    assert debris[0, 0] == pytest.approx(0.32 * np.exp(-1.0), abs=1e-6)


def test_a_healed_landslide_is_greener_by_more_than_a_tenth() -> None:
    forest = np.tile(REFLECTANCE[Cover.FOREST].astype(np.float32), (1, 1, 1))
    one = np.ones((1, 1))
    seen = with_landslides(forest, one, one * (1.0 - 0.42), one)[0, 0]
    healed = with_landslides(forest, one, one * 0.32, one)[0, 0]
    assert ndvi(healed) - ndvi(seen) > 0.1
    fresh = with_landslides(forest, one, one, one)[0, 0]
    assert fresh == pytest.approx(DEBRIS, rel=1e-5)
