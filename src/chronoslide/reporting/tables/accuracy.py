"""Tables of maps against masks, pixel by pixel: accuracy, models, the paper's protocol, calibration, gain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chronoslide.reporting import published
from chronoslide.reporting.style import LOOKS, look_of
from chronoslide.reporting.tables.cells import (
    OTHER_DATA,
    UNDEFINED,
    Cell,
    Table,
    cell,
    interval_cell,
    is_number,
    look_up,
    models_of,
    printed,
    reasons_of,
    signed,
    year_name,
    years_of,
)


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
                Cell(year_name(metrics, year)),
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
        (*notes, *reasons_of(rows)),
    )


def models_table(metrics: Mapping[str, Any], part: str = "years") -> Table:
    """F1 of every model and of the baseline in every year, on the full maps (`years`) or the held-out blocks."""
    models = models_of(metrics, part)
    held_out = part != "years"
    rows = [
        (
            Cell(year_name(metrics, year) if not held_out else year),
            *(interval_cell(metrics, f"{part}.{year}.{model}.f1") for model in models),
        )
        for year in years_of(metrics, part)
    ]
    if not held_out and metrics.get("mean_f1_by_model"):
        means = (Cell("mean"), *(cell(metrics, f"mean_f1_by_model.{model}") for model in models))
        rows.append(means)
    notes = [] if held_out else ["Mean: full maps, but the held-out blocks in the year of the transfer."]
    thresholds = [
        f"{look_of(model).label} {printed(metrics['thresholds'][model], 2)}"
        for model in models
        if is_number(look_up(metrics, f"thresholds.{model}"))
    ]
    if thresholds:
        notes.append(f"Thresholds: {', '.join(thresholds)}.")
    where = "the held-out blocks, of which no model saw a label" if held_out else "the full maps"
    return Table(
        "held-out" if held_out else "models",
        f"F1 (95 % interval) of all models on {where}",
        ("Year", *(look_of(model).label for model in models)),
        tuple(rows),
        (*notes, *reasons_of(rows)),
    )


def paper_protocol_table(metrics: Mapping[str, Any]) -> Table:
    """The paper's own protocol: stored test patches, threshold 0.5."""
    names = ("loss", "precision", "recall", "f1")
    rows = [
        (Cell(look_of(model).label), *(cell(metrics, f"paper_protocol.{model}.{name}") for name in names))
        for model in LOOKS
        if model in metrics.get("paper_protocol", {})
    ]
    return Table(
        "paper-protocol",
        "The paper's protocol beside ours: the test patches of the year of the transfer at a threshold of 0.5",
        ("Model", "Loss", "Precision", "Recall", "F1"),
        tuple(rows),
        reasons_of(rows),
    )


def calibration_table(metrics: Mapping[str, Any]) -> Table:
    """How far the probabilities of the main model can be taken at their word, per year."""
    fields = (("expected_calibration_error", "Expected calibration error"), ("brier_score", "Brier score"))
    rows = [
        (Cell(year), *(cell(metrics, f"calibration.{year}.{name}", 4) for name, _ in fields))
        for year in years_of(metrics, "calibration")
    ]
    above = next((figures.get("above") for figures in metrics.get("calibration", {}).values()), None)
    note = f"Calibration error over pixels with a probability above {above:g}." if is_number(above) else ""
    return Table(
        "calibration",
        "Calibration of the transferred model's probabilities",
        ("Year", *(head for _, head in fields)),
        tuple(rows),
        (*([note] if note else []), *reasons_of(rows)),
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
