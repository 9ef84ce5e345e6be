"""The report's tables as values: cells that know which number of `metrics.json` they print.

Markdown and page print the same cells, so their numbers cannot differ from each other or from the metrics file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from chronoslide.reporting import published
from chronoslide.reporting.style import LOOKS, in_spectral_order, look_of

UNDEFINED: Final = "\N{EN DASH}"
OTHER_DATA: Final = "another data set: " + published.SOURCE


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of a table.

    Attributes:
        text: As printed.
        sources: The places in `metrics.json` of the numbers in `text`, in their order, as dotted names.
        reason: Why there is no number, if there is none.
    """

    text: str
    sources: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report.

    Attributes:
        key: Short name, for links.
        title: What it shows.
        columns: Headings, with units.
        rows: One tuple of cells a row; the first cell names the row.
        notes: Sentences below the table.
        from_metrics: The first columns that come from our metrics; further ones are the paper's.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = field(default=())


def look_up(metrics: Mapping[str, Any] | Sequence[Any], place: str) -> Any:
    """The value at a dotted place such as `years.2015.transferred.f1`, or None where there is nothing.

    A key may hold a dot itself, as in `objects.iou_above_0.5.f1`; a list is entered by number, as in `interval.0`.
    """
    if isinstance(metrics, Sequence):
        return metrics[int(place)] if place.isdecimal() and int(place) < len(metrics) else None
    if place in metrics:
        return metrics[place]
    for dot in (position for position, letter in enumerate(place) if letter == "."):
        branch = metrics.get(place[:dot])
        if isinstance(branch, Mapping | list):
            found = look_up(branch, place[dot + 1 :])
            if found is not None:
                return found
    return None


def printed(value: float, decimals: int) -> str:
    """A number with fixed decimals; thousands are set apart by a comma."""
    return f"{value:,.{decimals}f}"


def cell(metrics: Mapping[str, Any], place: str, decimals: int = 3) -> Cell:
    """A cell that prints one number of the metrics, or why there is none."""
    value = look_up(metrics, place)
    if not _is_number(value):
        return Cell(UNDEFINED, reason=_reason(metrics, place))
    return Cell(printed(value, decimals), (place,))


def interval_cell(metrics: Mapping[str, Any], place: str, decimals: int = 3) -> Cell:
    """A cell that prints a number with its interval `0.712 (0.651 to 0.770)` from `x`, `x_low` and `x_high`."""
    middle = cell(metrics, place, decimals)
    low, high = cell(metrics, f"{place}_low", decimals), cell(metrics, f"{place}_high", decimals)
    if not (middle.sources and low.sources and high.sources):
        return middle
    return Cell(f"{middle.text} ({low.text} to {high.text})", middle.sources + low.sources + high.sources)


def _cell_with_interval(metrics: Mapping[str, Any], place: str, interval: str, decimals: int) -> Cell:
    """As `interval_cell`, for an interval that is a list of two."""
    middle, low, high = (cell(metrics, name, decimals) for name in (place, f"{interval}.0", f"{interval}.1"))
    if not (middle.sources and low.sources and high.sources):
        return middle
    return Cell(f"{middle.text} ({low.text} to {high.text})", middle.sources + low.sources + high.sources)


def years_of(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """The years of the metrics in order."""
    return tuple(sorted(metrics.get("years", {}), key=int))


def models_of(metrics: Mapping[str, Any], part: str = "years") -> tuple[str, ...]:
    """The models of a part of the metrics, the known ones first in their usual order."""
    found = {model for models in metrics.get(part, {}).values() for model in models}
    return (*(model for model in LOOKS if model in found), *sorted(found - set(LOOKS)))


def accuracy_table(metrics: Mapping[str, Any], model: str = "transferred") -> Table:
    """Table 3: the accuracy of one model's full maps in every year, the paper's figures beside."""
    ours = ("Loss", "Precision", "Recall", "F1 (95 % interval)", "IoU", "MCC", "Boundary F1", "Unobserved, km²")
    rows = []
    for year in years_of(metrics):
        place = f"years.{year}.{model}"
        paper = published.published_year(int(year))
        theirs = [None] * 4 if paper is None else [paper.loss, paper.precision, paper.recall, paper.f1]
        rows.append(
            (
                Cell(_year_name(metrics, year)),
                cell(metrics, f"{place}.loss"),
                cell(metrics, f"{place}.precision"),
                cell(metrics, f"{place}.recall"),
                interval_cell(metrics, f"{place}.f1"),
                cell(metrics, f"{place}.iou"),
                cell(metrics, f"{place}.mcc"),
                cell(metrics, f"{place}.boundary_f1"),
                cell(metrics, f"{place}.unobserved_km2"),
                *(Cell(UNDEFINED if value is None else printed(value, 3)) for value in theirs),
            )
        )
    reference = str(metrics.get("reference_year", ""))
    notes = [
        f"The last four columns are the paper's, from {OTHER_DATA}. They are printed for orientation only.",
        "Where `map.bare_ground` is set, the maps of all models are lowered on ground that stayed bare through the "
        "years: a year's map then also goes by the other years' scenes, never by their labels.",
    ]
    if reference in metrics.get("years", {}):
        notes.append(
            f"* {reference} is the year of the transfer: the model learned from the labels of part of this map, and in "
            "the other years from the same labels where they may still hold (`patches.crops.other_years`). The table "
            "of the held-out blocks shows what it reaches on ground of which no model saw a label."
        )
    return Table(
        "table-3",
        f"Table 3. Accuracy of the {look_of(model).label} model on the full maps",
        ("Year", *ours, "Paper: loss", "Paper: precision", "Paper: recall", "Paper: F1"),
        tuple(rows),
        (*notes, *_reasons(rows)),
    )


def models_table(metrics: Mapping[str, Any], part: str = "years") -> Table:
    """F1 of every model and of the baseline in every year, on the full maps (`years`) or the held-out blocks."""
    models = models_of(metrics, part)
    held_out = part != "years"
    rows = [
        (
            Cell(_year_name(metrics, year) if not held_out else year),
            *(interval_cell(metrics, f"{part}.{year}.{model}.f1") for model in models),
        )
        for year in sorted(metrics.get(part, {}), key=int)
    ]
    if not held_out and metrics.get("mean_f1_by_model"):
        means = (Cell("mean"), *(cell(metrics, f"mean_f1_by_model.{model}") for model in models))
        rows.append(means)
    notes = [] if held_out else ["Mean: full maps, but the held-out blocks in the year of the transfer."]
    thresholds = [
        f"{look_of(model).label} {printed(metrics['thresholds'][model], 2)}"
        for model in models
        if _is_number(look_up(metrics, f"thresholds.{model}"))
    ]
    if thresholds:
        notes.append(f"Thresholds: {', '.join(thresholds)}.")
    where = "the held-out blocks, of which no model saw a label" if held_out else "the full maps"
    return Table(
        "held-out" if held_out else "models",
        f"F1 (95 % interval) of all models on {where}",
        ("Year", *(look_of(model).label for model in models)),
        tuple(rows),
        (*notes, *_reasons(rows)),
    )


def inventories_table(metrics: Mapping[str, Any]) -> Table:
    """Table 4: numbers and areas of the manual and the predicted inventory, the paper's figures beside."""
    fields = (("count", 0), ("area_m2", 0), ("min_m2", 0), ("max_m2", 0))
    heads = ("number", "area, m²", "smallest, m²", "largest, m²")
    rows = []
    for year in sorted(metrics.get("inventories", {}), key=int):
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
        (f"The last four columns are the paper's, from {OTHER_DATA}.", *_reasons(rows)),
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
    for year in sorted(inventories, key=int):
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
            *_reasons(rows),
        ),
    )


def paper_protocol_table(metrics: Mapping[str, Any]) -> Table:
    """The paper's own protocol: stored test patches, threshold 0.5."""
    names = ("loss", "precision", "recall", "f1")
    rows = [
        (Cell(look_of(model).label), *(cell(metrics, f"paper_protocol.{model}.{name}") for name in names))
        for model in (*(m for m in LOOKS if m in metrics.get("paper_protocol", {})),)
    ]
    return Table(
        "paper-protocol",
        "The paper's protocol beside ours: the test patches of the year of the transfer at a threshold of 0.5",
        ("Model", "Loss", "Precision", "Recall", "F1"),
        tuple(rows),
        _reasons(rows),
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
    years = sorted(metrics.get("inventories", {}), key=int)
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
        ("Hit: the overlap is at least a tenth of the smaller of the two.", *_reasons(rows)),
    )


def sizes_table(metrics: Mapping[str, Any]) -> Table:
    """Frequency and area: what was fitted to the areas of each inventory, or why nothing was."""
    rows = []
    for year in sorted(metrics.get("inventories", {}), key=int):
        for side, name in (("manual", "MI"), ("predicted", "PI")):
            place = f"inventories.{year}.sizes.{side}"
            sizes = look_up(metrics, place)
            if not sizes:
                continue
            fit = f"{place}.inverse_gamma"
            entries = (
                _cell_with_interval(metrics, f"{fit}.rollover_m2", f"{fit}.intervals.rollover_m2", 0),
                _cell_with_interval(metrics, f"{fit}.tail_exponent", f"{fit}.intervals.tail_exponent", 2),
                _cell_with_interval(metrics, f"{place}.power_law.exponent", f"{place}.power_law.intervals.exponent", 2),
                _cell_with_interval(metrics, f"{place}.magnitude", f"{place}.magnitude_interval", 2),
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
        _reasons(rows) if rows else (),
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
            Cell(printed(entry["unobserved_km2"], 3)) if _is_number(entry.get("unobserved_km2")) else Cell(UNDEFINED),
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
        _reasons(rows),
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


def search_table(trials: pd.DataFrame, best: Mapping[str, Any] | None = None) -> Table:
    """Table 2 of ours: every trial of the search, the highest F1 first, with the paper's best in the notes.

    Args:
        trials: `trials.csv` of the stage `tune`.
        best: Its `best_params.json`, for the notes.
    """
    order = {"complete": 0, "pruned": 1, "failed": 2}
    ordered = trials.sort_values(["state", "f1"], ascending=[True, False], key=lambda column: (
        column.map(order) if column.name == "state" else column
    ), kind="stable")  # fmt: skip
    rows = [tuple(Cell(_plain(value)) for value in row) for row in ordered.itertuples(index=False)]
    notes = [
        "F1, precision and recall: pooled over the validation patches, at the threshold of the highest F1; of pruned "
        "trials after their last epoch, at 0.5. Cost: 10^12 multiply-adds. No test patch was seen.",
        f"The paper's best of 27 ({published.SOURCE}; another data set): {published.BEST_SETTING}.",
    ]
    if best:
        notes.insert(0, f"{best.get('sampler')} sampler, {best.get('pruner')} pruner, at most "
                        f"{best.get('epochs_of_a_trial')} epochs a trial.")  # fmt: skip
    names = {"f1": "F1", "batch_patches": "batch", "false_positive_weight": "beta"}
    return Table(
        "table-2",
        "Table 2. All trials of the search",
        tuple(names.get(str(name), str(name).replace("_", " ")) for name in ordered.columns),
        tuple(rows),
        tuple(notes),
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


def calibration_table(metrics: Mapping[str, Any]) -> Table:
    """How far the probabilities of the main model can be taken at their word, per year."""
    fields = (("expected_calibration_error", "Expected calibration error"), ("brier_score", "Brier score"))
    rows = [
        (Cell(year), *(cell(metrics, f"calibration.{year}.{name}", 4) for name, _ in fields))
        for year in sorted(metrics.get("calibration", {}), key=int)
    ]
    above = next((figures.get("above") for figures in metrics.get("calibration", {}).values()), None)
    note = f"Calibration error over pixels with a probability above {above:g}." if _is_number(above) else ""
    return Table(
        "calibration",
        "Calibration of the transferred model's probabilities",
        ("Year", *(head for _, head in fields)),
        tuple(rows),
        (*([note] if note else []), *_reasons(rows)),
    )


def transfer_gain(metrics: Mapping[str, Any]) -> tuple[Cell, str]:
    """What transfer gains over training from scratch: the figure with its interval, and a sentence that reads it."""
    gain = metrics.get("transfer_gain") or {}
    difference, low, high = (cell(metrics, f"transfer_gain.{name}") for name in ("f1_difference", "low", "high"))
    if not difference.sources:
        return Cell(UNDEFINED, reason="not measured"), "The gain of transfer was not measured."
    against = look_of(str(gain.get("against", "from_scratch"))).label
    if not (low.sources and high.sources):
        return difference, f"F1 of the transferred model minus F1 of the model {against}; no interval."
    both = Cell(
        f"{signed(gain['f1_difference'])} ({signed(gain['low'])} to {signed(gain['high'])})",
        difference.sources + low.sources + high.sources,
    )
    verdict = (
        "the interval excludes zero" if gain.get("excludes_zero") else "the interval includes zero, so no gain is shown"
    )
    share = round(100 * float(gain.get("confidence", 0.95)))
    return both, (
        f"F1 of the transferred model minus F1 of the model {against} on the same held-out blocks, "
        f"paired {share} % interval; {verdict}."
    )


def signed(value: float, decimals: int = 3) -> str:
    """A difference with its sign."""
    return f"{value:+.{decimals}f}"


def markdown(table: Table) -> str:
    """A table as GitHub-flavoured Markdown with its title and notes."""
    if not table.rows:
        return f"**{table.title}**\n\n*No figures: nothing was measured.*\n"
    lines = [
        f"**{table.title}**",
        "",
        "| " + " | ".join(table.columns) + " |",
        "| " + " | ".join(["---", *["---:"] * (len(table.columns) - 1)]) + " |",
        *("| " + " | ".join(_escaped(entry.text) for entry in row) + " |" for row in table.rows),
    ]
    for note in table.notes:
        lines += ["", _escaped(note)]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


def _share(value: object) -> Cell:
    return Cell(printed(100 * float(value), 1)) if _is_number(value) else Cell(UNDEFINED)  # type: ignore[arg-type]


def _plain(value: object) -> str:
    if isinstance(value, float):
        return UNDEFINED if math.isnan(value) else f"{value:.4g}"
    return str(value)


def _year_name(metrics: Mapping[str, Any], year: str) -> str:
    return f"{year}*" if year == str(metrics.get("reference_year")) else year


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _reason(metrics: Mapping[str, Any], place: str) -> str:
    """Why a number is missing: as the metrics say, for it or for its neighbours, or because there is no landslide."""
    reasons = metrics.get("undefined", {})
    branch = place.rpartition(".")[0]
    if place in reasons:
        return str(reasons[place])
    if look_up(metrics, f"{branch}.count") == 0:
        return "the inventory holds no landslide"
    return str(next((text for name, text in reasons.items() if name.rpartition(".")[0] == branch), "not measured"))


def _reasons(rows: Sequence[tuple[Cell, ...]]) -> tuple[str, ...]:
    """One sentence for each reason of missing numbers, with the rows that it concerns."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for entry in row[1:]:
            if entry.reason and row[0].text not in found.setdefault(entry.reason, []):
                found[entry.reason].append(row[0].text)
    return tuple(f"{UNDEFINED} {reason}: {', '.join(where)}." for reason, where in found.items())
