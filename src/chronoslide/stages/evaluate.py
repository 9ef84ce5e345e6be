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
from numpy.typing import NDArray
from tqdm import tqdm

from chronoslide.dataset import Dataset, read_dataset
from chronoslide.errors import DataError
from chronoslide.evaluation.accuracy import Accuracy, Map, judge_map, judge_patches
from chronoslide.evaluation.curves import precision_recall
from chronoslide.evaluation.ground import number_blocks, within
from chronoslide.evaluation.inventories import InventoryJudgement, judge_inventories
from chronoslide.evaluation.metrics_file import Judgement, metrics_file
from chronoslide.evaluation.tables import accuracy_table, by_year, density_table, inventory_table
from chronoslide.files import replacing, write_json
from chronoslide.grid import Grid, require_same
from chronoslide.inventories.outlines.vectorising import binarise, polygonise, remove_small
from chronoslide.manual_inventories import read_inventory
from chronoslide.models import baseline
from chronoslide.models.calibration import Calibration, Temperature, fit_temperature, measure_calibration
from chronoslide.models.card import WEIGHTS, ModelCard, read_card, require_bands
from chronoslide.models.fitting import predict_patches
from chronoslide.models.intervals import block_counts, bootstrap_difference
from chronoslide.models.losses import TverskyLoss
from chronoslide.models.metrics import f1
from chronoslide.models.storage import load_model
from chronoslide.params import Settings, read_settings
from chronoslide.patches.blocks import TEST
from chronoslide.patches.storage import read_patches
from chronoslide.rasters import read_raster, write_raster
from chronoslide.scenes.scene import read_scene
from chronoslide.tracking import StageRun, follow, promote, stage_run
from chronoslide.vectors import read_polygons

MODELS = ("pretrained", "transferred", "from_scratch")
MAIN, CONTROL, BASELINE = "transferred", "from_scratch", "ndvi_threshold"
REGISTERED = ("pretrained", "transferred")
KINDS = ("manual", "predicted")
_LOGGED = ("precision", "recall", "f1", "iou", "mcc")


@dataclass(frozen=True)
class _Site:
    """What is read once: the ground, its blocks, and what each model is."""

    grid: Grid
    held_out: NDArray[np.bool_]
    blocks: NDArray[np.int64]
    area: shapely.Geometry
    cards: Mapping[str, ModelCard]
    thresholds: Mapping[str, float]
    loss: TverskyLoss


@dataclass(frozen=True)
class _JudgedYear:
    """A year's maps against its mask.

    Attributes:
        whole: Each model on all ground.
        held_out: The same on the held-out blocks.
        curves: A precision-recall curve for each model that gives probabilities.
        calibration: Of the main model.
        gain: What transfer gained, in the year that was trained on; else empty.
    """

    whole: dict[str, Accuracy]
    held_out: dict[str, Accuracy]
    curves: list[pd.DataFrame]
    calibration: Calibration
    gain: dict[str, Any]


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
        inventories = _inventories(root, settings, dataset, site, years)
        on_patches, temperature = _on_patches(root, site)
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
    return _Site(
        grid=blocks.grid,
        # The paper's protocol holds no ground out: its figures are taken everywhere, and leak.
        held_out=blocks.values[..., 0] == TEST if settings.protocol == "blocks" else np.ones(blocks.grid.shape, bool),
        blocks=number_blocks(blocks.grid, settings.evaluate.block_metres),
        area=shapely.intersection(area.union_all(), blocks.grid.footprint),
        cards=cards,
        thresholds={**thresholds, BASELINE: _ndvi_threshold(root)},
        loss=TverskyLoss.from_settings(settings.transfer.optimiser),
    )


def _ndvi_threshold(root: Path) -> float:
    """The NDVI threshold that maps the training area best, over all its years."""
    indices, labels = [], []
    for path in sorted((root / "results/masks/training").glob("*.tif")):
        scene = read_scene(root / "results/scenes/training" / path.name)
        indices.append(baseline.ndvi(scene.reflectance, scene.bands))
        labels.append(read_raster(path).values[..., 0].astype(np.uint8))
    return baseline.choose_ndvi_threshold(np.stack(indices), np.stack(labels)).value


def _judge_year(root: Path, settings: Settings, site: _Site, year: int) -> _JudgedYear:
    labels = read_raster(root / f"results/masks/investigation/{year}.tif").values[..., 0].astype(np.uint8)
    tested = within(labels, site.held_out)
    trained_on = year == settings.reference_year
    ground = tested if trained_on else labels  # a year that was trained on is judged where it was not
    maps = dict(_maps(root, settings, site, year))
    said = {name: mapped.probability for name, mapped in maps.items() if mapped.probability is not None}
    return _JudgedYear(
        whole={name: _judge(mapped, labels, site, settings) for name, mapped in maps.items()},
        held_out={name: _judge(mapped, tested, site, settings) for name, mapped in maps.items()},
        curves=[precision_recall(values, ground).assign(year=year, model=name) for name, values in said.items()],
        calibration=measure_calibration(said[MAIN], ground, settings.evaluate.calibration),
        gain=_transfer_gain(maps, tested, site, settings) if trained_on else {},
    )


def _maps(root: Path, settings: Settings, site: _Site, year: int) -> Iterator[tuple[str, Map]]:
    minimum_area = settings.inventory.minimum_area_m2
    for name in MODELS:
        path = root / f"results/maps/{name}/{year}.tif"
        raster = read_raster(path)
        require_same(site.grid, raster.grid, str(path))
        probability = raster.values[..., 0].astype(np.float32)
        yield name, Map(binarise(probability, site.thresholds[name], minimum_area, site.grid), probability)
    scene = read_scene(root / f"results/scenes/investigation/{year}.tif")
    bare = baseline.predict(baseline.ndvi(scene.reflectance, scene.bands), site.thresholds[BASELINE])
    yield BASELINE, Map(remove_small(bare & scene.valid, minimum_area, site.grid), None)


def _judge(mapped: Map, labels: NDArray[np.uint8], site: _Site, settings: Settings) -> Accuracy:
    minimum_area = settings.inventory.minimum_area_m2
    return judge_map(mapped, labels, site.blocks, site.grid, site.loss, settings.evaluate, minimum_area, settings.seed)


def _transfer_gain(
    maps: Mapping[str, Map], labels: NDArray[np.uint8], site: _Site, settings: Settings
) -> dict[str, Any]:
    """What transfer gained over random weights on the held-out blocks, with its interval."""
    main, control = (block_counts(maps[name].predicted, labels, site.blocks) for name in (MAIN, CONTROL))
    section = settings.evaluate
    interval = bootstrap_difference(main, control, f1, section.bootstrap_samples, section.confidence, settings.seed)
    return {
        "against": CONTROL,
        "f1_difference": round(interval.value, 6),
        "low": round(interval.low, 6),
        "high": round(interval.high, 6),
        "confidence": section.confidence,
        "excludes_zero": bool(interval.low > 0 or interval.high < 0),
        "blocks": interval.blocks,
    }


def _inventories(
    root: Path, settings: Settings, dataset: Dataset, site: _Site, years: list[int]
) -> dict[int, InventoryJudgement]:
    """Manual and predicted inventory of every year."""
    section = settings.evaluate
    grid = Grid.from_bounds(site.grid.bounds, site.grid.crs, section.statistics.density_resolution_metres)
    judged = {}
    for year in tqdm(years, desc="evaluate inventories", unit=" years"):
        manual = _manual(root, dataset, site, year)
        predicted = read_polygons(root / "results/inventories/predicted.gpkg", layer=str(year))
        judged[year] = judge_inventories(
            manual,
            predicted,
            site.area,
            grid,
            section,
            minimum_area_m2=settings.inventory.minimum_area_m2,
            seed=settings.seed,
            fragments=_fragments(root, settings, site, year),
        )
    return judged


def _fragments(root: Path, settings: Settings, site: _Site, year: int) -> gpd.GeoDataFrame:
    """The polygons as they would be without joining."""
    probability = read_raster(root / f"results/maps/{MAIN}/{year}.tif").values[..., 0].astype(np.float32)
    binary = binarise(probability, site.thresholds[MAIN], settings.inventory.minimum_area_m2, site.grid)
    return polygonise(binary, site.grid)


def _manual(root: Path, dataset: Dataset, site: _Site, year: int) -> gpd.GeoDataFrame:
    inventory = dataset.year("investigation", year).inventory
    if inventory is None:
        raise DataError(f"data/dataset.yaml: sites.investigation.years.{year} has no inventory to compare with; add it")
    return read_inventory(root / "data", inventory, year).to_crs(site.grid.crs)


def _on_patches(root: Path, site: _Site) -> tuple[dict[str, Accuracy], Temperature]:
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
        judged[name] = judge_patches(probability, np.asarray(test.labels), site.grid.pixel_area_m2, site.loss)
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
