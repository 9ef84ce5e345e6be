"""Puts a report together: which tables, figures and gaps stand in which section of the page and of the summary.

Between what was drawn and the two outputs; it opens no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from chronoslide.rasters import Raster
from chronoslide.reporting import pictures
from chronoslide.reporting.drawing import Chart, Gathered, Place, gather
from chronoslide.reporting.map_figures import scene_and_outlines
from chronoslide.reporting.map_layers import MapYear, data_uri, map_year, quick_look
from chronoslide.reporting.page import MapSection, Page, Picture, QuickLook, Section
from chronoslide.reporting.pictures import FALSE_COLOUR, TRUE_COLOUR, Stretch
from chronoslide.reporting.provenance import Provenance
from chronoslide.reporting.results_reader import MODEL, Results, YearResults
from chronoslide.reporting.summary import INVENTORY_TABLES, Figures, report_tables
from chronoslide.reporting.tables.cells import Table
from chronoslide.reporting.tables.inventories import balance_table, second_looks_table
from chronoslide.reporting.tables.scenes import radiometry_table, scenes_table
from chronoslide.reporting.tables.search import search_table


@dataclass
class Maps:
    """The maps of all years, filled one year at a time.

    Attributes:
        stretches: For the composites `true` and `false`, from the reference year.
        years: The layers of each year.
        stills: The PNG of each year's figure.
        quick_looks: A pair of pictures for each year.
        ground_m: Width and height of the ground [m].
        gaps: Sentences on what is missing and why.
    """

    stretches: Mapping[str, Stretch]
    years: dict[int, MapYear] = field(default_factory=dict)
    stills: dict[int, bytes] = field(default_factory=dict)
    quick_looks: list[QuickLook] = field(default_factory=list)
    ground_m: tuple[float, float] = (0.0, 0.0)
    gaps: list[str] = field(default_factory=list)


def stretches_of(scene: Raster) -> dict[str, Stretch]:
    """The stretch of each composite that a scene's bands allow."""
    return {
        name: pictures.stretch_of(scene.values, scene.valid, scene.bands, wanted)
        for name, wanted in (("true", TRUE_COLOUR), ("false", FALSE_COLOUR))
        if set(wanted) <= set(scene.bands)
    }


def add_year(maps: Maps, gathered: Gathered, of_year: YearResults, results: Results) -> Figure | None:
    """Adds a year's layers and quick-looks, and what the charts need of it.

    Returns:
        The figure of the scene beside its outlines, None where the bands allow no true colour.
    """
    scene, year = of_year.scene, of_year.year
    left, bottom, right, top = scene.grid.bounds
    maps.ground_m = (right - left, top - bottom)
    composites = {
        name: pictures.composite(scene.values, scene.valid, scene.bands, stretch)
        for name, stretch in maps.stretches.items()
    }
    maps.years[year] = map_year(of_year, composites)
    gather(gathered, of_year, composites.get("true"))
    looks = {name: quick_look(picture) for name, picture in composites.items()}
    maps.quick_looks.append(QuickLook(year, looks.get("true"), looks.get("false")))
    for name, inventory in (("manual", of_year.manual), ("predicted", of_year.predicted)):
        if inventory is None:
            maps.gaps.append(f"{year}: there is no {name} inventory.")
        elif inventory.empty:
            maps.gaps.append(f"{year}: the {name} inventory holds no landslide.")
    if of_year.probability is None:
        maps.gaps.append(f"{year}: there is no probability map of the {MODEL} model.")
    if "true" not in composites:
        return None
    data = results.metrics["data"]
    return scene_and_outlines(
        composites["true"], scene.valid, scene.grid,
        title=f"{year}, {data.get('name', '')}, true colour ({data.get('provenance', 'unknown provenance')})",
        manual=of_year.manual, predicted=of_year.predicted,
    )  # fmt: skip


def figures_of(charts: Sequence[Chart], maps: Maps) -> Figures:
    """The names and captions of all figures for the Markdown summary."""
    return Figures(
        charts=tuple((chart.place, f"{chart.name}.png", chart.caption) for chart in charts if chart.figure is not None),
        maps=tuple((f"map_{year}.png", _still_caption(year)) for year in sorted(maps.stills)),
        gaps=(*(chart.gap for chart in charts if chart.figure is None and chart.gap), *_map_gaps(maps)),
    )


def page_of(
    results: Results,
    gathered: Gathered,
    charts: Sequence[Chart],
    sources: Mapping[str, str],
    maps: Maps,
    provenance: Provenance,
) -> Page:
    """The page's content; `sources` holds the data URI of each chart by name."""

    def section(place: Place, there: Sequence[Table] = (), gaps: Sequence[str] = ()) -> Section:
        return _section([chart for chart in charts if chart.place == place], sources, there, gaps)

    metrics = results.metrics
    accuracy = [table for table in report_tables(metrics) if table.key not in INVENTORY_TABLES]
    inventories = [table for table in report_tables(metrics) if table.key in INVENTORY_TABLES]
    balance = results.tables.get("balance")
    if balance is not None and "inventory" in balance:
        inventories += [balance_table(balance, side) for side in ("manual", "predicted")]
    if len(gathered.second_looks):
        inventories.append(second_looks_table(gathered.second_looks))
    return Page(
        metrics=metrics,
        summary=section("summary"),
        data=section(
            "data",
            [scenes_table(results.scenes, metrics), *filter(None, [radiometry_table(results.scenes)])]
            if results.scenes
            else [],
            [] if results.scenes else ["There is no results/scenes/summary.json, so no table of the scenes."],
        ),
        quick_looks=maps.quick_looks,
        search=section("search", search_tables(results), [] if results.search is not None else [
            "No search was run: the settings in params.yaml were taken as they stand."
        ]),
        accuracy=section("accuracy", accuracy),
        map=MapSection(
            *maps.ground_m, maps.years, _stills(maps), _map_gaps(maps)
        ) if maps.years else None,
        inventories=section("inventories", inventories),
        provenance=provenance,
        card=results.cards.get(MODEL, {}),
    )  # fmt: skip


def search_tables(results: Results) -> list[Table]:
    """Table 2, where there was a search."""
    return [] if results.search is None else [search_table(results.search, results.search_best)]


def _section(
    charts: Sequence[Chart], sources: Mapping[str, str], there: Sequence[Table], gaps: Sequence[str]
) -> Section:
    return Section(
        tables=there,
        pictures=[
            Picture(sources[chart.name], chart.caption, chart.description) for chart in charts if chart.name in sources
        ],
        gaps=[*gaps, *(chart.gap for chart in charts if chart.name not in sources and chart.gap)],
    )


def _stills(maps: Maps) -> list[Picture]:
    return [
        Picture(data_uri(content, "image/png"), _still_caption(year), _still_caption(year), wide=True)
        for year, content in sorted(maps.stills.items())
    ]


def _still_caption(year: int) -> str:
    return f"{year}: the scene, and the same with manual (yellow) and predicted (blue) outlines"


def _map_gaps(maps: Maps) -> list[str]:
    """The gaps of all years; what concerns every year is said once."""
    gaps = list(maps.gaps)
    if not maps.years:
        return ["Maps: not drawn, because there are no scenes (results/scenes/investigation)."]
    if "true" not in maps.stretches:
        gaps.append("There is no true-colour picture: the scenes lack a red, green or blue band.")
    if "false" not in maps.stretches:
        gaps.append("There is no false-colour picture: the scenes lack a near-infrared, red or green band.")
    if not any("states" in layers.shapes for layers in maps.years.values()):
        gaps.append("The map has no layer of states: the inventories were not tracked through time.")
    return gaps
