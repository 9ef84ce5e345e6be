"""A table as a value: cells that know which number of `metrics.json` they print.

Markdown and page print the same cells, so their numbers cannot differ from each other or from the metrics file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chronoslide.reporting import published
from chronoslide.reporting.style import LOOKS

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


def signed(value: float, decimals: int = 3) -> str:
    """A difference with its sign."""
    return f"{value:+.{decimals}f}"


def cell(metrics: Mapping[str, Any], place: str, decimals: int = 3) -> Cell:
    """A cell that prints one number of the metrics, or why there is none."""
    value = look_up(metrics, place)
    if not is_number(value):
        return Cell(UNDEFINED, reason=_reason(metrics, place))
    return Cell(printed(value, decimals), (place,))


def interval_cell(metrics: Mapping[str, Any], place: str, decimals: int = 3) -> Cell:
    """A cell that prints a number with its interval `0.712 (0.651 to 0.770)` from `x`, `x_low` and `x_high`."""
    return _with_interval(metrics, (place, f"{place}_low", f"{place}_high"), decimals)


def cell_with_interval(metrics: Mapping[str, Any], place: str, interval: str, decimals: int) -> Cell:
    """As `interval_cell`, for an interval that is a list of two."""
    return _with_interval(metrics, (place, f"{interval}.0", f"{interval}.1"), decimals)


def _with_interval(metrics: Mapping[str, Any], places: tuple[str, str, str], decimals: int) -> Cell:
    middle, low, high = (cell(metrics, place, decimals) for place in places)
    if not (middle.sources and low.sources and high.sources):
        return middle
    return Cell(f"{middle.text} ({low.text} to {high.text})", middle.sources + low.sources + high.sources)


def years_of(metrics: Mapping[str, Any], part: str = "years") -> tuple[str, ...]:
    """The years of a part of the metrics in order."""
    return tuple(sorted(metrics.get(part, {}), key=int))


def models_of(metrics: Mapping[str, Any], part: str = "years") -> tuple[str, ...]:
    """The models of a part of the metrics, the known ones first in their usual order."""
    found = {model for models in metrics.get(part, {}).values() for model in models}
    return (*(model for model in LOOKS if model in found), *sorted(found - set(LOOKS)))


def year_name(metrics: Mapping[str, Any], year: str) -> str:
    """The year as a row's name, with a star if it is the year of the transfer."""
    return f"{year}*" if year == str(metrics.get("reference_year")) else year


def is_number(value: object) -> bool:
    """Whether a value of `metrics.json` is a number that can be printed."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def reasons_of(rows: Sequence[tuple[Cell, ...]]) -> tuple[str, ...]:
    """One sentence for each reason of missing numbers, with the rows that it concerns."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for entry in row[1:]:
            if entry.reason and row[0].text not in found.setdefault(entry.reason, []):
                found[entry.reason].append(row[0].text)
    return tuple(f"{UNDEFINED} {reason}: {', '.join(where)}." for reason, where in found.items())


def _reason(metrics: Mapping[str, Any], place: str) -> str:
    """Why a number is missing: as the metrics say, for it or for its neighbours, or because there is no landslide."""
    reasons = metrics.get("undefined", {})
    branch = place.rpartition(".")[0]
    if place in reasons:
        return str(reasons[place])
    if look_up(metrics, f"{branch}.count") == 0:
        return "the inventory holds no landslide"
    return str(next((text for name, text in reasons.items() if name.rpartition(".")[0] == branch), "not measured"))


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
