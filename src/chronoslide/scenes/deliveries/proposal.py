"""From what was found to the proposed description: one date a year, one metric grid, an area that all years show.

The last step before `dataset.yaml` is written; nothing is opened or written here.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.errors import CRSError

from chronoslide.dataset import Acquisition, Dataset, InventoryFile, Site, SiteName, Year
from chronoslide.errors import DataError, GridError
from chronoslide.grid import name_of, require_metric
from chronoslide.manual_inventories import FoundInventories
from chronoslide.scenes.deliveries.folder_of_bands import ORDER
from chronoslide.scenes.deliveries.inspection import Inspection
from chronoslide.scenes.deliveries.looking import WGS84, Hints, Looked, names_of, to_crs

_LOW_COVERAGE: Final = 0.9
_AREA_FILE: Final = "area_of_interest.gpkg"
_SIDECARS: Final = (".shp", ".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".shp.xml")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user states about the data set.

    Attributes:
        name: Short name; None takes the name of the first folder.
        crs: The system to bring scenes to; None takes the scenes' own, if metric, or the UTM zone.
        resolution: Pixel size [m]; None takes the scenes' own.
        hints: What is stated about scenes.
        areas: The outlines of the sites, read; a site without one gets the ground that all its years show.
    """

    name: str | None = None
    crs: str | None = None
    resolution: float | None = None
    hints: Hints = field(default_factory=Hints)
    areas: Mapping[SiteName, gpd.GeoDataFrame] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A description with what has to be done to make it true.

    Attributes:
        dataset: The description.
        copies: Files to be brought into the data folder: from where, and to where below it.
        areas: Outlines to be written, by their place below the data folder.
        elevations: Elevation models to be brought to the data set's system, by their place below the data folder.
        notes: What was decided, a line each.
    """

    dataset: Dataset
    copies: Mapping[Path, Path]
    areas: Mapping[Path, gpd.GeoDataFrame]
    elevations: Mapping[Path, Path]
    notes: tuple[str, ...]


def propose(inspections: Mapping[SiteName, Inspection], data: Path, wishes: Wishes) -> Proposal:
    """Makes a description of what was found.

    Args:
        inspections: What was found for each site; without problems.
        data: The data folder; files that lie in a site's folder there are described where they are.
        wishes: What the user states.

    Raises:
        DataError: No scene was found, dates or sites do not fit together, or a system is unknown.
        GridError: A system is not metric.
    """
    for site, inspection in inspections.items():
        _require_scenes(site, inspection)
    everything = [tile for inspection in inspections.values() for tile in inspection.scenes]
    _require_alike(everything)
    crs = _crs_of(wishes.crs, everything)
    resolution = wishes.resolution or _resolution_of(everything)
    work = _Work(data, crs, resolution, wishes)
    sites: dict[SiteName, Site] = {site: work.site(site, inspection) for site, inspection in inspections.items()}
    first = everything[0].found
    bands = _bands_of(everything)
    scales = {tile.found.scale for tile in everything}
    dataset = Dataset(
        name=wishes.name or _name_of(inspections["investigation"].paths[0]),
        provenance="simulated" if all(tile.found.provenance == "simulated" for tile in everything) else "observed",
        description=f"Delivered by: {first.provider}. Scale: {first.scale_from}. Bands: {first.bands_from}.",
        sensor=first.sensor.removesuffix(" (guess)") or "unknown",
        bands=bands,
        scale=scales.pop() or 1.0,
        nodata=_nodata_of(everything),
        crs=name_of(crs),
        resolution_metres=resolution,
        sites=sites,
    )
    return Proposal(dataset, work.copies, work.areas, work.elevations, tuple(work.notes))


class _Work:
    """The sites one after the other, with what has to be copied and said for them."""

    def __init__(self, data: Path, crs: CRS, resolution: float, wishes: Wishes) -> None:
        self.data, self.crs, self.resolution, self.wishes = data, crs, resolution, wishes
        self.copies: dict[Path, Path] = {}
        self.areas: dict[Path, gpd.GeoDataFrame] = {}
        self.elevations: dict[Path, Path] = {}
        self.notes: list[str] = []

    def site(self, site: SiteName, inspection: Inspection) -> Site:
        by_year = self._dates(site, inspection.scenes)
        area = self._area(site, inspection, by_year)
        inventories = self._inventories(site, inspection.inventories, by_year)
        years = {
            year: Year(
                date=tiles[0].found.date or datetime.date(year, 1, 1),
                acquisitions=tuple(self._acquisition(site, year, tile) for tile in tiles),
                inventory=inventories.get(year),
            )
            for year, tiles in sorted(by_year.items())
        }
        return Site(area_of_interest=area, elevation=self._elevation(site, inspection), years=years)

    def _dates(self, site: SiteName, scenes: Sequence[Looked]) -> dict[int, list[Looked]]:
        """The tiles of the date that stands for each year: the one that shows most ground, then nearest the season."""
        dated: dict[int, dict[datetime.date, list[Looked]]] = {}
        for tile in scenes:
            date = tile.found.date
            if date is None:
                raise DataError(f"{tile.found.name}: no date; state it with --date {tile.found.label}=YYYY-MM-DD")
            stated = [self.wishes.hints.years[name] for name in names_of(tile.found) if name in self.wishes.hints.years]
            dated.setdefault(stated[0] if stated else date.year, {}).setdefault(date, []).append(tile)
        season = float(np.median([date.timetuple().tm_yday for dates in dated.values() for date in dates]))
        chosen: dict[int, list[Looked]] = {}
        for year, dates in dated.items():
            grounds = {date: self._ground(tiles).area for date, tiles in dates.items()}
            most = max(grounds.values())
            best = min(
                (date for date in dates if grounds[date] >= 0.99 * most),
                key=lambda date: (abs(date.timetuple().tm_yday - season), date),
            )
            chosen[year] = dates[best]
            if len(dates) > 1:
                others = ", ".join(date.isoformat() for date in sorted(dates) if date != best)
                self.notes.append(
                    f"{site} {year}: of {len(dates)} dates {best} stands for it (most ground, nearest the season), "
                    f"left out: {others} (give one another year with --year DATE=YEAR)"
                )
        return chosen

    def _ground(self, tiles: Sequence[Looked]) -> shapely.Geometry:
        return shapely.union_all([to_crs(tile.footprint, tile.grid.crs, self.crs) for tile in tiles])

    def _area(self, site: SiteName, inspection: Inspection, by_year: Mapping[int, Sequence[Looked]]) -> Path:
        target = Path(site) / _AREA_FILE
        grounds = {year: self._ground(tiles) for year, tiles in by_year.items()}
        stated = self.wishes.areas.get(site)
        if stated is not None:
            area = stated.to_crs(self.crs)[["geometry"]]
            outline = shapely.union_all(area.geometry.to_numpy())
            for year, ground in grounds.items():
                share = ground.intersection(outline).area / outline.area
                if share == 0:
                    raise DataError(
                        f"{by_year[year][0].found.name}: lies outside of the area of interest; leave it out, or name "
                        "the area that it shows"
                    )
                if share < _LOW_COVERAGE:
                    self.notes.append(f"{site} {year}: its scene shows {share:.0%} of the area of interest")
        else:
            pixel = max(self.resolution, *(tile.pixel_metres * tile.grid.rows / 512 for tile in inspection.scenes))
            shared = shapely.intersection_all(list(grounds.values()))
            outline = _largest(shared.simplify(pixel).buffer(-pixel, join_style="mitre"))
            if outline is None:
                first, *_, last = sorted(by_year.values(), key=lambda tiles: str(tiles[0].found.date)) * 2
                raise DataError(
                    f"{first[0].found.name}: shares no ground with {last[0].found.name}; leave one of them out, or "
                    "name the area with --aoi"
                )
            area = gpd.GeoDataFrame({"name": [site]}, geometry=[outline], crs=self.crs)
            self.notes.append(f"{site}: no area of interest is named; it is the {_km2(outline)} that all years show")
        self.areas[target] = area
        return target

    def _acquisition(self, site: SiteName, year: int, tile: Looked) -> Acquisition:
        found = tile.found
        folder = Path(site) / "acquisitions" / str(year)
        if found.scene is None:
            folder /= found.label

        def place(path: Path) -> Path:
            return self._place(path, folder)

        files = {band: place(path) for band, path in found.band_files.items()}
        keeps_metadata = found.metadata is not None and not (files and self.wishes.hints.offset is not None)
        return Acquisition(
            scene=place(found.scene) if found.scene is not None else None,
            bands=files or None,
            offset=found.offset or None,
            usable_data_mask=place(found.usable_data_mask) if found.usable_data_mask else None,
            scene_classification=place(found.scene_classification) if found.scene_classification else None,
            metadata=place(found.metadata) if found.metadata and keeps_metadata else None,
            source=found.source,
        )

    def _inventories(
        self, site: SiteName, found: Sequence[FoundInventories], by_year: Mapping[int, Sequence[Looked]]
    ) -> dict[int, Path | InventoryFile]:
        result: dict[int, Path | InventoryFile] = {}
        folder = Path(site) / "inventories"
        for inventory in found:
            wanted = [year for year in inventory.years if year in by_year]
            without = sorted(set(inventory.years) - set(wanted))
            if without:
                self.notes.append(
                    f"{inventory.path.name}: no scene of {', '.join(map(str, without))}; these years are not used"
                )
            if not wanted:
                continue
            path = self._place(inventory.path, folder)
            if inventory.path.suffix.lower() == ".shp":
                for suffix in _SIDECARS[1:]:
                    beside = inventory.path.with_suffix(suffix)
                    if beside.exists():
                        self._place(beside, folder)
            for year in wanted:
                layer, column = inventory.years[year]
                whole = layer is None and column is None
                result[year] = path if whole else InventoryFile(file=path, layer=layer, year_column=column)
        return result

    def _elevation(self, site: SiteName, inspection: Inspection) -> Path | None:
        if not inspection.elevations:
            return None
        first, *others = inspection.elevations
        if others:
            self.notes.append(f"{first.name} is taken for the elevation; left out: {', '.join(p.name for p in others)}")
        target = Path(site) / "elevation.tif"
        if first.resolve() != (self.data / target).resolve():
            self.elevations[target] = first
        return target

    def _place(self, path: Path, folder: Path) -> Path:
        """Where a file will lie below the data folder: where it is, if that is in the folder of its site."""
        site, kind, *_ = folder.parts
        below = (self.data / site / kind).resolve()
        if path.resolve().is_relative_to(below):
            return path.resolve().relative_to(self.data.resolve())
        target = folder / path.name
        if self.copies.get(path, target) != target:
            return self.copies[path]
        if target in {other for source, other in self.copies.items() if source != path}:
            target = folder / f"{path.parent.name}_{path.name}"
        if target in {other for source, other in self.copies.items() if source != path}:
            raise DataError(f"{path}: two deliveries of {folder.name} are called so; rename one of them")
        self.copies[path] = target
        return target


def _require_scenes(site: SiteName, inspection: Inspection) -> None:
    where = ", ".join(map(str, inspection.paths))
    if inspection.scenes:
        return
    if inspection.chips:
        train, *rest = inspection.chips
        test = rest[0] if rest else train
        raise DataError(f"{where}: holds chips, not scenes; train on them with `chronoslide chips {train} {test}`")
    if inspection.inventories:
        raise DataError(
            f"{where}: holds inventories and no scene; track them with `chronoslide track`, or name the folder of "
            "scenes, too"
        )
    raise DataError(f"{where}: holds no scene for the {site} area; name the folder of a delivery")


def _require_alike(everything: Sequence[Looked]) -> None:
    """Both sites need one sensor and scale; within a site, the inspection has seen to it."""
    first = everything[0]
    for tile in everything:
        if tile.found.sensor != first.found.sensor or tile.found.scale != first.found.scale:
            raise DataError(
                f"{tile.found.name}: is of {tile.found.sensor} with the scale {tile.found.scale:g}, {first.found.name} "
                f"of {first.found.sensor} with {first.found.scale:g}; describe one sensor in a data set"
            )


def _bands_of(everything: Sequence[Looked]) -> tuple[str, ...]:
    first = everything[0].found
    if first.scene is not None:
        return first.bands
    common = set.intersection(*(set(tile.found.bands) for tile in everything))
    return tuple(band for band in first.bands if band in common) or tuple(band for band in ORDER if band in common)


def _nodata_of(everything: Sequence[Looked]) -> float | None:
    """The value that the description has to name: that of files which do not name their own."""
    untagged = {tile.nodata for tile in everything if not tile.tagged and tile.nodata is not None}
    if len(untagged) > 1:
        raise DataError(
            f"{everything[0].found.name}: files mark NoData by {' and '.join(f'{v:g}' for v in sorted(untagged))}; "
            "name it in the files (gdal_edit.py -a_nodata)"
        )
    tagged = {tile.nodata for tile in everything if tile.tagged}
    if untagged:
        return untagged.pop()
    value = tagged.pop() if len(tagged) == 1 else None
    return None if value is None or not math.isfinite(value) else float(value)


def _crs_of(stated: str | None, everything: Sequence[Looked]) -> CRS:
    if stated is not None:
        try:
            crs = CRS.from_user_input(stated)
        except CRSError as error:
            raise GridError(f"--crs: {stated!r} is not known; write it as EPSG:32645") from error
        require_metric(crs, "--crs")
        return crs
    known: dict[str, list[CRS]] = {}
    for tile in everything:
        crs = tile.grid.crs
        if crs.is_projected and math.isclose(crs.linear_units_factor[1], 1.0, rel_tol=1e-9) and crs.to_epsg():
            known.setdefault(name_of(crs), []).append(crs)
    if known:
        return max(known.values(), key=len)[0]
    footprints = [to_crs(tile.footprint, tile.grid.crs, WGS84) for tile in everything]
    return CRS.from_user_input(gpd.GeoSeries(footprints, crs=WGS84).estimate_utm_crs().to_string())


def _resolution_of(everything: Sequence[Looked]) -> float:
    """The most frequent pixel size, to a tenth of a metre: files in degrees or clipped ones are a little off."""
    sizes = [round(tile.pixel_metres, 1) for tile in everything]
    return float(max(sorted(set(sizes)), key=sizes.count))


def _largest(geometry: shapely.Geometry) -> shapely.Geometry | None:
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and not part.is_empty]
    return max(parts, key=lambda part: part.area) if parts else None


def _km2(geometry: shapely.Geometry) -> str:
    return f"{geometry.area / 1e6:.4g} km2"


def _name_of(path: Path) -> str:
    resolved = path.resolve()
    return (resolved if resolved.is_dir() else resolved.parent).name or "delivery"
