"""The balance of the stock: what is there each year, and what came and went. Published apart, since they differ.

Reads the tables of a tracked inventory and nothing else, so that it also checks them: the stock of a year is the stock
of the year before + new + reactivated + split off - healed - merged away, exactly.
"""

from __future__ import annotations

import pandas as pd

from chronoslide.inventories.multitemporal.states import State
from chronoslide.inventories.multitemporal.tracked_layers import TrackedInventory

BALANCE_COLUMNS = {
    "year": "year of the inventory",
    "stock_before": "landslides in the stock of the year before",
    "new": "landslides where none was before; in the first year all of them, whatever their age",
    "reactivated": "landslides that were absent and are back",
    "split_off": "further pieces of landslides that fell into several",
    "healed": "landslides that are gone",
    "merged_away": "landslides that another one took up",
    "stock": "landslides in the stock",
    "unobserved": "of the stock: too much is masked to tell",
    "not_mapped": "of the stock: the inventory does not show it, but it is masked or still bare",
    "stock_m2": "area of the stock [m2]",
    "new_m2": "area of the new ones [m2]",
    "reactivated_m2": "area of the reactivated ones [m2]",
    "enlarged_by_m2": "area by which the enlarged ones grew [m2]",
    "healed_m2": "last area of the healed ones [m2]",
}


def balance(tracked: TrackedInventory) -> pd.DataFrame:
    """Counts and areas of the stock, year by year.

    Args:
        tracked: The inventory through time.

    Returns:
        A row a year; columns in `BALANCE_COLUMNS`.
    """
    rows = []
    before = 0
    for year, stock in tracked.years.items():
        events = tracked.events[tracked.events["year"] == year]
        state, born = stock["state"], stock["first_seen"] == year
        enlarged = stock[state == State.ENLARGED]
        gone = events[events["area_after_m2"] == 0]
        healed = gone[gone["state"] == State.HEALED]
        rows.append(
            {
                "year": year,
                "stock_before": before,
                "new": int((state == State.NEW).sum()),
                "reactivated": int((state == State.REACTIVATED).sum()),
                "split_off": int(((state == State.SPLIT) & born).sum()),
                "healed": len(healed),
                "merged_away": int((gone["state"] == State.MERGED).sum()),
                "stock": len(stock),
                "unobserved": int((state == State.UNOBSERVED).sum()),
                "not_mapped": int((~stock["mapped"]).sum()),
                "stock_m2": float(stock["area_m2"].sum()),
                "new_m2": float(stock.loc[state == State.NEW, "area_m2"].sum()),
                "reactivated_m2": float(stock.loc[state == State.REACTIVATED, "area_m2"].sum()),
                "enlarged_by_m2": float((enlarged["area_m2"] - enlarged["area_before_m2"]).sum()),
                "healed_m2": float(healed["area_before_m2"].sum()),
            }
        )
        before = len(stock)
    return pd.DataFrame(rows, columns=list(BALANCE_COLUMNS))
