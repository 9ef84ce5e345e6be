"""`chronoslide inventory`: landslide polygons of every year from the transferred model's maps."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
from tqdm import tqdm

from chronoslide.dataset import Dataset, read_dataset
from chronoslide.errors import DataError
from chronoslide.inventories.outlines.deriving import derive_inventory
from chronoslide.inventories.pixels import Surface
from chronoslide.models.card import WEIGHTS, read_card
from chronoslide.params import read_settings
from chronoslide.rasters import read_raster
from chronoslide.tracking import dvc_hash, stage_run
from chronoslide.vectors import write_geopackage

MODEL = "transferred"


def run(root: Path) -> None:
    """Writes `results/inventories/predicted.gpkg` with a layer a year, whole or not at all.

    Raises:
        DataError: No map was made yet, or an elevation model is described and cannot be read.
    """
    settings = read_settings(root / "params.yaml")
    dataset = read_dataset(root / "data")
    card = read_card(root / "results/models" / MODEL)
    threshold = card.threshold_in_use(settings.inventory.threshold)
    version = dvc_hash(root / "results/models" / MODEL / WEIGHTS)[:8]
    maps = sorted((root / "results/maps" / MODEL).glob("*.tif"))
    if not maps:
        raise DataError(f"{root / 'results/maps' / MODEL}: no maps; run `chronoslide map` first")
    elevation = _elevation(root / "data", dataset)
    layers: dict[str, gpd.GeoDataFrame] = {}
    with stage_run(root, "inventory", settings) as run:
        for path in tqdm(maps, desc="inventory", unit=" years"):
            raster = read_raster(path)
            probability = raster.values[..., 0].astype(np.float32)
            derived = derive_inventory(probability, raster.grid, threshold, settings.inventory, elevation)
            year = int(path.stem)
            date = dataset.year("investigation", year).date
            layers[path.stem] = derived.landslides.assign(
                date=date.isoformat(), year=year, model_version=version, provenance=dataset.provenance
            )
            run.log_metrics(
                {
                    "landslides": len(derived.landslides),
                    "area_m2": derived.landslides["area_m2"].sum(),
                    "fragments": derived.landslides["fragments"].sum(),
                    "unsure": len(derived.unsure),
                    "unsure_m2": derived.unsure["area_m2"].sum(),
                    "removed_by_topography_m2": derived.removed["area_m2"].sum(),
                },
                year,
            )
        write_geopackage(root / "results/inventories/predicted.gpkg", layers)
        run.log_files([root / "results/inventories/predicted.gpkg"])


def _elevation(data: Path, dataset: Dataset) -> Surface | None:
    path = dataset.sites["investigation"].elevation
    if path is None:
        return None
    raster = read_raster(data / path)
    return Surface(np.where(raster.valid, raster.values[..., 0], np.nan), raster.grid)
