"""Rasters on disk: reading one with its grid and validity, writing one as a cloud-optimised GeoTIFF.

The same array always gives the same bytes: no time stamps, fixed compression.
"""

from __future__ import annotations

import math
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.shutil import copy as copy_raster

from chronoslide.errors import DataError, GridError
from chronoslide.files import replacing
from chronoslide.grid import Grid


@dataclass(frozen=True, slots=True)
class Raster:
    """An array that has a place on the ground.

    Attributes:
        values: (rows, cols, bands), in the type they are stored in.
        valid: (rows, cols), True where every band was observed.
        grid: Where the pixels lie.
        bands: A name for each band; empty names where the file has none.
    """

    values: NDArray[np.generic]
    valid: NDArray[np.bool_]
    grid: Grid
    bands: tuple[str, ...]


def read_raster(path: Path) -> Raster:
    """Reads a whole raster with its grid, validity (internal mask, alpha or NoData) and band names.

    Raises:
        DataError: The file is missing, not a raster, truncated or without georeference.
    """
    with _opened(path) as source:
        return raster_of(source, path)


def raster_of(source: rasterio.DatasetReader, what: Path | str) -> Raster:
    """The whole of an opened raster, as `read_raster` gives it.

    Args:
        source: Opened for reading.
        what: Names it in errors.

    Raises:
        DataError: It has no usable georeference.
    """
    grid = _grid_of(source, what)
    values = np.moveaxis(source.read(), 0, -1)
    return Raster(values, _validity(source, values), grid, tuple(name or "" for name in source.descriptions))


def read_grid(path: Path) -> Grid:
    """Reads where a raster lies without reading its pixels.

    Raises:
        DataError: As `read_raster`.
    """
    with _opened(path) as source:
        return _grid_of(source, path)


def write_raster(
    path: Path,
    values: NDArray[np.generic],
    grid: Grid,
    *,
    bands: Sequence[str],
    valid: NDArray[np.bool_] | None = None,
    nodata: float | None = None,
    tags: dict[str, str] | None = None,
    overviews: str = "average",
) -> None:
    """Writes a cloud-optimised GeoTIFF, whole or not at all.

    Args:
        path: Where to.
        values: (rows, cols, bands) or (rows, cols).
        grid: Where the pixels lie; its shape is that of `values`.
        bands: A name for each band.
        valid: (rows, cols); if given it is kept as the file's internal mask.
        nodata: The value that marks pixels without observation.
        tags: Extra text to carry in the file's metadata.
        overviews: The resampling of the overviews: "average" for measurements, "nearest" for classes.

    Raises:
        GridError: `values` has another shape than `grid`.
        StorageError: The place cannot be written to.
    """
    encoded = _encoded(values, grid, path, bands=bands, valid=valid, nodata=nodata, tags=tags, overviews=overviews)
    with encoded as optimised, replacing(path) as temporary, temporary.open("wb") as file:
        shutil.copyfileobj(optimised, file)


def raster_bytes(
    values: NDArray[np.generic], grid: Grid, *, bands: Sequence[str], nodata: float | None, tags: dict[str, str]
) -> bytes:
    """The bytes that `write_raster` would write, for who sends them elsewhere."""
    encoded = _encoded(values, grid, "raster", bands=bands, valid=None, nodata=nodata, tags=tags, overviews="average")
    with encoded as optimised:
        return bytes(optimised.read())


@contextmanager
def _encoded(
    values: NDArray[np.generic],
    grid: Grid,
    what: Path | str,
    *,
    bands: Sequence[str],
    valid: NDArray[np.bool_] | None,
    nodata: float | None,
    tags: dict[str, str] | None,
    overviews: str,
) -> Iterator[rasterio.MemoryFile]:
    """A cloud-optimised GeoTIFF in memory."""
    cube = values[..., np.newaxis] if values.ndim == 2 else values
    if cube.shape[:2] != grid.shape or cube.shape[2] != len(bands):
        raise GridError(f"{what}: array {cube.shape} does not fit grid {grid.shape} with bands {tuple(bands)}")
    memory_profile = {
        "driver": "GTiff", "dtype": cube.dtype, "count": cube.shape[2], "height": grid.rows, "width": grid.cols,
        "crs": grid.crs, "transform": grid.transform, "nodata": nodata,
    }  # fmt: skip
    options = {
        "driver": "COG",
        "compress": "DEFLATE",
        "predictor": "YES",
        "blocksize": 256,
        "overview_resampling": overviews,
        "num_threads": 1,  # the bytes must not depend on the machine
    }
    # Made in memory and written by us: GDAL does not notice every disk that fills up while it closes a file.
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.MemoryFile() as memory,
        rasterio.MemoryFile(ext=".tif") as optimised,
    ):
        with memory.open(**memory_profile) as target:
            target.write(np.moveaxis(cube, -1, 0))
            target.descriptions = tuple(bands)
            if tags:
                target.update_tags(**tags)
            if valid is not None:
                target.write_mask(valid)
        copy_raster(memory.name, optimised.name, **options)
        yield optimised


@contextmanager
def _opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused by `_grid_of`, with the remedy
            source = rasterio.open(path)
        with source:
            yield source
    except RasterioError as error:
        raise DataError(_unreadable(path, error)) from error


def _grid_of(source: rasterio.DatasetReader, path: Path | str) -> Grid:
    if source.crs is None:
        raise DataError(f"{path}: no coordinate reference system; assign the one that the provider names")
    try:
        return Grid(source.crs, source.transform, source.shape)
    except GridError as error:
        raise DataError(f"{path}: {error}") from error


def _validity(source: rasterio.DatasetReader, values: NDArray[np.generic]) -> NDArray[np.bool_]:
    flags = source.mask_flag_enums[0]
    if MaskFlags.per_dataset in flags:  # an internal mask or an alpha band
        return np.asarray(source.dataset_mask() > 0)
    nodata = source.nodata
    valid = np.ones(values.shape[:2], dtype=bool)
    if nodata is not None and not math.isnan(nodata):
        valid &= (values != nodata).all(axis=-1)
    if np.issubdtype(values.dtype, np.floating):
        valid &= np.isfinite(values).all(axis=-1)
    return valid


def _unreadable(path: Path, error: Exception) -> str:
    if not Path(path).exists():
        return f"{path}: no such file; check the name in the data description"
    return f"{path}: cannot be read as a raster ({str(error).splitlines()[0]}); deliver the file again"
