"""`chronoslide masks`: manual inventories -> a label for every pixel of every scene that has one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tqdm import tqdm

from chronoslide.dataset import SITES, read_dataset
from chronoslide.errors import DataError
from chronoslide.files import replacing, write_json
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED, rasterise
from chronoslide.params import read_settings
from chronoslide.rasters import write_raster
from chronoslide.scenes.scene import read_scene
from chronoslide.tracking import stage_run
from chronoslide.vectors import read_polygons, repair_polygons


def run(root: Path) -> None:
    """Writes `results/masks/` anew, whole or not at all.

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
        for site in SITES
        for year, delivered in sorted(dataset.sites[site].years.items())
        if delivered.inventory is not None
    ]
    summary: dict[str, Any] = {
        "dataset": dataset.name,
        "provenance": dataset.provenance,
        "sites": {site: {} for site in SITES},
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
            what = str(data / inventory)
            polygons = read_polygons(data / inventory)
            repair = repair_polygons(polygons, what)
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
        run.log_files([folder / "summary.json"])
