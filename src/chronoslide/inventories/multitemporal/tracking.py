"""Yearly inventories become one inventory through time: every landslide has one identity and a state each year.

Follows vectorising and joining, and works on anybody's polygons. Year by year, `succession` says which landslide goes
on as which; here identities get their numbers and lives are written down. `balance` adds up what entered and left the
stock, `tracked_layers` makes the tables and writes them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from chronoslide.inventories.multitemporal.ground import Ground
from chronoslide.inventories.multitemporal.lives import EventRow, Life, LinkRow, StockRow, text_of
from chronoslide.inventories.multitemporal.preparing import prepare_inventories
from chronoslide.inventories.multitemporal.states import State
from chronoslide.inventories.multitemporal.succession import NOBODY, Earlier, Succession, succeed
from chronoslide.inventories.multitemporal.tracked_layers import TrackedInventory, assemble
from chronoslide.params import TrackingSettings


def track_inventories(
    inventories: Mapping[int, gpd.GeoDataFrame],
    settings: TrackingSettings,
    *,
    dates: Mapping[int, datetime.date] | None = None,
    ground: Mapping[int, Ground] | None = None,
    names: Mapping[int, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> TrackedInventory:
    """Tracks landslides through yearly inventories.

    Args:
        inventories: Polygons by year, in one coordinate reference system in metres. The columns `mean_probability`,
            `uncertainty`, `model_version` and `date` are taken over where there are any; `landslide_id`, `id` and the
            like become `polygon_id`.
        settings: The thresholds.
        dates: Of the scenes, by year; without them, the inventories' column `date`, else the year.
        ground: What each year's scene shows of the ground. Without it everything counts as observed, and a landslide
            that an inventory does not show is healed.
        names: What the inventories are called in errors and notes.
        progress: Called with each year that is done.

    Raises:
        GridError: A coordinate reference system is missing, not in metres, or not the same in all years.
        InventoryError: There is no inventory at all, or one holds points or lines.
    """
    prepared = prepare_inventories(inventories, names)
    days = {year: _date_of(year, frame, dates) for year, frame in prepared.polygons.items()}
    chronicle = _Chronicle(days, dict(ground or {}), settings)
    for year, frame in prepared.polygons.items():
        chronicle.add(year, frame)
        if progress is not None:
            progress(year)
    return assemble(chronicle.lives, chronicle.stocks, chronicle.events, chronicle.links, prepared)


def _date_of(year: int, frame: gpd.GeoDataFrame, dates: Mapping[int, datetime.date] | None) -> str:
    if dates is not None and year in dates:
        return dates[year].isoformat()
    if "date" in frame and frame["date"].notna().any():
        return str(frame["date"].dropna().iloc[0])[:10]
    return str(year)


@dataclass(slots=True)
class _Chronicle:
    """What was written down so far; years are added in ascending order."""

    days: Mapping[int, str]
    grounds: Mapping[int, Ground]
    settings: TrackingSettings
    lives: list[Life] = field(default_factory=list)
    stocks: dict[int, list[StockRow]] = field(default_factory=dict)
    events: list[EventRow] = field(default_factory=list)
    links: list[LinkRow] = field(default_factory=list)

    def add(self, year: int, frame: gpd.GeoDataFrame) -> None:
        """Goes on to a year."""
        known = [life for life in self.lives if life.can_be_met]
        earlier = self._earlier(year, known)
        step = succeed(earlier, frame.geometry.to_numpy(), self.settings)
        last_mapped = [(life.mapped, life.landslide_id, life.polygon_id) for life in known]
        self.stocks[year] = []
        mapped = self._write_mapped(year, frame, known, earlier, step)
        self._write_lost(year, known, earlier, step, mapped)
        self._remember_ndvi(year, mapped, frame.geometry.to_numpy())
        for first, second, shared_m2 in _parent_links(step, earlier.in_stock):
            (year_before, landslide_id, polygon_id), life = last_mapped[first], mapped[second]
            self.links.append(
                LinkRow(year_before, year, landslide_id, life.landslide_id, polygon_id, life.polygon_id, shared_m2)
            )

    def _earlier(self, year: int, known: list[Life]) -> Earlier:
        """The landslides known so far, and what the year's scene shows of their ground."""
        outlines = np.array([None, *(life.outline for life in known)], dtype=object)[1:]  # None: never nested
        in_stock = np.array([life.in_stock for life in known], dtype=bool)
        barest = np.array([life.barest for life in known], dtype=np.float64)
        masked = np.zeros(len(known))
        ground = self.grounds.get(year)
        if ground is not None:
            masked[in_stock] = ground.masked_share(outlines[in_stock])

        def ndvi_gain(positions: NDArray[np.intp]) -> NDArray[np.float64]:
            if ground is None:
                return np.full(len(positions), np.nan)
            return ground.mean_ndvi(outlines[positions]) - barest[positions]

        return Earlier(outlines, in_stock, masked, ndvi_gain)

    def _write_mapped(
        self, year: int, frame: gpd.GeoDataFrame, known: list[Life], earlier: Earlier, step: Succession
    ) -> list[Life]:
        """Gives each polygon of the year its life: one that goes on, or a new one."""
        outlines = frame.geometry.to_numpy()
        absent_until = self._last_observed_before(year, outlines)
        parents = _parents(step, earlier.in_stock, known)
        taken_up = _positions_by(step.merged_into)
        carries_on, masked_share = step.carries_on.tolist(), earlier.masked_share.tolist()
        mapped = []
        for index, (outline, area_m2, polygon_id) in enumerate(
            zip(outlines, shapely.area(outlines).tolist(), frame["polygon_id"].tolist(), strict=True)
        ):
            position, state = carries_on[index], step.state[index]
            area_before, masked, since = 0.0, 0.0, absent_until[index]
            if position == NOBODY:
                life = Life(len(self.lives) + 1, tuple(parents[index]), year, since, self.days[year])
                self.lives.append(life)
            else:
                life = known[position]
                area_before, masked = life.area_m2, masked_share[position]
                if life.in_stock:
                    since = self.days[life.mapped]
            if state is State.UNOBSERVED:
                # What is under the mask was there before; only the rest can be seen to have changed.
                outline = shapely.union(outline, life.outline)
                area_m2 = float(shapely.area(outline))
            life.is_mapped(year, polygon_id, outline, area_m2)
            life.stays(year, state)
            mapped.append(life)
            self.stocks[year].append(
                StockRow(
                    life.landslide_id, polygon_id, state, True, masked, text_of(parents[index]),
                    area_m2, area_before, since, self.days[year], index, outline,
                )
            )  # fmt: skip
            if state is not State.PERSISTENT:
                others = [known[other].landslide_id for other in taken_up.get(index, [])] or [
                    one for one in parents[index] if one != life.landslide_id
                ]
                self._write_event(year, state, life, others, area_before, area_m2, since)
        return mapped

    def _write_lost(self, year: int, known: list[Life], earlier: Earlier, step: Succession, mapped: list[Life]) -> None:
        """Writes what became of the landslides in the stock that no polygon carries on."""
        for position, (life, fate) in enumerate(zip(known, step.fate, strict=True)):
            if fate is None:
                continue
            since, area_m2 = self.days[life.mapped], life.area_m2
            if fate is State.MERGED:
                into = mapped[step.merged_into[position]].landslide_id
                life.ends(year, fate, into)
                self._write_event(year, fate, life, [into], area_m2, 0.0, since)
            elif fate is State.HEALED:
                life.ends(year, fate)
                self._write_event(year, fate, life, [], area_m2, 0.0, since)
            else:
                life.stays(year, fate)
                self.stocks[year].append(
                    StockRow(
                        life.landslide_id, "", fate, False, float(earlier.masked_share[position]),
                        text_of([life.landslide_id]), area_m2, area_m2, since, self.days[year], NOBODY, life.outline,
                    )
                )  # fmt: skip
                if fate is State.UNOBSERVED:
                    self._write_event(year, fate, life, [], area_m2, area_m2, since)

    def _write_event(
        self, year: int, event: State, life: Life, others: list[int], before_m2: float, after_m2: float, since: str
    ) -> None:
        others_text, day = text_of(others), self.days[year]
        self.events.append(
            EventRow(year, event, life.landslide_id, others_text, before_m2, after_m2, since, day, life.outline)
        )

    def _remember_ndvi(self, year: int, mapped: list[Life], outlines: NDArray[np.object_]) -> None:
        """Keeps for each mapped landslide how bare it was at its barest."""
        ground = self.grounds.get(year)
        if ground is not None and ground.ndvi is not None:
            for life, ndvi in zip(mapped, ground.mean_ndvi(outlines).tolist(), strict=True):
                life.barest = min(life.barest, ndvi) if life.barest == life.barest else ndvi

    def _last_observed_before(self, year: int, outlines: NDArray[np.object_]) -> list[str]:
        """The date on which the ground of each polygon was last observed before a year; empty if never."""
        dates = np.full(len(outlines), "", dtype=object)
        pending = np.arange(len(outlines))
        for before in sorted((one for one in self.stocks if one < year), reverse=True):
            ground = self.grounds.get(before)
            seen = np.ones(len(pending), dtype=bool)
            if ground is not None:
                seen = ground.masked_share(outlines[pending]) <= self.settings.unobserved_share
            dates[pending[seen]] = self.days[before]
            pending = pending[~seen]
            if not len(pending):
                break
        return list(dates)


def _parent_links(step: Succession, in_stock: NDArray[np.bool_]) -> list[tuple[int, int, float]]:
    """The links to parents: a landslide that is gone is a parent only of a polygon that carries it on."""
    links = step.links
    carried = (step.carries_on[links.second] == links.first) | (step.split_from[links.second] == links.first)
    chosen = links.where(in_stock[links.first] | carried)
    return list(zip(chosen.first.tolist(), chosen.second.tolist(), chosen.intersection_m2.tolist(), strict=True))


def _parents(step: Succession, in_stock: NDArray[np.bool_], known: list[Life]) -> list[list[int]]:
    """For each polygon the ids of the landslides it came from."""
    parents: list[list[int]] = [[] for _ in step.state]
    for first, second, _ in _parent_links(step, in_stock):
        parents[second].append(known[first].landslide_id)
    return parents


def _positions_by(target: NDArray[np.intp]) -> dict[int, list[int]]:
    """The positions that point to each target."""
    positions: dict[int, list[int]] = {}
    for position in np.flatnonzero(target != NOBODY).tolist():
        positions.setdefault(int(target[position]), []).append(position)
    return positions
