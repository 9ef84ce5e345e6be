"""Writes a small, plausible tree of results and metrics, labelled as simulated, as the stages before the report would.

A program instead of stored files: `python tests/reporting/results_tree.py FOLDER` makes one to look at.
"""

from __future__ import annotations

import datetime
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage
from shapely.geometry import box

from chronoslide.dataset import Acquisition, Dataset, Site, Year, write_dataset
from chronoslide.files import write_json
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.vectorising import polygonise
from chronoslide.labels import UNOBSERVED, rasterise
from chronoslide.rasters import write_raster
from chronoslide.vectors import write_geopackage

ROOT = Path(__file__).parents[2]
BANDS = ("blue", "green", "red", "red_edge", "nir")
MODELS = ("transferred", "from_scratch", "pretrained")
THRESHOLDS = {"transferred": 0.5, "from_scratch": 0.45, "pretrained": 0.4, "ndvi_threshold": 0.3}
FOREST, DEBRIS = (0.02, 0.04, 0.025, 0.085, 0.27), (0.11, 0.14, 0.165, 0.185, 0.215)
EMPTY_YEAR = 2014


def write_tree(
    root: Path, years: tuple[int, ...] = (2014, 2015, 2016), shape: tuple[int, int] = (90, 120), seed: int = 7
) -> dict[str, Any]:
    """Writes params.yaml, data/, results/ and reports/ below `root` and returns the metrics; 2014 has no landslide."""
    generator = np.random.default_rng(seed)
    grid = Grid(CRS.from_epsg(32645), Affine(5, 0, 322_900, 0, -5, 3_113_450), shape)
    ground = 1 + 0.2 * _smooth(generator, shape, 3) + 0.3 * _smooth(generator, shape, 15)
    metrics = _frame(years, grid)
    layers: dict[str, gpd.GeoDataFrame] = {}
    pairs: list[dict[str, object]] = []
    (root / "data/investigation/inventories").mkdir(parents=True)
    (root / "reports/tables").mkdir(parents=True)
    for year in years:
        truth = _landslides(generator, shape, 0 if year == EMPTY_YEAR else 6)
        valid = np.ones(shape, dtype=bool)
        valid[:6, :8] = False
        _write_scene(root, year, truth, valid, ground, grid)
        manual = polygonise(truth, grid).drop(columns="mean_probability")
        write_geopackage(root / f"data/investigation/inventories/{year}.gpkg", {"landslides": manual})
        labels = rasterise(manual, grid, valid, all_touched=False, what="the manual inventory")
        write_raster(
            root / f"results/masks/investigation/{year}.tif", labels, grid, bands=["label"], nodata=UNOBSERVED,
            overviews="nearest",
        )  # fmt: skip
        for number, model in enumerate(MODELS):
            probability = _probability(generator, truth, 0.05 + 0.1 * number)
            probability[~valid] = np.nan
            write_raster(
                root / f"results/maps/{model}/{year}.tif", probability, grid, bands=["landslide probability"],
                nodata=float("nan"),
            )  # fmt: skip
            metrics["years"][str(year)][model] = _score(labels, probability, THRESHOLDS[model])
            half = np.where(np.arange(shape[1]) < shape[1] // 2, labels, UNOBSERVED).astype(np.uint8)
            metrics["held_out"][str(year)][model] = _score(half, probability, THRESHOLDS[model])
            if model == "transferred":
                predicted = polygonise(
                    np.nan_to_num(probability) >= 0.5, grid, np.nan_to_num(probability),
                    date=datetime.date(year, 11, 7), year=year, model_version="01234567", provenance="simulated",
                )  # fmt: skip
        layers[str(year)] = predicted
        threshold = _score(labels, _probability(generator, truth, 0.35), 0.5)
        metrics["years"][str(year)]["ndvi_threshold"] = {
            **threshold, "loss": None, "average_precision": None, "f1_at_half": None,
        }  # fmt: skip
        metrics["inventories"][str(year)] = {
            "manual": _summary(manual, grid), "predicted": _summary(predicted, grid),
            "objects": {
                "detection_rate": None if manual.empty else 0.875, "correct_rate": None if manual.empty else 0.75,
                "iou_above_0.5": {"f1": 0.8, "panoptic_quality": 0.62}, "fragmentation": 1.25, "merging": 1.0,
                "mapping_error": 0.31, "polis_mean_m": 4.4,
                "sizes": {"pearson_r": None if manual.empty else 0.98, "manual_unmatched": 0},
            },
            "fragmentation": {"before": 1.5, "after": 1.25},
            "sizes": {
                "manual": {
                    "number": 60, "minimum_area_m2": 200.0, "refusal": "", "magnitude": 2.4,
                    "magnitude_interval": [2.2, 2.6], "power_law": {"exponent": 2.3, "intervals": {}},
                    "inverse_gamma": {"rho": 1.4, "a_m2": 1280.0, "s_m2": -132.0, "rollover_m2": 401.3,
                                      "tail_exponent": 2.4, "intervals": {"tail_exponent": [2.1, 2.7]}},
                },
                "predicted": {"number": 5, "minimum_area_m2": 200.0, "refusal": "5 landslides, 50 are needed"},
            },
            "densities": {side: {"kernel_maximum_per_km2": None if manual.empty else 41.2 + len(side),
                                 "kernel_mean_per_km2": None if manual.empty else 9.5}
                          for side in ("manual", "predicted")},
        }  # fmt: skip
        pairs += [
            {"year": year, "manual": row.landslide_id, "manual_area_m2": row.area_m2,
             "predicted_area_m2": float(predicted.intersection(row.geometry).area.sum())}
            for row in manual.itertuples()
        ]  # fmt: skip
    write_geopackage(root / "results/inventories/predicted.gpkg", layers)
    _write_tracked(root, years, layers)
    _write_scene_summary(root, years)
    _finish_metrics(metrics, years)
    write_json(root / "reports/metrics.json", metrics)
    _write_tables(root, years, pairs, generator)
    for model in MODELS:
        _write_model(root, model, generator)
    _write_data(root, years, grid)
    shutil.copy(ROOT / "params.yaml", root / "params.yaml")
    return json.loads((root / "reports/metrics.json").read_text())


def _smooth(generator: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    field = ndimage.gaussian_filter(generator.normal(size=shape), sigma, mode="wrap")
    return field / field.std()


def _landslides(generator: np.random.Generator, shape: tuple[int, int], count: int) -> np.ndarray:
    """Slanted ellipses of 6 to 20 pixels."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    truth = np.zeros(shape, dtype=bool)
    for _ in range(count):
        row, col = generator.uniform(10, shape[0] - 10), generator.uniform(12, shape[1] - 10)
        length, width = generator.uniform(5, 12), generator.uniform(2, 4)
        along, across = (rows - row + cols - col) / 1.414, (rows - row - cols + col) / 1.414
        truth |= (along / length) ** 2 + (across / width) ** 2 < 1
    return truth


def _probability(generator: np.random.Generator, truth: np.ndarray, noise: float) -> np.ndarray:
    blurred = ndimage.gaussian_filter(truth.astype(float), 0.7)
    return np.clip(blurred + noise * _smooth(generator, truth.shape, 2.0), 0, 1).astype(np.float32)


def _write_scene(root: Path, year: int, truth: np.ndarray, valid: np.ndarray, ground: np.ndarray, grid: Grid) -> None:
    cube = np.where(truth[..., None], np.array(DEBRIS), np.array(FOREST)) * ground[..., None].clip(0.3)
    stored = np.where(valid[..., None], np.rint(cube * 10_000).clip(1), 0).astype(np.uint16)
    write_raster(root / f"results/scenes/investigation/{year}.tif", stored, grid, bands=BANDS, valid=valid)


def _score(labels: np.ndarray, probability: np.ndarray, threshold: float) -> dict[str, Any]:
    """Counts and ratios, as the contract of metrics.json names them; an undefined ratio is None."""
    seen = (labels != UNOBSERVED) & np.isfinite(probability)
    truth, positive = labels[seen] == 1, probability[seen] >= threshold
    tp, fp = int((truth & positive).sum()), int((~truth & positive).sum())
    fn, tn = int((truth & ~positive).sum()), int((~truth & ~positive).sum())
    f1 = 2 * tp / (2 * tp + fp + fn) if tp + fn else None
    product = float(np.sqrt(float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))
    return {
        "tp": tp, "fp": fp, "fn": fn, "tn": tn,
        "precision": tp / (tp + fp) if tp + fp and tp + fn else None,
        "recall": tp / (tp + fn) if tp + fn else None,
        "f1": f1, "f1_low": f1 and f1 - 0.07, "f1_high": f1 and min(f1 + 0.05, 1.0), "f1_at_half": f1 and f1 - 0.01,
        "iou": tp / (tp + fp + fn) if tp + fn else None,
        "mcc": (tp * tn - fp * fn) / product if product else None,
        "loss": 1 - f1 if f1 else None, "average_precision": f1 and min(1.0, f1 + 0.03), "boundary_f1": f1,
        "unobserved_km2": float((labels == UNOBSERVED).sum() * 25e-6),
    }  # fmt: skip


def _summary(inventory: gpd.GeoDataFrame, grid: Grid) -> dict[str, Any]:
    areas = inventory.geometry.area
    total = grid.rows * grid.cols * 25.0
    return {
        "count": len(areas), "area_m2": float(areas.sum()),
        "min_m2": float(areas.min()) if len(areas) else None, "max_m2": float(areas.max()) if len(areas) else None,
        "mean_m2": float(areas.mean()) if len(areas) else None,
        "density_per_km2": len(areas) / total * 1e6, "density_percent": float(areas.sum()) / total * 100,
    }  # fmt: skip


def _frame(years: tuple[int, ...], grid: Grid) -> dict[str, Any]:
    return {
        "data": {
            "name": "made-up valley", "provenance": "simulated", "description": "Ellipses on a smooth field.",
            "sensor": "made-up sensor", "area_km2": grid.rows * grid.cols * 25e-6,
        },
        "protocol": "blocks", "reference_year": 2016,
        "run": {"stage": "evaluate", "inputs": "0123456789abcdef", "models": {"pretrained": "fedcba9876543210"}},
        "thresholds": THRESHOLDS,
        "years": {str(year): {} for year in years}, "held_out": {str(year): {} for year in years},
        "inventories": {}, "undefined": {},
    }  # fmt: skip


def _finish_metrics(metrics: dict[str, Any], years: tuple[int, ...]) -> None:
    reference = str(metrics["reference_year"])
    for part in ("years", "held_out"):
        for year, models in metrics[part].items():
            for model, values in models.items():
                metrics["undefined"] |= {
                    f"{part}.{year}.{model}.{name}": "the year has no landslide"
                    for name in ("precision", "recall", "f1", "iou", "mcc")
                    if values[name] is None
                }
    metrics[f"held_out_{reference}"] = metrics["held_out"].get(reference, {})
    figures = {"expected_calibration_error": 0.0312, "brier_score": 0.0087, "above": 0.05}
    metrics["calibration"] = {str(year): figures for year in years}
    metrics["tracking"] = {side: {"identities": 11, "polygons": 15} for side in ("manual", "predicted")}
    metrics["paper_protocol"] = {"transferred": metrics["held_out"].get(reference, {}).get("transferred", {})}
    means = {}
    for model in (*MODELS, "ndvi_threshold"):
        values = [metrics["years"][str(year)][model]["f1"] for year in years]
        means[model] = float(np.mean([value for value in values if value is not None]))
    metrics["mean_f1"], metrics["mean_f1_by_model"] = means["transferred"], means
    metrics["transfer_gain"] = {
        "f1_difference": 0.0213, "low": -0.0042, "high": 0.0467, "confidence": 0.95, "against": "from_scratch",
        "excludes_zero": False,
    }  # fmt: skip


def _write_tables(
    root: Path, years: tuple[int, ...], pairs: list[dict[str, object]], generator: np.random.Generator
) -> None:
    folder = root / "reports/tables"
    sizes = [
        {"year": year, "inventory": side, "area_m2": area, "density_per_m2": 0.3 * area**-1.2, "number": 3}
        for year in years if year != EMPTY_YEAR for side in ("manual", "predicted") for area in (300, 900, 2700)
    ]  # fmt: skip
    pd.DataFrame(sizes).to_csv(folder / "size_distribution.csv", index=False)
    columns = ["year", "manual", "manual_area_m2", "predicted_area_m2"]
    pd.DataFrame(pairs, columns=columns).to_csv(folder / "areas.csv", index=False)
    recall = np.linspace(0, 1, 21)
    curves = [
        {"year": year, "model": model, "threshold": 1 - r, "precision": 1 - 0.4 * r**3 - 0.05 * number, "recall": r}
        for year in years if year != EMPTY_YEAR for number, model in enumerate(MODELS) for r in recall
    ]  # fmt: skip
    pd.DataFrame(curves).round(6).to_csv(folder / "precision_recall.csv", index=False)
    bins = [
        {"year": year, "model": "transferred", "bin": b, "confidence": (b + 0.5) / 15,
         "frequency": ((b + 0.5) / 15) ** 1.2, "pixels": int(generator.integers(50, 500))}
        for year in years for b in range(15)
    ]  # fmt: skip
    pd.DataFrame(bins).round(6).to_csv(folder / "reliability.csv", index=False)


def _write_tracked(root: Path, years: tuple[int, ...], layers: dict[str, gpd.GeoDataFrame]) -> None:
    """Everything is new in every year, and the last year's first landslide heals."""
    stock, first = {}, 1
    for year in years:
        frame = layers[str(year)][["area_m2", "mean_probability", "geometry"]].copy()
        frame.insert(0, "landslide_id", np.arange(first, first + len(frame)))
        frame["polygon_id"] = layers[str(year)]["landslide_id"].astype(str)
        frame["state"], frame["first_seen"], frame["last_seen"] = "new", year, year
        first += len(frame)
        stock[str(year)] = frame
    events = gpd.GeoDataFrame(
        {"year": [years[-1]], "state": ["healed"], "landslide_id": [1]},
        geometry=[box(322_900, 3_113_300, 322_950, 3_113_350)], crs="EPSG:32645",
    )  # fmt: skip
    write_geopackage(root / "results/tracked/predicted.gpkg", {**stock, "events": events})
    counts = [len(stock[str(year)]) for year in years]
    states = [{"year": year, "state": "new", "landslides": count} for year, count in zip(years, counts, strict=True)]
    balance = [
        {
            "year": year,
            "stock_before": 0,
            "new": count,
            "reactivated": 0,
            "split_off": 0,
            "healed": 0,
            "merged_away": 0,
            "stock": count,
            "unobserved": 0,
        }
        for year, count in zip(years, counts, strict=True)
    ]
    transitions = [{**state, "state_before": "absent"} for state in states]
    for name, rows in (("states", states), ("balance", balance), ("transitions", transitions)):
        table = pd.concat([pd.DataFrame(rows).assign(inventory=side) for side in ("predicted", "manual")])
        table.to_csv(root / f"reports/tables/{name}.csv", index=False)


def _write_scene_summary(root: Path, years: tuple[int, ...]) -> None:
    change = {"mean_reference": 0.05, "mean_before": 0.06, "mean_after": 0.051}
    entries = {
        str(year): {
            "date": f"{year}-11-07", "tiles": 2, "covered_share": 0.995, "unobserved_km2": 0.0012,
            "normalised": "none" if year == 2016 else "histogram",
            "normalisation": None if year == 2016 else dict.fromkeys(BANDS, change),
        }
        for year in years
    }  # fmt: skip
    write_json(root / "results/scenes/summary.json", {"sites": {"investigation": entries}})


def _write_model(root: Path, model: str, generator: np.random.Generator) -> None:
    folder = root / "results/models" / model
    folder.mkdir(parents=True)
    epochs = np.arange(1, 13)
    loss = 0.2 + 0.5 * np.exp(-epochs / 4) + generator.normal(0, 0.01, len(epochs))
    history = {"epoch": epochs, "loss": loss, "val_loss": loss + 0.05, "val_f1": 1 - loss, "learning_rate": 0.001}
    pd.DataFrame(history).round(6).to_csv(folder / "history.csv", index=False)
    card = {"bands": list(BANDS), "threshold": THRESHOLDS[model], "provenance": "simulated", "filters": 16}
    write_json(folder / "model.json", card)


def _write_data(root: Path, years: tuple[int, ...], grid: Grid) -> None:
    area = gpd.GeoDataFrame(geometry=[box(*grid.bounds)], crs=grid.crs)
    write_geopackage(root / "data/investigation/area_of_interest.gpkg", {"area_of_interest": area})
    described = {
        year: Year(
            date=datetime.date(year, 11, 7),
            acquisitions=(Acquisition(scene=Path(f"investigation/acquisitions/{year}/{year}1107_tile1_Analytic_SR.tif")),),
            inventory=Path(f"investigation/inventories/{year}.gpkg"),
        )
        for year in years
    }  # fmt: skip
    site = Site(area_of_interest=Path("investigation/area_of_interest.gpkg"), years=described)
    dataset = Dataset(
        name="made-up valley", provenance="simulated", description="Ellipses on a smooth field.",
        sensor="made-up sensor", bands=BANDS, scale=10_000, nodata=0, crs="EPSG:32645", resolution_metres=5,
        sites={"training": site, "investigation": site},
    )  # fmt: skip
    write_dataset(root / "data", dataset)


if __name__ == "__main__":
    write_tree(Path(sys.argv[1]))
