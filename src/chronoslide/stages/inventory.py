"""`chronoslide inventory`: landslide polygons of every year from the transferred model's maps."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from chronoslide.dataset import Dataset, read_dataset
from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.inventories.joining import close_gaps, join_fragments
from chronoslide.inventories.pixels import Surface
from chronoslide.inventories.topography import filter_by_topography
from chronoslide.inventories.uncertainty import add_uncertainty
from chronoslide.inventories.vectorising import binarise, polygonise, remove_small
from chronoslide.models.card import WEIGHTS, read_card
from chronoslide.params import InventorySettings, read_settings
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
            landslides, removed = _landslides(probability, raster.grid, threshold, settings.inventory, elevation)
            year = int(path.stem)
            date = dataset.year("investigation", year).date
            layers[path.stem] = landslides.assign(
                date=date.isoformat(), year=year, model_version=version, provenance=dataset.provenance
            )
            run.log_metrics(
                {
                    "landslides": len(landslides),
                    "area_m2": landslides["area_m2"].sum(),
                    "fragments": landslides["fragments"].sum(),
                    "removed_by_topography_m2": removed["area_m2"].sum(),
                },
                year,
            )
        write_geopackage(root / "results/inventories/predicted.gpkg", layers)
        run.log_files([root / "results/inventories/predicted.gpkg"])


def _landslides(
    probability: NDArray[np.float32],
    grid: Grid,
    threshold: float,
    section: InventorySettings,
    elevation: Surface | None,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """The landslides of a year, and what the topographic filter removed.

    Gaps are closed and fragments joined before the minimum mapping unit is applied: small pieces of a large landslide
    are not small landslides.
    """
    above = binarise(probability, threshold, 0.0, grid)
    closed = close_gaps(above, section.joining, probability) if section.join_fragments else above
    polygons = polygonise(remove_small(closed, section.minimum_area_m2, grid), grid, probability)
    if section.join_fragments:
        surface = Surface(probability, grid)
        polygons = join_fragments(polygons, section.joining, elevation=elevation, probability=surface)
    else:
        polygons = polygons.assign(fragments=1)
    polygons = add_uncertainty(polygons, probability, grid, threshold=threshold)
    filtered = filter_by_topography(
        polygons,
        section.topography,
        elevation=elevation.values if elevation else None,
        grid=elevation.grid if elevation else None,
    )
    kept = filtered.kept.reset_index(drop=True)
    return kept.assign(landslide_id=np.arange(1, len(kept) + 1)), filtered.removed


def _elevation(data: Path, dataset: Dataset) -> Surface | None:
    path = dataset.sites["investigation"].elevation
    if path is None:
        return None
    raster = read_raster(data / path)
    return Surface(np.where(raster.valid, raster.values[..., 0], np.nan), raster.grid)
