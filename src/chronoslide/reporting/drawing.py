"""All charts of a report in their order, each with its caption, its description in words, and the gap it leaves.

Between the results and both outputs: the Markdown summary shows them as PNG, the page as SVG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import shapely
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chronoslide.grid import Grid
from chronoslide.inventories.statistics.densities import compare_densities
from chronoslide.reporting import charts, search_figures
from chronoslide.reporting.close_ups import CloseUp, close_ups_figure, false_alarms, fragmented
from chronoslide.reporting.flows import state_flows
from chronoslide.reporting.map_figures import DensityPair, density_maps
from chronoslide.reporting.map_layers import hits_of, ids_of
from chronoslide.reporting.results_reader import Results, YearResults

Place = Literal["summary", "data", "search", "accuracy", "inventories"]


@dataclass(frozen=True)
class Chart:
    """A chart of the report.

    Attributes:
        name: Of its files.
        place: The section of the page that shows it.
        caption: Below it.
        description: The same in words for those who cannot see it.
        figure: None where there is nothing to draw.
        gap: Why it could not be drawn.
        vector: Whether it is also kept as SVG; a figure that is mostly pixels is not.
    """

    name: str
    place: Place
    caption: str
    description: str
    figure: Figure | None
    gap: str
    vector: bool = True


@dataclass
class Gathered:
    """What is collected while the years are read one by one.

    Attributes:
        densities: By year the density maps of both inventories.
        second_looks: Predicted landslides that no manual one hits.
        false_alarms: Close-ups of such.
        fragmented: Close-ups of manual landslides that were predicted in pieces.
    """

    densities: dict[int, DensityPair]
    second_looks: pd.DataFrame
    false_alarms: list[CloseUp]
    fragmented: list[CloseUp]


SECOND_LOOK_COLUMNS = ["year", "landslide_id", "area_m2", "mean_probability", "x", "y"]


def nothing_gathered() -> Gathered:
    """The start of gathering."""
    return Gathered({}, pd.DataFrame(columns=SECOND_LOOK_COLUMNS), [], [])


def gather(
    gathered: Gathered,
    results: YearResults,
    picture: NDArray[np.uint8] | None,
) -> None:
    """Adds a year to what was gathered.

    Args:
        gathered: Is added to.
        results: Of the year.
        picture: The scene in true colour, None where its bands do not allow it.
    """
    grid = results.scene.grid
    if results.manual is not None and results.predicted is not None:
        coarse = Grid.from_bounds(grid.bounds, grid.crs, max(grid.resolution[0], grid.cols * grid.resolution[0] / 160))
        compared = compare_densities(results.manual, results.predicted, grid.footprint, coarse)
        gathered.densities[results.year] = DensityPair(compared.manual_map, compared.predicted_map, coarse)
        gathered.second_looks = _stacked(gathered.second_looks, _unmatched(results))
    if picture is not None:
        gathered.false_alarms += false_alarms(results, picture)
        gathered.fragmented += fragmented(results, picture)


def draw_charts(results: Results, gathered: Gathered) -> Sequence[Chart]:
    """Draws every chart that the results allow."""
    metrics, tables = results.metrics, results.tables
    empty = pd.DataFrame()
    return (
        Chart(
            "f1_per_year", "summary", "Pooled F1 of every model in every year, full maps, with 95 % intervals",
            _f1_in_words(metrics, "years"), charts.f1_per_year(metrics),
            "F1 per year is not drawn: the metrics hold no year.",
        ),
        Chart(
            "radiometry", "data",
            "Radiometric change between the years before and after normalisation, over ground that both years observed",
            "For each band and year: mean reflectance minus the reference year's, before and after normalisation.",
            charts.radiometric_change(results.scenes),
            "The radiometric change between years is not drawn: results/scenes/summary.json tells of no normalisation.",
        ),
        Chart(
            "f1_held_out", "accuracy", "Pooled F1 on the held-out blocks, with 95 % intervals",
            _f1_in_words(metrics, "held_out"), charts.f1_per_year(metrics, "held_out"),
            "F1 on the held-out blocks is not drawn: it was not measured.",
        ),
        Chart(
            "precision_recall", "accuracy",
            "Precision and recall at thresholds from 0.01 to 0.99 (year of the transfer: held-out blocks); circle: the "
            "threshold in use",
            "Curves of precision against recall, a panel for each year, a line for each model.",
            charts.precision_recall(tables.get("precision_recall", empty), metrics),
            "Precision-recall curves are not drawn: there is no reports/tables/precision_recall.csv.",
        ),
        Chart(
            "reliability", "accuracy", "Reliability of the probabilities; on the dashed line they come true",
            "Share of landslide pixels against predicted probability, a panel for each year.",
            charts.reliability(tables.get("reliability", empty)),
            "The reliability diagram is not drawn: calibration was not measured (no reports/tables/reliability.csv).",
        ),
        Chart(
            "training_curves", "accuracy", "Training curves; the circle marks the lowest validation loss",
            "Training and validation loss over the epochs, a panel for each model.",
            charts.training_curves(results.histories),
            "Training curves are not drawn: there is no results/models/<name>/history.csv.",
        ),
        Chart(
            "inventory_areas", "inventories",
            "Figure 8. Area of each manual landslide against that of the predicted polygons matched to it",
            "Scatter plots with logarithmic axes, a panel for each year; points on the dashed line agree.",
            charts.inventory_areas(tables.get("areas", empty), metrics),
            "Figure 8 is not drawn: there is no reports/tables/areas.csv, or no manual landslide was hit.",
        ),
        Chart(
            "density_maps", "inventories",
            "Figure 7. Kernel density of both inventories on one common scale",
            "Maps of landslide density, a column for each year, manual above predicted.",
            density_maps(gathered.densities),
            "Figure 7 is not drawn: no year has both inventories with at least two landslides.",
            vector=False,
        ),
        Chart(
            "density_maps_normalised", "inventories",
            "Figure 7 as the paper draws it: each density map stretched to 0 to 1",
            "The same maps, each stretched to its own maximum.",
            density_maps(gathered.densities, stretched=True),
            "",
            vector=False,
        ),
        Chart(
            "frequency_area", "inventories",
            "Frequency and area of landslides; curves are the inverse gamma fits, where there are enough landslides",
            "Probability density against area with logarithmic axes, a panel for each year, manual and predicted.",
            charts.frequency_area(tables.get("size_distribution", empty), metrics),
            "Frequency and area are not drawn: there is no reports/tables/size_distribution.csv.",
        ),
        Chart(
            "fragmentation", "inventories",
            "Figure 6. Manual landslides that were predicted in pieces, those of most pieces first",
            "Close-ups of scenes with the outlines of a manual landslide and of the predicted pieces.",
            close_ups_figure(gathered.fragmented),
            "Figure 6 is not drawn: no manual landslide was predicted in pieces.",
            vector=False,
        ),
        Chart(
            "second_looks", "inventories",
            "Figure 5. Predicted landslides without a manual one, by mean probability (in the title)",
            "Close-ups of scenes with the outline of a predicted landslide that no manual one hits.",
            close_ups_figure(gathered.false_alarms),
            "Figure 5 is not drawn: every predicted landslide hits a manual one, or there are none.",
            vector=False,
        ),
        Chart(
            "stock", "inventories",
            "Stock of landslides and what of it is new in each year (in the first year all of them)",
            "Lines over the years for the manual and the predicted inventory: number of landslides, and their area. "
            "The tables of the balance hold the numbers.",
            charts.stock_per_year(tables.get("balance", empty)),
            "Stock and new landslides are not shown: the inventories were not tracked through time "
            "(no reports/tables/balance.csv).",
        ),
        Chart(
            "states", "inventories",
            "What became of the landslides. Bars: the stock of each year by state, below zero what left it. Ribbons: "
            "landslides that went from one state into another, in the colour of what they became; what has no ribbon "
            "on its left was not in the stock the year before",
            "Alluvial diagrams of the states through the years, manual above predicted. "
            + _states_in_words(tables.get("transitions", empty)),
            state_flows(tables.get("transitions", empty)),
            "The states through the years are not shown: the inventories were not tracked through time "
            "(no reports/tables/transitions.csv).",
        ),
        *search_charts(results),
    )  # fmt: skip


def search_charts(results: Results) -> Sequence[Chart]:
    """The charts of the search; none where none was run."""
    trials, shares = results.search, results.search_importance
    if trials is None:
        return ()
    few = "too few trials came to their end, or they differ in too little"
    drawn = (
        ("history", "F1 of every trial of the search on the validation patches, and the best so far",
         search_figures.history(trials)),
        ("importance", "Which searched settings matter: their share of the variance of F1",
         search_figures.importance(shares)),
        ("parallel_coordinates", "Every trial that came to its end as a line through its settings; the darker, the "
         "higher its F1", search_figures.parallel_coordinates(trials)),
        ("slice", "F1 against each searched setting", search_figures.slices(trials)),
        ("contour", "F1 over the two settings that matter most, straight between trials",
         search_figures.contour(trials, shares)),
        ("timeline", "Trials one after the other by the epochs that they took", search_figures.timeline(trials)),
    )  # fmt: skip
    return tuple(
        Chart(f"search_{name}", "search", caption, f"{caption}. Table 2 holds the figures.", figure,
              f"The search's {name.replace('_', ' ')} is not drawn: {few}.")
        for name, caption, figure in drawn
    )  # fmt: skip


def _stacked(above: pd.DataFrame, below: pd.DataFrame) -> pd.DataFrame:
    there = [table for table in (above, below) if len(table)]
    return pd.concat(there, ignore_index=True) if there else above


def _unmatched(results: YearResults) -> pd.DataFrame:
    assert results.predicted is not None
    assert results.manual is not None
    hits = hits_of(results.predicted, results.manual)
    names = ids_of(results.predicted)
    geometry = results.predicted.geometry.to_numpy()
    probability = results.predicted.get("mean_probability", pd.Series(np.nan, index=results.predicted.index))
    centres = shapely.centroid(geometry)
    rows = [
        (results.year, names[place], float(shapely.area(geometry[place])), float(probability.iloc[place]),
         float(shapely.get_x(centres[place])), float(shapely.get_y(centres[place])))
        for place, found in enumerate(hits) if not found
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=SECOND_LOOK_COLUMNS)


def _states_in_words(transitions: pd.DataFrame) -> str:
    """The stock and what left it, year by year, for the predicted inventory."""
    if not {"year", "state", "landslides", "inventory"} <= set(transitions):
        return ""
    predicted = transitions[transitions["inventory"] == "predicted"]
    years = [
        f"{year}: " + ", ".join(f"{n} {state}" for state, n in of_year.groupby("state")["landslides"].sum().items())
        for year, of_year in predicted.groupby("year")
    ]
    return "Predicted inventory: " + "; ".join(years) + "." if years else ""


def _f1_in_words(metrics: Mapping[str, Any], part: str) -> str:
    values = [
        f"{year}: {models['transferred']['f1']:.2f}"
        for year, models in sorted(metrics.get(part, {}).items())
        if models.get("transferred", {}).get("f1") is not None
    ]
    return "F1 of the transferred model by year: " + "; ".join(values) + ". The table holds the other models."
