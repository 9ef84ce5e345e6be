"""`chronoslide inventory`: landslide polygons of every year from the transferred model's maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from chronoslide.dataset import read_dataset
from chronoslide.errors import DataError
from chronoslide.inventories.vectorising import binarise, polygonise
from chronoslide.models.card import read_card
from chronoslide.params import read_settings
from chronoslide.rasters import read_raster
from chronoslide.tracking import dvc_hash, stage_run
from chronoslide.vectors import write_geopackage

MODEL = "transferred"


def run(root: Path) -> None:
    """Writes `results/inventories/predicted.gpkg` with a layer a year, whole or not at all.

    Raises:
        DataError: No map was made yet.
    """
    settings = read_settings(root / "params.yaml")
    dataset = read_dataset(root / "data")
    card = read_card(root / "results/models" / MODEL)
    threshold = card.threshold_in_use(settings.inventory.threshold)
    version = dvc_hash(root / "results/models" / MODEL / "model.weights.h5")[:8]
    maps = sorted((root / "results/maps" / MODEL).glob("*.tif"))
    if not maps:
        raise DataError(f"{root / 'results/maps' / MODEL}: no maps; run `chronoslide map` first")
    layers = {}
    with stage_run(root, "inventory", settings) as run:
        for path in tqdm(maps, desc="inventory", unit=" years"):
            year = int(path.stem)
            raster = read_raster(path)
            probability = raster.values[..., 0].astype(np.float32)
            binary = binarise(probability, threshold, settings.inventory.minimum_area_m2, raster.grid)
            layers[path.stem] = polygonise(
                binary,
                raster.grid,
                probability,
                date=dataset.year("investigation", year).date,
                year=year,
                model_version=version,
                provenance=dataset.provenance,
            )
            run.log_metrics({"landslides": len(layers[path.stem]), "area_m2": layers[path.stem]["area_m2"].sum()}, year)
        write_geopackage(root / "results/inventories/predicted.gpkg", layers)
        run.log_files([root / "results/inventories/predicted.gpkg"])
