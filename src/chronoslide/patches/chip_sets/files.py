"""One image or mask of a patch set, from PNG, TIFF, NumPy or HDF5, as it stands in the file.

Such files come from strangers: nothing pickled is loaded, no other file is opened, and no array is made that the
machine cannot hold.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import h5py  # type: ignore[import-untyped]
import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from chronoslide.errors import DataError
from chronoslide.rasters import machine_bytes, require_plausible_size

IMAGE_NAMES: Final = ("img", "image", "images", "x")
MASK_NAMES: Final = ("mask", "masks", "label", "y")
_BROKEN: Final = (
    RasterioError, OSError, ValueError, KeyError, TypeError, RuntimeError, SyntaxError, EOFError, OverflowError,
    MemoryError, NotImplementedError, TokenError, zipfile.BadZipFile, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


def read_array(path: Path, names: Sequence[str]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """The array of one image or mask.

    Args:
        path: The file; what it is goes by its suffix.
        names: What the array may be called where a file can hold several (HDF5, npz). A single one may have any name.

    Returns:
        (rows, cols, channels), whole numbers or floats; and (rows, cols), where something was observed, if a TIFF says
        so by its NoData value.

    Raises:
        DataError: It is broken, or holds no such array.
    """
    # GDAL reads a truncated PNG without complaint and leaves the rest black, so it gets only the TIFFs.
    suffix = path.suffix.lower()
    observed = None
    with _readable(path):
        if suffix == ".png":
            values = _read_png(path)
        elif suffix in (".tif", ".tiff"):
            values, observed = _read_tiff(path)
        elif suffix == ".npy":
            values = np.array(_mapped(path))
        elif suffix == ".npz":
            values = _read_npz(path, names)
        else:
            values = _read_hdf5(path, names)
        if values.dtype.kind not in "biuf" or values.ndim not in (2, 3) or not values.size:
            raise ValueError(f"{values.dtype} of shape {values.shape}; numbers (rows, cols, channels) are expected")
    return values[..., np.newaxis] if values.ndim == 2 else values, observed


def open_stack(path: Path) -> NDArray[Any]:
    """Many images or masks, (n, rows, cols) or (n, rows, cols, channels); the array stays on disk until it is used.

    Raises:
        DataError: It is broken, or no such array.
    """
    with _readable(path):
        values = _mapped(path)
        if values.dtype.kind not in "biuf" or values.ndim not in (3, 4) or not values.size:
            raise ValueError(f"{values.dtype} of shape {values.shape}; numbers (n, rows, cols, channels) are expected")
    return values


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except _BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read as an image ({reason}); deliver the file again") from error


def _read_png(path: Path) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # an error from twice as many pixels on
        with Image.open(path, formats=["PNG"]) as image:
            values = np.asarray(image)
    return values.astype(np.uint8) if values.dtype == bool else values  # one bit a pixel


def _read_tiff(path: Path) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, driver="GTiff") as source:
            require_plausible_size(source, path)
            values = np.ascontiguousarray(np.moveaxis(source.read(), 0, -1))
            nodata = source.nodata
    return values, None if nodata is None else np.asarray((values != nodata).any(axis=-1))


def _mapped(path: Path) -> NDArray[Any]:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _read_npz(path: Path, names: Sequence[str]) -> NDArray[Any]:
    with zipfile.ZipFile(path) as archive:
        _require_held(sum(entry.file_size for entry in archive.infolist()))
    with np.load(path, allow_pickle=False) as arrays:
        return np.asarray(arrays[_named(list(arrays.files), names)])


def _read_hdf5(path: Path, names: Sequence[str]) -> NDArray[Any]:
    with h5py.File(path, "r") as file:
        name = _named([str(name) for name in file], names)
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name!r} is a link to another place")
        dataset = file[name]
        if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
            raise ValueError(f"{name!r} is no dataset with its numbers in this file")
        _require_held(dataset.nbytes)
        return np.asarray(dataset[()])


def _named(there: Sequence[str], names: Sequence[str]) -> str:
    for name in names:
        if name in there:
            return name
    if len(there) == 1:
        return there[0]
    raise ValueError(f"holds {', '.join(map(repr, there[:6])) or 'nothing'}, and {names[0]!r} is looked for")


def _require_held(claimed: int) -> None:
    if claimed > machine_bytes() / 2:
        raise ValueError(f"claims {claimed / 1e9:.1f} GB, more than half of the machine's memory")
