"""Tables of inventories: numbers, areas, densities, objects, sizes, identities, the stock, second looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from chronoslide.reporting import published
from chronoslide.reporting.tables.cells import (
    OTHER_DATA,
    UNDEFINED,
    Cell,
    Table,
    cell,
    cell_with_interval,
    look_up,
    printed,
    reasons_of,
    years_of,
)


def inventories_table(metrics: Mapping[str, Any]) -> Table:
    """Table 4: numbers and areas of the manual and the predicted inventory, the paper's figures beside."""
    fields = (("count", 0), ("area_m2", 0), ("min_m2", 0), ("max_m2", 0))
    heads = ("number", "area, m²", "smallest, m²", "largest, m²")
    rows = []
    for year in years_of(metrics, "inventories"):
        paper = published.published_year(int(year))
        theirs = (
            [Cell(UNDEFINED)] * 4
            if paper is None
            else [
                Cell(printed(value, 0))
                for value in (
                    paper.manual_number, paper.manual_area_m2, paper.predicted_number, paper.predicted_area_m2,
                )
            ]
        )  # fmt: skip
        rows.append(
            (
                Cell(year),
                *(
                    cell(metrics, f"inventories.{year}.{side}.{name}", decimals)
                    for side in ("manual", "predicted")
                    for name, decimals in fields
                ),
                *theirs,
            )
        )
    return Table(
        "table-4",
        "Table 4. Manual inventory (MI) and predicted inventory (PI)",
        (
            "Year", *(f"MI {head}" for head in heads), *(f"PI {head}" for head in heads),
            "Paper: MI number", "Paper: MI area, m²", "Paper: PI number", "Paper: PI area, m²",
        ),
        tuple(rows),
        (f"The last four columns are the paper's, from {OTHER_DATA}.", *reasons_of(rows)),
    )  # fmt: skip


def densities_table(metrics: Mapping[str, Any]) -> Table:
    """Table 5: landslide densities of the two inventories, each definition labelled."""
    definitions = (
        ("{side}.density_per_km2", "number per km²"),
        ("{side}.density_percent", "area, %"),
        ("densities.{side}.kernel_maximum_per_km2", "kernel maximum per km²"),
        ("densities.{side}.kernel_mean_per_km2", "kernel mean per km²"),
    )
    inventories = metrics.get("inventories", {})
    present = [
        (place, head)
        for place, head in definitions
        if any(cell(metrics, f"inventories.{year}.{place.format(side='manual')}").sources for year in inventories)
    ]
    rows = []
    for year in years_of(metrics, "inventories"):
        paper = published.published_year(int(year))
        rows.append(
            (
                Cell(year),
                *(
                    cell(metrics, f"inventories.{year}.{place.format(side=side)}", 2)
                    for place, _ in present
                    for side in ("manual", "predicted")
                ),
                *(
                    Cell(UNDEFINED if value is None else printed(value, 2))
                    for value in ((paper.manual_density, paper.predicted_density) if paper else (None, None))
                ),
            )
        )
    return Table(
        "table-5",
        "Table 5. Landslide density",
        (
            "Year",
            *(f"{side} {head}" for _, head in present for side in ("MI", "PI")),
            "Paper: MI",
            "Paper: PI",
        ),
        tuple(rows),
        (
            "The paper's column is most likely the maximum of a kernel density; it comes from " + OTHER_DATA + ".",
            *reasons_of(rows),
        ),
    )


def objects_table(metrics: Mapping[str, Any]) -> Table:
    """What was found landslide by landslide, and how its outlines fit and fall apart."""
    fields = (
        ("objects.detection_rate", "Manual hit, share"),
        ("objects.correct_rate", "Predicted that hit, share"),
        ("objects.iou_above_0.5.f1", "F1 at IoU > 0.5"),
        ("objects.iou_above_0.5.panoptic_quality", "Panoptic quality"),
        ("fragmentation.before", "Predicted per manual hit before joining"),
        ("objects.fragmentation", "Predicted per manual hit"),
        ("objects.merging", "Manual per predicted hit"),
        ("objects.mapping_error", "Mapping error E"),
        ("objects.polis_mean_m", "Mean PoLiS distance, m"),
    )
    years = years_of(metrics, "inventories")
    present = [
        (place, head)
        for place, head in fields
        if any(cell(metrics, f"inventories.{year}.{place}").sources for year in years)
    ]
    rows = [(Cell(year), *(cell(metrics, f"inventories.{year}.{place}", 2) for place, _ in present)) for year in years]
    return Table(
        "objects",
        "Landslide by landslide: manual against predicted inventory",
        ("Year", *(head for _, head in present)),
        tuple(rows) if present else (),
        ("Hit: the overlap is at least a tenth of the smaller of the two.", *reasons_of(rows)),
    )


def sizes_table(metrics: Mapping[str, Any]) -> Table:
    """Frequency and area: what was fitted to the areas of each inventory, or why nothing was."""
    rows = []
    for year in years_of(metrics, "inventories"):
        for side, name in (("manual", "MI"), ("predicted", "PI")):
            place = f"inventories.{year}.sizes.{side}"
            sizes = look_up(metrics, place)
            if not sizes:
                continue
            fit = f"{place}.inverse_gamma"
            entries = (
                cell_with_interval(metrics, f"{fit}.rollover_m2", f"{fit}.intervals.rollover_m2", 0),
                cell_with_interval(metrics, f"{fit}.tail_exponent", f"{fit}.intervals.tail_exponent", 2),
                cell_with_interval(metrics, f"{place}.power_law.exponent", f"{place}.power_law.intervals.exponent", 2),
                cell_with_interval(metrics, f"{place}.magnitude", f"{place}.magnitude_interval", 2),
            )
            refusal = str(sizes.get("refusal", ""))
            if not refusal and not entries[0].sources:
                entries = (Cell(UNDEFINED, reason="the fitted density only falls: no rollover"), *entries[1:])
            if refusal:
                entries = tuple(Cell(UNDEFINED, reason=refusal) for _ in entries)  # type: ignore[assignment]
            rows.append((Cell(f"{year} {name}"), cell(metrics, f"{place}.number", 0), *entries))
    return Table(
        "sizes",
        "Frequency and area: fits by maximum likelihood, with bootstrap intervals",
        (
            "Inventory", "Landslides", "Inverse gamma: rollover, m²", "Inverse gamma: tail exponent",
            "Power law: exponent", "Magnitude mLS",
        ),
        tuple(rows),
        reasons_of(rows) if rows else (),
    )  # fmt: skip


def identities_table(metrics: Mapping[str, Any]) -> Table:
    """How many landslides the yearly polygons are, once they are tracked through time."""
    rows = [
        (
            Cell(side),
            cell(metrics, f"tracking.{side}.polygons", 0),
            cell(metrics, f"tracking.{side}.identities", 0),
        )
        for side in ("manual", "predicted")
        if look_up(metrics, f"tracking.{side}")
    ]
    return Table(
        "identities",
        "One inventory through time: polygons of all years, and landslides that they are",
        ("Inventory", "Polygons of all years", "Landslides (identities)"),
        tuple(rows),
    )


_BALANCE: Final = {
    "stock_before": "Stock before", "new": "+ new", "reactivated": "+ reactivated", "split_off": "+ split off",
    "healed": "\N{MINUS SIGN} healed", "merged_away": "\N{MINUS SIGN} merged away", "stock": "= stock",
    "unobserved": "of which unobserved",
}  # fmt: skip


def balance_table(balance: pd.DataFrame, inventory: str) -> Table:
    """The balance of the stock of landslides, year by year.

    Args:
        balance: `balance.csv` of the stage `track`.
        inventory: "manual" or "predicted".
    """
    there = [name for name in _BALANCE if name in balance]
    rows = [
        (Cell(str(row["year"])), *(Cell(printed(row[name], 0)) for name in there))
        for row in balance[balance["inventory"] == inventory].to_dict("records")
    ]
    return Table(
        f"balance-{inventory}",
        f"Stock and new landslides of each year, {inventory} inventory",
        ("Year", *(_BALANCE[name] for name in there)),
        tuple(rows),
    )


def second_looks_table(candidates: pd.DataFrame, most: int = 12) -> Table:
    """Figure 5: predicted landslides that no manual one hits, those of highest probability first.

    Args:
        candidates: `year`, `landslide_id`, `area_m2`, `mean_probability`, `x`, `y`.
        most: How many rows are shown.
    """
    ordered = candidates.sort_values(["mean_probability", "area_m2"], ascending=False).head(most)
    rows = [
        (
            Cell(f"{row['year']} / {row['landslide_id']}"),
            Cell(printed(row["area_m2"], 0)),
            Cell(printed(row["mean_probability"], 2)),
            Cell(printed(row["x"], 0)),
            Cell(printed(row["y"], 0)),
        )
        for row in ordered.to_dict("records")
    ]
    return Table(
        "second-looks",
        "Predicted landslides without a manual one that are worth a second look",
        ("Year / landslide", "Area, m²", "Mean probability", "Easting, m", "Northing, m"),
        tuple(rows),
        (f"{len(ordered)} of {len(candidates)}, by mean probability.",) if rows else (),
    )
