"""What lies in folders that somebody downloaded: scenes, inventories, elevation models, areas, chips, and problems.

Asks the providers' modules in turn, looks at what they recognise, and leaves nothing out without a word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chronoslide.errors import ChronoslideError, DataError, nearest
from chronoslide.manual_inventories import FoundInventories, find_inventories
from chronoslide.scenes.deliveries import by_hand, folder_of_bands, planet, sentinel2
from chronoslide.scenes.deliveries.found import Found, list_files
from chronoslide.scenes.deliveries.looking import Hints, Looked, look_at_all, names_of, require_one_of_each

_PROVIDERS: Final = (sentinel2, planet, folder_of_bands, by_hand)
_VECTORS: Final = (".shp", ".gpkg", ".geojson", ".fgb")
_ARCHIVES: Final = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_ELEVATION = re.compile(
    r"(?:.*[_\-. ])?(?:dem|dsm|dtm|srtm\w*|aw3d\w*|elevation|cop\w*dem\w*|nasadem\w*)(?:[_\-. ].*)?"
)
_AREA = re.compile(r"(?:.*[_\-. ])?(?:aoi|area_of_interest|study_?area|boundary|extent)(?:[_\-. ].*)?")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        paths: Where it was looked for.
        scenes: Usable scenes, looked at, without doubles.
        inventories: Vector files with the years that they hold.
        elevations: Elevation models.
        areas: Outlines of an area of interest.
        chips: Folders with images/ and masks/.
        notes: What the user should know.
        problems: What stands in the way, a line each with file and remedy.
    """

    paths: tuple[Path, ...]
    scenes: tuple[Looked, ...] = ()
    inventories: tuple[FoundInventories, ...] = ()
    elevations: tuple[Path, ...] = ()
    areas: tuple[Path, ...] = ()
    chips: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def inspect(paths: Sequence[Path], hints: Hints | None = None) -> Inspection:
    """Looks at everything in folders and files.

    Args:
        paths: Folders or files.
        hints: What the user states about scenes.

    Raises:
        DataError: A path does not exist.
    """
    hints = hints or Hints()
    files = list_files(paths)
    chips = _chips(files)
    files = [path for path in files if not any(folder in path.parents for folder in chips)]
    rasters = [path for path in files if path.suffix.lower() not in _VECTORS]
    elevations = tuple(path for path in rasters if path.suffix.lower() in (".tif", ".tiff") and _is_elevation(path))
    found, problems = _recognise([path for path in rasters if path not in elevations])
    _require_known_labels(found, hints)
    looked, wrong = look_at_all(found, hints)
    problems += wrong
    notes = [note for tile in looked for note in tile.found.notes]
    try:
        looked, doubled = require_one_of_each(looked)
        notes += doubled
    except DataError as error:
        problems.append(str(error))
    problems += _disagreements(looked)
    areas = tuple(path for path in files if path.suffix.lower() in _VECTORS and _AREA.fullmatch(path.stem.lower()))
    inventories, wrong = _inventories([path for path in files if path not in areas])
    problems += wrong
    problems += _unopened(files, anything=bool(looked or inventories or chips or elevations or areas or problems))
    if not (looked or inventories or chips or elevations or areas or problems):
        problems.append(
            f"{', '.join(map(str, paths))}: holds no scene, inventory or chips; name the folder of a delivery "
            "(GeoTIFF or JPEG 2000, shapefile, GeoPackage or GeoJSON)"
        )
    return Inspection(tuple(paths), tuple(looked), inventories, elevations, areas, chips, _once(notes), _once(problems))


def _once(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))


def _chips(files: Sequence[Path]) -> tuple[Path, ...]:
    """Folders that hold both images/ and masks/ with files."""
    folders = {path.parent for path in files}
    parents = {folder.parent for folder in folders if folder.name == "images"}
    return tuple(sorted(parent for parent in parents if parent / "masks" in folders))


def _is_elevation(path: Path) -> bool:
    return bool(_ELEVATION.fullmatch(path.stem.lower()))


def _recognise(files: Sequence[Path]) -> tuple[list[Found], list[str]]:
    remaining = list(files)
    found: list[Found] = []
    problems: list[str] = []
    for provider in _PROVIDERS:
        try:
            recognised = provider.recognise(remaining)
        except ChronoslideError as error:
            return found, [*problems, str(error)]  # what the others would make of its files is not to be trusted
        found += recognised.scenes
        problems += recognised.problems
        remaining = [path for path in remaining if path not in recognised.taken]
    return found, problems


def _require_known_labels(found: Sequence[Found], hints: Hints) -> None:
    known = {name for scene in found for name in names_of(scene)}
    dates = {date.isoformat() for date in hints.dates.values()}
    for option, wanted, names in (("--date", hints.dates, known), ("--year", hints.years, known | dates)):
        for label in wanted:
            if label not in names:
                raise DataError(
                    f"{option} {label}: no scene is called so{nearest(label, known)}; there are "
                    f"{', '.join(sorted({scene.label for scene in found})) or 'none'}"
                )


def _disagreements(looked: Sequence[Looked]) -> list[str]:
    """What the scenes of one data set must have in common, and the dates that nothing tells."""
    problems = [
        f"{tile.found.name}: no date in its metadata or name; state it with --date {tile.found.label}=YYYY-MM-DD"
        for tile in looked
        if tile.found.date is None
    ]
    if not looked:
        return problems
    sensors = {tile.found.sensor: tile.found.name for tile in reversed(looked)}
    if len(sensors) > 1:
        listed = "; ".join(f"{sensor}: {name}" for sensor, name in sorted(sensors.items()))
        return [*problems, f"{looked[0].found.name}: not all of one sensor ({listed}); name the files of one at a time"]
    everything = [band for tile in looked for band in tile.found.bands]
    counts = Counter(everything)
    common = {band for band, count in counts.items() if count == len(looked)}
    stacks = {tile.found.bands: tile.found.name for tile in looked if tile.found.scene is not None}
    if len(stacks) > 1:
        first, second = list(stacks.items())[:2]
        problems.append(
            f"{second[1]}: has the bands {', '.join(second[0])}, {first[1]} has {', '.join(first[0])}; deliver the "
            "same bands in the same order"
        )
    for tile in looked:
        lacking = [band for band in counts if band not in tile.found.bands]
        if tile.found.scene is None and lacking and counts[lacking[0]] > len(looked) - counts[lacking[0]]:
            problems.append(
                f"{tile.found.name}: has no file for band {lacking[0]}, which the other scenes have; deliver it"
            )
    if not common:
        problems.append(f"{looked[0].found.name}: the scenes have no band in common; name those of one sensor")
    scales = {tile.found.scale: tile.found.name for tile in reversed(looked)}
    if len(scales) > 1:
        listed = "; ".join(f"{scale:g}: {name}" for scale, name in scales.items())
        problems.append(f"{looked[0].found.name}: not all of one scale ({listed}); deliver one product for all dates")
    return problems


def _inventories(files: Sequence[Path]) -> tuple[tuple[FoundInventories, ...], list[str]]:
    inventories: list[FoundInventories] = []
    problems: list[str] = []
    for path in files:
        if path.suffix.lower() in _VECTORS:
            try:
                inventories.append(find_inventories(path))
            except ChronoslideError as error:
                problems.append(str(error))
    seen: dict[int, Path] = {}
    for inventory in inventories:
        for year in inventory.years:
            if year in seen:
                problems.append(f"{inventory.path}: the year {year} is also in {seen[year]}; name one inventory a year")
            seen.setdefault(year, inventory.path)
    return tuple(inventories), problems


def _unopened(files: Sequence[Path], *, anything: bool) -> list[str]:
    archives = [path for path in files if path.suffix.lower() in _ARCHIVES]
    return [f"{path}: an archive; unpack it and name its folder" for path in archives[:1] if not anything]
