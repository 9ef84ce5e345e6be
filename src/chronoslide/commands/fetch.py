"""`chronoslide fetch`: open Sentinel-2 scenes of an area, one acquisition a year, out of a STAC API.

Each year's folder is complete when it holds `fetched.json`; what is there is not fetched again, so that a command which
was cut off goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import shapely
from tqdm import tqdm

from chronoslide.errors import DataError, SettingsError, nearest
from chronoslide.files import write_json
from chronoslide.rasters import read_raster, write_raster
from chronoslide.scenes.deliveries import catalogue_reading as catalogue
from chronoslide.scenes.deliveries.choosing import Candidate, Season, choose, read_years
from chronoslide.scenes.deliveries.sentinel2 import BANDS, FETCHED
from chronoslide.vectors import read_polygons, repair_polygons

_LOOKED_AT: Final = 12  # acquisitions of a year whose clouds over the area are looked at, at most


def run(arguments: argparse.Namespace) -> None:
    """Fills the output folder, one folder a year, and says which acquisition was chosen and why.

    Raises:
        DataError: The catalogue or a file cannot be read, or no year has a usable acquisition.
        SettingsError: An option cannot be understood.
    """
    years, season = read_years(arguments.years), Season.read(arguments.season)
    bands = _bands(arguments.bands)
    if not 0 <= arguments.max_cloud <= 100:
        raise SettingsError(f"--max-cloud {arguments.max_cloud:g}: a percentage from 0 to 100")
    patience = catalogue.Patience(arguments.timeout, arguments.retries)
    area = _area(arguments.aoi)
    taken: list[int] = []
    for year in years:
        folder: Path = arguments.output / str(year)
        if (folder / FETCHED).exists() and _is_whole(folder):
            print(f"{year}: is there already")
            taken.append(year)
            continue
        by_day, candidates, problems = _candidates(arguments, year, season, area, bands, patience)
        chosen = choose(candidates, season.middle(year), arguments.max_cloud / 100)
        _show(year, candidates, chosen, problems)
        if chosen is not None and not arguments.dry_run:
            _take(folder, by_day[chosen.date], bands, area, patience, arguments.stac)
            taken.append(year)
    if arguments.dry_run:
        return
    if not taken:
        raise DataError(
            f"{arguments.stac}: no year has an acquisition with at most {arguments.max_cloud:g} % of clouds over "
            f"{arguments.aoi}; widen --season or raise --max-cloud"
        )
    print(f"next: chronoslide init {arguments.output} --aoi {arguments.aoi}")


def _candidates(
    arguments: argparse.Namespace,
    year: int,
    season: Season,
    area: shapely.Geometry,
    bands: Sequence[str],
    patience: catalogue.Patience,
) -> tuple[dict[datetime.date, list[Any]], list[Candidate], list[str]]:
    """The acquisitions of a year; clouds are looked at where the catalogue promises the clearest ones."""
    items = catalogue.search(arguments.stac, arguments.collection, area, *season.of(year), patience)
    by_day = catalogue.acquisitions([item for item in items if item.id not in arguments.skip])
    promising = sorted(by_day, key=lambda day: (_promised_cloud(by_day[day]), abs((day - season.middle(year)).days)))
    candidates, problems = [], []
    looked_at = 0
    for day in promising:
        complete = catalogue.completeness(by_day[day], area)
        cloud = None
        if complete > 0.5 and looked_at < _LOOKED_AT:
            try:
                for item in by_day[day]:
                    catalogue.assets_of(item, bands)
            except DataError as error:
                problems.append(str(error))
            else:
                looked_at += 1
                cloud = catalogue.cloud_share(by_day[day], area, patience)
        candidates.append(Candidate(day, tuple(item.id for item in by_day[day]), complete, cloud))
    return by_day, sorted(candidates, key=lambda one: one.date), problems


def _promised_cloud(items: Sequence[Any]) -> float:
    covers = [item.properties.get("eo:cloud_cover") for item in items]
    numbers = [float(cover) for cover in covers if isinstance(cover, int | float)]
    return max(numbers) if numbers else 50.0


def _show(year: int, candidates: Sequence[Candidate], chosen: Candidate | None, problems: Sequence[str]) -> None:
    print(f"{year}: {len(candidates)} acquisitions; {'none is good enough' if chosen is None else chosen.date}")
    for one in candidates:
        cloud = "not looked at" if one.cloud is None else f"{one.cloud:.1%}"
        mark = "->" if one == chosen else "  "
        print(
            f"  {mark} {one.date}  shows {one.complete:.0%}  clouds over the area {cloud:<13}  {', '.join(one.items)}"
        )
    for problem in problems:
        print(f"  passed over: {problem}")


def _take(
    folder: Path,
    items: Sequence[Any],
    bands: Sequence[str],
    area: shapely.Geometry,
    patience: catalogue.Patience,
    url: str,
) -> None:
    """Reads the area's windows; `fetched.json` is written last."""
    record: dict[str, Any] = {"catalogue": url, "items": {}}
    for item in items:
        keys = catalogue.assets_of(item, bands)
        grid = catalogue.covering(item, area)
        sums: dict[str, str] = {}
        for band, key in tqdm(keys.items(), desc=item.id, unit=" bands"):
            number = next((number for number, name in BANDS.items() if name == band), band)
            path = folder / item.id / f"{number}.tif"
            target = catalogue.grid_for(band, grid)
            if not (path.exists() and _lies_on(path, target)):
                values = catalogue.read_window(item, key, target, patience)
                overviews = "nearest" if band == "SCL" else "average"
                write_raster(path, values, target, bands=[band], nodata=0, overviews=overviews)
            sums[path.name] = _sha256(path)
        write_json(folder / item.id / f"{item.id}.json", catalogue.plain(item))
        record["items"][item.id] = {"collection": item.collection_id, "sha256": sums}
    write_json(folder / FETCHED, record)


def _lies_on(path: Path, grid: Any) -> bool:
    """Whether a file was fetched whole, by an earlier run, for the same area."""
    try:
        return bool(read_raster(path).grid == grid)
    except DataError:
        return False


def _is_whole(folder: Path) -> bool:
    """Whether the files of a year are those that were fetched."""
    try:
        record: Mapping[str, Any] = json.loads((folder / FETCHED).read_text(encoding="utf-8"))
        return all(
            _sha256(folder / item / name) == total
            for item, told in record["items"].items()
            for name, total in told["sha256"].items()
        )
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _area(path: Path) -> shapely.Geometry:
    polygons = repair_polygons(read_polygons(path), str(path)).polygons
    if polygons.empty:
        raise DataError(f"{path}: holds no area; deliver the outline of the area of interest")
    return shapely.union_all(gpd.GeoSeries(polygons.geometry).to_crs(4326).to_numpy())


def _bands(text: str) -> tuple[str, ...]:
    bands = tuple(band.strip() for band in text.split(","))
    for band in bands:
        if band not in BANDS.values():
            known = ", ".join(BANDS.values())
            raise SettingsError(f"--bands {text}: no band {band!r}{nearest(band, BANDS.values())}; there are {known}")
    return bands
