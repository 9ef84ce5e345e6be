from __future__ import annotations

import itertools
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from chronoslide.simulate.fields import gaussian_random_field
from chronoslide.simulate.histories import History, landslide_areas, simulate_history
from chronoslide.simulate.land_cover import simulate_land_cover
from chronoslide.simulate.plan import YearPlan, plan_years
from chronoslide.simulate.sites import FailingGround
from chronoslide.simulate.terrain import describe

SHARE = 0.30


@pytest.fixture(scope="module")
def plans() -> tuple[YearPlan, ...]:
    return plan_years(range(2013, 2020), SHARE * 33.0e6)


@pytest.fixture(scope="module")
def history(plans: tuple[YearPlan, ...]) -> History:
    """A third of the full site on one wide slope with gullies, which is quicker to make than a valley."""
    rng = np.random.default_rng(11)
    shape = (560, 760)
    slope = 3.2 * np.arange(shape[0])[::-1, np.newaxis]
    elevation = np.round(1000.0 + slope + 60.0 * gaussian_random_field(shape, 3.6, rng), 3)
    terrain = describe(elevation, np.full(shape, 9999.0), inflow=(shape[0] - 1, 5))
    land = simulate_land_cover(terrain, rng)
    inside = np.zeros(shape, dtype=bool)
    inside[5:-5, 5:-5] = True
    return simulate_history(plans, FailingGround(terrain, land, inside, (0.0, 0.0), rng), 5, rng)


def test_areas_are_drawn_to_their_total() -> None:
    areas = landslide_areas(136, 1_856_000.0, np.random.default_rng(0))
    assert len(areas) == 136
    assert areas.sum() == pytest.approx(1_856_000.0, rel=0.01)
    assert areas.min() >= 200.0
    assert areas.max() <= 150_000.0
    assert np.all(np.diff(areas) <= 0)


def test_numbers_and_areas_are_the_plans(history: History, plans: tuple[YearPlan, ...]) -> None:
    for plan in plans:
        stock = history.years[plan.year]
        assert len(stock) == plan.stock
        assert sum(one.polygon.area for one in stock) == pytest.approx(plan.area_m2, rel=0.03)


def test_stocks_balance_exactly(history: History, plans: tuple[YearPlan, ...]) -> None:
    for (_, before), (year, after) in itertools.pairwise(history.years.items()):
        plan = next(one for one in plans if one.year == year)
        earlier, now = {one.landslide_id for one in before}, {one.landslide_id for one in after}
        states = [one.state for one in after]
        merged_away = {
            parent for one in after if one.state == "merged" for parent in one.parents if parent != one.landslide_id
        }
        split_off = [one for one in after if one.state == "split" and one.landslide_id not in earlier]
        healed = earlier - now - merged_away
        arrived = states.count("new") + states.count("reactivated") + len(split_off)
        assert len(before) + arrived - len(healed) - len(merged_away) == len(after)
        assert arrived == plan.new + plan.reactivated + plan.split_off
        assert len(healed) + len(merged_away) == plan.healed + plan.merged_away


def test_identities_are_unique_and_only_reactivation_brings_one_back(history: History) -> None:
    known: set[int] = set()
    before: set[int] = set()
    for stock in history.years.values():
        numbers = [one.landslide_id for one in stock]
        assert len(set(numbers)) == len(numbers)
        for one in stock:
            assert (one.landslide_id in known - before) == (one.state == "reactivated")
            if one.state == "new":
                assert one.landslide_id not in known
                assert one.parents == ()
        before = set(numbers)
        known |= before


def test_outlines_are_valid_and_do_not_overlap(history: History) -> None:
    for stock in history.years.values():
        polygons = np.array([one.polygon for one in stock])
        assert shapely.is_valid(polygons).all()
        first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
        assert np.array_equal(first, second)


def test_states_are_what_their_geometry_says(history: History) -> None:
    ever: dict[int, shapely.Polygon] = {}
    for position, (_, stock) in enumerate(history.years.items()):
        earlier = shapely.union_all(list(ever.values())) if ever else shapely.Polygon()
        for one in stock:
            overlap = one.polygon.intersection(earlier).area / one.polygon.area
            parent = ever.get(one.landslide_id)
            if one.state == "new":
                assert position == 0 or overlap < 0.1
            elif one.state == "reactivated":
                assert overlap > 0.5
            elif one.state in ("persistent", "enlarged"):
                assert parent is not None
                both = one.polygon.intersection(parent).area
                union = one.polygon.area + parent.area - both
                growth = one.polygon.area / parent.area
                if one.state == "persistent":
                    assert both / union >= 0.5 or abs(growth - 1.0) <= 0.2
                else:
                    assert both >= 0.5 * parent.area
                    assert growth > 1.2
            elif one.state == "merged":
                assert len(one.parents) > 1
                assert all(one.polygon.intersects(ever[number]) for number in one.parents)
            else:
                assert one.state == "split"
                assert one.polygon.intersects(ever[one.parents[0]])
        for one in stock:
            ever[one.landslide_id] = one.polygon


def test_something_of_everything_happens(history: History) -> None:
    states = {one.state for stock in history.years.values() for one in stock}
    assert states >= {"new", "persistent", "enlarged", "reactivated", "merged"}


def test_the_full_site_on_disk_has_the_tables_numbers() -> None:
    key = Path(__file__).parents[2] / "data" / "answer_key" / "investigation.gpkg"
    if not key.exists():
        pytest.skip("data/ has not been made; run `chronoslide simulate`")
    counts = {year: len(gpd.read_file(key, layer=str(year))) for year in (2013, 2015, 2016)}
    if counts[2013] != 31:
        pytest.skip("data/ holds a smaller site")
    assert counts == {2013: 31, 2015: 136, 2016: 95}
