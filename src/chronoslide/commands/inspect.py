"""`chronoslide inspect PATH ...`: says what a delivery holds, what stands in its way, the proposed description."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from chronoslide.dataset import SITES, SiteName, dataset_text
from chronoslide.errors import DataError, SettingsError
from chronoslide.grid import name_of
from chronoslide.manual_inventories import FoundInventories
from chronoslide.patches.chip_sets.layouts import TEST, resembles
from chronoslide.patches.chip_sets.reading import look_at_chips
from chronoslide.scenes.deliveries.inspection import Inspection, inspect
from chronoslide.scenes.deliveries.looking import Hints, Looked
from chronoslide.scenes.deliveries.proposal import Proposal, Wishes, propose
from chronoslide.vectors import read_polygons, repair_polygons

_Value = TypeVar("_Value")
_DATA = Path("data")


def run(arguments: argparse.Namespace) -> None:
    """Prints what is found; nothing is written.

    Raises:
        DataError: The first problem, where there are any; all are printed before.
        SettingsError: An option cannot be understood.
    """
    chips = [path for path in arguments.paths if resembles(path)]
    for path in chips:
        print("\n".join(report_chips(path)))
    arguments.paths = [path for path in arguments.paths if path not in chips]
    if not (arguments.paths or arguments.training):
        return
    inspections, wishes = look_at(arguments)
    for site, inspection in inspections.items():
        print("\n".join(report(site, inspection)))
    require_no_problem(inspections)
    if not any(inspection.scenes for inspection in inspections.values()):
        return
    proposal = propose(inspections, _DATA, wishes)
    print("Decided")
    for note in proposal.notes:
        print(f"  {note}")
    print("Proposed data/dataset.yaml (`chronoslide init` writes it):\n")
    print(dataset_text(proposal.dataset), end="")


def report_chips(folder: Path) -> Iterator[str]:
    """What a patch set made by others is and how it goes in, line by line.

    Raises:
        DataError: Its files do not belong together, or the first one is broken.
    """
    looked = look_at_chips(folder)
    yield f"{folder} (chips: {looked.layout.name})"
    for part, images in looked.images.items():
        yield f"  {part:<12} {images} images, {looked.masks[part]} masks"
    rows, cols, channels = looked.shape
    known = looked.units.name if looked.units else f"name its {channels} channels by `bands`"
    yield f"  first image  {rows} x {cols} pixels, {channels} channels of {looked.dtype}: {known}"
    test = folder if TEST in looked.images else "TEST_FOLDER"
    yield f"  their way in: chronoslide chips {folder} {test}"
    yield f"  or, to pretrain on them, pretrain.sources in params.yaml: [{{path: sources/{folder.name}}}]"
    for note in looked.layout.notes:
        yield f"  {note}"


def look_at(arguments: argparse.Namespace) -> tuple[dict[SiteName, Inspection], Wishes]:
    """What lies where the words point, and what they wish.

    Raises:
        DataError: A path or label does not exist.
        SettingsError: An option cannot be understood.
    """
    hints = Hints(
        bands=_bands(arguments.bands),
        scale=_positive(arguments.scale, "--scale"),
        offset=arguments.offset,
        dates=_assignments(arguments.date, "--date", datetime.date.fromisoformat, "2016-11-04"),
        years=_assignments(arguments.year, "--year", int, "2016"),
    )
    paths: dict[SiteName, Sequence[Path]] = {"training": arguments.training, "investigation": arguments.paths}
    named: dict[SiteName, Path | None] = {"training": arguments.training_aoi, "investigation": arguments.aoi}
    inspections = {site: inspect(paths[site], hints) for site in SITES if paths[site]}
    areas = {}
    for site, inspection in inspections.items():
        path = named[site] or next(iter(inspection.areas), None)
        if path is not None:
            areas[site] = repair_polygons(read_polygons(path), str(path)).polygons
            if areas[site].empty:
                raise DataError(f"{path}: holds no area; deliver the outline of the area of interest")
    return inspections, Wishes(
        arguments.name, arguments.crs, _positive(arguments.resolution, "--resolution"), hints, areas
    )


def require_no_problem(inspections: Mapping[SiteName, Inspection]) -> None:
    """Refuses a delivery with problems.

    Raises:
        DataError: With the first of them, and how many there are besides.
    """
    problems = [problem for inspection in inspections.values() for problem in inspection.problems]
    if problems:
        more = f" (and {len(problems) - 1} more, see `chronoslide inspect`)" if len(problems) > 1 else ""
        raise DataError(problems[0] + more)


def report(site: SiteName, inspection: Inspection) -> Iterator[str]:
    """What was found, line by line."""
    yield f"{', '.join(map(str, inspection.paths))} ({site} area)"
    if inspection.scenes:
        yield from _scenes(inspection.scenes)
    for inventory in inspection.inventories:
        yield from _inventory(inventory)
    for path in inspection.elevations:
        yield f"  elevation    {path.name}"
    for path in inspection.areas:
        yield f"  area         {path.name}"
    for folder in inspection.chips:
        images, masks = (sum(1 for _ in (folder / name).iterdir()) for name in ("images", "masks"))
        yield f"  chips        {folder}: {images} images, {masks} masks"
    if len(inspection.chips) and not inspection.scenes:
        train, test = inspection.chips[0], inspection.chips[-1]
        yield f"  their way in: chronoslide chips {train} {test}"
    elif inspection.inventories and not inspection.scenes:
        columns = {column for found in inspection.inventories for _, column in found.years.values() if column}
        option = f" --year-column {columns.pop()}" if columns else ""
        names = " ".join(str(found.path) for found in inspection.inventories)
        yield f"  their way in: chronoslide track {names}{option} (or statistics, rasterise, compare)"
    for title, lines in (("Notes", inspection.notes), ("Problems", inspection.problems)):
        if lines:
            yield title
            yield from (f"  {line}" for line in lines)


def _scenes(scenes: Sequence[Looked]) -> Iterator[str]:
    first = scenes[0].found
    yield f"  provider     {first.provider}; sensor: {first.sensor}"
    yield f"  bands        {', '.join(first.bands)} ({first.bands_from})"
    low, high = min(tile.low for tile in scenes), max(tile.high for tile in scenes)
    kinds = ", ".join(sorted({tile.dtype for tile in scenes}))
    yield f"  values       {kinds}, 98 % from {low:.5g} to {high:.5g}; scale {first.scale:g} ({first.scale_from})"
    offsets = {(tile.found.offset, tile.found.offset_from) for tile in scenes if tile.found.offset is not None}
    for offset, how in sorted(offsets):
        yield f"  offset       {offset:g} ({how})"
    places = {(name_of(tile.grid.crs), round(tile.pixel_metres, 2)) for tile in scenes}
    for crs, pixel in sorted(places):
        yield f"  grid         {crs}, pixels of {pixel:g} m"
    yield "  date         tiles  NoData   mask     pixels          the date is known from"
    for tile in sorted(scenes, key=lambda tile: (str(tile.found.date), str(tile.found.name))):
        count = sum(other.found.date == tile.found.date for other in scenes)
        mask = "none" if tile.mask_share is None else f"{tile.mask_share:.1%}"
        pixels = f"{tile.grid.rows} x {tile.grid.cols}"
        yield (
            f"  {tile.found.date or 'unknown'!s:<12} {count:>5}  {tile.nodata_share:>6.1%}   {mask:<7}  {pixels:<14}  "
            f"{tile.found.date_from or '-'} ({tile.found.name.name})"
        )


def _inventory(found: FoundInventories) -> Iterator[str]:
    total = sum(found.polygons.values())
    years = ", ".join(f"{year}: {count}" for year, count in sorted(found.polygons.items()))
    broken = (
        f"; {found.repaired} to be repaired, {found.dropped} without area" if found.repaired + found.dropped else ""
    )
    yield f"  inventory    {found.path.name}: {total} polygons in {found.crs} ({years}; years by {found.how}{broken})"


def _bands(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    bands = tuple(band.strip() for band in text.split(","))
    if not all(bands) or len(set(bands)) < len(bands):
        raise SettingsError(f"--bands {text}: name each band once, as in blue,green,red,red_edge,nir")
    return bands


def _positive(value: float | None, option: str) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise SettingsError(f"{option} {value:g}: must be above 0")
    return value


def _assignments(words: Sequence[str], option: str, read: Callable[[str], _Value], example: str) -> dict[str, _Value]:
    result = {}
    for word in words:
        name, sign, value = word.rpartition("=")
        try:
            if not sign or not name:
                raise ValueError
            result[name] = read(value)
        except ValueError as error:
            raise SettingsError(f"{option} {word}: write it as SCENE={example}") from error
    return result


def described(proposal: Proposal) -> str:
    """The years of each site in a line."""
    parts = []
    for site in proposal.dataset.described_sites:
        years = proposal.dataset.sites[site].years
        mapped = [year for year, delivered in years.items() if delivered.inventory is not None]
        inventories = f"inventories of {', '.join(map(str, mapped))}" if mapped else "no inventory"
        parts.append(f"{site}: {', '.join(map(str, years))} ({inventories})")
    return "; ".join(parts)
