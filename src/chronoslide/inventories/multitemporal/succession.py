"""From one year to the next: which landslide goes on as which, and what became of each.

The heart of tracking, without names and dates: earlier landslides (those in the stock and those that went before) and
the polygons of a year come in by position, identities and states come out. `tracking` repeats it year by year.

Each identity goes on in at most one polygon, and each polygon carries on at most one identity: the pairs that share
most ground come first, and landslides in the stock come before those that were already gone. Pieces that are left
over are split off; landslides in the stock that are left over were merged away, are unobserved, or healed. All pieces
of a landslide that fell into several are split, the one that keeps its identity included. A mask hides that something
changed, never that it did: what is seen to have grown, merged or split has done so, whatever else is masked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chronoslide.inventories.matching import Overlaps
from chronoslide.inventories.multitemporal.linking import link
from chronoslide.inventories.multitemporal.states import State, grown_or_not
from chronoslide.params import TrackingSettings

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Earlier:
    """The landslides known before a year.

    Attributes:
        outlines: (n,), as they were last known, metres.
        in_stock: (n,), False for those that are gone.
        masked_share: (n,), how much of each the year's scene does not show.
        ndvi_gain: Tells for some of them, by position, how much greener they are than they were at their barest; NaN
            where unknown. A function, because it is asked only for the few that a year does not show.
    """

    outlines: NDArray[np.object_]
    in_stock: NDArray[np.bool_]
    masked_share: NDArray[np.float64]
    ndvi_gain: Callable[[NDArray[np.intp]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Succession:
    """What a year made of the landslides known before.

    Attributes:
        links: Earlier landslides (first) and polygons of the year (second) that are related.
        carries_on: (m,), the earlier landslide that each polygon carries on, or NOBODY.
        split_from: (m,), the earlier landslide that each polygon is a further piece of, or NOBODY.
        state: (m,), of each polygon.
        fate: (n,), of the earlier landslides in the stock that no polygon carries on: MERGED, UNOBSERVED, HEALED, or
            PERSISTENT where the inventory does not show it but its ground is as bare as before; None for all others.
        merged_into: (n,), the polygon that took up a merged landslide, or NOBODY.
    """

    links: Overlaps
    carries_on: NDArray[np.intp]
    split_from: NDArray[np.intp]
    state: list[State]
    fate: list[State | None]
    merged_into: NDArray[np.intp]


def succeed(earlier: Earlier, polygons: NDArray[np.object_], settings: TrackingSettings) -> Succession:
    """Follows the landslides known before into the polygons of a year.

    Args:
        earlier: The landslides known before.
        polygons: (m,), valid polygons of the year, metres.
        settings: The thresholds.
    """
    links = link(earlier.outlines, polygons, settings)
    carries_on = _claims(links, earlier.in_stock)
    carried = np.zeros(len(earlier.outlines), dtype=bool)
    carried[carries_on[carries_on != NOBODY]] = True
    strongest = _strongest(links)
    split_from = np.where(carries_on == NOBODY, strongest, NOBODY)
    fate, merged_into = _fates(earlier, carried, links, settings)
    took_up_others = np.isin(np.arange(len(polygons)), merged_into)
    lost_a_piece = np.isin(np.arange(len(earlier.outlines)), split_from)
    shared = _shared_with(links, carries_on).tolist()
    state = []
    for index, parent in enumerate(carries_on.tolist()):
        if parent == NOBODY:
            state.append(State.NEW if split_from[index] == NOBODY else State.SPLIT)
        elif not earlier.in_stock[parent]:
            state.append(State.REACTIVATED)
        elif took_up_others[index]:
            state.append(State.MERGED)
        elif lost_a_piece[parent]:
            state.append(State.SPLIT)
        else:
            areas = links.first_areas_m2[parent], links.second_areas_m2[index]
            unchanged = grown_or_not(*areas, shared[index], settings) is State.PERSISTENT
            masked = earlier.masked_share[parent] > settings.unobserved_share
            state.append(State.ENLARGED if not unchanged else State.UNOBSERVED if masked else State.PERSISTENT)
    return Succession(links, carries_on, split_from, state, fate, merged_into)


def _claims(links: Overlaps, in_stock: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(m,), the earlier landslide that each polygon carries on: most shared ground first, the stock before the gone."""
    claimed = np.zeros(len(links.first_areas_m2), dtype=bool)
    carries_on = np.full(len(links.second_areas_m2), NOBODY, dtype=np.intp)
    order = np.lexsort((links.second, links.first, -links.intersection_m2, ~in_stock[links.first]))
    for first, second in zip(links.first[order].tolist(), links.second[order].tolist(), strict=True):
        if not claimed[first] and carries_on[second] == NOBODY:
            claimed[first] = True
            carries_on[second] = first
    return carries_on


def _strongest(links: Overlaps) -> NDArray[np.intp]:
    """(m,), the earlier landslide that shares most ground with each polygon, or NOBODY."""
    strongest = np.full(len(links.second_areas_m2), NOBODY, dtype=np.intp)
    order = np.lexsort((-links.first, links.intersection_m2))
    strongest[links.second[order]] = links.first[order]  # the last one written stays
    return strongest


def _fates(
    earlier: Earlier, carried: NDArray[np.bool_], links: Overlaps, settings: TrackingSettings
) -> tuple[list[State | None], NDArray[np.intp]]:
    """What became of the landslides in the stock that no polygon carries on."""
    count = len(earlier.outlines)
    left = np.bincount(links.first, weights=links.intersection_m2, minlength=count)
    merged_into = np.full(count, NOBODY, dtype=np.intp)
    order = np.lexsort((-links.second, links.intersection_m2))
    merged_into[links.first[order]] = links.second[order]
    fate: list[State | None] = [None] * count
    lost = earlier.in_stock & ~carried
    merged_into[~lost | (left < settings.healed_share * links.first_areas_m2)] = NOBODY
    positions = np.flatnonzero(lost)
    least_gain = -np.inf if settings.healed_ndvi_gain is None else settings.healed_ndvi_gain
    for index, gain in zip(positions, earlier.ndvi_gain(positions), strict=True):
        if merged_into[index] != NOBODY:
            fate[index] = State.MERGED
        elif earlier.masked_share[index] > settings.unobserved_share:
            fate[index] = State.UNOBSERVED
        elif gain <= least_gain:  # not so where the gain is NaN
            fate[index] = State.PERSISTENT
        else:
            fate[index] = State.HEALED
    return fate, merged_into


def _shared_with(links: Overlaps, carries_on: NDArray[np.intp]) -> NDArray[np.float64]:
    """(m,), the ground that each polygon shares with the landslide it carries on [m2]."""
    shared = np.zeros(len(carries_on))
    own = carries_on[links.second] == links.first
    shared[links.second[own]] = links.intersection_m2[own]
    return shared
