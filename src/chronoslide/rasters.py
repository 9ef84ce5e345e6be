"""Rasters on disk: reading one with its grid and validity, writing one as a cloud-optimised GeoTIFF.

The same array always gives the same bytes: no time stamps, fixed compression.
"""

from __future__ import annotations

import errno
import math
import os
import resource
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.shutil import copy as copy_raster
from rasterio.windows import Window

from chronoslide.errors import DataError, GridError
from chronoslide.files import replacing
from chronoslide.grid import Grid

# What windows of two blocks' height touch. For higher ones more rows would have to be kept, in memory that grows with
# the raster's width, to decode a smaller part of the blocks once instead of twice: 1 % of a map's time.
_MOST_CACHED_BLOCK_ROWS = 3
_ROWS_OF_STRIP = 256
USUAL_WINDOW_ROWS: Final = 512
"""Height that a window is expected to have at most [pixels]."""
_SMALLEST_CACHE = 16 * 2**20
# Imaging spectrometers have some hundreds. GDAL takes minutes to find out that tens of thousands are not in a file.
_MOST_BANDS = 1000
_BLOCK_SIDE: Final = 256
_COG: Final = {
    "driver": "COG",
    "compress": "DEFLATE",
    "blocksize": _BLOCK_SIDE,
    "num_threads": "ALL_CPUS",  # the bytes are the same for any number
}
# Sensors' numbers shrink by what neighbours have in common. Decimals of floating-point numbers have little: a map of
# 25 megapixels took 1.1 instead of 2.9 s and 22 instead of 39 MB without that, at the lower level.
_COG_WHOLE_NUMBERS: Final = {**_COG, "predictor": "YES"}
_COG_FLOATING_POINT: Final = {**_COG, "predictor": "NO", "level": 2}
# TIFF and BigTIFF in both byte orders, JPEG 2000, NITF, ERDAS Imagine.
_SIGNATURES = (
    b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+", b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51", b"NITF", b"NSIF",
    b"EHFA_HEADER_TAG",
)  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class OpenRaster:
    """A raster on disk that is read window by window; one thread at a time may read.

    Attributes:
        grid: Where the pixels lie.
        bands: A name for each band; empty names where the file has none.
        dtype: The type that values are stored in.
    """

    grid: Grid
    bands: tuple[str, ...]
    dtype: np.dtype[Any]
    _source: rasterio.DatasetReader
    _path: Path

    def read(self, window: Window, bands: Sequence[int] | None = None) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """Values (rows, cols, bands) and validity (rows, cols) in a window.

        Args:
            window: Inside the raster.
            bands: Which bands, counted from 0; all by default. Validity is that of the chosen bands where the file
                marks it by a value.

        Raises:
            DataError: The file is broken there.
        """
        try:
            indices = None if bands is None else [band + 1 for band in bands]
            values = np.moveaxis(self._source.read(indices, window=window), 0, -1)
            return values, _validity(self._source, values, window)
        except RasterioError as error:
            raise DataError(_unreadable(self._path, error)) from error

    def strips(self) -> Iterator[tuple[NDArray[np.generic], NDArray[np.bool_]]]:
        """Values and validity as `read` gives them, some rows after the other, for figures of the whole raster.

        Raises:
            DataError: The file is broken.
        """
        rows, cols = self.grid.shape
        for first in range(0, rows, _ROWS_OF_STRIP):
            yield self.read(Window(0, first, cols, min(_ROWS_OF_STRIP, rows - first)))


@contextmanager
def open_raster(path: Path, window_rows: int = USUAL_WINDOW_ROWS) -> Iterator[OpenRaster]:
    """Opens a raster to read it window by window.

    GDAL keeps the rows of blocks that a window touches, so that windows in reading order decode each block once: memory
    grows with the raster's width, not with its area. For windows higher than two blocks it keeps a few blocks alone.

    Args:
        path: Of the raster.
        window_rows: Height of the windows that will be read [pixels].

    Raises:
        DataError: As `read_raster`.
    """
    with _opened(path) as source:
        grid = grid_of(source, path)
        bands = tuple(name or "" for name in source.descriptions)
        block_rows = max(height for height, _ in source.block_shapes)
        touched = -(-window_rows // block_rows) + 1
        rows = block_rows * touched if touched <= _MOST_CACHED_BLOCK_ROWS else 0
        row_bytes = source.width * sum(np.dtype(dtype).itemsize for dtype in source.dtypes) + source.width
        with rasterio.Env(GDAL_CACHEMAX=max(rows * row_bytes, _SMALLEST_CACHE)):
            yield OpenRaster(grid, bands, np.dtype(source.dtypes[0]), source, path)


def read_raster(path: Path) -> Raster:
    """Reads a whole raster with its grid, validity (internal mask, alpha or NoData) and band names.

    Raises:
        DataError: The file is missing, not a raster, truncated or without georeference.
    """
    with _opened(path) as source:
        require_plausible_size(source, path)
        return raster_of(source, path)


def raster_of(source: rasterio.DatasetReader, what: Path | str) -> Raster:
    """The whole of an opened raster, as `read_raster` gives it.

    Args:
        source: Opened for reading.
        what: Names it in errors.

    Raises:
        DataError: It has no usable georeference.
    """
    grid = grid_of(source, what)
    values = np.moveaxis(source.read(), 0, -1)
    return Raster(values, _validity(source, values), grid, tuple(name or "" for name in source.descriptions))


def read_grid(path: Path) -> Grid:
    """Reads where a raster lies without reading its pixels.

    Raises:
        DataError: As `read_raster`.
    """
    with _opened(path) as source:
        return grid_of(source, path)


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
        if np.issubdtype(cube.dtype, np.floating):
            _build_overviews(Path(memory.name), grid, Resampling[overviews])
            copy_raster(memory.name, optimised.name, **_COG_FLOATING_POINT)
        else:
            copy_raster(memory.name, optimised.name, **_COG_WHOLE_NUMBERS, overview_resampling=overviews)
        yield optimised


def write_raster_of_rows(
    path: Path, rows: Path, offset: int, grid: Grid, *, band: str, tags: dict[str, str] | None = None
) -> None:
    """Writes a cloud-optimised GeoTIFF from a file of plain numbers, whole or not at all, in little memory.

    The bytes are those that `write_raster` writes of the same numbers with NaN as NoData.

    Args:
        path: Where to.
        rows: A file that holds (rows, cols) as float32 in this machine's byte order, row by row. Beside it GDAL is
            given a small description and overviews, a third of its size, which are removed again.
        offset: Bytes that stand before the numbers.
        grid: Where the pixels lie.
        band: A name for the band.
        tags: Extra text to carry in the file's metadata.

    Raises:
        StorageError: The place cannot be written to, or the disk is full.
    """
    description = rows.with_name(f"{rows.name}.vrt")
    overviews = rows.with_name(f"{description.name}.ovr")
    overviews.unlink(missing_ok=True)  # of a process that was killed
    try:
        description.write_text(_describe_rows(rows.name, offset, grid, band, tags or {}), encoding="utf-8")
        with replacing(path) as temporary, rasterio.Env(GDAL_CACHEMAX=_SMALLEST_CACHE + 4 * 512 * grid.cols):
            try:
                _build_overviews(description, grid, Resampling.average)
                copy_raster(description, temporary, **_COG_FLOATING_POINT)
                _require_last_rows(description, temporary)
            except RasterioError as error:
                raise OSError(errno.EIO, str(error).splitlines()[0], str(temporary)) from error
    finally:
        description.unlink(missing_ok=True)
        overviews.unlink(missing_ok=True)


def _build_overviews(path: Path, grid: Grid, resampling: Resampling) -> None:
    """Gives a raster overviews down to one block, which a copy then takes as they are.

    Left to GDAL, the copy would pack them into a file of its own and unpack them again, which takes as long as all the
    rest.
    """
    levels = math.ceil(math.log2(max(max(grid.shape) / _BLOCK_SIDE, 1)))
    if levels:
        unpacked = rasterio.Env(COMPRESS_OVERVIEW="NONE", GDAL_TIFF_OVR_BLOCKSIZE=str(_BLOCK_SIDE))
        with unpacked, rasterio.open(path, "r+") as source:
            source.build_overviews([2**level for level in range(1, levels + 1)], resampling)


def _describe_rows(name: str, offset: int, grid: Grid, band: str, tags: dict[str, str]) -> str:
    """The numbers as GDAL's virtual raster, which reads them in place."""
    items = "".join(f"<MDI key={quoteattr(key)}>{escape(value)}</MDI>" for key, value in tags.items())
    transform = ", ".join(repr(float(value)) for value in grid.transform.to_gdal())
    return f"""<VRTDataset rasterXSize="{grid.cols}" rasterYSize="{grid.rows}">
  <SRS>{escape(grid.crs.to_wkt())}</SRS>
  <GeoTransform>{transform}</GeoTransform>
  <Metadata><MDI key="AREA_OR_POINT">Area</MDI>{items}</Metadata>
  <VRTRasterBand dataType="Float32" band="1" subClass="VRTRawRasterBand">
    <Description>{escape(band)}</Description>
    <NoDataValue>nan</NoDataValue>
    <SourceFilename relativeToVRT="1">{escape(name)}</SourceFilename>
    <ImageOffset>{offset}</ImageOffset>
    <PixelOffset>4</PixelOffset>
    <LineOffset>{4 * grid.cols}</LineOffset>
    <ByteOrder>{"LSB" if sys.byteorder == "little" else "MSB"}</ByteOrder>
  </VRTRasterBand>
</VRTDataset>
"""


def _require_last_rows(expected: Path, written: Path) -> None:
    """Compares the end of two rasters: GDAL does not notice every disk that fills up while it closes a file."""
    with rasterio.open(expected) as first, rasterio.open(written) as second:
        last = Window(0, max(first.height - _BLOCK_SIDE, 0), first.width, min(_BLOCK_SIDE, first.height))
        if not np.array_equal(first.read(1, window=last), second.read(1, window=last), equal_nan=True):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(written))


def require_plausible_size(source: rasterio.DatasetReader, path: Path) -> None:
    """Refuses what a header of some bytes can claim: more bands than a sensor has, more pixels than the machine holds.

    Raises:
        DataError: Saying what it claims and what there is.
    """
    if source.count > _MOST_BANDS:
        raise DataError(
            f"{path}: claims {source.count} bands, and {_MOST_BANDS} at most are expected; deliver the file again"
        )
    pixel = sum(np.dtype(kind).itemsize for kind in source.dtypes)
    claimed = source.height * source.width * (pixel + 1)  # and the mask
    held = machine_bytes()
    if claimed > held / 2:
        raise DataError(
            f"{path}: claims {source.height} x {source.width} pixels in {source.count} bands, {claimed / 1e9:.1f} GB, "
            f"and the machine has {held / 1e9:.1f} GB; cut it to the area, or deliver the file again"
        )


def machine_bytes() -> int:
    """The memory that there is for a process: the machine's, or less where it is bounded."""
    held = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return held if limit == resource.RLIM_INFINITY else min(held, limit)


def require_own_pixels(path: Path) -> None:
    """Lets only formats pass that hold their own pixels.

    Others (VRT, WMS) read what they point at: any file of the machine, or the network.

    Raises:
        DataError: The file is missing or in another format.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except (OSError, ValueError) as error:
        raise DataError(_unreadable(path, error)) from error
    if not start.startswith(_SIGNATURES):
        raise DataError(
            f"{path}: cannot be read as a raster (no GeoTIFF, JPEG 2000, NITF or Imagine file; gdal_translate "
            "converts others); deliver the file again"
        )


@contextmanager
def _opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    require_own_pixels(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused by `grid_of`, with the remedy
            source = rasterio.open(path)
        with source:
            yield source
    except (RasterioError, OSError, ValueError, MemoryError) as error:
        raise DataError(_unreadable(path, error)) from error


def grid_of(source: rasterio.DatasetReader, path: Path | str) -> Grid:
    """Where an open raster lies.

    Args:
        source: Opened for reading.
        path: Names it in errors.

    Raises:
        DataError: It has no coordinate reference system, or is not north-up.
    """
    if source.crs is None:
        raise DataError(f"{path}: no coordinate reference system; assign the one that the provider names")
    try:
        return Grid(source.crs, source.transform, source.shape)
    except GridError as error:
        raise DataError(f"{path}: {error}") from error


def _validity(
    source: rasterio.DatasetReader, values: NDArray[np.generic], window: Window | None = None
) -> NDArray[np.bool_]:
    flags = source.mask_flag_enums[0]
    if MaskFlags.per_dataset in flags:  # an internal mask or an alpha band
        return np.asarray(source.dataset_mask(window=window) > 0)
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
    reason = str(error) or type(error).__name__
    return f"{path}: cannot be read as a raster ({reason.splitlines()[0]}); deliver the file again"
