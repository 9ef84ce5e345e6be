"""Charts of accuracy, training and inventories, drawn from metrics and tables.

Each function returns a finished figure, or None where there is nothing to draw; the caller states the gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from chronoslide.reporting import published
from chronoslide.reporting.style import BLACK, BLUE, GREY, ORANGE, PURPLE, look_of, new_figure
from chronoslide.reporting.tables import look_up, models_of

_F1_LIMITS = (0.0, 1.02)


def f1_per_year(metrics: Mapping[str, Any], part: str = "years") -> Figure | None:
    """F1 of every model and the baseline in every year with its interval, the paper's beside.

    Args:
        metrics: Of the stage `evaluate`.
        part: "years" for the full maps, "held_out" for the blocks that no model saw.
    """
    years = sorted(int(year) for year in metrics.get(part, {}))
    models = models_of(metrics, part)
    if not years or not models:
        return None
    figure = new_figure(7.6, 3.6)
    axes = figure.subplots()
    for number, model in enumerate(models):
        look = look_of(model)
        places = [f"{part}.{year}.{model}.f1" for year in years]
        values = [_number(look_up(metrics, place)) for place in places]
        low = [_number(look_up(metrics, f"{place}_low")) for place in places]
        high = [_number(look_up(metrics, f"{place}_high")) for place in places]
        x = np.array(years) + (number - (len(models) - 1) / 2) * 0.13
        spread = np.clip(np.array([np.subtract(values, low), np.subtract(high, values)]), 0, None)
        axes.errorbar(
            x, values, yerr=spread if np.isfinite(spread).any() else None, color=look.colour, marker=look.marker,
            linestyle=look.line, linewidth=1.0, markersize=5, capsize=2, elinewidth=1.0, label=look.label,
        )  # fmt: skip
    if part == "years":
        paper = [row for row in map(published.published_year, years) if row is not None]
        axes.plot(
            [row.year for row in paper], [row.f1 for row in paper], linestyle="none", marker="D", color=PURPLE,
            markersize=5, fillstyle="none", label="paper (another data set)",
        )  # fmt: skip
    axes.set(ylabel="F1 (no unit)", xlabel="Year of the scene", ylim=_F1_LIMITS, xticks=years)
    axes.set_title(
        "Pooled F1 per year, full maps" if part == "years" else "Pooled F1 per year, held-out blocks",
        loc="left",
    )
    _mark_reference(axes, metrics, years)
    _legend_below(figure, axes)
    return figure


def training_curves(histories: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Training and validation loss of every model over the epochs, the kept checkpoint marked."""
    drawn = {name: table for name, table in histories.items() if {"epoch", "loss"} <= set(table) and len(table)}
    if not drawn:
        return None
    order = sorted(drawn, key=lambda name: (name != "pretrained", name != "transferred", name))
    figure = new_figure(2.6 * len(order) + 0.8, 3.2)
    panels = figure.subplots(1, len(order), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, order, strict=True):
        table = drawn[name]
        axes.plot(table["epoch"], table["loss"], color=BLUE, label="training")
        if "val_loss" in table:
            axes.plot(table["epoch"], table["val_loss"], color=ORANGE, linestyle="--", label="validation")
            best = table.iloc[int(table["val_loss"].to_numpy().argmin())]
            axes.plot(
                best["epoch"], best["val_loss"], marker="o", color=BLACK, fillstyle="none", linestyle="none",
                label="kept (lowest validation loss)",
            )  # fmt: skip
        axes.set_title(look_of(name).label, loc="left")
        axes.set_xlabel("Epoch (passes over the patches)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    panels[0].set_ylabel("Tversky loss (no unit)")
    panels[0].set_ylim(bottom=0)
    _legend_below(figure, panels[0])
    return figure


def inventory_areas(pairs: pd.DataFrame, metrics: Mapping[str, Any]) -> Figure | None:
    """Figure 8: the area of each manual landslide against that of the predicted polygons matched to it, per year.

    Args:
        pairs: `areas.csv`: a row a manual landslide that is hit.
        metrics: For the agreement and the number of those that are not.
    """
    needed = {"year", "manual_area_m2", "predicted_area_m2"}
    if not needed <= set(pairs) or not len(pairs):
        return None
    years = sorted({int(year) for year in pairs["year"]} | {int(year) for year in metrics.get("inventories", {})})
    columns = min(4, len(years))
    rows = -(-len(years) // columns)
    figure = new_figure(2.2 * columns + 0.5, 2.3 * rows + 0.5)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    positive = pairs[["manual_area_m2", "predicted_area_m2"]].to_numpy(dtype=float)
    positive = positive[positive > 0]
    limits = (10 ** np.floor(np.log10(positive.min() / 1.3)), 10 ** np.ceil(np.log10(positive.max())))
    for axes, year in zip(panels.flat, years, strict=False):
        of_year = pairs[pairs["year"] == year]
        axes.loglog(limits, limits, color=GREY, linewidth=0.8, linestyle="--")
        axes.plot(
            of_year["manual_area_m2"], of_year["predicted_area_m2"], linestyle="none", marker="o", markersize=3.5,
            markerfacecolor="none", markeredgecolor=BLUE, markeredgewidth=0.8,
        )  # fmt: skip
        axes.set(xlim=limits, ylim=limits)
        axes.set_aspect("equal")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{year}{_agreement(metrics, year)}", loc="left", fontsize=8)
    for axes in panels.flat[len(years) :]:
        axes.set_axis_off()
    figure.supxlabel("Area of a manual landslide, m²", fontsize=9)
    figure.supylabel("Area of what was predicted for it, m²", fontsize=9)
    return figure


def _agreement(metrics: Mapping[str, Any], year: int) -> str:
    sizes = look_up(metrics, f"inventories.{year}.objects.sizes") or {}
    r, missed = sizes.get("pearson_r"), sizes.get("manual_unmatched")
    return (f", r {r:.2f}" if r is not None else "") + (f", {missed} missed" if missed is not None else "")


def _mark_reference(axes: Axes, metrics: Mapping[str, Any], years: list[int]) -> None:
    reference = metrics.get("reference_year")
    if reference in years:
        axes.axvspan(reference - 0.42, reference + 0.42, color="#EEEEEE", zorder=0)
        axes.text(reference, 0.015, "year of\nthe transfer", ha="center", va="bottom", fontsize=7, color="#444444")


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: labels[place].startswith("paper"))
    handles, labels = [handles[place] for place in order], [labels[place] for place in order]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
