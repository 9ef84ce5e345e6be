"""`chronoslide scenes`: delivered tiles -> one analysis-ready mosaic for every site and year."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from chronoslide.dataset import Dataset, SiteName, read_dataset
from chronoslide.files import replacing, write_json, write_text
from chronoslide.grid import Grid
from chronoslide.manual_inventories import file_of, read_inventory
from chronoslide.params import Settings, read_settings
from chronoslide.rasters import read_raster
from chronoslide.scenes.channels import add_channels, needs_elevation
from chronoslide.scenes.coregistration import align
from chronoslide.scenes.deliveries import read_area, read_tile
from chronoslide.scenes.flags import flag
from chronoslide.scenes.mosaic import coverage, mosaic, require_coverage
from chronoslide.scenes.normalisation import mapped_landslides, normalise
from chronoslide.scenes.scene import Scene, write_scene
from chronoslide.scenes.sharpening import sharpen
from chronoslide.scenes.sun_reading import read_sun
from chronoslide.scenes.terrain import Sun, elevation_on
from chronoslide.tracking import stage_run
from chronoslide.vectors import repair_polygons

log = logging.getLogger(__name__)

SUMMARY_DECIMALS = 6


def run(root: Path) -> None:
    """Writes `results/scenes/` anew, whole or not at all.

    Every year of the investigation area is put where its reference year lies (if asked to) and normalised to it; the
    reference year is itself left as it is. The training area's years are left as they are, too: it is another place
    with other land cover, so that equal light and air would not give equal histograms there.

    Args:
        root: The folder of `params.yaml`, `data/` and `results/`.

    Raises:
        ChronoslideError: Anything that is wrong with the settings or the delivered data; earlier results stay.
    """
    settings = read_settings(root / "params.yaml")
    # Found missing now rather than after minutes.
    read_dataset(root / "data").year("investigation", settings.reference_year)
    with (
        stage_run(root, "scenes", settings) as run,
        replacing(root / "results" / "scenes") as folder,
        tqdm(desc="scenes", unit=" years") as bar,
    ):
        summary = make_scenes(root, settings, folder, bar)
        for site, years in summary["sites"].items():
            for year, entry in years.items():
                shown = {f"{site}.{name}": entry[name] for name in ("covered_share", "unobserved_km2")}
                run.log_metrics(shown, int(year))
        run.log_files([folder / "summary.json"])


def make_scenes(root: Path, settings: Settings, folder: Path, bar: tqdm[Any] | None = None) -> dict[str, Any]:
    """Makes the scenes of both sites from `data/`.

    Args:
        root: The repository.
        settings: The settings in use.
        folder: Where to write.
        bar: Told of each year.

    Returns:
        What `summary.json` holds.
    """
    data = root / "data"
    dataset = read_dataset(data)
    summary: dict[str, Any] = {"dataset": dataset.name, "provenance": dataset.provenance, "sites": {}}
    tables: list[pd.DataFrame] = []
    if bar is not None:
        bar.reset(sum(len(dataset.sites[site].years) for site in dataset.described_sites))
    for site in dataset.described_sites:
        area, grid = read_area(data / dataset.sites[site].area_of_interest, dataset)
        elevation = _elevation(data, dataset, settings, site, grid)
        reference: Scene | None = None
        summary["sites"][site] = {}
        for year in _reference_first(dataset, site, settings.reference_year):
            what = f"{site} {year}"
            if bar is not None:
                bar.set_postfix_str(what)
            scene, entry = _mosaic_of(data, dataset, settings, site, year, area, grid)
            sun = _sun(data, dataset, site, year) if settings.scenes.flags.shadow == "terrain" else None
            scene, flagged = flag(scene, settings.scenes.flags, what, elevation, sun)
            if site == "investigation" and reference is not None:
                scene, entry["shift"] = _aligned(scene, reference, settings, what)
                landslides = _landslides(data, dataset, site, (year, settings.reference_year), grid)
                contrast = round(settings.scenes.irmad_window_metres / grid.resolution[0])
                method = settings.scenes.normalisation
                scene, table = normalise(scene, reference, method, what, landslides, contrast)
                entry |= {"normalised": settings.scenes.normalisation, "normalisation": _rows(table)}
                tables.append(_labelled(table, site, year, settings.scenes.normalisation))
            elif site == "investigation":
                reference = scene
            scene = sharpen(scene, settings.scenes.sharpening)
            scene = add_channels(scene, settings.scenes.channels, elevation, what)
            entry |= _observation(scene, flagged, area)
            summary["sites"][site][str(year)] = entry
            tags = {
                "SITE": site,
                "YEAR": str(year),
                "DATE": entry["date"],
                "DATASET": dataset.name,
                "PROVENANCE": dataset.provenance,
                "NORMALISATION": entry["normalised"],
            }
            write_scene(folder / site / f"{year}.tif", scene, tags)
            if bar is not None:
                bar.update()
    write_json(folder / "summary.json", summary)
    if tables:
        text = pd.concat(tables).to_csv(index=False, lineterminator="\n", float_format=f"%.{SUMMARY_DECIMALS}f")
        write_text(folder / "normalisation.csv", text)
    return summary


def _observation(scene: Scene, flagged: Mapping[str, float], area: gpd.GeoDataFrame) -> dict[str, Any]:
    """What the finished scene shows of the area of interest, and what was flagged of what was observed."""
    found = coverage(scene, area)
    return {
        "flagged": {name: round(share, SUMMARY_DECIMALS) for name, share in flagged.items()},
        "covered_share": round(found.share, SUMMARY_DECIMALS),
        "unobserved_km2": round(found.unobserved_km2, SUMMARY_DECIMALS),
    }


def _elevation(
    data: Path, dataset: Dataset, settings: Settings, site: SiteName, grid: Grid
) -> NDArray[np.float32] | None:
    """The site's elevation model on its grid, if anything asks for it and it was delivered."""
    path = dataset.sites[site].elevation
    wanted = settings.scenes.flags.shadow == "terrain" or needs_elevation(settings.scenes.channels)
    if path is None or not wanted:
        return None
    return elevation_on(read_raster(data / path), grid, str(data / path))


def _sun(data: Path, dataset: Dataset, site: SiteName, year: int) -> Sun | None:
    """Where the sun stood, by the first of the year's tiles that tells."""
    for acquisition in dataset.year(site, year).acquisitions:
        if acquisition.metadata is not None:
            sun = read_sun(data / acquisition.metadata)
            if sun is not None:
                return sun
    return None


def _aligned(scene: Scene, reference: Scene, settings: Settings, what: str) -> tuple[Scene, dict[str, Any] | None]:
    """The scene, perhaps moved to where the reference lies, and the shift that was found."""
    section = settings.scenes
    if section.shifts == "ignore":
        return scene, None
    scene, alignment = align(scene, reference, section.maximum_shift_metres, section.shifts == "correct", what)
    if alignment.remark:
        log.warning("%s: shift of %.1f m left as it is: %s", what, alignment.shift.metres, alignment.remark)
    return scene, alignment.as_dict()


def _landslides(data: Path, dataset: Dataset, site: SiteName, years: Sequence[int], grid: Grid) -> NDArray[np.bool_]:
    """(rows, cols), True where a landslide was mapped by hand in any of the years."""
    mapped = np.zeros(grid.shape, dtype=bool)
    for year in years:
        inventory = dataset.year(site, year).inventory
        if inventory is not None:
            polygons = read_inventory(data, inventory, year)
            mapped |= mapped_landslides(repair_polygons(polygons, str(data / file_of(inventory))).polygons, grid)
    return mapped


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
    require_coverage(coverage(scene, area), settings.scenes.minimum_coverage, f"{site} {year}")
    return scene, {
        "date": delivered.date.isoformat(),
        "tiles": len(delivered.acquisitions),
        "resampled_tiles": resampled,
        "normalised": "none",
        "normalisation": None,
    }


def _rows(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    rounded = table.round(SUMMARY_DECIMALS)
    return {str(band): {str(name): float(value) for name, value in row.items()} for band, row in rounded.iterrows()}


def _labelled(table: pd.DataFrame, site: SiteName, year: int, method: str) -> pd.DataFrame:
    """The same as rows of `normalisation.csv`, what matters first."""
    labelled = table.reset_index().assign(site=site, year=year, method=method)
    first = ["site", "year", "method", "band", "unchanged_rmse_before", "unchanged_rmse_after", "unchanged_share"]
    return labelled[first + [name for name in labelled if name not in first]]
