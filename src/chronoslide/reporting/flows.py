"""The flow of landslides through their states, year by year, as an alluvial diagram (a Sankey diagram over time).

Drawn from `transitions.csv`. A bar a year is the stock, in segments by state; a ribbon between two bars is the
landslides that went from the one state into the other, in the colour of what they became. What left the stock ends
below zero. What begins without a ribbon was not in the stock the year before.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from chronoslide.inventories.multitemporal.states import State
from chronoslide.inventories.multitemporal.tracked_style import COLOURS as STATE_COLOURS
from chronoslide.inventories.multitemporal.transitions import ABSENT, MERGED_AWAY, TRANSITION_COLUMNS
from chronoslide.reporting.style import BLACK, new_figure

# From below zero upwards: what left, what stayed as it was, what changed, what is new.
LEFT: Final = (MERGED_AWAY, str(State.HEALED))
STOCK: Final = tuple(
    str(state)
    for state in (
        State.PERSISTENT, State.UNOBSERVED, State.MERGED, State.SPLIT, State.ENLARGED, State.REACTIVATED, State.NEW,
    )
)  # fmt: skip
_ORDER: Final = (*LEFT, *STOCK, ABSENT)
_COLOURS: Final = {**{str(state): colour for state, colour in STATE_COLOURS.items()}, MERGED_AWAY: "#08306b"}
_HATCHES: Final = {
    str(State.UNOBSERVED): "---", str(State.MERGED): "\\\\\\", str(State.SPLIT): "///", str(State.ENLARGED): "...",
    str(State.REACTIVATED): "xxx", MERGED_AWAY: "+++",
}  # fmt: skip
_HALF_WIDTH: Final = 0.15  # of a bar, in years
_LEAST_LABELLED: Final = 0.045  # of the axis: a segment that is lower has no room for its number
_HALO: Final = [withStroke(linewidth=2.2, foreground="white")]

Spans = Mapping[tuple[int, str], tuple[float, float]]


def state_flows(transitions: pd.DataFrame) -> Figure | None:
    """An alluvial diagram for each inventory, one below the other, on one scale.

    Args:
        transitions: `transitions.csv`: `year`, `state_before`, `state`, `landslides`, `inventory`.
    """
    if not {*TRANSITION_COLUMNS, "inventory"} <= set(transitions) or not len(transitions):
        return None
    sides = [side for side in ("manual", "predicted") if (transitions["inventory"] == side).any()]
    figure = new_figure(9.4, 3.1 * len(sides) + 0.6)
    panels = figure.subplots(len(sides), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    years = sorted({int(year) for year in transitions["year"]})
    seen = set(transitions["state"])
    numbers: list[tuple[Text, float]] = []
    for axes, side in zip(panels, sides, strict=True):
        numbers += _draw(axes, transitions[transitions["inventory"] == side], years)
        axes.set_title(f"{side} inventory", loc="left")
        axes.set_ylabel("Landslides (number)")
        axes.tick_params(labelbottom=True)
    low, high = panels[0].get_ylim()
    for number, height in numbers:
        if height < _LEAST_LABELLED * (high - low):
            number.remove()
    panels[-1].set_xlabel("Year of the scene")
    legend = [
        Patch(facecolor=_COLOURS[state], edgecolor="white", hatch=_HATCHES.get(state), label=label)
        for state, label in (*((s, s) for s in reversed(STOCK)), *((s, f"{s} (left)") for s in reversed(LEFT)))
        if state in seen
    ]
    figure.legend(handles=legend, loc="outside lower center", ncols=5)
    return figure


def spans_of(counts: Mapping[tuple[int, str], int]) -> Spans:
    """Where each segment of each bar begins and ends: the stock upwards from zero, what left downwards.

    Args:
        counts: Landslides by year and state.
    """
    spans: dict[tuple[int, str], tuple[float, float]] = {}
    for year in sorted({year for year, _ in counts}):
        top = bottom = 0.0
        for state in STOCK:
            number = counts.get((year, state), 0)
            spans[year, state] = (top, top + number)
            top += number
        for state in reversed(LEFT):
            number = counts.get((year, state), 0)
            spans[year, state] = (bottom - number, bottom)
            bottom -= number
    return spans


def _draw(axes: Axes, flows: pd.DataFrame, years: Sequence[int]) -> list[tuple[Text, float]]:
    """Draws one inventory; returns the numbers on its segments with the segments' heights."""
    counts: Counter[tuple[int, str]] = Counter()
    for row in flows.to_dict("records"):
        counts[int(row["year"]), str(row["state"])] += int(row["landslides"])
    spans, numbers = spans_of(counts), []
    _ribbons(axes, flows, spans)
    for (year, state), (low, high) in spans.items():
        if high > low:
            axes.add_patch(
                Rectangle(
                    (year - _HALF_WIDTH, low), 2 * _HALF_WIDTH, high - low, facecolor=_COLOURS[state],
                    edgecolor="white", hatch=_HATCHES.get(state), linewidth=0.7, zorder=3,
                )
            )  # fmt: skip
            number = axes.text(
                year, (low + high) / 2, f"{high - low:.0f}", ha="center", va="center", fontsize=7.5, zorder=5,
                path_effects=_HALO,
            )  # fmt: skip
            numbers.append((number, high - low))
    for year in years:
        total = sum(counts.get((year, state), 0) for state in STOCK)
        axes.text(year, total, f" {total}", ha="center", va="bottom", fontsize=9, fontweight="bold", zorder=5)
    axes.axhline(0, color=BLACK, linewidth=0.8, zorder=4)
    ends = [end for span in spans.values() for end in span]
    axes.update_datalim([(years[0] - 0.3, min(ends)), (years[-1] + 0.3, max(ends))])
    axes.autoscale_view()
    axes.margins(x=0.01, y=0.09)
    axes.set_xticks(years)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    axes.grid(visible=False, axis="x")
    return numbers


def _ribbons(axes: Axes, flows: pd.DataFrame, spans: Spans) -> None:
    """A ribbon for each flow; at both ends they are stacked in the order of the bars that they lead to."""
    place = {state: number for number, state in enumerate(_ORDER)}
    rows = [
        (int(row["year"]), str(row["state_before"]), str(row["state"]), float(row["landslides"]))
        for row in flows.to_dict("records")
    ]
    leaving = {key: span[0] for key, span in spans.items()}
    arriving = dict(leaving)
    years = sorted({year for year, _ in spans})
    earlier = dict(itertools.pairwise(reversed(years)))  # the year before; a year may be missing between two
    starts: dict[tuple[int, str, str], float] = {}
    for year, before, state, number in sorted(rows, key=lambda row: (row[0], place[row[1]], place[row[2]])):
        if before != ABSENT:
            origin = (earlier[year], before)
            starts[year, before, state] = leaving[origin]
            leaving[origin] += number
    for year, before, state, number in sorted(rows, key=lambda row: (row[0], place[row[2]], place[row[1]])):
        if before != ABSENT:
            start, end = starts[year, before, state], arriving[year, state]
            axes.add_patch(_ribbon((earlier[year], year), start, end, number, _COLOURS[state]))
        arriving[year, state] += number


def _ribbon(years: tuple[int, int], start: float, end: float, number: float, colour: str) -> PathPatch:
    left, right = years[0] + _HALF_WIDTH, years[1] - _HALF_WIDTH
    middle = (left + right) / 2
    points = [
        (left, start), (middle, start), (middle, end), (right, end),
        (right, end + number), (middle, end + number), (middle, start + number), (left, start + number), (left, start),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(
        Path(np.array(points), codes), facecolor=colour, edgecolor=colour, alpha=0.42, linewidth=0.3, zorder=2
    )
