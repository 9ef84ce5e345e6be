"""`chronoslide report`: tables, figures, a Markdown summary and a page in `reports/`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from tqdm import tqdm

from chronoslide.errors import DataError
from chronoslide.files import parse_json, replacing, write_text
from chronoslide.git import git
from chronoslide.params import read_settings
from chronoslide.reporting.assembly import Maps, add_year, figures_of, page_of, search_tables, stretches_of
from chronoslide.reporting.comparison import compare_runs, comparison_markdown
from chronoslide.reporting.drawing import Chart, draw_charts, nothing_gathered
from chronoslide.reporting.map_layers import data_uri
from chronoslide.reporting.page import render
from chronoslide.reporting.pictures import Stretch
from chronoslide.reporting.provenance import Provenance, library_versions, stages_of, this_machine
from chronoslide.reporting.results_reader import Results, misshapen, read_metrics, read_results, read_year
from chronoslide.reporting.style import house_style, png_and_svg, png_bytes
from chronoslide.reporting.summary import report_markdown
from chronoslide.tracking import StageRun, attach, git_commit, latest_runs, read_artefact, stage_run

METRICS = "reports/metrics.json"
_MLFLOW_RUN = re.compile(r"(?:runs:/)?([0-9a-f]{32})")
# Git holds the figures, so they are no heavier than can be seen: 64 colours are enough for a scene (not for a density
# map, which would show bands), and 125 dots an inch are the pixels that the page shows.
_MAP_COLOURS = 64
_RASTER_DPI = 125


def run(root: Path) -> None:
    """Writes `reports/report.md`, `reports/figures/` and `reports/report.html`, each whole or not at all.

    Raises:
        DataError: The stage `evaluate` has not run, a result is broken, or the page's map library is not installed.
    """
    settings = read_settings(root / "params.yaml")
    results = read_results(root)
    with stage_run(root, "report", settings) as run:
        gathered, maps = nothing_gathered(), Maps(_stretches(root, results))
        with house_style(), replacing(root / "reports/figures") as folder:
            folder.mkdir()
            for year in tqdm(results.years, desc="report", unit=" years"):
                figure = add_year(maps, gathered, read_year(root, year), results)
                if figure is not None:
                    maps.stills[year] = png_bytes(figure, colours=_MAP_COLOURS, photograph=True)
                    (folder / f"map_{year}.png").write_bytes(maps.stills[year])
            charts = draw_charts(results, gathered)
            sources = {
                chart.name: _write_chart(chart, chart.figure, folder) for chart in charts if chart.figure is not None
            }
            page = page_of(results, gathered, charts, sources, maps, _provenance(root, results, run))
        write_text(
            root / "reports/report.md",
            report_markdown(results.metrics, figures_of(charts, maps), search_tables(results), results.experiments),
        )
        write_text(root / "reports/report.html", render(page))
        _log(run, root, results)


def _log(run: StageRun, root: Path, results: Results) -> None:
    """Keeps the report with the run of the evaluation whose figures it shows, else with the report's own run."""
    reports = root / "reports"
    key = str(results.metrics.get("run", {}).get("inputs", ""))
    evaluation = attach(run, "evaluate", key, [reports / "report.md", reports / "report.html"], "report")
    if evaluation is None:
        run.log_files([reports / "report.md", reports / "report.html"], "report")
        run.log_files([reports / "figures"], "report/figures")
        return
    attach(run, "evaluate", key, [reports / "figures"], "report/figures")
    run.tag(evaluation=evaluation)


def _write_chart(chart: Chart, figure: Figure, folder: Path) -> str:
    """Writes a chart's files and returns it as a data URI for the page."""
    if not chart.vector:
        png = png_bytes(figure, dpi=_RASTER_DPI, photograph=True)
        (folder / f"{chart.name}.png").write_bytes(png)
        return data_uri(png, "image/png")
    png, svg = png_and_svg(figure)
    (folder / f"{chart.name}.png").write_bytes(png)
    write_text(folder / f"{chart.name}.svg", svg)
    return data_uri(svg.encode(), "image/svg+xml")


def compare(root: Path, against: str) -> Path:
    """Writes `reports/comparison.md`: the metrics at hand beside those of another revision.

    Args:
        root: The repository.
        against: A revision that git knows and that holds `reports/metrics.json`, for example `main` or a commit; or
            the id of an evaluation's run in MLflow (32 hexadecimal digits).

    Raises:
        DataError: The stage `evaluate` has not run, or the revision or run is unknown or holds no metrics.
    """
    now = read_metrics(root / METRICS)
    of_mlflow = _MLFLOW_RUN.fullmatch(against)
    then = _metrics_of_run(root, of_mlflow[1]) if of_mlflow else _metrics_at(root, against)
    path = root / "reports/comparison.md"
    write_text(path, comparison_markdown(compare_runs(now, then), now, then, against))
    return path


def _metrics_of_run(root: Path, run_id: str) -> Mapping[str, Any]:
    return _usable(read_artefact(root, run_id, "metrics.json"), f"MLflow's run {run_id}")


def _metrics_at(root: Path, revision: str) -> Mapping[str, Any]:
    try:
        text = git(root, "show", f"{revision}:./{METRICS}")
    except FileNotFoundError as error:
        raise DataError("git: not installed, and --against reads an earlier revision with it; install git") from error
    except subprocess.CalledProcessError as error:
        raise DataError(
            f"{revision}: git knows no such revision, or it holds no {METRICS}; name another one, or a run in MLflow"
        ) from error
    return _usable(text, revision)


def _usable(text: str, origin: str) -> Mapping[str, Any]:
    try:
        content: dict[str, Any] = parse_json(text)
    except ValueError as error:
        raise DataError(f"{origin}: its metrics are not JSON ({error}); name another one") from error
    wrong = misshapen(content) if isinstance(content, dict) else "no 'data'"
    if wrong:
        raise DataError(f"{origin}: its metrics hold {wrong}; name another one")
    return content


def _stretches(root: Path, results: Results) -> dict[str, Stretch]:
    """All years are shown with the stretch of the reference year, or of the first year where that has no scene."""
    if not results.years:
        return {}
    reference = results.metrics.get("reference_year")
    return stretches_of(read_year(root, reference if reference in results.years else results.years[0]).scene)


def _provenance(root: Path, results: Results, run: StageRun) -> Provenance:
    return Provenance(
        commit=git_commit(root),
        stages=stages_of(results.lock),
        runs=latest_runs(run),
        versions=library_versions(),
        machine=this_machine(),
    )
