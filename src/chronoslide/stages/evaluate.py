"""`chronoslide evaluate`: maps and inventories of every year against the manual inventories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from tqdm import tqdm

from chronoslide.dataset import Dataset, read_dataset
from chronoslide.errors import DataError
from chronoslide.evaluation.accuracy import Accuracy, Map, judge_patches
from chronoslide.evaluation.ground import number_blocks
from chronoslide.evaluation.inventories import InventoryJudgement, judge_inventories
from chronoslide.evaluation.metrics_file import Judgement, metrics_file
from chronoslide.evaluation.tables import accuracy_table, by_year, density_table, inventory_table
from chronoslide.evaluation.years import MAIN, JudgedYear, Yardstick, judge_year
from chronoslide.files import replacing, write_json
from chronoslide.grid import Grid, require_same
from chronoslide.inventories.outlines.vectorising import binarise, remove_small
from chronoslide.manual_inventories import read_inventory
from chronoslide.models import baseline
from chronoslide.models.calibration import Temperature, fit_temperature
from chronoslide.models.card import WEIGHTS, read_card, require_bands
from chronoslide.models.fitting import predict_patches
from chronoslide.models.losses import TverskyLoss
from chronoslide.models.storage import load_model
from chronoslide.params import Settings, read_settings
from chronoslide.patches.blocks import TEST
from chronoslide.patches.storage import read_patches
from chronoslide.rasters import read_raster, write_raster
from chronoslide.scenes.scene import read_scene
from chronoslide.tracking import StageRun, follow, promote, stage_run
from chronoslide.vectors import read_polygons

MODELS = ("pretrained", "transferred", "from_scratch")
BASELINE = "ndvi_threshold"
REGISTERED = ("pretrained", "transferred")
KINDS = ("manual", "predicted")
_LOGGED = ("precision", "recall", "f1", "iou", "mcc")


@dataclass(frozen=True)
class _Site:
    """What is read once: what years are judged by, the area, and the threshold of each model."""

    yardstick: Yardstick
    area: shapely.Geometry
    thresholds: Mapping[str, float]


def run(root: Path) -> None:
    """Writes `reports/metrics.json` and `reports/tables/`, and moves the alias `champion` where a model is better.

    Raises:
        DataError: Maps, masks or manual inventories are missing or do not fit each other.
    """
    settings = read_settings(root / "params.yaml")
    dataset = read_dataset(root / "data")
    site = _read_site(root, settings, dataset)
    years = sorted(int(path.stem) for path in (root / "results/masks/investigation").glob("*.tif"))
    if settings.reference_year not in years:
        raise DataError(
            f"results/masks/investigation: no mask of the reference year {settings.reference_year} (only {years}); "
            "deliver its manual inventory or change reference_year"
        )
    with stage_run(root, "evaluate", settings) as run:
        judged = {year: _judge_year(root, settings, site, year) for year in tqdm(years, desc="evaluate", unit=" years")}
        inventories = _inventories(root, settings, dataset, site, judged)
        on_patches, temperature = _on_patches(root, site.yardstick)
        tracking = json.loads((root / "results/tracked/summary.json").read_text(encoding="utf-8"))
        metrics = metrics_file(
            Judgement(
                years={year: item.whole for year, item in judged.items()},
                held_out={year: item.held_out for year, item in judged.items()},
                on_patches=on_patches,
                transfer_gain=judged[settings.reference_year].gain,
                calibration={year: item.calibration.as_dict() for year, item in judged.items()},
                inventories={str(year): judgement.figures for year, judgement in inventories.items()},
                thresholds=site.thresholds,
                tracking=tracking,
                temperature=temperature.as_dict(),
            ),
            dataset=dataset,
            area_km2=site.area.area / 1e6,
            protocol=settings.protocol,
            reference_year=settings.reference_year,
            main_model=MAIN,
            inputs=run.inputs.key,
        )
        tables = {
            "accuracy": accuracy_table(metrics),
            "inventories": inventory_table(metrics),
            "densities": density_table(metrics),
            "areas": by_year({year: judgement.pairs for year, judgement in inventories.items()}, 2)[
                ["year", "manual", "manual_area_m2", "predicted_area_m2"]
            ],
            "size_distribution": by_year({year: item.size_distribution for year, item in inventories.items()}, 12),
            **{
                name: pd.read_csv(root / f"results/tracked/{name}.csv") for name in ("balance", "states", "transitions")
            },
            "reliability": by_year({year: item.calibration.table for year, item in judged.items()}, 6).assign(
                model=MAIN
            ),
            "precision_recall": pd.concat([curve for item in judged.values() for curve in item.curves])[
                ["year", "model", "threshold", "precision", "recall"]
            ],
        }
        _write_tables(root / "reports/tables", tables)
        _write_densities(root / "results/densities", inventories)
        write_json(root / "reports/metrics.json", metrics)
        _log(run, metrics, root)
        for name in REGISTERED:
            accuracy = judged[settings.reference_year].held_out[name]
            weights = root / "results/models" / name / WEIGHTS
            print(promote(run, f"chronoslide-{name}", weights, accuracy.f1, _held_out_key(root, settings)))
        print(follow(run, "chronoslide-mapper", f"chronoslide-{MAIN}"))


def _read_site(root: Path, settings: Settings, dataset: Dataset) -> _Site:
    blocks = read_raster(root / "results/patches/investigation/blocks.tif")
    area = read_polygons(root / "data" / dataset.sites["investigation"].area_of_interest).to_crs(blocks.grid.crs)
    cards = {name: read_card(root / "results/models" / name) for name in MODELS}
    thresholds = {name: card.threshold_in_use(settings.inventory.threshold) for name, card in cards.items()}
    yardstick = Yardstick(
        grid=blocks.grid,
        # The paper's protocol holds no ground out: its figures are taken everywhere, and leak.
        held_out=blocks.values[..., 0] == TEST if settings.protocol == "blocks" else np.ones(blocks.grid.shape, bool),
        blocks=number_blocks(blocks.grid, settings.evaluate.block_metres),
        loss=TverskyLoss.from_settings(settings.transfer.optimiser),
        settings=settings.evaluate,
        minimum_area_m2=settings.inventory.minimum_area_m2,
        seed=settings.seed,
    )
    return _Site(
        yardstick=yardstick,
        area=shapely.intersection(area.union_all(), blocks.grid.footprint),
        thresholds={**thresholds, BASELINE: _ndvi_threshold(root)},
    )


def _ndvi_threshold(root: Path) -> float:
    """The NDVI threshold that maps the training area best, over all its years."""
    indices, labels = [], []
    for path in sorted((root / "results/masks/training").glob("*.tif")):
        scene = read_scene(root / "results/scenes/training" / path.name)
        indices.append(baseline.ndvi(scene.reflectance, scene.bands))
        labels.append(read_raster(path).values[..., 0].astype(np.uint8))
    return baseline.choose_ndvi_threshold(np.stack(indices), np.stack(labels)).value


def _judge_year(root: Path, settings: Settings, site: _Site, year: int) -> JudgedYear:
    labels = read_raster(root / f"results/masks/investigation/{year}.tif").values[..., 0].astype(np.uint8)
    maps = dict(_maps(root, site, year))
    return judge_year(maps, labels, site.yardstick, year, trained_on=year == settings.reference_year)


def _maps(root: Path, site: _Site, year: int) -> Iterator[tuple[str, Map]]:
    grid, minimum_area = site.yardstick.grid, site.yardstick.minimum_area_m2
    for name in MODELS:
        path = root / f"results/maps/{name}/{year}.tif"
        raster = read_raster(path)
        require_same(grid, raster.grid, str(path))
        probability = raster.values[..., 0].astype(np.float32)
        yield name, Map(binarise(probability, site.thresholds[name], minimum_area, grid), probability)
    scene = read_scene(root / f"results/scenes/investigation/{year}.tif")
    bare = baseline.predict(baseline.ndvi(scene.reflectance, scene.bands), site.thresholds[BASELINE])
    yield BASELINE, Map(remove_small(bare & scene.valid, minimum_area, grid), None)


def _inventories(
    root: Path, settings: Settings, dataset: Dataset, site: _Site, judged: Mapping[int, JudgedYear]
) -> dict[int, InventoryJudgement]:
    """Manual and predicted inventory of every year."""
    section = settings.evaluate
    ground = site.yardstick.grid
    grid = Grid.from_bounds(ground.bounds, ground.crs, section.statistics.density_resolution_metres)
    found = {}
    for year, judgement in tqdm(judged.items(), desc="evaluate inventories", unit=" years"):
        found[year] = judge_inventories(
            _manual(root, dataset, site, year),
            read_polygons(root / "results/inventories/predicted.gpkg", layer=str(year)),
            site.area,
            grid,
            section,
            minimum_area_m2=settings.inventory.minimum_area_m2,
            seed=settings.seed,
            fragments=judgement.fragments,
        )
    return found


def _manual(root: Path, dataset: Dataset, site: _Site, year: int) -> gpd.GeoDataFrame:
    inventory = dataset.year("investigation", year).inventory
    if inventory is None:
        raise DataError(f"data/dataset.yaml: sites.investigation.years.{year} has no inventory to compare with; add it")
    return read_inventory(root / "data", inventory, year).to_crs(site.yardstick.grid.crs)


def _on_patches(root: Path, yardstick: Yardstick) -> tuple[dict[str, Accuracy], Temperature]:
    """What takes the networks themselves: the paper's protocol, and the main model's temperature.

    The paper pools over the stored test patches, at 0.5. The temperature is what the logits would have to be divided
    by, fitted on the validation patches.
    """
    validation, test = (read_patches(root / f"results/patches/investigation/{part}") for part in ("validation", "test"))
    judged = {}
    for name in MODELS:
        model, card = load_model(root / "results/models" / name)
        require_bands(card, test.bands)
        probability = predict_patches(model, test, card.statistics)
        judged[name] = judge_patches(probability, np.asarray(test.labels), yardstick.grid.pixel_area_m2, yardstick.loss)
        if name == MAIN:
            said = predict_patches(model, validation, card.statistics)
            temperature = fit_temperature(said, np.asarray(validation.labels))
    return judged, temperature


def _write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    with replacing(folder) as temporary:
        temporary.mkdir()
        for name, table in tables.items():
            table.to_csv(temporary / f"{name}.csv", index=False, lineterminator="\n")


def _write_densities(folder: Path, inventories: Mapping[int, InventoryJudgement]) -> None:
    """The maps of Figure 7, landslides per km2, NaN outside the area of interest."""
    with replacing(folder) as temporary:
        for year, judgement in inventories.items():
            densities = judgement.densities
            for kind, values in (("manual", densities.manual_map), ("predicted", densities.predicted_map)):
                path = temporary / kind / f"{year}.tif"
                rounded_values = np.round(values, 4).astype(np.float32)
                write_raster(path, rounded_values, densities.grid, bands=["landslides per km2"], nodata=float("nan"))


def _log(run: StageRun, metrics: Mapping[str, Any], root: Path) -> None:
    """Tells MLflow: scalars for comparing runs, series with the year as step, and tables that it shows side by side.

    A name is `<model>.<figure>`, with `held_out.` before it where the ground is the held-out blocks and `mean.` where
    it is the mean of the years; figures of inventories are `<inventory>.<figure>`.
    """
    run.log_metrics({"mean_f1": metrics["mean_f1"], "transfer_gain_f1": metrics["transfer_gain"]["f1_difference"]})
    run.log_metrics({f"mean.{model}.f1": value for model, value in metrics["mean_f1_by_model"].items()})
    for part, prefix in (("years", ""), ("held_out", "held_out.")):
        for year, models in metrics[part].items():
            for model, figures in models.items():
                run.log_metrics({f"{prefix}{model}.{name}": figures[name] for name in _LOGGED}, int(year))
    reference = metrics["held_out"][str(metrics["reference_year"])]
    run.log_metrics({f"held_out_reference.{model}.f1": figures["f1"] for model, figures in reference.items()})
    for year, inventories in metrics["inventories"].items():
        counted = {f"{kind}.{name}": inventories[kind][name] for kind in KINDS for name in ("count", "area_m2")}
        found = {f"objects.{name}": inventories["objects"][name] for name in ("detection_rate", "correct_rate")}
        run.log_metrics({**counted, **found}, int(year))
    for year, figures in metrics["calibration"].items():
        names = ("expected_calibration_error", "brier_score")
        run.log_metrics({f"calibration.{name}": figures.get(name) for name in names}, int(year))
    run.log_files([root / "reports/metrics.json", root / "reports/tables"])
    for name in ("accuracy", "inventories", "densities"):
        run.log_table(root / f"reports/tables/{name}.csv")


def _held_out_key(root: Path, settings: Settings) -> str:
    """Names the held-out blocks and their labels: figures on other ones do not compare."""
    paths = ("results/patches/investigation/blocks.tif", f"results/masks/investigation/{settings.reference_year}.tif")
    content = b"".join((root / path).read_bytes() for path in paths) + settings.protocol.encode()
    return hashlib.sha256(content).hexdigest()[:16]
