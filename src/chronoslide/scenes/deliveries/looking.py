"""Looks at a recognised scene's pixels, thinned out: where it lies, what its values are, what speaks against it.

Stands between the providers' modules, which go by names and metadata, and the proposed description.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import Geod
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from chronoslide.errors import ChronoslideError, DataError
from chronoslide.grid import Grid, name_of
from chronoslide.rasters import grid_of
from chronoslide.scenes.deliveries import masks, planet
from chronoslide.scenes.deliveries.found import Found
from chronoslide.scenes.deliveries.reading import observed, opened, plain_name

WGS84: Final = CRS.from_epsg(4326)
_MOST_BLOCKS = 200_000  # whose places are checked; beyond, reading tells
_SIDE = 512  # rows and columns that are looked at, at most
_LARGEST_PIXEL_METRES: Final = {5: 8.0, 4: 5.0, 8: 5.0}  # of the sensors whose order of bands is guessed
_UNTAGGED: Final = (-9_999.0, -32_768.0)
_SAME_GROUND = 0.99  # windows of two neighbouring tiles may lie on one grid and show different parts of it
_NEGATIVE_SHARE, _BRIGHT_REFLECTANCE = 0.01, 2.0


@dataclass(frozen=True, slots=True)
class Looked:
    """A scene with what its pixels show.

    Attributes:
        found: The scene, with bands, scale and NoData filled in where they had to be guessed.
        grid: Of the whole file; of the finest ones where there are several.
        pixel_metres: Width or height of a pixel on the ground, the larger one [m].
        dtype: How values are stored.
        nodata: The file's own value for pixels without observation, or the one that was found to be it.
        tagged: Whether the file names it itself.
        nodata_share: Of the looked-at pixels.
        low: 1st percentile of the observed stored values, over all bands.
        high: 99th percentile.
        mask_share: Share of the looked-at pixels that the provider's mask takes away; None without a mask.
        values: (rows, cols, bands), thinned out, as stored.
        valid: (rows, cols), where it was observed.
        footprint: Where it was observed, in the file's coordinate reference system.
    """

    found: Found
    grid: Grid
    pixel_metres: float
    dtype: str
    nodata: float | None
    tagged: bool
    nodata_share: float
    low: float
    high: float
    mask_share: float | None
    values: NDArray[np.generic]
    valid: NDArray[np.bool_]
    footprint: shapely.Geometry


@dataclass(frozen=True, slots=True)
class Hints:
    """What the user states about scenes; it wins over what is found or guessed.

    Attributes:
        bands: The bands in the files' order.
        scale: The stored value of a reflectance of 1.
        offset: What is added to stored values first.
        dates: Of scenes, by their label, their folder's or their file's name.
        years: The year that a scene stands for, by the same names or its date, where it is not that of the date.
    """

    bands: tuple[str, ...] | None = None
    scale: float | None = None
    offset: float | None = None
    dates: Mapping[str, datetime.date] = field(default_factory=dict)
    years: Mapping[str, int] = field(default_factory=dict)


def names_of(found: Found) -> tuple[str, ...]:
    """The names by which hints may speak of a scene."""
    date = (found.date.isoformat(),) if found.date else ()
    return (found.label, found.name.name, found.name.stem, found.name.parent.name, *date)


def look(found: Found, hints: Hints | None = None) -> Looked:
    """Looks at a scene.

    Args:
        found: As a provider's module recognised it.
        hints: What the user states.

    Raises:
        DataError: A file is missing, broken, incomplete or no surface reflectance, or the bands cannot be told.
        GridError: A mask lies on another grid than its scene.
    """
    hints = hints or Hints()
    bands = hints.bands
    if hints.offset is not None:
        found = replace(found, offset=hints.offset, offset_from="--offset", unless_offset=None)
    if problem := found.problem or found.unless_offset:
        raise DataError(problem)
    for name in names_of(found):
        if name in hints.dates:
            found = replace(found, date=hints.dates[name], date_from="--date")
    path = found.scene
    if path is not None:
        with opened(path) as source:
            grid = grid_of(source, path)
            _require_whole(source, path)
            delivered = [index for index, kind in enumerate(source.colorinterp, 1) if kind != ColorInterp.alpha]
            found = _with_bands(found, source, delivered, pixel_metres(grid), bands)
            values, valid, nodata, tagged = _thinned(source, path, delivered, found.nodata)
    else:
        grid, values, valid, nodata, tagged = _stacked(found)
        if lacking := sorted(set(bands or ()) - set(found.bands)):
            raise DataError(f"{found.name}: --bands names {lacking[0]!r}; it has files for {', '.join(found.bands)}")
    _require_reflectance(found.name, values, valid)
    found = _with_scale(found, values[valid], hints.scale)
    observed_values = values[valid].astype(np.float64)
    low, high = np.quantile(observed_values, (0.01, 0.99))
    return Looked(
        found=found,
        grid=grid,
        pixel_metres=pixel_metres(grid),
        dtype=str(values.dtype),
        nodata=nodata,
        tagged=tagged,
        nodata_share=float(1.0 - valid.mean()),
        low=float(low),
        high=float(high),
        mask_share=_mask_share(found, grid),
        values=values,
        valid=valid,
        footprint=_footprint(valid, grid),
    )


def pixel_metres(grid: Grid) -> float:
    """The larger side of a pixel on the ground [m], also of a grid in degrees."""
    if grid.crs.is_projected:
        return max(grid.resolution) * float(grid.crs.linear_units_factor[1])
    left, bottom, right, top = grid.bounds
    geod, lon, lat = Geod(ellps="WGS84"), (left + right) / 2, (bottom + top) / 2
    width = geod.inv(lon, lat, lon + grid.resolution[0], lat)[2]
    height = geod.inv(lon, lat, lon, lat + grid.resolution[1])[2]
    return float(max(width, height))


def bounds_in_degrees(grid: Grid) -> tuple[float, float, float, float]:
    """(west, south, east, north)."""
    return tuple(transform_bounds(grid.crs, WGS84, *grid.bounds))


def require_one_of_each(looked: Sequence[Looked]) -> tuple[list[Looked], list[str]]:
    """Takes out tiles that were delivered twice.

    Returns:
        The tiles without the doubled ones, and a note for each that was left out.

    Raises:
        DataError: Two tiles of one date lie on the same grid and hold different values.
    """
    kept: list[Looked] = []
    notes: list[str] = []
    for tile in looked:
        twin = next((other for other in kept if _twins(tile, other)), None)
        if twin is None:
            kept.append(tile)
            continue
        both = tile.valid & twin.valid
        if not np.array_equal(tile.values[both], twin.values[both]):
            raise DataError(
                f"{tile.found.name}: is the same tile of {tile.found.date} as {twin.found.name} with other values; "
                "keep one of the two"
            )
        notes.append(f"{tile.found.name}: the same as {twin.found.name}; left out")
    return kept, notes


def _twins(first: Looked, second: Looked) -> bool:
    return (
        first.found.date is not None
        and first.found.date == second.found.date
        and first.grid == second.grid
        and first.values.shape == second.values.shape
        and (first.valid & second.valid).sum() >= _SAME_GROUND * (first.valid | second.valid).sum()
    )


def _require_whole(source: rasterio.DatasetReader, path: Path) -> None:
    """Refuses a TIFF whose blocks lie beyond its end, which thinned reading might overlook."""
    if source.driver != "GTiff":
        return
    length = path.stat().st_size
    planes = range(1, source.count + 1) if source.interleaving and source.interleaving.name != "pixel" else (1,)
    for band in planes:
        rows, cols = source.block_shapes[band - 1]
        if source.height * source.width > _MOST_BLOCKS * rows * cols:
            return
        for row in range(-(-source.height // rows)):
            for col in range(-(-source.width // cols)):
                start = source.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=band)
                bytes_ = source.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=band)
                if start and bytes_ and int(start) + int(bytes_) > length:
                    raise DataError(f"{path}: ends before its last pixels (truncated); deliver the file again")


def _shape_to_look_at(source: rasterio.DatasetReader) -> tuple[int, int]:
    thin = max(source.height / _SIDE, source.width / _SIDE, 1.0)
    return max(int(source.height / thin), 1), max(int(source.width / thin), 1)


def _thinned(
    source: rasterio.DatasetReader,
    path: Path,
    indexes: list[int],
    provided: float | None,
    shape: tuple[int, int] | None = None,
) -> tuple[NDArray[np.generic], NDArray[np.bool_], float | None, bool]:
    values = np.moveaxis(source.read(indexes, out_shape=(len(indexes), *(shape or _shape_to_look_at(source)))), 0, -1)
    if np.issubdtype(values.dtype, np.complexfloating):
        raise DataError(f"{path}: holds complex numbers (radar); deliver surface reflectance")
    nodata = source.nodata
    if nodata is None:
        nodata = next((value for value in _UNTAGGED if (values == value).any()), provided)
    # No ground reflects nothing at all: among whole numbers 0 is taken for NoData also where none was looked at.
    if nodata is None and (np.issubdtype(values.dtype, np.integer) or (values == 0).all(axis=-1).any()):
        nodata = 0.0
    valid = observed(source, values, Window(0, 0, source.width, source.height), nodata)
    if not valid.any():
        raise DataError(f"{path}: holds nothing but NoData; deliver the scene again or leave it out")
    return values, valid, nodata, source.nodata is not None


def _stacked(found: Found) -> tuple[Grid, NDArray[np.generic], NDArray[np.bool_], float | None, bool]:
    """A file a band as one cube, thinned out to one shape."""
    grids: dict[str, Grid] = {}
    shapes: dict[str, tuple[int, int]] = {}
    for band, path in found.band_files.items():
        with opened(path) as source:
            if source.count != 1:
                raise DataError(f"{path}: has {source.count} bands, its name says one; deliver one file a band")
            grids[band], shapes[band] = grid_of(source, path), _shape_to_look_at(source)
            _require_whole(source, path)
    finest = min(grids, key=lambda band: grids[band].resolution)
    for band, grid in grids.items():
        path = found.band_files[band]
        if grid.crs != grids[finest].crs:
            raise DataError(
                f"{path}: is in {name_of(grid.crs)}, the other bands of its date in {name_of(grids[finest].crs)}; "
                "deliver all bands in one coordinate reference system"
            )
        slack = max(grid.resolution)
        if any(abs(a - b) > slack for a, b in zip(grid.bounds, grids[finest].bounds, strict=True)):
            raise DataError(
                f"{path}: covers other ground than the band in {found.band_files[finest].name} (it starts at x "
                f"{grid.bounds[0]:.6g}, y {grid.bounds[3]:.6g}); deliver all bands of one tile"
            )
    layers, valid, nodata, all_tagged = [], None, None, True
    for path in found.band_files.values():
        with opened(path) as source:
            values, seen, marker, tagged = _thinned(source, path, [1], found.nodata, shapes[finest])
        all_tagged &= tagged
        layers.append(values)
        valid = seen if valid is None else valid & seen
        nodata = marker if nodata is None else nodata
    kinds = {layer.dtype for layer in layers}
    if len(kinds) > 1:
        raise DataError(
            f"{found.name}: its bands are stored as {' and '.join(sorted(map(str, kinds)))}; deliver all bands in one "
            "type and scale"
        )
    assert valid is not None
    return grids[finest], np.concatenate(layers, axis=-1), valid, nodata, all_tagged


def _with_bands(
    found: Found, source: rasterio.DatasetReader, delivered: list[int], pixel: float, bands: Sequence[str] | None
) -> Found:
    path, count = found.name, len(delivered)
    told = [plain_name(source.descriptions[index - 1]) for index in delivered]
    if bands is not None:
        if len(bands) != count:
            raise DataError(f"{path}: has {count} bands, --bands names {len(bands)}; name every band of the file")
        return replace(found, bands=tuple(bands), bands_from="--bands", sensor=found.sensor or "unknown")
    if found.bands:
        if len(found.bands) != count:
            raise DataError(
                f"{path}: has {count} bands, {found.metadata} names {len(found.bands)}; deliver all bands of the scene"
            )
        return found
    stated = {number for number, sensor in planet.SENSORS.items() if sensor == found.sensor}
    if stated and count not in stated:
        raise DataError(f"{path}: has {count} bands, {found.sensor} has {stated.pop()}; deliver all bands of the scene")
    guessed = found.provider != "Planet"
    if all(told):
        doubled = {name for name in told if told.count(name) > 1}
        if doubled:
            raise DataError(f"{path}: two bands are called {doubled.pop()!r}; deliver each band once")
        sensor = found.sensor or (planet.SENSORS.get(count, "unknown") if not guessed else "unknown")
        return replace(found, bands=tuple(told), bands_from="the file's descriptions", sensor=sensor)
    known = count in planet.ORDERS and (not guessed or pixel <= _LARGEST_PIXEL_METRES[count])
    if not known:
        raise DataError(
            f"{path}: has {count} band{'s' if count > 1 else ''} of {pixel:.4g} m pixels without names, which fits no "
            "sensor that is known here; name them with --bands blue,green,red,..."
        )
    sensor = found.sensor or planet.SENSORS[count]
    how = f"{sensor}'s order" + (f" (a guess from {count} bands of {pixel:.4g} m)" if guessed else "")
    return replace(found, bands=planet.ORDERS[count], bands_from=how, sensor=sensor + (" (guess)" if guessed else ""))


def _require_reflectance(path: Path, values: NDArray[np.generic], valid: NDArray[np.bool_]) -> None:
    if values.dtype in (np.uint8, np.int8) or (
        np.issubdtype(values.dtype, np.integer) and values[valid].max() <= np.iinfo(np.uint8).max
    ):
        raise DataError(
            f"{path}: holds 8-bit values, a picture to look at; deliver surface reflectance (16 bits or floating point)"
        )


def _with_scale(found: Found, seen: NDArray[np.generic], scale: float | None) -> Found:
    """The scene with its scale, guessed from the values where nothing states it, and checked against them."""
    high = float(np.quantile(seen.astype(np.float64), 0.999))
    if scale is not None:
        found = replace(found, scale=scale, scale_from="--scale")
    elif np.issubdtype(seen.dtype, np.floating) and high <= _BRIGHT_REFLECTANCE:
        found = replace(found, scale=1.0, scale_from=f"a guess: floating point up to {high:.3g}")
    elif found.scale is None:
        if not 256 <= high <= _BRIGHT_REFLECTANCE * planet.SCALE:
            raise DataError(
                f"{found.name}: values up to {high:.4g} fit neither reflectance (0 to 1) nor 10,000 times it; state "
                "the stored value of a reflectance of 1 with --scale"
            )
        found = replace(found, scale=planet.SCALE, scale_from=f"a guess: values up to {high:.0f}")
    scale = found.scale or 1.0
    reflectance = (seen.astype(np.float64) + (found.offset or 0.0)) / scale
    negative = float((reflectance < 0).mean())
    if negative > _NEGATIVE_SHARE:
        why = (
            f"with the offset {found.offset:g} ({found.offset_from}), which has perhaps been taken away already; state "
            "--offset 0 if so"
            if found.offset
            else "which no surface has; deliver surface reflectance, or mark NoData as such"
        )
        raise DataError(f"{found.name}: {negative:.0%} of the reflectance is below 0 {why}")
    if np.median(reflectance) > _BRIGHT_REFLECTANCE:
        raise DataError(
            f"{found.name}: the median reflectance would be {np.median(reflectance):.3g} with the scale {scale:g}; "
            "deliver surface reflectance, or state its scale with --scale"
        )
    return found


def _mask_share(found: Found, grid: Grid) -> float | None:
    """What a mask takes away, read at once: masks are small beside scenes. Also finds a mask of another grid."""
    if found.usable_data_mask is not None:
        path = found.usable_data_mask
        with opened(path) as source:
            window = Window(0, 0, grid.cols, grid.rows)
            return float(1.0 - masks.usable(source, path, grid_of(source, path), grid, window).mean())
    if found.scene_classification is not None:
        path = found.scene_classification
        with opened(path) as source:
            mask_grid = grid_of(source, path)
            target = Grid(mask_grid.crs, mask_grid.transform, mask_grid.shape)
            return float(1.0 - masks.observable(source, path, mask_grid, grid, target).mean())
    return None


def _footprint(valid: NDArray[np.bool_], grid: Grid) -> shapely.Geometry:
    rows, cols = valid.shape
    transform = grid.transform @ Affine.scale(grid.cols / cols, grid.rows / rows)
    if valid.all():
        return grid.footprint
    parts = rasterio.features.shapes(valid.astype(np.uint8), mask=valid, transform=transform)
    return shapely.union_all([shapely.geometry.shape(part) for part, _ in parts])


def to_crs(geometry: shapely.Geometry, crs: CRS, target: CRS) -> shapely.Geometry:
    """A footprint in another coordinate reference system."""
    if crs == target:
        return geometry
    longest = max(geometry.bounds[2] - geometry.bounds[0], geometry.bounds[3] - geometry.bounds[1])
    dense = shapely.segmentize(geometry, longest / 20)
    return gpd.GeoSeries([dense], crs=crs).to_crs(target).iloc[0]


def look_at_all(scenes: Sequence[Found], hints: Hints | None = None) -> tuple[list[Looked], list[str]]:
    """Looks at every scene; what is wrong with one is told as a line, and the others are looked at all the same."""
    looked: list[Looked] = []
    problems: list[str] = []
    for found in scenes:
        try:
            looked.append(look(found, hints))
        except ChronoslideError as error:
            problems.append(str(error))
    return looked, problems
