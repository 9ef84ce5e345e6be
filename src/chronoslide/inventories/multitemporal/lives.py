"""The life of one landslide as tracking writes it down, and the rows that come of it.

Bookkeeping between `succession`, which knows only positions, and the tables of the tracked inventory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import shapely

from chronoslide.inventories.multitemporal.states import State


@dataclass(slots=True)
class Life:
    """One identity.

    Attributes:
        landslide_id: 1, 2, ... in the order of first appearance.
        parent_ids: Landslides that it came from, if it is a piece of another.
        first_seen: First year in the stock.
        date_before: Last date on which its ground was observed before; empty if never.
        date_after: Date of the scene that first shows it.
        last_seen: Last year in the stock.
        years_in_stock: Number of years in the stock.
        in_stock: Whether it is in the stock of the year that was looked at last.
        states: By year.
        outline: As last known.
        area_m2: Of that outline.
        polygon_id: The polygon by which it was last mapped.
        mapped: The year of that.
        barest: The lowest NDVI it had while it was mapped; NaN where none is known.
        largest: Its outline when it was largest.
        maximum_area_m2: Of that outline.
        year_of_maximum: The year of that.
        merged_into: The landslide that took it up, or 0.
    """

    landslide_id: int
    parent_ids: tuple[int, ...]
    first_seen: int
    date_before: str
    date_after: str
    last_seen: int = 0
    years_in_stock: int = 0
    in_stock: bool = False
    states: dict[int, State] = field(default_factory=dict)
    outline: shapely.Geometry = None
    area_m2: float = 0.0
    polygon_id: str = ""
    mapped: int = 0
    barest: float = math.nan
    largest: shapely.Geometry = None
    maximum_area_m2: float = 0.0
    year_of_maximum: int = 0
    merged_into: int = 0

    def is_mapped(self, year: int, polygon_id: str, outline: shapely.Geometry, area_m2: float) -> None:
        """Writes down by which polygon it is mapped in a year."""
        self.polygon_id, self.mapped = polygon_id, year
        self.outline, self.area_m2 = outline, area_m2
        if area_m2 > self.maximum_area_m2:
            self.largest, self.maximum_area_m2, self.year_of_maximum = outline, area_m2, year

    def stays(self, year: int, state: State) -> None:
        """Writes down that it is in the stock of a year."""
        self.in_stock = True
        self.last_seen = year
        self.years_in_stock += 1
        self.states[year] = state

    def ends(self, year: int, state: State, merged_into: int = 0) -> None:
        """Writes down that it is not in the stock any more."""
        self.in_stock = False
        self.states[year] = state
        self.merged_into = merged_into

    @property
    def can_be_met(self) -> bool:
        """Whether later polygons may carry it on. What was merged away cannot come back: it lives on in another."""
        return not self.merged_into


class StockRow(NamedTuple):
    """A landslide in the stock of a year; `source` is the position of its polygon in the inventory, or -1."""

    landslide_id: int
    polygon_id: str
    state: State
    mapped: bool
    masked_share: float
    parent_ids: str
    area_m2: float
    area_before_m2: float
    date_before: str
    date_after: str
    source: int
    outline: shapely.Geometry


class EventRow(NamedTuple):
    """A change of a landslide."""

    year: int
    state: State
    landslide_id: int
    other_ids: str
    area_before_m2: float
    area_after_m2: float
    date_before: str
    date_after: str
    outline: shapely.Geometry


class LinkRow(NamedTuple):
    """An edge of the overlap graph."""

    year_before: int
    year: int
    landslide_id_before: int
    landslide_id: int
    polygon_id_before: str
    polygon_id: str
    shared_m2: float


def text_of(ids: tuple[int, ...] | list[int]) -> str:
    """Landslide ids as text, `3;7`."""
    return ";".join(map(str, ids))
