"""`chronoslide scenes`: delivered tiles -> one analysis-ready mosaic for every site and year."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from tqdm import tqdm

from chronoslide.dataset import Dataset, SiteName, read_dataset
from chronoslide.files import replacing, write_json
from chronoslide.grid import Grid
from chronoslide.params import Settings, read_settings
from chronoslide.scenes.deliveries import read_area, read_tile
from chronoslide.scenes.mosaic import coverage, mosaic, require_coverage
from chronoslide.scenes.normalisation import normalise
from chronoslide.scenes.scene import Scene, write_scene
from chronoslide.scenes.sharpening import sharpen
from chronoslide.tracking import stage_run

SUMMARY_DECIMALS = 6


def run(root: Path) -> None:
    """Writes `results/scenes/` anew, whole or not at all.

    Every year of the investigation area is normalised to its reference year, which is itself left as it is. The
    training area's years are left as they are, too: it is another place with other land cover, so that equal light
    and air would not give equal histograms there.

    Args:
        root: The folder of `params.yaml`, `data/` and `results/`.

    Raises:
        ChronoslideError: Anything that is wrong with the settings or the delivered data; earlier results stay.
    """
    settings = read_settings(root / "params.yaml")
    data = root / "data"
    dataset = read_dataset(data)
    dataset.year("investigation", settings.reference_year)  # found missing now rather than after minutes
    summary: dict[str, Any] = {"dataset": dataset.name, "provenance": dataset.provenance, "sites": {}}
    steps = sum(len(dataset.sites[site].years) for site in dataset.described_sites)
    with (
        stage_run(root, "scenes", settings) as run,
        replacing(root / "results" / "scenes") as folder,
        tqdm(total=steps, desc="scenes", unit=" years") as bar,
    ):
        for site in dataset.described_sites:
            area, grid = read_area(data / dataset.sites[site].area_of_interest, dataset)
            reference: Scene | None = None
            summary["sites"][site] = {}
            for year in _reference_first(dataset, site, settings.reference_year):
                bar.set_postfix_str(f"{site} {year}")
                scene, entry = _mosaic_of(data, dataset, settings, site, year, area, grid)
                if site == "investigation" and reference is not None:
                    scene, table = normalise(scene, reference, settings.scenes.normalisation, f"{site} {year}")
                    entry |= {"normalised": settings.scenes.normalisation, "normalisation": _rows(table)}
                elif site == "investigation":
                    reference = scene
                summary["sites"][site][str(year)] = entry
                run.log_metrics({f"{site}.{name}": entry[name] for name in ("covered_share", "unobserved_km2")}, year)
                tags = {
                    "SITE": site,
                    "YEAR": str(year),
                    "DATE": entry["date"],
                    "DATASET": dataset.name,
                    "PROVENANCE": dataset.provenance,
                    "NORMALISATION": entry["normalised"],
                }
                write_scene(folder / site / f"{year}.tif", sharpen(scene, settings.scenes.sharpening), tags)
                bar.update()
        write_json(folder / "summary.json", summary)
        run.log_files([folder / "summary.json"])


def _reference_first(dataset: Dataset, site: SiteName, reference_year: int) -> list[int]:
    return sorted(dataset.sites[site].years, key=lambda year: (year != reference_year, year))


def _mosaic_of(
    data: Path, dataset: Dataset, settings: Settings, site: SiteName, year: int, area: gpd.GeoDataFrame, grid: Grid
) -> tuple[Scene, dict[str, Any]]:
    """A year's mosaic, and its entry in the summary."""
    delivered = dataset.year(site, year)
    resampled: list[str] = []

    def tiles() -> Iterator[Scene]:
        for acquisition in delivered.acquisitions:
            tile = read_tile(data, acquisition, dataset, settings.scenes.bands, grid)
            if tile.resampled:
                resampled.append(acquisition.name)
            yield tile.scene

    scene = mosaic(tiles(), grid, settings.scenes.bands)
    found = coverage(scene, area)
    require_coverage(found, settings.scenes.minimum_coverage, f"{site} {year}")
    return scene, {
        "date": delivered.date.isoformat(),
        "tiles": len(delivered.acquisitions),
        "resampled_tiles": resampled,
        "covered_share": round(found.share, SUMMARY_DECIMALS),
        "unobserved_km2": round(found.unobserved_km2, SUMMARY_DECIMALS),
        "normalised": "none",
        "normalisation": None,
    }


def _rows(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    rounded = table.round(SUMMARY_DECIMALS)
    return {str(band): {str(name): float(value) for name, value in row.items()} for band, row in rounded.iterrows()}
