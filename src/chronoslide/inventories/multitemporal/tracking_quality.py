"""How well tracking recovers true identities and states, where an answer key tells them.

For simulated sites and for inventories that somebody tracked by hand. Tracked polygons may be the true outlines, a
mapper's or a model's: each is first told which true landslide it shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd

from chronoslide.inventories.matching import assign, find_overlaps
from chronoslide.inventories.multitemporal.states import State
from chronoslide.inventories.multitemporal.tracked_layers import TrackedInventory

_Sighting = tuple[int, int]
"""A true landslide in a year: (landslide_id, year)."""


@dataclass(frozen=True, slots=True)
class TrackingQuality:
    """Agreement of a tracked inventory with an answer key.

    Attributes:
        links_true: Links of the answer key between landslides that were mapped.
        links_tracked: Links that tracking found.
        links_right: Of those, the ones in the answer key.
        states_compared: Mapped landslides in a year that show a true one.
        states_right: Of those, the ones in their true state.
        identities_true: Landslides of the answer key.
        identities_tracked: Landslides that tracking told apart.
        yearly_counts: Sum of the yearly numbers of mapped polygons.
        stocks: True and tracked number of landslides in the stock, by year.
        confusion: Number by true state (rows) and tracked state (columns).
    """

    links_true: int
    links_tracked: int
    links_right: int
    states_compared: int
    states_right: int
    identities_true: int
    identities_tracked: int
    yearly_counts: int
    stocks: dict[int, tuple[int, int]]
    confusion: pd.DataFrame

    @property
    def link_precision(self) -> float:
        """Share of the tracked links that are true."""
        return self.links_right / self.links_tracked if self.links_tracked else math.nan

    @property
    def link_recall(self) -> float:
        """Share of the true links that were tracked."""
        return self.links_right / self.links_true if self.links_true else math.nan

    @property
    def link_f1(self) -> float:
        """Harmonic mean of precision and recall of the links."""
        count = self.links_true + self.links_tracked
        return 2 * self.links_right / count if count else math.nan

    @property
    def state_accuracy(self) -> float:
        """Share of the mapped landslides that are in their true state."""
        return self.states_right / self.states_compared if self.states_compared else math.nan

    @property
    def nearer_by(self) -> float:
        """By which factor the number of identities is nearer to the truth than the sum of the yearly counts."""
        wrong_by = abs(self.identities_tracked - self.identities_true)
        untracked = abs(self.yearly_counts - self.identities_true)
        return untracked / wrong_by if wrong_by else math.inf

    def as_dict(self) -> dict[str, Any]:
        """For a metrics file."""
        return {
            "link_precision": self.link_precision,
            "link_recall": self.link_recall,
            "link_f1": self.link_f1,
            "state_accuracy": self.state_accuracy,
            "identities_true": self.identities_true,
            "identities_tracked": self.identities_tracked,
            "yearly_counts": self.yearly_counts,
            "nearer_by": self.nearer_by,
            "stocks": {str(year): {"true": true, "tracked": found} for year, (true, found) in self.stocks.items()},
            "confusion": {
                str(state): {str(other): int(count) for other, count in row.items() if count}
                for state, row in self.confusion.iterrows()
            },
        }


def tracking_quality(
    tracked: TrackedInventory, key: Mapping[int, gpd.GeoDataFrame], match_iou: float = 0.1
) -> TrackingQuality:
    """Compares a tracked inventory with an answer key.

    Links run from where a parent was last mapped to where its child is. A true link that leads through a year in which
    the mapper missed the landslide is expected from the last year in which it was mapped.

    Args:
        tracked: The inventory through time.
        key: The true landslides by year, with `landslide_id`, `state` and `parent_ids` (separated by semicolons).
        match_iou: Intersection over union above which a polygon can show a true landslide.
    """
    shows = _shown(tracked, key, match_iou)
    mapped = set(shows.values())
    true_links = set(_true_links(key, mapped))
    # A polygon that shows no true landslide stands for itself, so that its links are wrong ones.
    polygons = _links_between_polygons(tracked)
    tracked_links = {(shows.get(earlier, earlier), shows.get(later, later)) for earlier, later in polygons}
    true_state = {
        (int(identity), year): str(state)
        for year, frame in key.items()
        for identity, state in zip(frame["landslide_id"], frame["state"], strict=True)
    }
    pairs = [
        (true_state[shows[year, polygon]], str(state))
        for year, stock in tracked.years.items()
        for polygon, state in zip(stock["polygon_id"], stock["state"], strict=True)
        if (year, polygon) in shows
    ]
    states = [str(state) for state in State]
    confusion = pd.crosstab(
        pd.Categorical([true for true, _ in pairs], states),
        pd.Categorical([found for _, found in pairs], states),
        rownames=["true"],
        colnames=["tracked"],
        dropna=False,
    )
    return TrackingQuality(
        links_true=len(true_links),
        links_tracked=len(tracked_links),
        links_right=len(true_links & tracked_links),
        states_compared=len(pairs),
        states_right=sum(true == found for true, found in pairs),
        identities_true=len({identity for identity, _ in true_state}),
        identities_tracked=len(tracked.landslides),
        yearly_counts=sum(int(stock["mapped"].sum()) for stock in tracked.years.values()),
        stocks={year: (len(key[year]), len(stock)) for year, stock in tracked.years.items() if year in key},
        confusion=confusion,
    )


def _shown(
    tracked: TrackedInventory, key: Mapping[int, gpd.GeoDataFrame], match_iou: float
) -> dict[tuple[int, str], _Sighting]:
    """Which true landslide each polygon of a year shows."""
    shows = {}
    for year, stock in tracked.years.items():
        if year not in key:
            continue
        polygons = stock[stock["mapped"]]
        matches = assign(find_overlaps(polygons.geometry.to_numpy(), key[year].geometry.to_numpy()), match_iou)
        ids = key[year]["landslide_id"].to_numpy()
        for first, second in zip(matches.first, matches.second, strict=True):
            shows[year, str(polygons["polygon_id"].iloc[first])] = (int(ids[second]), year)
    return shows


def _links_between_polygons(tracked: TrackedInventory) -> list[tuple[tuple[int, str], tuple[int, str]]]:
    links = tracked.links
    earlier = zip(links["year_before"].tolist(), links["polygon_id_before"].tolist(), strict=True)
    later = zip(links["year"].tolist(), links["polygon_id"].tolist(), strict=True)
    return list(zip(earlier, later, strict=True))


def _true_links(key: Mapping[int, gpd.GeoDataFrame], mapped: set[_Sighting]) -> Iterator[tuple[_Sighting, _Sighting]]:
    """From each mapped landslide to the last mapped sighting of each of its parents; itself is one if it was there."""
    last_mapped: dict[int, int] = {}
    for year in sorted(key):
        identities = [int(identity) for identity in key[year]["landslide_id"]]
        for identity, parent_ids in zip(identities, key[year]["parent_ids"], strict=True):
            parents = {int(parent) for parent in str(parent_ids or "").split(";") if parent.isdigit()}
            for parent in parents | {identity}:
                if (identity, year) in mapped and parent in last_mapped:
                    yield (parent, last_mapped[parent]), (identity, year)
        last_mapped |= {identity: year for identity in identities if (identity, year) in mapped}
