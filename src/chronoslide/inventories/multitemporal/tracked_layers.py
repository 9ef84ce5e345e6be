"""The tables of a tracked inventory and the meaning of their columns.

Made from what `tracking` wrote down: the stock of each year, the landslides with one row an identity, the events with
one row a change. `balance` adds them up, `tracked_writer` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, get_type_hints

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from chronoslide.inventories.multitemporal.lives import EventRow, Life, LinkRow, StockRow, text_of
from chronoslide.inventories.multitemporal.preparing import Prepared

YEAR_COLUMNS: Final = {
    "landslide_id": "identity through time: 1, 2, ... in the order of first appearance",
    "polygon_id": "the polygon's own id in the inventory of the year; empty where the inventory does not show it",
    "state": "new, persistent, enlarged, reactivated, split, merged or unobserved",
    "parent_ids": "landslides of the years before that it overlaps, itself included; separated by semicolons",
    "first_seen": "first year in the stock",
    "last_seen": "last year in the stock",
    "mapped": "whether the inventory of the year shows it; if not, the outline is the last known one",
    "masked_share": "share of its earlier outline that the year's scene does not show, 0 to 1",
    "area_m2": "area [m2]",
    "area_before_m2": "area when it was last known before [m2]; 0 if it was not",
    "centroid_x": "easting of the centroid [m]",
    "centroid_y": "northing of the centroid [m]",
    "date_before": "last date on which the ground was observed before: the state came about after it",
    "date_after": "date of the year's scene: the state came about before it",
    "mean_probability": "mean probability of its pixels, as in the inventory; empty if it has none",
    "uncertainty": "uncertainty of the polygon, as in the inventory; empty if it has none",
    "model_version": "model that mapped it, as in the inventory; empty if none did",
}
LANDSLIDE_COLUMNS: Final = {
    "landslide_id": "identity through time",
    "parent_ids": "landslides that it split off from; empty if it came as new",
    "first_seen": "first year in the stock",
    "last_seen": "last year in the stock",
    "years_in_stock": "number of years in the stock",
    "state": "its last state",
    "merged_into": "landslide that took it up; 0 if none did",
    "states": "state in each year, `2013 new, 2014 enlarged`",
    "maximum_area_m2": "its largest area [m2]; the outline is of that year",
    "year_of_maximum": "year of its largest area",
    "centroid_x": "easting of the centroid of that outline [m]",
    "centroid_y": "northing of the centroid of that outline [m]",
    "date_before": "last date on which its ground was observed before it was first seen; empty in the first year",
    "date_after": "date of the scene that first shows it",
}
EVENT_COLUMNS: Final = {
    "year": "year in which the change was seen",
    "state": "what happened: a state other than persistent",
    "landslide_id": "the landslide that it happened to",
    "other_ids": "landslides it took up, was merged into, or split off from; separated by semicolons",
    "area_before_m2": "area when it was last known before [m2]; 0 if it was not",
    "area_after_m2": "area now [m2]; 0 if it is gone",
    "date_before": "last date on which the ground was observed before the change",
    "date_after": "date of the scene that first shows the change",
}
_TAKEN_OVER: Final = ("mean_probability", "uncertainty", "model_version")


@dataclass(frozen=True, slots=True)
class TrackedInventory:
    """An inventory through time.

    Attributes:
        years: The stock of each year, ascending: one row a landslide; columns in `YEAR_COLUMNS`.
        landslides: One row an identity, with its life; columns in `LANDSLIDE_COLUMNS`.
        events: One row a change; columns in `EVENT_COLUMNS`.
        links: One row a parent of a landslide in a year, itself included: `year_before` (when it was last mapped) and
            `year`, `landslide_id_before` and `landslide_id`, `polygon_id_before` and `polygon_id`, `shared_m2`.
        notes: One sentence for each thing that was repaired in the inventories.
    """

    years: dict[int, gpd.GeoDataFrame]
    landslides: gpd.GeoDataFrame
    events: gpd.GeoDataFrame
    links: pd.DataFrame
    notes: tuple[str, ...]


def assemble(
    lives: Sequence[Life],
    stocks: dict[int, list[StockRow]],
    events: Sequence[EventRow],
    links: Sequence[LinkRow],
    prepared: Prepared,
) -> TrackedInventory:
    """Makes the tables from what tracking wrote down."""
    crs = next(iter(prepared.polygons.values())).crs
    return TrackedInventory(
        {year: _year_layer(rows, lives, prepared.polygons[year]) for year, rows in stocks.items()},
        _landslides_layer(lives, crs),
        _layer(_columns(EventRow, events), EVENT_COLUMNS, crs),
        pd.DataFrame(_columns(LinkRow, links)),
        prepared.notes,
    )


def _year_layer(rows: list[StockRow], lives: Sequence[Life], inventory: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    columns = _columns(StockRow, rows)
    source = columns.pop("source").to_numpy()
    own = [lives[landslide_id - 1] for landslide_id in columns["landslide_id"]]
    columns["first_seen"] = pd.Series([life.first_seen for life in own], dtype="int64")
    columns["last_seen"] = pd.Series([life.last_seen for life in own], dtype="int64")
    for name in _TAKEN_OVER:
        given = inventory[name] if name in inventory else pd.Series([None] * len(inventory), dtype=object)
        taken = given.reset_index(drop=True).reindex(source).reset_index(drop=True)
        columns[name] = _as_text(taken) if name == "model_version" else pd.to_numeric(taken).astype("float64")
    return _layer(columns, YEAR_COLUMNS, inventory.crs)


def _landslides_layer(lives: Sequence[Life], crs: object) -> gpd.GeoDataFrame:
    columns = _columns(
        _LandslideRow,
        [
            _LandslideRow(
                life.landslide_id,
                text_of(life.parent_ids),
                life.first_seen,
                life.last_seen,
                life.years_in_stock,
                life.states[max(life.states)],
                life.merged_into,
                ", ".join(f"{year} {state}" for year, state in life.states.items()),
                life.maximum_area_m2,
                life.year_of_maximum,
                life.date_before,
                life.date_after,
                life.largest,
            )
            for life in lives
        ],
    )
    return _layer(columns, LANDSLIDE_COLUMNS, crs)


def _as_text(values: pd.Series[Any]) -> pd.Series[Any]:
    return pd.Series(
        ["" if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)], dtype="str"
    )


class _LandslideRow(NamedTuple):
    landslide_id: int
    parent_ids: str
    first_seen: int
    last_seen: int
    years_in_stock: int
    state: str
    merged_into: int
    states: str
    maximum_area_m2: float
    year_of_maximum: int
    date_before: str
    date_after: str
    outline: shapely.Geometry


_KINDS = {"int": "int64", "float": "float64", "bool": "bool", "str": "str", "State": "str"}


def _columns(row: type[tuple[object, ...]], rows: Sequence[tuple[object, ...]]) -> dict[str, pd.Series[Any]]:
    """Rows as columns whose types are right even without rows."""
    fields = {name: kind.__name__ for name, kind in get_type_hints(row).items()}
    by_field = zip(*rows, strict=True) if rows else ([] for _ in fields)
    return {
        name: pd.Series(list(values), dtype=_KINDS.get(kind, "object"))
        for (name, kind), values in zip(fields.items(), by_field, strict=True)
    }


def _layer(columns: dict[str, pd.Series[Any]], order: dict[str, str], crs: object) -> gpd.GeoDataFrame:
    """A layer with the documented columns in their order."""
    outlines = columns.pop("outline").to_numpy()
    if "centroid_x" in order:
        centroids = shapely.centroid(outlines)
        for name, coordinates in (("centroid_x", shapely.get_x(centroids)), ("centroid_y", shapely.get_y(centroids))):
            columns[name] = pd.Series(np.round(coordinates, 2))
    return gpd.GeoDataFrame({name: columns[name] for name in order}, geometry=outlines, crs=crs)
