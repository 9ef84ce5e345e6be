"""The eight states of a landslide in a year, and which of them a change of its outline means.

The words of the multi-temporal inventory: `tracking` gives them, `tracked_style` colours them, the report counts them.
"""

from __future__ import annotations

from enum import StrEnum

from chronoslide.params import TrackingSettings


class State(StrEnum):
    """What became of a landslide since the year before."""

    NEW = "new"
    PERSISTENT = "persistent"
    ENLARGED = "enlarged"
    REACTIVATED = "reactivated"
    HEALED = "healed"
    SPLIT = "split"
    MERGED = "merged"
    UNOBSERVED = "unobserved"


MEANING = {
    State.NEW: "overlaps nothing earlier",
    State.PERSISTENT: "still there, about as large or smaller",
    State.ENLARGED: "covers its parent and grew",
    State.REACTIVATED: "was absent for at least a year and is back",
    State.HEALED: "is gone (not in the stock any more)",
    State.SPLIT: "a piece of a landslide that fell into several",
    State.MERGED: "grew together from several landslides",
    State.UNOBSERVED: "too much of it is masked to tell; kept in the stock",
}


def grown_or_not(parent_area_m2: float, area_m2: float, shared_m2: float, settings: TrackingSettings) -> State:
    """The state of a landslide that has one parent, and that parent no other child.

    Enlarged wins over persistent: a landslide of 100 x 100 m that grew to 100 x 150 m still has an IoU of 0.67 with
    its parent. Everything else that is still there is persistent: an IoU of at least 0.5, an area within a fifth, and
    also what only shrank, for which the field has no word of its own.

    Args:
        parent_area_m2: In the year before [m2].
        area_m2: Now [m2].
        shared_m2: Ground that both cover [m2].
        settings: The thresholds.
    """
    growth = area_m2 - parent_area_m2
    covers_parent = shared_m2 >= settings.enlarged_parent_share * parent_area_m2
    grew = growth > settings.enlarged_growth * parent_area_m2 and growth > settings.enlarged_growth_m2
    return State.ENLARGED if covers_parent and grew else State.PERSISTENT
