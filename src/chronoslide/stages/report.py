"""`chronoslide report`: tables, figures, a Markdown summary and a page in `reports/`."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from chronoslide.files import replacing, write_text
from chronoslide.params import read_settings
from chronoslide.reporting import charts
from chronoslide.reporting.map_figures import scene_and_outlines
from chronoslide.reporting.pictures import TRUE_COLOUR, composite, composite_bands, stretch_of
from chronoslide.reporting.results_reader import Results, YearResults, read_results, read_year
from chronoslide.reporting.style import house_style, save_png
from chronoslide.reporting.summary import Figures, report_markdown
from chronoslide.tracking import stage_run

_MAP_COLOURS = 96


def run(root: Path) -> None:
    """Writes `reports/report.md` and `reports/figures`.

    Raises:
        DataError: The stage `evaluate` has not run, or a result is broken.
    """
    settings = read_settings(root / "params.yaml")
    results = read_results(root)
    with stage_run(root, "report", settings) as run:
        with house_style(), replacing(root / "reports/figures") as folder:
            folder.mkdir()
            figures = _draw(root, results, folder)
        write_text(root / "reports/report.md", report_markdown(results.metrics, figures))
        run.log_files([root / "reports/report.md"])
        run.log_files([root / "reports/figures"], "figures")


def _draw(root: Path, results: Results, folder: Path) -> Figures:
    drawn: list[tuple[str, str]] = []
    maps: list[tuple[str, str]] = []
    gaps: list[str] = []
    for name, figure, caption in (
        ("f1_per_year", charts.f1_per_year(results.metrics), "F1 per year of all models, full maps"),
        ("f1_held_out", charts.f1_per_year(results.metrics, "held_out"), "F1 per year, held-out blocks"),
        ("training_curves", charts.training_curves(results.histories), "Training curves"),
        (
            "inventory_areas",
            charts.inventory_areas(results.tables["areas"], results.metrics) if "areas" in results.tables else None,
            "Figure 8. Manual against predicted areas",
        ),
    ):
        if figure is None:
            gaps.append(f"{caption}: not drawn, because the figures for it were not measured.")
            continue
        save_png(figure, folder / f"{name}.png")
        drawn.append((f"{name}.png", caption))
    if not results.years:
        gaps.append("Maps: not drawn, because there are no scenes.")
        return Figures(tuple(drawn), tuple(maps), tuple(gaps))
    reference_year = results.metrics.get("reference_year")
    reference = read_year(root, reference_year if reference_year in results.years else results.years[0])
    bands = composite_bands(reference.scene.bands, TRUE_COLOUR)
    if bands is None:
        gaps.append(f"Maps: not drawn in true colour, because the scenes have only {', '.join(reference.scene.bands)}.")
        return Figures(tuple(drawn), tuple(maps), tuple(gaps))
    stretch = stretch_of(reference.scene.values, reference.scene.valid, reference.scene.bands, bands)
    for year in tqdm(results.years, desc="report", unit=" years"):
        results_of_year = read_year(root, year)
        scene = results_of_year.scene
        picture = composite(scene.values, scene.valid, scene.bands, stretch)
        figure = scene_and_outlines(
            picture, scene.valid, scene.grid, title=_map_title(results, year),
            manual=results_of_year.manual, predicted=results_of_year.predicted,
        )  # fmt: skip
        save_png(figure, folder / f"map_{year}.png", colours=_MAP_COLOURS)
        maps.append((f"map_{year}.png", f"{year}: scene, manual and predicted outlines"))
        gaps += _missing_inventories(results_of_year)
    return Figures(tuple(drawn), tuple(maps), tuple(gaps))


def _map_title(results: Results, year: int) -> str:
    data = results.metrics["data"]
    return f"{year}, {data.get('name', '')}, true colour ({data.get('provenance', 'unknown provenance')})"


def _missing_inventories(year: YearResults) -> list[str]:
    found = (("manual", year.manual), ("predicted", year.predicted))
    return [f"{year.year}: there is no {name} inventory." for name, inventory in found if inventory is None]
