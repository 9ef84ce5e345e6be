"""Charts of the search: how it went, what mattered, and where in its space the good settings lie.

Drawn from the stage `tune`'s tables alone, so the same search gives the same bytes. Optuna's own plots need a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullFormatter
from numpy.typing import NDArray

from chronoslide.reporting.style import BLACK, BLUE, GREY, ORANGE, VERMILION, new_figure

FIGURES = ("f1", "loss", "precision", "recall", "threshold", "best_epoch", "epochs", "cost")
_NOT_SEARCHED = {"trial", "state", "pareto", *FIGURES}
_STATES = {"complete": (BLUE, "o", ""), "pruned": (ORANGE, "s", "///"), "failed": (VERMILION, "x", "xx")}
_MAP = "cividis"  # readable without colours
# With fewer, a surface is a few triangles that look like more than was tried.
_SURFACE_POINTS = 6


def searched_settings(trials: pd.DataFrame) -> list[str]:
    """The columns of numbers that were searched and took more than one value; names have no place on an axis."""
    numbers = trials.select_dtypes("number").columns
    return [name for name in numbers if name not in _NOT_SEARCHED and trials[name].nunique() > 1]


def history(trials: pd.DataFrame) -> Figure | None:
    """F1 of every trial in order, and the best so far."""
    known = trials.dropna(subset=["f1"])
    if known.empty:
        return None
    figure = new_figure(6.4, 3.2)
    axes = figure.subplots()
    _points(axes, known, known["trial"])
    complete = known[known["state"] == "complete"]
    axes.step(complete["trial"], complete["f1"].cummax(), where="post", color=BLACK, linewidth=1.0)
    axes.set(xlabel="Trial", ylabel="F1 on validation patches (no unit)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(figure, known, [Line2D([], [], color=BLACK, linewidth=1.0, label="best so far")])
    return figure


def importance(shares: pd.DataFrame) -> Figure | None:
    """The share of F1's variance that each setting explains."""
    if shares.empty:
        return None
    ordered = shares.sort_values("importance")
    figure = new_figure(6.4, 0.45 * len(ordered) + 1.1)
    axes = figure.subplots()
    axes.barh([_words(name) for name in ordered["parameter"]], ordered["importance"], color=BLUE, height=0.6)
    axes.set(xlabel="Share of the variance of F1 (functional ANOVA)", xlim=(0, 1))
    axes.grid(visible=False, axis="y")
    return figure


def parallel_coordinates(trials: pd.DataFrame) -> Figure | None:
    """Every trial that came to its end as a line through its settings to its F1."""
    names = searched_settings(trials)
    known = trials[trials["state"] == "complete"]
    if len(known) < 2 or not names:
        return None
    columns = [*names, "f1"]
    figure = new_figure(1.5 * len(columns) + 1.2, 3.4)
    axes = figure.subplots()
    shades = _shades(known["f1"])
    places = {name: _placed(known[name], trials[name]) for name in columns}
    for row, shade in zip(range(len(known)), shades, strict=True):
        axes.plot([places[name][row] for name in columns], color=shade, linewidth=1.3)
    for number, name in enumerate(columns):
        low, high = trials[name].min(), trials[name].max()
        for value, height in ((low, -0.04), (high, 1.04)):
            axes.annotate(
                f"{value:.3g}",
                (number, height),
                ha="center",
                va="top" if height < 0 else "bottom",
                fontsize=8,
                annotation_clip=False,
            )
        axes.axvline(number, color=GREY, linewidth=0.8)
    axes.set_xticks(range(len(columns)), [_words(name) for name in columns])
    axes.tick_params(axis="x", length=0, pad=14)
    axes.set(ylim=(-0.02, 1.02), yticks=[])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def slices(trials: pd.DataFrame) -> Figure | None:
    """F1 against each setting."""
    names = searched_settings(trials)
    known = trials.dropna(subset=["f1"])
    if known.empty or not names:
        return None
    figure = new_figure(2.3 * len(names) + 0.6, 3.0)
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        _points(axes, known, known[name])
        axes.set_xlabel(_words(name))
        _scale(axes, known[name], "x")
    panels[0].set_ylabel("F1 on validation patches (no unit)")
    _legend(figure, known, [])
    return figure


def contour(trials: pd.DataFrame, shares: pd.DataFrame) -> Figure | None:
    """F1 over the two settings that matter most, straight between the trials that came to their end."""
    names = [name for name in shares.get("parameter", ()) if name in searched_settings(trials)][:2]
    known = trials[trials["state"] == "complete"]
    if len(names) < 2:
        return None
    x, y = (_placed(known[name], trials[name]) for name in names)
    corners = np.unique(np.column_stack([x, y]), axis=0)
    if len(corners) < _SURFACE_POINTS or np.linalg.matrix_rank(corners - corners[0], tol=1e-6) < 2:
        return None
    figure = new_figure(5.2, 3.8)
    axes = figure.subplots()
    level = known.groupby([known[name] for name in names])["f1"].max().reset_index()
    across, up = level[names[0]].to_numpy(dtype=float), level[names[1]].to_numpy(dtype=float)
    filled = axes.tricontourf(across, up, level["f1"].to_numpy(dtype=float), levels=10, cmap=_MAP)
    figure.colorbar(filled, ax=axes, label="F1 on validation patches (no unit)")
    axes.plot(known[names[0]], known[names[1]], linestyle="none", marker="o", markersize=4, color=BLACK,
              markerfacecolor="white")  # fmt: skip
    axes.set(xlabel=_words(names[0]), ylabel=_words(names[1]))
    for name, direction in zip(names, "xy", strict=True):
        _scale(axes, known[name], direction)
    return figure


def timeline(trials: pd.DataFrame) -> Figure | None:
    """Which trial took how many epochs, one after the other; wall times would differ from run to run."""
    if trials.empty:
        return None
    figure = new_figure(6.4, min(0.16 * len(trials) + 1.2, 7.0))
    axes = figure.subplots()
    ends = trials["epochs"].cumsum()
    for row, end in zip(trials.to_dict("records"), ends, strict=True):
        colour, _, hatch = _STATES[row["state"]]
        axes.barh(row["trial"], row["epochs"], left=end - row["epochs"], color=colour, hatch=hatch, height=0.75)
    axes.invert_yaxis()
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="Epochs of training since the search began", ylabel="Trial")
    there = [state for state in _STATES if state in set(trials["state"])]
    figure.legend(
        handles=[Patch(facecolor=_STATES[state][0], hatch=_STATES[state][2], label=state) for state in there],
        loc="outside upper right", ncols=3,
    )  # fmt: skip
    return figure


def _points(axes: Axes, trials: pd.DataFrame, across: pd.Series[Any]) -> None:
    for state, (colour, marker, _) in _STATES.items():
        chosen = trials["state"] == state
        axes.plot(across[chosen], trials["f1"][chosen], linestyle="none", marker=marker, markersize=5, color=colour)
    ended = trials["state"] == "complete"
    best = ended & (trials["f1"] == trials["f1"][ended].max())
    axes.plot(
        across[best], trials["f1"][best], linestyle="none", marker="o", markersize=10, color=BLACK, fillstyle="none"
    )


def _legend(figure: Figure, trials: pd.DataFrame, more: Sequence[Line2D]) -> None:
    there = [state for state in _STATES if state in set(trials["state"])]
    handles = [
        Line2D([], [], linestyle="none", marker=_STATES[state][1], color=_STATES[state][0], label=state)
        for state in there
    ]
    ring = Line2D([], [], linestyle="none", marker="o", markersize=9, color=BLACK, fillstyle="none", label="best")
    figure.legend(handles=[*handles, ring, *more], loc="outside upper right", ncols=5)


def _is_wide(values: pd.Series[Any]) -> bool:
    """Whether values span so much that only a logarithm shows all of them."""
    return bool(values.min() > 0 and values.max() / values.min() >= 8)


def _scale(axes: Axes, values: pd.Series[Any], direction: str) -> None:
    if not _is_wide(values):
        return
    axis = axes.xaxis if direction == "x" else axes.yaxis
    (axes.set_xscale if direction == "x" else axes.set_yscale)("log")
    axis.set_minor_formatter(NullFormatter())


def _placed(values: pd.Series[Any], among: pd.Series[Any]) -> NDArray[np.float64]:
    """Values between 0 (the least among all trials) and 1."""
    change = np.log if _is_wide(among) else np.asarray
    low, high = float(change(among.min())), float(change(among.max()))
    numbers = np.asarray(change(values.to_numpy(dtype=float)), dtype=np.float64)
    return (numbers - low) / (high - low) if high > low else np.full(len(numbers), 0.5)


def _shades(f1: pd.Series[Any]) -> NDArray[np.float64]:
    from matplotlib import colormaps

    return np.asarray(colormaps[_MAP].reversed()(0.1 + 0.85 * _placed(f1, f1)))


def _words(name: str) -> str:
    known = {"f1": "F1", "false_positive_weight": "beta", "batch_patches": "batch"}
    return known.get(name, name.replace("_", " "))
