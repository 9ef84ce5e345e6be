"""`chronoslide report`: tables, figures, a Markdown summary and a page in `reports/`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from tqdm import tqdm

from chronoslide.errors import DataError
from chronoslide.files import replacing, write_text
from chronoslide.params import read_settings
from chronoslide.reporting.assembly import Maps, add_year, figures_of, page_of, stretches_of
from chronoslide.reporting.comparison import compare_runs, comparison_markdown
from chronoslide.reporting.drawing import Chart, draw_charts, nothing_gathered
from chronoslide.reporting.map_layers import data_uri
from chronoslide.reporting.page import render
from chronoslide.reporting.pictures import Stretch
from chronoslide.reporting.provenance import Provenance, RunRecord, library_versions, stages_of, this_machine
from chronoslide.reporting.results_reader import Results, read_metrics, read_results, read_year
from chronoslide.reporting.style import house_style, png_and_svg, png_bytes
from chronoslide.reporting.summary import report_markdown
from chronoslide.tracking import StageRun, git_commit, latest_runs, stage_run

METRICS = "reports/metrics.json"
_MAP_COLOURS = 96  # keeps the picture of a scene below 250 kB, since git holds it


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
        write_text(root / "reports/report.md", report_markdown(results.metrics, figures_of(charts, maps)))
        write_text(root / "reports/report.html", render(page))
        run.log_files([root / "reports/report.md", root / "reports/report.html"])
        run.log_files([root / "reports/figures"], "figures")


def _write_chart(chart: Chart, figure: Figure, folder: Path) -> str:
    """Writes a chart's files and returns it as a data URI for the page."""
    if not chart.vector:
        png = png_bytes(figure, dpi=150, photograph=True)
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
        against: A revision that git knows and that holds `reports/metrics.json`, for example `main` or a commit.

    Raises:
        DataError: The stage `evaluate` has not run, or the revision is unknown or holds no metrics.
    """
    now = read_metrics(root / METRICS)
    then = _metrics_at(root, against)
    path = root / "reports/comparison.md"
    write_text(path, comparison_markdown(compare_runs(now, then), now, then, against))
    return path


def _metrics_at(root: Path, revision: str) -> Mapping[str, Any]:
    command = ["git", "show", f"{revision}:./{METRICS}"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)  # noqa: S603
        content = json.loads(done.stdout)
    except FileNotFoundError as error:
        raise DataError("git: not installed, and --against reads an earlier revision with it; install git") from error
    except (subprocess.CalledProcessError, json.JSONDecodeError) as error:
        raise DataError(
            f"{revision}: git knows no such revision, or it holds no usable {METRICS}; name another one"
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{revision}: its {METRICS} holds no JSON object; name another revision")
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
        runs=[RunRecord(**asdict(done)) for done in latest_runs(run.client, root)],
        versions=library_versions(),
        machine=this_machine(),
    )
