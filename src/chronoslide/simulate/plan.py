"""What each year of the simulated site is to look like: sun, radiometry, and how many landslides come and go.

It stands at the very beginning: every other module of the simulation asks it, and nothing here is random. Numbers and
areas of the landslides are those of the manual inventories of Bhuyan et al. (2023); for a smaller site they are
scaled by its area.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

RESOLUTION_METRES = 5.0
BANDS = ("blue", "green", "red", "red_edge", "nir")
FULL_AREA_M2 = 1000 * 1320 * RESOLUTION_METRES**2
TRAINING_YEAR = 2016
TRAINING_AREA_M2 = 800 * 800 * RESOLUTION_METRES**2
TRAINING_LANDSLIDE_AREA_M2 = 750_000.0
# A small site still gets this many landslides a year, so that there is something to map.
FEWEST_LANDSLIDES = 6


@dataclass(frozen=True, slots=True)
class Conditions:
    """One year of the full investigation area.

    Attributes:
        acquired: Date and time (UTC) of the scene.
        sun_elevation: Above the horizon [degrees].
        sun_azimuth: Clockwise from north [degrees].
        gains: What each band's reflectance is multiplied by.
        haze: Amount of haze, 0 for a clear day; it is patchy.
        clouds: Share of the scene under clouds.
        snow: Share of the scene under snow.
        greenness: How fresh the vegetation is; 0 is an average November.
        landslides: In the stock of the year.
        landslide_area_m2: Their area together.
        appeared: Landslides that were not in last year's stock: new, reactivated or split off.
        reactivated: Of those that appeared.
        split_off: Of those that appeared.
        merged_away: Landslides that became part of another one.
        enlarged: Landslides that grew by more than a fifth.
        lost_corner: Share of each side of the area of interest that a missing corner of the swath reaches.
    """

    acquired: datetime.datetime
    sun_elevation: float
    sun_azimuth: float
    gains: tuple[float, float, float, float, float]
    haze: float
    clouds: float
    snow: float
    greenness: float
    landslides: int
    landslide_area_m2: float
    appeared: int
    reactivated: int
    split_off: int
    merged_away: int
    enlarged: int
    lost_corner: float


def _at(year: int, month: int, day: int, hour: int, minute: int) -> datetime.datetime:
    return datetime.datetime(year, month, day, hour, minute, tzinfo=datetime.UTC)


CONDITIONS: dict[int, Conditions] = {
    2013: Conditions(
        _at(2013, 11, 7, 5, 21), 43.6, 161.0, (1.02, 1.02, 0.98, 0.99, 1.02), 0.0, 0.003, 0.001, 0.1,
        31, 513_000.0, 31, 0, 0, 0, 0, 0.0,
    ),
    2014: Conditions(
        _at(2014, 11, 30, 5, 19), 38.1, 161.0, (1.03, 1.02, 0.98, 0.99, 0.99), 0.0, 0.0, 0.005, -0.8,
        26, 439_000.0, 2, 0, 0, 0, 1, 0.10,
    ),
    2015: Conditions(
        _at(2015, 11, 9, 5, 22), 43.0, 161.0, (0.88, 0.90, 0.83, 0.96, 1.09), 0.4, 0.012, 0.0, 0.0,
        136, 1_856_000.0, 114, 3, 0, 0, 5, 0.0,
    ),
    2016: Conditions(
        _at(2016, 11, 4, 5, 25), 44.2, 160.0, (1.0, 1.0, 1.0, 1.0, 1.0), 0.0, 0.002, 0.0, 0.2,
        95, 1_796_000.0, 12, 1, 0, 30, 4, 0.0,
    ),
    2017: Conditions(
        _at(2017, 11, 12, 5, 20), 42.2, 161.0, (0.98, 0.99, 1.0, 1.01, 1.02), 0.0, 0.008, 0.002, -0.1,
        63, 1_188_000.0, 6, 1, 1, 0, 3, 0.08,
    ),
    2018: Conditions(
        _at(2018, 10, 24, 5, 24), 47.9, 159.0, (0.96, 0.98, 0.96, 1.01, 1.04), 0.0, 0.015, 0.0, 0.9,
        55, 1_315_000.0, 4, 1, 0, 0, 9, 0.0,
    ),
    2019: Conditions(
        _at(2019, 11, 10, 5, 18), 42.7, 161.0, (1.05, 1.05, 1.06, 1.02, 0.98), 0.0, 0.004, 0.003, 0.0,
        52, 1_222_000.0, 5, 1, 1, 0, 3, 0.06,
    ),
}  # fmt: skip


def conditions_of(year: int) -> Conditions:
    """The conditions of a year; a year outside the table gets those of the nearest one, on its own date."""
    if year in CONDITIONS:
        return CONDITIONS[year]
    nearest = CONDITIONS[min(CONDITIONS, key=lambda known: (abs(known - year), known))]
    fields = {name: getattr(nearest, name) for name in Conditions.__slots__}
    return Conditions(**(fields | {"acquired": nearest.acquired.replace(year=year)}))


@dataclass(frozen=True, slots=True)
class YearPlan:
    """How the stock of a site is to change until a year.

    stock = stock of the year before + new + reactivated + split off - healed - merged away.
    """

    year: int
    stock: int
    area_m2: float
    new: int
    reactivated: int
    split_off: int
    healed: int
    merged_away: int
    enlarged: int


def plan_years(years: Sequence[int], area_m2: float) -> tuple[YearPlan, ...]:
    """Plans the stock of an investigation area.

    Args:
        years: In any order.
        area_m2: Of the site; at the area of the full site the plan is exactly the table's.

    Returns:
        A plan a year, oldest first. What the table's neighbours in time did not do (years left out) is made up from
        the numbers of the two years.
    """
    share = area_m2 / FULL_AREA_M2
    plans: list[YearPlan] = []
    for year in sorted(set(years)):
        known = conditions_of(year)
        stock = _scaled(known.landslides, share, FEWEST_LANDSLIDES)
        area = known.landslide_area_m2 * share
        if not plans:
            plans.append(YearPlan(year, stock, area, stock, 0, 0, 0, 0, 0))
            continue
        before = plans[-1]
        follows = before.year == year - 1 and year in CONDITIONS and year - 1 in CONDITIONS
        appeared = _scaled(known.appeared, share, 1) if follows else 0
        gone_least = 1 if share < 1 else 0
        appeared = max(appeared, stock - before.stock + gone_least)
        gone = before.stock + appeared - stock
        merged = min(_scaled(known.merged_away, share, 1 if known.merged_away else 0), gone) if follows else 0
        healed_before = sum(plan.healed for plan in plans)
        split = min(known.split_off if share >= 0.5 else 0, appeared - 1) if follows else 0
        reactivated = min(known.reactivated, healed_before, max(appeared - split - 1, 0)) if follows else 0
        enlarged = _scaled(known.enlarged, share, 1)
        plans.append(
            YearPlan(
                year, stock, area, appeared - reactivated - split, reactivated, split, gone - merged, merged, enlarged
            )
        )
    return tuple(plans)


def plan_training(landslides: int, area_m2: float) -> tuple[YearPlan, ...]:
    """Plans the training area: one year, all landslides new in it."""
    total = TRAINING_LANDSLIDE_AREA_M2 * area_m2 / TRAINING_AREA_M2
    return (YearPlan(TRAINING_YEAR, landslides, total, landslides, 0, 0, 0, 0, 0),)


def _scaled(number: int, share: float, fewest: int) -> int:
    return max(round(number * share), fewest)
