"""Charts of accuracy, training and inventories, drawn from metrics and tables.

Each function returns a finished figure, or None where there is nothing to draw; the caller states the gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from chronoslide.inventories.statistics.size_models import InverseGamma, density
from chronoslide.reporting import published
from chronoslide.reporting.style import (
    BLACK,
    BLUE,
    GREY,
    LOOKS,
    ORANGE,
    PURPLE,
    in_spectral_order,
    look_of,
    new_figure,
)
from chronoslide.reporting.tables.cells import look_up, models_of

_F1_LIMITS = (0.0, 1.02)
_RAISED = str.maketrans("-0123456789", "\N{SUPERSCRIPT MINUS}⁰¹²³⁴⁵⁶⁷⁸⁹")


def f1_per_year(metrics: Mapping[str, Any], part: str = "years") -> Figure | None:
    """F1 of every model and the baseline in every year with its interval, the paper's beside.

    Args:
        metrics: Of the stage `evaluate`.
        part: "years" for the full maps, "held_out" for the blocks of which no model saw a label.
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
    _one_legend(figure, axes)
    return figure


def training_curves(histories: Mapping[str, pd.DataFrame]) -> Figure | None:
    """Training and validation loss of every model, and of each of its members; the lowest validation loss marked."""
    drawn = {name: table for name, table in histories.items() if {"epoch", "loss"} <= set(table) and len(table)}
    if not drawn:
        return None
    order = sorted(drawn, key=lambda name: (name != "pretrained", name != "transferred", name))
    figure = new_figure(2.6 * len(order) + 0.8, 3.2)
    panels = figure.subplots(1, len(order), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, order, strict=True):
        table = drawn[name]
        members = [member for _, member in table.groupby("member")] if "member" in table else [table]
        for member in members:
            # A label with an underscore is none: the legend names the first member's lines.
            hidden = "" if member is members[0] else "_"
            axes.plot(member["epoch"], member["loss"], color=BLUE, label=f"{hidden}training")
            if "val_loss" in member:
                axes.plot(
                    member["epoch"], member["val_loss"], color=ORANGE, linestyle="--", label=f"{hidden}validation"
                )
                best = member.iloc[int(member["val_loss"].to_numpy().argmin())]
                axes.plot(
                    best["epoch"], best["val_loss"], marker="o", color=BLACK, fillstyle="none", linestyle="none",
                    label=f"{hidden}lowest validation loss",
                )  # fmt: skip
        axes.set_title(look_of(name).label, loc="left")
        axes.set_xlabel("Epoch (passes over the patches)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    panels[0].set_ylabel("Tversky loss (no unit)")
    panels[0].set_ylim(bottom=0)
    _one_legend(figure, panels[0])
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
    figure, panels = _panels(years, 2.2)
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
        _plain_decades(axes)
        axes.set_title(f"{year}{_agreement(metrics, year)}", loc="left", fontsize=8)
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
        axes.text(
            reference, 1.01, "year of the transfer", ha="center", va="bottom", fontsize=7, color="#444444",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def _plain_decades(axes: Axes) -> None:
    """Ticks at powers of ten alone, without mathematical typesetting, which is most of the time a figure takes."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: "10" + f"{np.log10(value):.0f}".translate(_RAISED))


def _one_legend(figure: Figure, axes: Axes, side: Literal["lower", "upper"] = "lower") -> None:
    """One legend for all panels; above them where a common label of the axes stands below."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: labels[place].startswith("paper"))
    handles, labels = [handles[place] for place in order], [labels[place] for place in order]
    place: Any = f"outside {side} center"
    figure.legend(handles, labels, loc=place, ncols=min(len(labels), 5))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def precision_recall(curves: pd.DataFrame, metrics: Mapping[str, Any]) -> Figure | None:
    """Precision against recall of every model in every year; a circle marks the threshold in use.

    Args:
        curves: `precision_recall.csv`.
        metrics: For precision and recall at the threshold in use.
    """
    if not {"year", "model", "precision", "recall"} <= set(curves) or not len(curves):
        return None
    years = sorted({int(year) for year in curves["year"]})
    figure, panels = _panels(years)
    for axes, year in zip(panels.flat, years, strict=False):
        of_year = curves[curves["year"] == year]
        for model in (name for name in LOOKS if name in set(of_year["model"])):
            curve = of_year[of_year["model"] == model].sort_values("recall")
            look = look_of(model)
            axes.plot(curve["recall"], curve["precision"], color=look.colour, linestyle=look.line, label=look.label)
            # The stage `evaluate` takes the curve of the year of the transfer on the held-out blocks.
            part = "held_out" if year == metrics.get("reference_year") else "years"
            place = f"{part}.{year}.{model}"
            axes.plot(
                _number(look_up(metrics, f"{place}.recall")), _number(look_up(metrics, f"{place}.precision")),
                marker="o", color=look.colour, markersize=5, fillstyle="none",
            )  # fmt: skip
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
        axes.set_title(str(year), loc="left")
    figure.supxlabel("Recall (no unit)", fontsize=9)
    figure.supylabel("Precision (no unit)", fontsize=9)
    _one_legend(figure, panels.flat[0], "upper")
    return figure


def reliability(bins: pd.DataFrame) -> Figure | None:
    """How often pixels of a predicted probability are landslide, per year; on the diagonal, probabilities are true.

    Args:
        bins: `reliability.csv`.
    """
    if not {"year", "model", "confidence", "frequency"} <= set(bins) or not len(bins):
        return None
    years = sorted({int(year) for year in bins["year"]})
    figure, panels = _panels(years)
    for axes, year in zip(panels.flat, years, strict=False):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--")
        of_year = bins[bins["year"] == year]
        for model in (name for name in LOOKS if name in set(of_year["model"])):
            of_model, look = of_year[of_year["model"] == model], look_of(model)
            axes.plot(
                of_model["confidence"], of_model["frequency"], color=look.colour, linestyle=look.line,
                marker=look.marker, markersize=3, label=look.label,
            )  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_title(str(year), loc="left")
    figure.supxlabel("Mean predicted probability of the bin (no unit)", fontsize=9)
    figure.supylabel("Share of landslide pixels (no unit)", fontsize=9)
    _one_legend(figure, panels.flat[0], "upper")
    return figure


def frequency_area(distribution: pd.DataFrame, metrics: Mapping[str, Any]) -> Figure | None:
    """Probability density of the areas of landslides, with the inverse gamma fit where there is one.

    Args:
        distribution: `size_distribution.csv`: empirical densities.
        metrics: With the fits.
    """
    if not {"year", "inventory", "area_m2", "density_per_m2"} <= set(distribution):
        return None
    seen = distribution[distribution["density_per_m2"] > 0]
    if not len(seen):
        return None
    years = sorted({int(year) for year in seen["year"]})
    figure, panels = _panels(years, 2.1)
    for axes, year in zip(panels.flat, years, strict=False):
        for side, colour, marker, line in (("manual", ORANGE, "s", "-"), ("predicted", BLUE, "o", "--")):
            points = seen[(seen["year"] == year) & (seen["inventory"] == side)]
            axes.plot(
                points["area_m2"], points["density_per_m2"], linestyle="none", marker=marker, markersize=4,
                color=colour, fillstyle="none", label=side,
            )  # fmt: skip
            curve = _fitted(metrics, year, side)
            if curve is not None:
                axes.plot(*curve, color=colour, linestyle=line, linewidth=1.0)
        axes.set(xscale="log", yscale="log")
        axes.set_title(str(year), loc="left")
    lowest, highest = seen["area_m2"].min(), seen["area_m2"].max()
    panels.flat[0].set(
        xlim=(10 ** np.floor(np.log10(lowest)), 10 ** np.ceil(np.log10(highest))),
        ylim=(seen["density_per_m2"].min() / 3, seen["density_per_m2"].max() * 3),
    )
    for axes in panels.flat[: len(years)]:
        _plain_decades(axes)
    figure.supxlabel("Area of a landslide, m²", fontsize=9)
    figure.supylabel("Probability density, 1/m²", fontsize=9)
    _one_legend(figure, panels.flat[0], "upper")
    return figure


def _fitted(metrics: Mapping[str, Any], year: int, side: str) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """The fitted inverse gamma density from the minimum mapping unit on."""
    sizes = look_up(metrics, f"inventories.{year}.sizes.{side}") or {}
    fit = sizes.get("inverse_gamma")
    if not fit or any(fit.get(name) is None for name in ("rho", "a_m2", "s_m2")):
        return None
    areas = np.logspace(np.log10(sizes["minimum_area_m2"]), 5.5, 120)
    model = InverseGamma(rho=fit["rho"], a=fit["a_m2"], s=fit["s_m2"])
    return areas, density(model, areas, sizes["minimum_area_m2"])


def stock_per_year(balance: pd.DataFrame) -> Figure | None:
    """The stock of each year and what of it is new, of both inventories: numbers, and areas where they are known.

    Args:
        balance: `balance.csv`: `year`, `inventory`, `stock`, `new`, `stock_m2`, `new_m2`.
    """
    if not {"year", "inventory", "stock", "new"} <= set(balance) or not len(balance):
        return None
    quantities = [("", 1.0, "Landslides (number)"), ("_m2", 1e-6, "Area of landslides, km²")]
    drawn = [quantity for quantity in quantities if {f"stock{quantity[0]}", f"new{quantity[0]}"} <= set(balance)]
    figure = new_figure(4.4 * len(drawn) + 0.4, 3.3)
    panels = figure.subplots(1, len(drawn), squeeze=False)[0]
    years = sorted({int(year) for year in balance["year"]})
    for axes, (suffix, factor, label) in zip(panels, drawn, strict=True):
        for side, colour, marker in (("manual", ORANGE, "s"), ("predicted", BLUE, "o")):
            of_side = balance[balance["inventory"] == side].sort_values("year")
            for name, line, fill in (("stock", "-", "full"), ("new", ":", "none")):
                axes.plot(
                    of_side["year"], factor * of_side[f"{name}{suffix}"], color=colour, marker=marker, linestyle=line,
                    markersize=5, linewidth=1.2, fillstyle=fill, label=f"{name}, {side}",
                )  # fmt: skip
        axes.set(xlabel="Year of the scene", ylabel=label, xticks=years)
        axes.set_ylim(bottom=0)
    _one_legend(figure, panels[0])
    return figure


def radiometric_change(scenes: Mapping[str, Any]) -> Figure | None:
    """How far each year's mean reflectance is from the reference year's, before and after normalisation, per band.

    Args:
        scenes: `results/scenes/summary.json`.
    """
    entries = scenes.get("sites", {}).get("investigation", {})
    tables = {int(year): entry["normalisation"] for year, entry in entries.items() if entry.get("normalisation")}
    if not tables:
        return None
    years = sorted(tables)
    bands = in_spectral_order(tables[years[0]])
    figure = new_figure(1.75 * len(bands) + 0.8, 2.9)
    panels = figure.subplots(1, len(bands), sharey=True, squeeze=False)[0]
    for axes, band in zip(panels, bands, strict=True):
        for name, colour, marker, fill in (("before", ORANGE, "o", "none"), ("after", BLUE, "s", "full")):
            values = [100 * (tables[y][band][f"mean_{name}"] - tables[y][band]["mean_reference"]) for y in years]
            look = {"color": colour, "marker": marker, "fillstyle": fill}
            axes.plot(years, values, linestyle="none", label=f"{name} normalisation", **look)
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_title({"nir": "near infrared"}.get(band, band.replace("_", " ")), loc="left")
        axes.set_xticks(years, [f"'{year % 100:02d}" for year in years], fontsize=7.5)
        axes.set_xlabel("Year of the scene", fontsize=8)
    panels[0].set_ylabel("Mean reflectance minus that of\nthe reference year, percentage points", fontsize=8)
    _one_legend(figure, panels[0])
    return figure


def _panels(years: list[int], height_inches: float = 1.9) -> tuple[Figure, NDArray[Any]]:
    """A panel for each year on common axes."""
    columns = min(4, len(years))
    rows = -(-len(years) // columns)
    figure = new_figure(2.2 * columns + 0.5, height_inches * rows + 0.7)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(years) :]:
        axes.set_axis_off()
    for axes in panels.flat[max(len(years) - columns, 0) : len(years)]:
        axes.tick_params(labelbottom=True)  # also where the panel below is empty
    return figure, panels
