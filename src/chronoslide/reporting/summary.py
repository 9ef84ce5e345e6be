"""The Markdown summary of a run, for CI's job summary and for reading in git.

Deterministic: it holds figures and settings, no times, machines or commits; these stand on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chronoslide.reporting import published
from chronoslide.reporting.experiments import experiments_section
from chronoslide.reporting.tables.accuracy import (
    accuracy_table,
    calibration_table,
    models_table,
    paper_protocol_table,
    transfer_gain,
)
from chronoslide.reporting.tables.cells import Cell, Table, cell, markdown, models_of, years_of
from chronoslide.reporting.tables.inventories import (
    densities_table,
    identities_table,
    inventories_table,
    objects_table,
    sizes_table,
)

INVENTORY_TABLES: Final = ("table-4", "table-5", "objects", "sizes", "identities")


@dataclass(frozen=True, slots=True)
class Figures:
    """Names of the figures that were drawn.

    Attributes:
        charts: (section, file name, caption) of each chart.
        maps: (file name, caption) of each year's map.
        gaps: Sentences on what could not be drawn, and why.
    """

    charts: tuple[tuple[str, str, str], ...]
    maps: tuple[tuple[str, str], ...]
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure of the summary.

    Attributes:
        name: What it is.
        cell: The figure.
        remark: A sentence that says how to read it.
    """

    name: str
    cell: Cell
    remark: str


def provenance_sentence(data: Mapping[str, Any]) -> str:
    """Says in capitals whether the figures come from simulated or observed scenes."""
    if data.get("provenance") == "observed":
        return "OBSERVED data."
    return "SIMULATED data: every scene, inventory and figure below comes from a simulation, not from a satellite."


def headlines(metrics: Mapping[str, Any]) -> tuple[Headline, ...]:
    """The figures that matter, each with a sentence."""
    reference = metrics.get("reference_year")
    years = years_of(metrics)
    mean_f1 = Headline(
        "Mean F1, transferred model",
        cell(metrics, "mean_f1"),
        f"Full maps of {_span(years)}; in {reference}, the year of the transfer, the held-out blocks only.",
    )
    held_out = Headline(
        f"F1 on the held-out blocks of {reference}",
        cell(metrics, f"held_out_{reference}.transferred.f1"),
        "Ground of which no model saw a label while it was trained or chosen.",
    )
    gain, sentence = transfer_gain(metrics)
    baseline = Headline(
        "Mean F1, NDVI threshold",
        cell(metrics, "mean_f1_by_model.ndvi_threshold"),
        "The baseline that a model has to beat: one threshold on the vegetation index.",
    )
    return mean_f1, held_out, Headline("Gain of transfer, F1", gain, sentence), baseline


def report_tables(metrics: Mapping[str, Any]) -> tuple[Table, ...]:
    """The tables of accuracy and inventories in the order in which they are read."""
    tables = [accuracy_table(metrics), models_table(metrics)]
    if models_of(metrics, "held_out"):
        tables.append(models_table(metrics, "held_out"))
    if metrics.get("paper_protocol"):
        tables.append(paper_protocol_table(metrics))
    if metrics.get("calibration"):
        tables.append(calibration_table(metrics))
    tables += [inventories_table(metrics), densities_table(metrics), objects_table(metrics)]
    return (*tables, *(made for made in (sizes_table(metrics), identities_table(metrics)) if made.rows))


def report_markdown(
    metrics: Mapping[str, Any],
    figures: Figures,
    search: Sequence[Table] = (),
    experiments: Mapping[str, str] | None = None,
) -> str:
    """The whole summary; `search` holds the tables of the search, `experiments` other reports by file name."""
    data = metrics["data"]
    tables = report_tables(metrics)

    def shown(section: str) -> list[str]:
        return [_shown(name, caption) for place, name, caption in figures.charts if place == section]

    lines = [
        f"# Landslides through time: {data.get('name', 'unnamed data')}",
        "",
        f"**{provenance_sentence(data)}**",
        "",
        *_described(data),
        "## Summary",
        "",
        "| Figure | Value | How to read it |",
        "| --- | ---: | --- |",
        *(f"| {line.name} | {line.cell.text} | {line.remark} |" for line in headlines(metrics)),
        "",
        f"Protocol: {protocol_sentence(metrics)}",
        "",
        *shown("summary"),
        *(["## Data", "", *shown("data")] if shown("data") else []),
        *(["## Search", "", *map(markdown, search), *shown("search")] if search else []),
        "## Accuracy",
        "",
        *(markdown(table) for table in tables if table.key not in INVENTORY_TABLES),
        *shown("accuracy"),
        "## Inventories",
        "",
        *(markdown(table) for table in tables if table.key in INVENTORY_TABLES),
        *shown("inventories"),
        "## Maps",
        "",
        *(f"### {name.split('_')[-1].split('.')[0]}\n\n{_shown(name, caption)}" for name, caption in figures.maps),
        *_gaps(figures.gaps),
        *experiments_section(experiments or {}, data),
        "## The paper",
        "",
        f"The paper's figures come from {published.SOURCE}: another data set. What follows from its own tables:",
        "",
        *(f"- {check.remark}" for check in published.checks()),
        "",
        f"Figures of this run: `reports/metrics.json`, run `{metrics.get('run', {}).get('inputs', 'unknown')}`.",
    ]
    return "\n".join(lines) + "\n"


def _shown(name: str, caption: str) -> str:
    """A figure with its caption, which a reader of Markdown would not see otherwise."""
    return f"![{caption}](figures/{name})\n\n*{caption}*\n"


def _described(data: Mapping[str, Any]) -> list[str]:
    area = data.get("area_km2")
    parts = [
        str(data.get("description", "")).strip(),
        f"Sensor: {data['sensor']}." if data.get("sensor") else "",
        f"Area: {area:.1f} km²." if isinstance(area, int | float) else "",
    ]
    text = " ".join(part for part in parts if part)
    return [text, ""] if text else []


def protocol_sentence(metrics: Mapping[str, Any]) -> str:
    """Says how train and test ground were kept apart."""
    if metrics.get("protocol") == "paper":
        return "paper, that is the paper's random split of patches. It leaks: train and test patches share ground."
    return "blocks, that is split by place; no label of held-out ground is learned from or chosen by."


def _gaps(gaps: Sequence[str]) -> list[str]:
    return ["## Gaps", "", *(f"- {gap}" for gap in gaps), ""] if gaps else []


def _span(years: Sequence[str]) -> str:
    if not years:
        return "no year"
    return years[0] if len(years) == 1 else f"{years[0]} to {years[-1]}"
