"""Described files -> tiles on a site's lattice: bands checked, stored values turned to reflectance, validity gathered.

The first step of a scene. It knows no provider: what `dataset.yaml` says is enough. Everything that can be wrong with
a described delivery is found here and said with the file's name.
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
from rasterio.windows import Window

from chronoslide.dataset import DESCRIPTION, Acquisition, Dataset
from chronoslide.errors import DataError, GridError, nearest
from chronoslide.grid import Grid, name_of, require_metric
from chronoslide.rasters import grid_of
from chronoslide.scenes.deliveries.masks import observable, usable
from chronoslide.scenes.deliveries.sentinel2 import require_stated_offset
from chronoslide.scenes.reprojection import onto_lattice, resample, share_a_lattice, window_on
from chronoslide.scenes.scene import Scene
from chronoslide.vectors import read_polygons, repair_polygons

# Names that a writer gives when it knows nothing about a band ("Band 1", "b3", "gray", "undefined").
_SAYS_NOTHING = re.compile(r"(band|b|channel)?_?\d*|gr[ae]y|undefined|unknown")
_SAME_BAND = {"rededge": "red_edge", "near_infrared": "nir", "nearinfrared": "nir", "near_ir": "nir"}

# GDAL goes by content: a file called .tif could be a VRT that reads any other file or address. So the format is named.
_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".jp2": "JP2OpenJPEG", ".img": "HFA", ".png": "PNG"}


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
    or the highest value of its type (saturated), where the file's own mask shows it, where the usable-data mask is
    usable, and where the scene classification shows ground. Reflectance is (stored value + offset) / scale.
    A tile on the site's lattice is copied; any other, in any coordinate reference system, is resampled by bilinear
    interpolation, in which a pixel that was made of an invalid one is invalid.

    Args:
        folder: What the paths of `acquisition` are relative to.
        acquisition: The tile.
        dataset: The description of the data.
        bands: The bands to read, by name, in the order wanted.
        grid: The site's grid.

    Raises:
        DataError: A file is missing, broken, not as described, empty of observations, or not on the site.
        GridError: A mask lies on another grid than the scene.
    """
    if acquisition.metadata is not None and not (folder / acquisition.metadata).exists():
        raise DataError(
            f"{folder / acquisition.metadata}: no such file; deliver it or take it out of {DESCRIPTION}, it is optional"
        )
    if acquisition.scene is not None:
        stored, whole = _read_stack(folder / acquisition.scene, dataset, bands, grid)
    else:
        stored, whole = _read_files(folder, acquisition, dataset, bands, grid)
    valid = stored.valid
    if acquisition.usable_data_mask is not None:
        path = folder / acquisition.usable_data_mask
        with opened(path) as source:
            window = whole.window_of(stored.grid)
            valid = valid & usable(source, path, grid_of(source, path), whole, window)
    if acquisition.scene_classification is not None:
        path = folder / acquisition.scene_classification
        with opened(path) as source:
            valid = valid & observable(source, path, grid_of(source, path), whole, stored.grid)
    offset = acquisition.offset or 0.0
    if acquisition.metadata is not None and acquisition.bands:
        require_stated_offset(folder / acquisition.metadata, offset)
    reflectance = (stored.reflectance + np.float32(offset)) / np.float32(dataset.scale)
    reflectance[~valid] = 0.0
    part = Scene(reflectance, valid, stored.grid, tuple(bands))
    if share_a_lattice(part.grid, grid):
        return Tile(part, resampled=False)
    return Tile(onto_lattice(part, grid), resampled=True)


def _read_stack(path: Path, dataset: Dataset, bands: Sequence[str], grid: Grid) -> tuple[Scene, Grid]:
    """The site's part of a file with all bands, as stored values, and the grid of the whole file."""
    with opened(path) as source:
        tile_grid = grid_of(source, path)
        indexes = _band_indexes(source, path, dataset, bands)
        return _read_part(source, path, indexes, tile_grid, dataset.nodata, tuple(bands), grid), tile_grid


def _read_files(
    folder: Path, acquisition: Acquisition, dataset: Dataset, bands: Sequence[str], grid: Grid
) -> tuple[Scene, Grid]:
    """The site's part of a file a band, as stored values on the finest of their grids, and that whole grid."""
    files = acquisition.bands or {}
    parts: list[Scene] = []
    wholes: list[Grid] = []
    for band in bands:
        if band not in files:
            raise DataError(
                f"{folder / acquisition.name}: no band {band!r} is delivered{nearest(band, files)}; {DESCRIPTION} "
                f"names {', '.join(files)}, correct scenes.bands in params.yaml"
            )
        path = folder / files[band]
        with opened(path) as source:
            if source.count != 1:
                raise DataError(f"{path}: has {source.count} bands, one is described; deliver one file a band")
            wholes.append(grid_of(source, path))
            if wholes[-1].crs != wholes[0].crs:
                raise DataError(
                    f"{path}: is in {name_of(wholes[-1].crs)}, the other bands of its date in "
                    f"{name_of(wholes[0].crs)}; deliver all bands in one coordinate reference system"
                )
            parts.append(_read_part(source, path, [1], wholes[-1], dataset.nodata, (band,), grid))
    finest = min(range(len(parts)), key=lambda index: wholes[index].resolution)
    target = parts[finest].grid
    aligned = [part if part.grid == target else resample(part, target) for part in parts]
    values = np.concatenate([part.reflectance for part in aligned], axis=-1)
    valid = np.logical_and.reduce([part.valid for part in aligned])
    return Scene(values, valid, target, tuple(bands)), wholes[finest]


def _read_part(
    source: rasterio.DatasetReader,
    path: Path,
    indexes: list[int],
    tile_grid: Grid,
    nodata: float | None,
    bands: tuple[str, ...],
    grid: Grid,
) -> Scene:
    """The pixels of an open file that a site needs, as float32 of the stored values."""
    window = window_on(tile_grid, grid, str(path))
    values = np.moveaxis(source.read(indexes, window=window), 0, -1)
    valid = observed(source, values, window, nodata)
    if not valid.any() and not _holds_anything(source, indexes, nodata):
        raise DataError(f"{path}: holds nothing but NoData; deliver the scene again or take it out of {DESCRIPTION}")
    stored = values.astype(np.float32)
    stored[~valid] = 0.0
    return Scene(stored, valid, tile_grid.crop(window), bands)


@contextmanager
def opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    """Opens a delivered raster.

    Raises:
        DataError: The file is missing or broken, also where that only shows while it is read.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; deliver it, or correct its name in {DESCRIPTION}")
    if path.suffix.lower() not in _DRIVERS:
        raise DataError(
            f"{path}: files of this kind are not read; convert it (gdal_translate {path.name} {path.stem}.tif)"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused below, in words that say what to do
            source = rasterio.open(path, driver=_DRIVERS[path.suffix.lower()])
        with source:
            yield source
    except RasterioError as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read as a raster ({reason}); deliver the file again") from error


def _band_indexes(source: rasterio.DatasetReader, path: Path, dataset: Dataset, bands: Sequence[str]) -> list[int]:
    """Where the wanted bands stand in the file (from 1), after checking the file against the description."""
    delivered = [index for index, kind in enumerate(source.colorinterp, 1) if kind != ColorInterp.alpha]
    if len(delivered) != len(dataset.bands):
        raise DataError(
            f"{path}: has {len(delivered)} bands, {DESCRIPTION} names {len(dataset.bands)} "
            f"({', '.join(dataset.bands)}); deliver all bands or correct `bands`"
        )
    names = [plain_name(source.descriptions[index - 1]) for index in delivered]
    for name in names:
        if name and names.count(name) > 1:
            raise DataError(f"{path}: two bands are called {name!r}; deliver each band once")
    for index, name, described in zip(delivered, names, dataset.bands, strict=True):
        if name and name != plain_name(described):
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


def plain_name(name: str | None) -> str:
    """One spelling for each band; empty where the name says nothing."""
    plain = re.sub(r"[\s\-]+", "_", (name or "").strip().lower())
    return "" if _SAYS_NOTHING.fullmatch(plain) else _SAME_BAND.get(plain, plain)


def observed(
    source: rasterio.DatasetReader, values: NDArray[np.generic], window: Window, nodata: float | None
) -> NDArray[np.bool_]:
    """(rows, cols), True where every band of `values` (rows, cols, bands) was observed.

    Args:
        source: The file that `values` were read from.
        values: Read from `window`, perhaps with fewer rows and columns than it has.
        window: A part of the file.
        nodata: The value that marks pixels without observation, besides the file's own.
    """
    shape = values.shape[:2]
    valid = np.ones(shape, dtype=bool)
    if MaskFlags.per_dataset in source.mask_flag_enums[0]:
        valid &= source.dataset_mask(window=window, out_shape=shape) > 0
    for index, kind in enumerate(source.colorinterp, 1):
        if kind == ColorInterp.alpha:  # GDAL takes it for a mask only beside one or three other bands
            valid &= source.read(index, window=window, out_shape=shape) > 0
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
        observed(source, np.moveaxis(source.read(indexes, window=block), 0, -1), block, nodata).any()
        for _, block in source.block_windows(1)
    )
