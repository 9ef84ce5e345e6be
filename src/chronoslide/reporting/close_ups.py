"""Close-ups of single landslides: false alarms worth a second look (Figure 5) and broken outlines (Figure 6).

From a year's scene and inventories to small pictures that a reader can judge with his own eyes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from rasterio.windows import Window

from chronoslide.grid import Grid
from chronoslide.reporting.map_figures import OUTLINE_WIDTHS, draw_outlines, draw_scene
from chronoslide.reporting.map_layers import hits_of, ids_of
from chronoslide.reporting.results_reader import YearResults
from chronoslide.reporting.style import MANUAL, PREDICTED, new_figure

MOST: Final = 8
_LEAST_SIDE_PIXELS: Final = 44
_MARGIN: Final = 1.5


@dataclass(frozen=True)
class CloseUp:
    """A landslide and what lies around it.

    Attributes:
        title: Year, id and what is remarkable.
        rank: Those of highest rank are shown.
        picture: (rows, cols, 3) of 0-255.
        valid: (rows, cols).
        grid: Where the pixels lie.
        manual: Manual polygons there.
        predicted: Predicted polygons there.
    """

    title: str
    rank: tuple[float, float]
    picture: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    grid: Grid
    manual: gpd.GeoDataFrame
    predicted: gpd.GeoDataFrame


def false_alarms(results: YearResults, picture: NDArray[np.uint8], most: int = MOST) -> list[CloseUp]:
    """Predicted landslides that no manual one hits, by mean probability and area."""
    if results.manual is None or results.predicted is None or "mean_probability" not in results.predicted:
        return []
    names, areas = ids_of(results.predicted), shapely.area(results.predicted.geometry.to_numpy())
    probability = results.predicted["mean_probability"].to_numpy(dtype=float)
    ranked = sorted(
        ((float(probability[place]), float(areas[place]), place)
         for place, hits in enumerate(hits_of(results.predicted, results.manual)) if not hits),
        reverse=True,
    )  # fmt: skip
    return [
        _close_up(
            results, picture, results.predicted.geometry.iloc[place], (chance, area),
            f"{results.year} / PI {names[place]}: {chance:.2f}",
        )
        for chance, area, place in ranked[:most]
    ]  # fmt: skip


def fragmented(results: YearResults, picture: NDArray[np.uint8], most: int = MOST) -> list[CloseUp]:
    """Manual landslides that several predicted ones hit, those of most fragments first."""
    if results.manual is None or results.predicted is None:
        return []
    names, areas = ids_of(results.manual), shapely.area(results.manual.geometry.to_numpy())
    ranked = sorted(
        ((len(hits), float(areas[place]), place)
         for place, hits in enumerate(hits_of(results.manual, results.predicted)) if len(hits) > 1),
        reverse=True,
    )  # fmt: skip
    return [
        _close_up(
            results, picture, results.manual.geometry.iloc[place], (float(number), area),
            f"{results.year} / MI {names[place]}: {number} pieces",
        )
        for number, area, place in ranked[:most]
    ]  # fmt: skip


def close_ups_figure(close_ups: Sequence[CloseUp], most: int = MOST) -> Figure | None:
    """The close-ups of highest rank, four in a row, each with its own scale bar."""
    shown = sorted(close_ups, key=lambda one: one.rank, reverse=True)[:most]
    if not shown:
        return None
    columns = min(4, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(2.3 * columns + 0.1, 2.5 * rows + 0.4)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes, one in zip(panels.flat, shown, strict=False):
        draw_scene(axes, one.picture, one.valid, one.grid)
        draw_outlines(axes, one.manual, MANUAL, OUTLINE_WIDTHS["manual"])
        draw_outlines(axes, one.predicted, PREDICTED, OUTLINE_WIDTHS["predicted"] + 0.4)
        axes.set_title(one.title, loc="left", fontsize=8)
    for axes in panels.flat[len(shown) :]:
        axes.set_axis_off()
    handles = [Line2D([], [], color=MANUAL, linewidth=2.5), Line2D([], [], color=PREDICTED, linewidth=1.5)]
    figure.legend(handles, ["manual (MI)", "predicted (PI)"], loc="outside lower center", ncols=2)
    return figure


def _close_up(
    results: YearResults,
    picture: NDArray[np.uint8],
    outline: shapely.Geometry,
    rank: tuple[float, float],
    title: str,
) -> CloseUp:
    assert results.manual is not None
    assert results.predicted is not None
    grid = results.scene.grid
    window = _window_around(outline, grid)
    rows, cols = window.toslices()
    there = grid.crop(window)
    return CloseUp(
        title, rank, picture[rows, cols], results.scene.valid[rows, cols], there,
        _inside(results.manual, there), _inside(results.predicted, there),
    )  # fmt: skip


def _window_around(outline: shapely.Geometry, grid: Grid) -> Window:
    """A square around an outline, moved into the grid where it would reach beyond."""
    left, bottom, right, top = outline.bounds
    column, row = ~grid.transform @ ((left + right) / 2, (bottom + top) / 2)
    extent = max(right - left, top - bottom) / grid.resolution[0]
    side = int(min(max(_MARGIN * extent, _LEAST_SIDE_PIXELS), *grid.shape))
    first_column = int(np.clip(column - side / 2, 0, grid.cols - side))
    first_row = int(np.clip(row - side / 2, 0, grid.rows - side))
    return Window(first_column, first_row, side, side)


def _inside(inventory: gpd.GeoDataFrame, grid: Grid) -> gpd.GeoDataFrame:
    return inventory[inventory.geometry.intersects(grid.footprint)]
