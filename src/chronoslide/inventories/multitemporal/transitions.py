"""What became of what: how many landslides went from which state into which, from each year to the next.

Reads the tables of a tracked inventory and nothing else, as `balance` does; the report draws its flows from it.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import pandas as pd

from chronoslide.inventories.multitemporal.states import State
from chronoslide.inventories.multitemporal.tracked_layers import TrackedInventory

ABSENT: Final = "absent"
MERGED_AWAY: Final = "merged away"
TRANSITION_COLUMNS: Final = {
    "year": "year of the later inventory",
    "state_before": "state in the year before; absent: not in the stock then",
    "state": "state now, or how it left the stock: healed, merged away",
    "landslides": "number of landslides",
}


def transitions(tracked: TrackedInventory) -> pd.DataFrame:
    """Counts the landslides by their states in neighbouring years.

    Args:
        tracked: The inventory through time.

    Returns:
        A row for each year and pair of states that occurs, in the order of year and states; columns in
        `TRANSITION_COLUMNS`. In the first year everything comes from `absent`.
    """
    counted: Counter[tuple[int, str, str]] = Counter()
    before: dict[int, str] = {}
    for year, stock in tracked.years.items():
        now = dict(zip(stock["landslide_id"], stock["state"].astype(str), strict=True))
        events = tracked.events[(tracked.events["year"] == year) & (tracked.events["area_after_m2"] == 0)]
        gone = {
            landslide: MERGED_AWAY if state == State.MERGED else str(state)
            for landslide, state in zip(events["landslide_id"], events["state"], strict=True)
        }
        for landslide, state in {**now, **gone}.items():
            counted[int(year), before.get(landslide, ABSENT), state] += 1
        before = now
    rows = [(*pair, number) for pair, number in sorted(counted.items())]
    return pd.DataFrame(rows, columns=list(TRANSITION_COLUMNS))
