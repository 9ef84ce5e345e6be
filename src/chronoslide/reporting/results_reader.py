"""Reads what the earlier stages wrote, as far as it is there.

The only module of this room that opens results. A piece that is missing is None or empty; what shows it states the gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray

from chronoslide.dataset import DESCRIPTION, read_dataset
from chronoslide.errors import DataError
from chronoslide.files import parse_json, parse_yaml
from chronoslide.manual_inventories import file_of, read_inventory
from chronoslide.rasters import Raster, read_raster
from chronoslide.reporting.experiments import SHOWN
from chronoslide.vectors import read_polygons

MODEL = "transferred"
"""The model whose maps and inventories the report shows; the others are compared in the tables."""


@dataclass(frozen=True)
class YearResults:
    """What there is of one year of the investigation area.

    Attributes:
        year: The year.
        scene: uint16, 10,000 x reflectance, with validity.
        labels: (rows, cols) of the manual inventory on the scene's grid.
        probability: (rows, cols) of the model MODEL; NaN where unobserved.
        manual: The manual inventory's polygons in the scene's CRS.
        predicted: The predicted inventory's polygons.
        tracked: The year's landslides with identities and states.
    """

    year: int
    scene: Raster
    labels: NDArray[np.uint8] | None
    probability: NDArray[np.float32] | None
    manual: gpd.GeoDataFrame | None
    predicted: gpd.GeoDataFrame | None
    tracked: gpd.GeoDataFrame | None


@dataclass(frozen=True)
class Results:
    """Everything but the rasters and polygons of the years, which `read_year` reads one at a time.

    Attributes:
        root: The repository.
        metrics: `reports/metrics.json`.
        years: Years that have a scene.
        tables: The CSV tables of `reports/tables`, by name.
        histories: A training curve for each model.
        cards: `model.json` of each model.
        scenes: `results/scenes/summary.json`, empty if there is none.
        search: The trials of the search, None if none was run.
        search_importance: The share of each searched setting.
        search_best: `best_params.json`, empty if there is none.
        lock: `dvc.lock`, empty if there is none.
        experiments: What experiments wrote into `reports/`, Markdown by file name.
    """

    root: Path
    metrics: Mapping[str, Any]
    years: tuple[int, ...]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scenes: Mapping[str, Any] = field(default_factory=dict)
    search: pd.DataFrame | None = None
    search_importance: pd.DataFrame = field(default_factory=pd.DataFrame)
    search_best: Mapping[str, Any] = field(default_factory=dict)
    lock: Mapping[str, Any] = field(default_factory=dict)
    experiments: Mapping[str, str] = field(default_factory=dict)


def read_results(root: Path) -> Results:
    """Reads metrics, tables, training curves and model cards.

    Raises:
        DataError: `reports/metrics.json` is missing or broken, or a table is.
    """
    folder = root / "results"
    models = sorted(path.parent for path in (folder / "models").glob("[!.]*/model.json"))
    importance, best = folder / "search/importance.csv", folder / "search/best_params.json"
    return Results(
        root=root,
        metrics=read_metrics(root / "reports/metrics.json"),
        years=tuple(sorted(int(path.stem) for path in (folder / "scenes/investigation").glob("*.tif"))),
        tables={path.stem: _read_table(path) for path in sorted((root / "reports/tables").glob("*.csv"))},
        histories={
            model.name: _read_table(model / "history.csv") for model in models if (model / "history.csv").exists()
        },
        cards={model.name: _read_json(model / "model.json") for model in models},
        scenes=_read_json(folder / "scenes/summary.json") if (folder / "scenes/summary.json").exists() else {},
        search=_read_table(folder / "search/trials.csv") if (folder / "search/trials.csv").exists() else None,
        search_importance=_read_table(importance) if importance.exists() else pd.DataFrame(),
        search_best=_read_json(best) if best.exists() else {},
        lock=_read_yaml(root / "dvc.lock"),
        experiments={
            name: (root / "reports" / name).read_text(encoding="utf-8", errors="replace")
            for name in SHOWN
            if (root / "reports" / name).is_file()
        },
    )


def read_metrics(path: Path) -> Mapping[str, Any]:
    """Reads a metrics file.

    Raises:
        DataError: It is missing, broken, or holds no years.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; run `chronoslide evaluate` first")
    metrics = _read_json(path)
    wrong = misshapen(metrics)
    if wrong:
        raise DataError(f"{path}: holds {wrong}; run `chronoslide evaluate` again")
    return metrics


def misshapen(metrics: Mapping[str, Any]) -> str:
    """What keeps metrics from being laid out in tables, in some words; empty if nothing does."""
    for part in ("data", "years"):
        if not isinstance(metrics.get(part), dict):
            return f"no {part!r}"
    held_out = [part for part in metrics if part.startswith("held_out_")]
    for part in ("years", "inventories", "mean_f1_by_model", "transfer_gain", *held_out):
        section = metrics.get(part, {})
        if not isinstance(section, dict):
            return f"no object under {part!r}"
        if part in ("years", "inventories"):
            if not all(year.isascii() and year.isdigit() and len(year) < 5 for year in section):
                return f"something else than years under {part!r}"
            if not all(isinstance(year, dict) for year in section.values()):
                return f"a year without figures under {part!r}"
    if not all(isinstance(figures, dict) for year in metrics["years"].values() for figures in year.values()):
        return "a model without figures under 'years'"
    return ""


def read_year(root: Path, year: int) -> YearResults:
    """Reads the rasters and polygons of a year.

    Raises:
        DataError: The scene is missing, or a file is broken.
    """
    results = root / "results"
    scene = read_raster(results / f"scenes/investigation/{year}.tif")
    labels = _read_band(results / f"masks/investigation/{year}.tif", scene, np.uint8)
    probability = _read_band(results / f"maps/{MODEL}/{year}.tif", scene, np.float32)
    manual = _read_manual(root / "data", year)
    return YearResults(
        year=year,
        scene=scene,
        labels=labels,
        probability=probability,
        manual=None if manual is None else manual.to_crs(scene.grid.crs),
        predicted=_read_layer(results / "inventories/predicted.gpkg", str(year)),
        tracked=_read_layer(results / "tracked/predicted.gpkg", str(year)),
    )


def _read_manual(data: Path, year: int) -> gpd.GeoDataFrame | None:
    """The manual inventory that the data's description names, None where it names none."""
    if not (data / DESCRIPTION).exists():
        return None
    described = read_dataset(data).sites["investigation"].years.get(year)
    if described is None or described.inventory is None or not (data / file_of(described.inventory)).exists():
        return None
    return read_inventory(data, described.inventory, year)


def _read_band(path: Path, scene: Raster, kind: type[np.generic]) -> NDArray[Any] | None:
    if not path.exists():
        return None
    raster = read_raster(path)
    if raster.grid.shape != scene.grid.shape:
        raise DataError(f"{path}: {raster.grid.shape} pixels, the scene has {scene.grid.shape}; repeat `dvc repro`")
    return raster.values[..., 0].astype(kind)


def _read_layer(path: Path, layer: str) -> gpd.GeoDataFrame | None:
    if not path.exists() or layer not in {str(name) for name in pyogrio.list_layers(path)[:, 0]}:
        return None
    return read_polygons(path, layer)


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a table ({' '.join(str(error).split())}); make it again") from error


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: not YAML ({' '.join(str(error).split())}); run `dvc repro` again") from error
    return content if isinstance(content, dict) else {}


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({' '.join(str(error).split())}); make it again") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object; make it again")
    return content
