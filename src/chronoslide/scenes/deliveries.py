"""Delivered files -> tiles on a site's lattice: bands checked, stored values turned to reflectance, validity gathered.

The first step of a scene. Everything that can be wrong with a delivery is found here and said with the file's name.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from chronoslide.dataset import DESCRIPTION, Acquisition, Dataset
from chronoslide.errors import DataError, GridError, nearest
from chronoslide.grid import Grid, name_of, require_metric
from chronoslide.scenes.scene import Scene
from chronoslide.vectors import read_polygons, repair_polygons

# Names that a writer gives when it knows nothing about a band ("Band 1", "b3", "gray", "undefined").
_SAYS_NOTHING = re.compile(r"(band|b|channel)?_?\d*|gr[ae]y|undefined|unknown")
_SAME_BAND = {"rededge": "red_edge", "near_infrared": "nir", "nearinfrared": "nir", "near_ir": "nir"}

# Bilinear resampling looks at most one pixel beyond; coarser grids look further in proportion.
_MARGIN_PIXELS = 2

# A resampled pixel is valid only if all that it was made of was; the rest is rounding of the weights.
_FULLY_VALID = 0.999


@dataclass(frozen=True, slots=True)
class Tile:
    """One delivered tile, cut to a site.

    Attributes:
        scene: The tile's part of the site, on the site's lattice.
        resampled: Whether its pixels did not lie on that lattice and were interpolated.
    """

    scene: Scene
    resampled: bool


def read_area(path: Path, dataset: Dataset) -> tuple[gpd.GeoDataFrame, Grid]:
    """Reads a site's area of interest and makes the site's grid.

    Args:
        path: A vector file with the area's polygons, in any coordinate reference system.
        dataset: The description of the data; it says which grid scenes are brought to.

    Returns:
        The area in the data set's coordinate reference system, and the smallest grid that covers it.

    Raises:
        DataError: The file is missing or broken, or holds no area.
        GridError: The data set's coordinate reference system is unknown or not in metres.
    """
    crs = crs_of(dataset)
    area = repair_polygons(read_polygons(path), str(path)).polygons.to_crs(crs)
    bounds = tuple(float(value) for value in area.total_bounds)
    if area.empty or not np.isfinite(bounds).all():
        raise DataError(
            f"{path}: holds no area that {name_of(crs)} can show; deliver the outline of the area of interest"
        )
    left, bottom, right, top = bounds
    return area, Grid.from_bounds((left, bottom, right, top), crs, dataset.resolution_metres)


def crs_of(dataset: Dataset) -> CRS:
    """The coordinate reference system that the data set's scenes are in.

    Raises:
        GridError: It is unknown or not in metres.
    """
    try:
        crs = CRS.from_user_input(dataset.crs)
    except CRSError as error:
        raise GridError(f"{DESCRIPTION}: crs: {dataset.crs!r} is not known; write it as EPSG:32645") from error
    require_metric(crs, f"{DESCRIPTION}: crs")
    return crs


def read_tile(folder: Path, acquisition: Acquisition, dataset: Dataset, bands: Sequence[str], grid: Grid) -> Tile:
    """Reads the part of a delivered tile that lies on a site.

    A pixel is valid where none of these bands holds NoData (the description's value or the file's own), not-a-number
    or the highest value of its type (saturated), where the file's own mask shows it, and where the usable-data mask
    is 0.
    A tile on the site's lattice is copied; any other is resampled by bilinear interpolation, in which a pixel that
    was made of an invalid one is invalid.

    Args:
        folder: What the paths of `acquisition` are relative to.
        acquisition: The tile.
        dataset: The description of the data.
        bands: The bands to read, by name, in the order wanted.
        grid: The site's grid.

    Raises:
        DataError: A file is missing, broken, not as described, empty of observations, or not on the site.
        GridError: The usable-data mask lies on another grid than the scene.
    """
    path = folder / acquisition.scene
    if acquisition.metadata is not None and not (folder / acquisition.metadata).exists():
        raise DataError(
            f"{folder / acquisition.metadata}: no such file; deliver it or take it out of {DESCRIPTION}, it is optional"
        )
    with _opened(path) as source:
        tile_grid = _grid_of(source, path, grid.crs)
        indexes = _band_indexes(source, path, dataset, bands)
        window = _window_on(tile_grid, grid, path)
        values = np.moveaxis(source.read(indexes, window=window), 0, -1)
        valid = _observed(source, values, window, dataset.nodata)
        if not valid.any() and not _holds_anything(source, indexes, dataset.nodata):
            raise DataError(
                f"{path}: holds nothing but NoData; deliver the scene again or take it out of {DESCRIPTION}"
            )
    if acquisition.usable_data_mask is not None:
        valid &= _usable(folder / acquisition.usable_data_mask, tile_grid, window)
    reflectance = values.astype(np.float32)
    reflectance /= np.float32(dataset.scale)
    reflectance[~valid] = 0.0
    part = Scene(reflectance, valid, tile_grid.crop(window), tuple(bands))
    if _share_a_lattice(tile_grid, grid):
        return Tile(part, resampled=False)
    return Tile(_resampled(part, grid), resampled=True)


@contextmanager
def _opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    if not path.is_file():
        raise DataError(f"{path}: no such file; deliver it, or correct its name in {DESCRIPTION}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused below, in words that say what to do
            source = rasterio.open(path)
        with source:
            yield source
    except RasterioError as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read as a raster ({reason}); deliver the file again") from error


def _grid_of(source: rasterio.DatasetReader, path: Path, crs: CRS) -> Grid:
    if source.crs is None:
        raise DataError(f"{path}: no coordinate reference system; assign the one that the provider names")
    if source.crs != crs:
        raise DataError(
            f"{path}: is in {name_of(source.crs)}, {DESCRIPTION} says {name_of(crs)}; reproject the file "
            f"(gdalwarp -t_srs {name_of(crs)}) or correct `crs`"
        )
    try:
        return Grid(source.crs, source.transform, source.shape)
    except GridError as error:
        raise DataError(f"{path}: {error}") from error


def _band_indexes(source: rasterio.DatasetReader, path: Path, dataset: Dataset, bands: Sequence[str]) -> list[int]:
    """Where the wanted bands stand in the file (from 1), after checking the file against the description."""
    delivered = [index for index, kind in enumerate(source.colorinterp, 1) if kind != ColorInterp.alpha]
    if len(delivered) != len(dataset.bands):
        raise DataError(
            f"{path}: has {len(delivered)} bands, {DESCRIPTION} names {len(dataset.bands)} "
            f"({', '.join(dataset.bands)}); deliver all bands or correct `bands`"
        )
    names = [_plain_name(source.descriptions[index - 1]) for index in delivered]
    for name in names:
        if name and names.count(name) > 1:
            raise DataError(f"{path}: two bands are called {name!r}; deliver each band once")
    for index, name, described in zip(delivered, names, dataset.bands, strict=True):
        if name and name != _plain_name(described):
            raise DataError(
                f"{path}: band {index} is {source.descriptions[index - 1]!r}, {DESCRIPTION} says {described!r}; "
                "correct the order of `bands` or deliver the band"
            )
    for band in bands:
        if band not in dataset.bands:
            raise DataError(
                f"{path}: no band {band!r} is delivered{nearest(band, dataset.bands)}; {DESCRIPTION} names "
                f"{', '.join(dataset.bands)}, correct scenes.bands in params.yaml"
            )
    return [delivered[dataset.bands.index(band)] for band in bands]


def _plain_name(name: str | None) -> str:
    """One spelling for each band; empty where the name says nothing."""
    plain = re.sub(r"[\s\-]+", "_", (name or "").strip().lower())
    return "" if _SAYS_NOTHING.fullmatch(plain) else _SAME_BAND.get(plain, plain)


def _share_a_lattice(tile: Grid, grid: Grid) -> bool:
    try:
        grid.window_of(tile)
    except GridError:
        return False
    return True


def _window_on(tile: Grid, grid: Grid, path: Path) -> Window:
    """The tile's pixels that the site needs: exactly those on a shared lattice, with a margin for resampling else."""
    left, bottom, right, top = grid.bounds
    (first_col, first_row), (last_col, last_row) = ~tile.transform @ (left, top), ~tile.transform @ (right, bottom)
    margin = 0
    if not _share_a_lattice(tile, grid):
        coarser = max(site / own for site, own in zip(grid.resolution, tile.resolution, strict=True))
        margin = int(np.ceil(_MARGIN_PIXELS * max(coarser, 1.0)))
    row, col = max(round(first_row) - margin, 0), max(round(first_col) - margin, 0)
    rows, cols = min(round(last_row) + margin, tile.rows) - row, min(round(last_col) + margin, tile.cols) - col
    if rows <= 0 or cols <= 0:
        raise DataError(
            f"{path}: lies outside of the area of interest (the tile starts at x {tile.bounds[0]:.0f}, y "
            f"{tile.bounds[3]:.0f}, the area at x {left:.0f}, y {top:.0f}); take it out of {DESCRIPTION}"
        )
    return Window(col, row, cols, rows)


def _observed(
    source: rasterio.DatasetReader, values: NDArray[np.generic], window: Window, nodata: float | None
) -> NDArray[np.bool_]:
    """(rows, cols), True where every band of `values` (rows, cols, bands) was observed."""
    valid = np.ones(values.shape[:2], dtype=bool)
    if MaskFlags.per_dataset in source.mask_flag_enums[0]:
        valid &= source.dataset_mask(window=window) > 0
    for index, kind in enumerate(source.colorinterp, 1):
        if kind == ColorInterp.alpha:  # GDAL takes it for a mask only beside one or three other bands
            valid &= source.read(index, window=window) > 0
    for marker in {nodata, source.nodata} - {None}:
        valid &= (values != marker).all(axis=-1)
    if np.issubdtype(values.dtype, np.floating):
        valid &= np.isfinite(values).all(axis=-1)
    else:
        saturated = np.equal(values, np.iinfo(str(values.dtype)).max)
        valid &= ~saturated.any(axis=-1)
    return valid


def _holds_anything(source: rasterio.DatasetReader, indexes: list[int], nodata: float | None) -> bool:
    """Whether any pixel of the whole file was observed; only asked when its part of the site was not."""
    return any(
        _observed(source, np.moveaxis(source.read(indexes, window=block), 0, -1), block, nodata).any()
        for _, block in source.block_windows(1)
    )


def _usable(path: Path, scene_grid: Grid, window: Window) -> NDArray[np.bool_]:
    """(rows, cols), True where Planet's usable-data mask (UDM) is 0; every other value names a defect or a cloud."""
    with _opened(path) as source:
        mask_grid = _grid_of(source, path, scene_grid.crs)
        if source.count != 1:
            raise DataError(
                f"{path}: has {source.count} bands; a usable-data mask (UDM) has one, 0 where usable (of a UDM2, "
                "deliver band 8)"
            )
        try:
            aligned = scene_grid.window_of(mask_grid)
            same = (aligned.col_off, aligned.row_off) == (0, 0) and mask_grid.shape == scene_grid.shape
        except GridError as error:
            raise GridError(f"{path}: {error}") from error
        if not same:
            raise GridError(
                f"{path}: {mask_grid.shape} pixels at {mask_grid.bounds[:2]}, its scene has {scene_grid.shape} at "
                f"{scene_grid.bounds[:2]}; deliver the mask that belongs to the scene"
            )
        return np.asarray(source.read(1, window=window) == 0)


def _resampled(part: Scene, grid: Grid) -> Scene:
    """Bilinear interpolation of a part of a tile onto the pixels of the site's lattice that it touches."""
    left, bottom, right, top = (
        choose(mine, site)
        for choose, mine, site in zip((max, max, min, min), part.grid.bounds, grid.bounds, strict=True)
    )
    (first_col, first_row), (last_col, last_row) = ~grid.transform @ (left, top), ~grid.transform @ (right, bottom)
    col, row = int(np.floor(first_col)), int(np.floor(first_row))
    window = Window(col, row, max(int(np.ceil(last_col)) - col, 1), max(int(np.ceil(last_row)) - row, 1))
    target = grid.crop(window)
    holes = np.moveaxis(np.where(part.valid[..., np.newaxis], part.reflectance, np.float32(np.nan)), -1, 0)
    warped = np.full((len(part.bands), *target.shape), np.nan, dtype=np.float32)
    weight = np.zeros(target.shape, dtype=np.float32)
    places = {
        "src_transform": part.grid.transform, "src_crs": part.grid.crs,
        "dst_transform": target.transform, "dst_crs": target.crs, "resampling": Resampling.bilinear,
    }  # fmt: skip
    reproject(np.ascontiguousarray(holes), warped, src_nodata=np.nan, dst_nodata=np.nan, **places)
    reproject(part.valid.astype(np.float32), weight, **places)
    valid = (weight >= _FULLY_VALID) & np.isfinite(warped).all(axis=0)
    reflectance = np.ascontiguousarray(np.moveaxis(warped, 0, -1))
    reflectance[~valid] = 0.0
    return Scene(reflectance, valid, target, part.bands)
