"""Tables of the scenes that everything is made from, and of how alike their radiometry is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chronoslide.reporting.style import in_spectral_order
from chronoslide.reporting.tables.cells import UNDEFINED, Cell, Table, cell, is_number, printed, reasons_of


def scenes_table(scenes: Mapping[str, Any], metrics: Mapping[str, Any]) -> Table:
    """Table 1 of ours: the scenes of the investigation area.

    Args:
        scenes: `results/scenes/summary.json`.
        metrics: For the manual inventories.
    """
    rows = [
        (
            Cell(year),
            Cell(str(entry.get("date", UNDEFINED))),
            Cell(str(entry.get("tiles", UNDEFINED))),
            _share(entry.get("covered_share")),
            Cell(printed(entry["unobserved_km2"], 3)) if is_number(entry.get("unobserved_km2")) else Cell(UNDEFINED),
            Cell(str(entry.get("normalised", UNDEFINED))),
            cell(metrics, f"inventories.{year}.manual.count", 0),
            cell(metrics, f"inventories.{year}.manual.area_m2", 0),
        )
        for year, entry in sorted(scenes.get("sites", {}).get("investigation", {}).items())
    ]
    return Table(
        "table-1",
        "Table 1. Scenes and manual inventories of the investigation area",
        (
            "Year", "Date", "Tiles", "Area covered, %", "Unobserved, km²", "Normalisation", "Manual landslides",
            "Their area, m²",
        ),
        tuple(rows),
        reasons_of(rows),
    )  # fmt: skip


def radiometry_table(scenes: Mapping[str, Any]) -> Table | None:
    """How far unchanged ground is from the reference year's reflectance, before and after normalisation.

    Args:
        scenes: `results/scenes/summary.json`.

    Returns:
        A row a year, a column a band; None where no year was compared with the reference year.
    """
    entries = scenes.get("sites", {}).get("investigation", {})
    years = {year: entry["normalisation"] for year, entry in entries.items() if entry.get("normalisation")}
    if not years:
        return None
    bands = in_spectral_order({band for table in years.values() for band in table})
    rows = [
        (
            Cell(year),
            Cell(str(entries[year].get("normalised", UNDEFINED))),
            *(Cell(_before_and_after(table.get(band, {}))) for band in bands),
        )
        for year, table in sorted(years.items())
    ]
    return Table(
        "radiometry",
        "Unchanged ground: root mean square difference of reflectance to the reference year, before and after "
        "normalisation",
        ("Year", "Normalisation", *(band.replace("_", " ") for band in bands)),
        tuple(rows),
        ("For each band, over pixels outside of mapped landslides that the other bands call unchanged.",),
    )


def _before_and_after(row: Mapping[str, Any]) -> str:
    before, after = (row.get(f"unchanged_rmse_{name}") for name in ("before", "after"))
    if not (isinstance(before, float) and isinstance(after, float)):
        return UNDEFINED
    return f"{printed(before, 4)} → {printed(after, 4)}"


def _share(value: object) -> Cell:
    return Cell(printed(100 * float(value), 1)) if is_number(value) else Cell(UNDEFINED)  # type: ignore[arg-type]
