"""The stage as a whole: what it writes, that it writes the same twice, and that a missing piece is a stated gap."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from chronoslide.errors import DataError
from chronoslide.rasters import read_raster, write_raster
from chronoslide.stages import report
from chronoslide.vectors import read_polygons, write_geopackage
from report_page import Page, wrong_numbers

Render = Callable[[Path], Path]


def hashes(reports: Path) -> dict[str, str]:
    files = [reports / "report.md", *sorted((reports / "figures").iterdir())]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_results_give_the_same_bytes(rendered: Path, tree: Path, render_report: Render) -> None:
    assert hashes(render_report(tree)) == hashes(rendered)


def test_every_figure_that_the_summary_shows_is_there(rendered: Path) -> None:
    shown = [
        line.split("(")[-1].rstrip(")")
        for line in (rendered / "report.md").read_text().splitlines()
        if line[:2] == "!["
    ]
    assert len(shown) > 8
    assert all((rendered / name).exists() for name in shown)


def test_the_summary_says_that_the_data_are_simulated(rendered: Path) -> None:
    assert "**SIMULATED data" in (rendered / "report.md").read_text()


def test_the_summary_names_no_place_on_this_machine(rendered: Path) -> None:
    assert str(rendered.parent) not in (rendered / "report.md").read_text()


def test_without_metrics_the_remedy_is_named(tree: Path, render_report: Render) -> None:
    (tree / "reports/metrics.json").unlink()
    with pytest.raises(DataError, match=r"metrics\.json: no such file; run `chronoslide evaluate` first"):
        render_report(tree)


def remove(tree: Path, path: str) -> None:
    target = tree / path
    if target.exists():
        shutil.rmtree(target) if target.is_dir() else target.unlink()


@pytest.mark.parametrize(
    "missing",
    [
        {
            "reports/tables/precision_recall.csv": "Precision-recall curves are not drawn",
            "reports/tables/reliability.csv": "calibration was not measured",
            "reports/tables/areas.csv": "Figure 8 is not drawn",
            "results/models": "Training curves are not drawn",
            "results/maps": "2015: there is no probability map",
            "results/inventories": "2015: there is no predicted inventory",
            "results/tracked": "The map has no layer of states",
            "reports/tables/balance.csv": "Stock and new landslides are not shown",
            "reports/tables/transitions.csv": "The states through the years are not shown",
            "reports/tables/size_distribution.csv": "Frequency and area are not drawn",
            "results/scenes/summary.json": "The radiometric change between years is not drawn",
            "data/investigation/inventories/2015.gpkg": "2015: there is no manual inventory",
        },
        {"results/scenes": "there are no scenes"},
    ],
)
def test_missing_pieces_are_stated_gaps(tree: Path, render_report: Render, missing: dict[str, str]) -> None:
    for path in missing:
        remove(tree, path)
    reports = render_report(tree)
    summary, page = (reports / "report.md").read_text(), (reports / "report.html").read_text()
    for gap in missing.values():
        assert gap in summary
        assert gap in page


def test_a_class_that_no_year_has_is_a_stated_gap(tree: Path, render_report: Render) -> None:
    """Nothing is predicted in any year: no ratio of it is defined, and no polygon is there to draw."""
    path = tree / "reports/metrics.json"
    metrics = json.loads(path.read_text())
    for year in metrics["years"]:
        place = f"years.{year}.transferred"
        metrics["years"][year]["transferred"] |= dict.fromkeys(("precision", "f1", "f1_low", "f1_high", "mcc"))
        metrics["undefined"] |= {f"{place}.{name}": "nothing was predicted" for name in ("precision", "f1", "mcc")}
        figures = metrics["inventories"][year]
        figures["predicted"] |= {"count": 0, "area_m2": 0.0, "min_m2": None, "max_m2": None}
        figures["objects"] = {name: None for name in figures["objects"] if name != "sizes"}
    metrics["calibration"] = {}
    path.write_text(json.dumps(metrics))
    for name in ("inventories", "tracked"):
        package = tree / f"results/{name}/predicted.gpkg"
        layers = {year: read_polygons(package, year).iloc[:0] for year in metrics["years"]}
        package.unlink()
        write_geopackage(package, layers)
    for name in ("areas", "size_distribution"):
        remove(tree, f"reports/tables/{name}.csv")
    reports = render_report(tree)
    page = (reports / "report.html").read_text()
    for gap in (
        "nothing was predicted: 2014, 2015, 2016*.",
        "the inventory holds no landslide: 2014, 2015, 2016.",
        "2015: the predicted inventory holds no landslide.",
        "Figure 6 is not drawn", "Figure 5 is not drawn", "Figure 8 is not drawn",
    ):  # fmt: skip
        assert gap in page
    assert wrong_numbers(Page(page), tree) == []


def test_too_few_landslides_for_a_size_distribution_are_a_stated_gap(rendered: Path) -> None:
    for name in ("report.md", "report.html"):
        assert "5 landslides, 50 are needed: 2014 PI, 2015 PI, 2016 PI." in (rendered / name).read_text()


def test_a_search_that_was_not_run_is_a_stated_gap(rendered: Path) -> None:
    assert "No search was run" in (rendered / "report.html").read_text()


def test_a_year_without_landslides_is_a_stated_gap(rendered: Path) -> None:
    assert "2014: the manual inventory holds no landslide." in (rendered / "report.md").read_text()


def test_fewer_bands_and_fewer_models_still_make_a_report(tree: Path, render_report: Render) -> None:
    for path in (tree / "results/scenes/investigation").glob("*.tif"):
        raster = read_raster(path)
        write_raster(path, raster.values[..., :4], raster.grid, bands=raster.bands[:4], valid=raster.valid)
    path = tree / "reports/metrics.json"
    metrics = json.loads(path.read_text())
    for models in metrics["years"].values():
        del models["from_scratch"]
    metrics["transfer_gain"] = {}
    path.write_text(json.dumps(metrics))
    reports = render_report(tree)
    summary = (reports / "report.md").read_text()
    assert "no false-colour picture" in summary
    assert "The gain of transfer was not measured." in summary
    assert (reports / "figures/map_2015.png").exists()


def test_a_run_is_compared_with_a_revision(tree: Path) -> None:
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    subprocess.run([*git, "add", "reports/metrics.json"], cwd=tree, check=True)
    subprocess.run([*git, "commit", "-q", "-m", "metrics"], cwd=tree, check=True)
    assert "| mean F1, transferred |" in report.compare(tree, "HEAD").read_text()


def test_a_run_is_compared_with_a_run_in_mlflow(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def stored(root: Path, run_id: str, name: str) -> str:
        asked.append((root, run_id, name))
        return (tree / "reports/metrics.json").read_text()

    monkeypatch.setattr(report, "read_artefact", stored)
    run_id = "0123456789abcdef" * 2
    for against in (run_id, f"runs:/{run_id}"):
        assert f"| Figure | This run | `{against}` |" in report.compare(tree, against).read_text()
    assert asked == [(tree, run_id, "metrics.json")] * 2


@pytest.mark.parametrize(("stored", "words"), [("[]", "hold no 'data'"), ("{}", "hold no 'data'"), ("<p>", "not JSON")])
def test_metrics_that_are_none_are_refused_in_one_line(
    tree: Path, monkeypatch: pytest.MonkeyPatch, stored: str, words: str
) -> None:
    monkeypatch.setattr(report, "read_artefact", lambda *_: stored)
    with pytest.raises(DataError, match=words) as caught:
        report.compare(tree, "0" * 32)
    assert "\n" not in str(caught.value)


def test_an_unknown_revision_is_refused_in_one_line(tree: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    with pytest.raises(DataError, match="no such revision") as caught:
        report.compare(tree, "no-such-branch")
    assert "\n" not in str(caught.value)
