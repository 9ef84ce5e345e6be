"""`chronoslide masks`: manual inventories -> a label for every pixel of every scene that has one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from chronoslide.dataset import read_dataset
from chronoslide.errors import DataError
from chronoslide.files import replacing, write_json, write_text
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED, rasterise
from chronoslide.manual_inventories import file_of, read_inventory
from chronoslide.params import read_settings
from chronoslide.rasters import write_raster
from chronoslide.scenes.scene import read_scene
from chronoslide.tracking import stage_run
from chronoslide.vectors import Repair, repair_polygons

_log = logging.getLogger(__name__)


def run(root: Path) -> None:
    """Writes `results/masks/` anew, whole or not at all; `repairs.csv` there lists what was wrong with polygons.

    A year without an inventory gets no mask. An inventory without polygons is a year in which nothing had slid: its
    mask is all background, and the summary says that it is empty.

    Args:
        root: The folder of `params.yaml`, `data/` and `results/`.

    Raises:
        ChronoslideError: A described inventory is missing or unusable, or a scene is missing; earlier results stay.
    """
    settings = read_settings(root / "params.yaml")
    data, scenes = root / "data", root / "results" / "scenes"
    dataset = read_dataset(data)
    work = [
        (site, year, delivered.inventory)
        for site in dataset.described_sites
        for year, delivered in sorted(dataset.sites[site].years.items())
        if delivered.inventory is not None
    ]
    repairs: list[dict[str, object]] = []
    summary: dict[str, Any] = {
        "dataset": dataset.name,
        "provenance": dataset.provenance,
        "sites": {site: {} for site in dataset.described_sites},
    }
    with (
        stage_run(root, "masks", settings) as run,
        replacing(root / "results" / "masks") as folder,
        tqdm(work, desc="masks", unit=" years") as bar,
    ):
        folder.mkdir()
        for site, year, inventory in bar:
            bar.set_postfix_str(f"{site} {year}")
            scene_path = scenes / site / f"{year}.tif"
            if not scene_path.exists():
                raise DataError(f"{scene_path}: no such scene; run `chronoslide scenes` first")
            scene = read_scene(scene_path)
            what = str(data / file_of(inventory))
            polygons = read_inventory(data, inventory, year)
            repair = repair_polygons(polygons, what)
            repairs += _listed(site, year, what, repair)
            labels = rasterise(polygons, scene.grid, scene.valid, all_touched=settings.masks.all_touched, what=what)
            counts = {
                "landslide_pixels": int((labels == LANDSLIDE).sum()),
                "background_pixels": int((labels == BACKGROUND).sum()),
                "unobserved_pixels": int((labels == UNOBSERVED).sum()),
                "polygons": len(repair.polygons),
                "repaired_polygons": len(repair.repaired),
                "dropped_polygons": len(repair.dropped),
            }
            summary["sites"][site][str(year)] = {
                **counts,
                "landslide_km2": round(counts["landslide_pixels"] * scene.grid.pixel_area_m2 / 1e6, 6),
                "empty_inventory": polygons.empty,
            }
            run.log_metrics({f"{site}.{name}": count for name, count in counts.items()}, year)
            tags = {"SITE": site, "YEAR": str(year), "DATASET": dataset.name, "PROVENANCE": dataset.provenance}
            write_raster(
                folder / site / f"{year}.tif",
                labels,
                scene.grid,
                bands=["label"],
                nodata=UNOBSERVED,
                tags=tags | {name.upper(): str(count) for name, count in counts.items()},
                overviews="nearest",
            )
        write_json(folder / "summary.json", summary)
        table = pd.DataFrame(repairs, columns=["site", "year", "feature", "outcome", "reason"])
        write_text(folder / "repairs.csv", table.to_csv(index=False, lineterminator="\n"))
        run.log_files([folder / "summary.json", folder / "repairs.csv"])


def _listed(site: str, year: int, what: str, repair: Repair) -> list[dict[str, object]]:
    """A row for each polygon that had to be repaired or dropped; the log tells the first ones."""
    outcomes = {**dict.fromkeys(repair.repaired, "repaired"), **dict.fromkeys(repair.dropped, "dropped")}
    if outcomes:
        first = "; ".join(f"feature {index}: {repair.reasons[index]}" for index in list(outcomes)[:3])
        _log.info(
            "%s: %d polygons repaired, %d without area dropped (%s%s)",
            what, len(repair.repaired), len(repair.dropped), first, "; ..." if len(outcomes) > 3 else "",
        )  # fmt: skip
    return [
        {"site": site, "year": year, "feature": index, "outcome": outcome, "reason": repair.reasons[index]}
        for index, outcome in outcomes.items()
    ]
