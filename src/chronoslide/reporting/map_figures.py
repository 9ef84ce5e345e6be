"""Figures with a map in them: a scene beside the same scene with the outlines of both inventories.

Every map carries a scale bar, a north arrow and a legend; unobserved ground is hatched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from shapely import get_coordinates, get_parts, get_rings

from chronoslide.grid import Grid
from chronoslide.inventories.statistics.densities import normalised
from chronoslide.reporting.style import MANUAL, PREDICTED, new_figure

# Points; manual outlines are wider, so that they show beneath the predicted ones where both agree.
OUTLINE_WIDTHS: Final = {"manual": 1.7, "predicted": 0.8}
_HALO: Final = [withStroke(linewidth=2.2, foreground="black")]
_WHITE_HALO: Final = [withStroke(linewidth=2.5, foreground="white")]


def scene_and_outlines(
    picture: NDArray[np.uint8],
    valid: NDArray[np.bool_],
    grid: Grid,
    *,
    title: str,
    manual: gpd.GeoDataFrame | None,
    predicted: gpd.GeoDataFrame | None,
) -> Figure:
    """A scene in true colour beside the same scene with manual and predicted outlines.

    Args:
        picture: (rows, cols, 3) of 0-255.
        valid: (rows, cols).
        grid: Where the pixels lie.
        title: Year, data and provenance.
        manual: Polygons of the manual inventory, None if there is none.
        predicted: Polygons of the predicted inventory, None if there is none.
    """
    width = 12.4
    panel = (width - 0.4) / 2
    figure = new_figure(width, panel * grid.rows / grid.cols + 0.85)
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        draw_scene(axes, picture, valid, grid)
    legend: list[Line2D | Patch] = []
    for inventory, colour, name in ((manual, MANUAL, "manual"), (predicted, PREDICTED, "predicted")):
        if inventory is None:
            continue
        draw_outlines(right, inventory, colour, OUTLINE_WIDTHS[name])
        legend.append(
            Line2D([], [], color=colour, linewidth=1.6, path_effects=_HALO, label=f"{name} ({len(inventory)})")
        )
    if not valid.all():
        legend.append(Patch(facecolor="#CDCDCD", edgecolor="#555555", hatch="////", linewidth=0, label="unobserved"))
    left.set_title(title, loc="left")
    right.set_title("Outlines" if legend else "No inventory", loc="left")
    if legend:
        figure.legend(handles=legend, loc="outside lower right", ncols=len(legend))
    return figure


def draw_scene(axes: Axes, picture: NDArray[np.uint8], valid: NDArray[np.bool_], grid: Grid) -> None:
    """Draws a picture with scale bar and north arrow; unobserved ground is hatched."""
    left, bottom, right, top = grid.bounds
    axes.imshow(picture, extent=(left, right, bottom, top), interpolation="antialiased", zorder=0)
    if not valid.all():
        axes.contourf(
            (~valid).astype(float), levels=[0.5, 1.5], colors="none", hatches=["////"], origin="upper",
            extent=(left, right, bottom, top), zorder=1,
        )  # fmt: skip
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(True)
    _scale_bar(axes, grid)
    _north_arrow(axes)


def draw_outlines(axes: Axes, inventory: gpd.GeoDataFrame, colour: str, width_points: float) -> None:
    """Draws the outlines of an inventory, holes included, with a dark edge that sets them off any ground."""
    parts = get_parts(get_parts(inventory.geometry.to_numpy())) if len(inventory) else []
    rings = [get_coordinates(ring) for part in parts for ring in get_rings(part)]
    axes.add_collection(
        LineCollection(rings, colors="black", linewidths=width_points + 0.7, zorder=3, alpha=0.7), autolim=False
    )
    axes.add_collection(LineCollection(rings, colors=colour, linewidths=width_points, zorder=4), autolim=False)


def round_length(metres: float) -> float:
    """The longest of 1, 2, 5 x 10^n that is not above `metres`."""
    power = 10.0 ** math.floor(math.log10(metres))
    return max(step * power for step in (1, 2, 5) if step * power <= metres)


def _scale_bar(axes: Axes, grid: Grid) -> None:
    left, bottom, right, top = grid.bounds
    length = round_length((right - left) / 4)
    x, y = left + 0.03 * (right - left), bottom + 0.035 * (top - bottom)
    height = 0.014 * (top - bottom)
    axes.add_patch(Rectangle((x, y), length, height, facecolor="black", edgecolor="white", linewidth=1.0, zorder=5))
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.text(x, y + 1.6 * height, text, ha="left", va="bottom", fontsize=8, zorder=5, path_effects=_WHITE_HALO)


def _north_arrow(axes: Axes) -> None:
    axes.annotate(
        "\N{BLACK UP-POINTING TRIANGLE}\nN", xy=(1, 1), xytext=(-10, -4), xycoords="axes fraction",
        textcoords="offset points", ha="center", va="top", fontsize=9, fontweight="bold", linespacing=0.9, zorder=5,
        path_effects=_WHITE_HALO,
    )  # fmt: skip


@dataclass(frozen=True)
class DensityPair:
    """The density maps of a year.

    Attributes:
        manual: (rows, cols), landslides per km2, NaN where undefined.
        predicted: The same of the predicted inventory.
        grid: Where the pixels lie.
    """

    manual: NDArray[np.float32]
    predicted: NDArray[np.float32]
    grid: Grid


def density_maps(years: Mapping[int, DensityPair], *, stretched: bool = False) -> Figure | None:
    """Figure 7: density maps of every year, manual above predicted.

    Args:
        years: The maps of each year; a year without a defined map is left out.
        stretched: Whether each map is stretched to 0-1, as in the paper, or all share one scale.
    """
    drawn = {year: pair for year, pair in sorted(years.items()) if np.isfinite(pair.manual).any()}
    if not drawn:
        return None
    top = max(float(np.nanmax([pair.manual, pair.predicted])) for pair in drawn.values()) or 1.0
    shape = next(iter(drawn.values())).grid
    panel = min(1.5, 8.6 / len(drawn))
    figure = new_figure(max(panel * len(drawn) + 1.0, 3.0), 2 * panel * shape.rows / shape.cols + 0.9)
    panels = figure.subplots(2, len(drawn), squeeze=False)
    for column, (year, pair) in enumerate(drawn.items()):
        for axes, density, name in zip(panels[:, column], (pair.manual, pair.predicted), ("MI", "PI"), strict=True):
            left, bottom, right, up = pair.grid.bounds
            image = axes.imshow(
                normalised(density) if stretched else density, cmap="viridis", vmin=0, vmax=1 if stretched else top,
                extent=(left, right, bottom, up),
            )  # fmt: skip
            axes.set(xticks=[], yticks=[])
            axes.grid(visible=False)
            axes.spines[:].set_visible(True)
            axes.set_title(f"{year} {name}", loc="left", fontsize=8)
    _scale_bar(panels[0, 0], drawn[min(drawn)].grid)
    _north_arrow(panels[0, 0])
    label = "Density, stretched to 0-1 (no unit)" if stretched else "Density, landslides per km²"
    figure.colorbar(image, ax=panels, label=label, shrink=0.9, aspect=25)
    return figure
