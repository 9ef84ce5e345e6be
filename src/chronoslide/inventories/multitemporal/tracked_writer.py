"""One GeoPackage with everything that is known of landslides through time.

The end of tracking, and the writer of it: a layer a year with the stock of that year, `landslides` with one row an
identity, `events` with one row a change; the tables `balance` and `columns` (what each column means); and the style in
which QGIS opens the layers, coloured by state.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from chronoslide.inventories.multitemporal.balance import BALANCE_COLUMNS, balance
from chronoslide.inventories.multitemporal.tracked_layers import (
    EVENT_COLUMNS,
    LANDSLIDE_COLUMNS,
    YEAR_COLUMNS,
    TrackedInventory,
)
from chronoslide.inventories.multitemporal.tracked_style import qgis_style
from chronoslide.vectors import write_geopackage

LANDSLIDES_LAYER: Final = "landslides"
EVENTS_LAYER: Final = "events"
BALANCE_TABLE: Final = "balance"
COLUMNS_TABLE: Final = "columns"


def write_tracked(path: Path, tracked: TrackedInventory) -> None:
    """Writes a tracked inventory, whole or not at all, the same bytes for the same content.

    Raises:
        StorageError: The place cannot be written to.
    """
    layers = {str(year): frame for year, frame in tracked.years.items()}
    layers |= {LANDSLIDES_LAYER: tracked.landslides, EVENTS_LAYER: tracked.events}
    tables = {BALANCE_TABLE: balance(tracked), COLUMNS_TABLE: _columns()}
    write_geopackage(path, layers, tables=tables, styles=dict.fromkeys(layers, qgis_style()))


def _columns() -> pd.DataFrame:
    documented = {
        "each year": YEAR_COLUMNS,
        LANDSLIDES_LAYER: LANDSLIDE_COLUMNS,
        EVENTS_LAYER: EVENT_COLUMNS,
        BALANCE_TABLE: BALANCE_COLUMNS,
    }
    rows = [(layer, column, meaning) for layer, columns in documented.items() for column, meaning in columns.items()]
    return pd.DataFrame(rows, columns=["layer", "column_name", "meaning"])
