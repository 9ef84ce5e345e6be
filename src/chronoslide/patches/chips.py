"""Folders of image and mask chips made by others, as patches.

Stands beside the sampling: what a site gives by way of scenes, masks and windows, such a folder gives ready cut.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from chronoslide.errors import DataError, SettingsError
from chronoslide.labels import BACKGROUND, LANDSLIDE
from chronoslide.patches.storage import PatchSet
from chronoslide.scenes.scene import SCALE

_IMAGE_FOLDERS: Final = ("images", "image")
_MASK_FOLDERS: Final = ("masks", "mask")
_SUFFIXES: Final = (".png", ".tif", ".tiff")
_SIDE_MULTIPLE: Final = 16
"""The network halves a patch four times."""


def read_chips(folder: Path, bands: Sequence[str]) -> PatchSet:
    """Reads a folder of chips: `images/` and `masks/` (or `mask/`) with files of the same names, PNG or TIFF.

    Eight-bit images are stretched to the storage convention (255 becomes 10,000), 16-bit ones are taken as they are.
    Masks hold 0 for background and 1 or 255 for landslide.

    Args:
        folder: Holds the two folders.
        bands: A name for each channel of the images, in their order.

    Returns:
        The chips in the order of their names.

    Raises:
        DataError: A folder or partner is missing, or a file is broken or does not fit; the message names the file.
    """
    image_files = _files(_first_folder(folder, _IMAGE_FOLDERS))
    mask_files = _files(_first_folder(folder, _MASK_FOLDERS))
    lonely = sorted(image_files.keys() ^ mask_files.keys())
    if lonely:
        name = lonely[0]
        path, partner = (image_files[name], "mask") if name in image_files else (mask_files[name], "image")
        more = f" ({len(lonely)} such files in all)" if len(lonely) > 1 else ""
        raise DataError(f"{path}: no {partner} of the same name{more}; add it or take the file away")
    images: list[NDArray[np.uint16]] = []
    labels: list[NDArray[np.uint8]] = []
    first: Path | None = None
    for name in sorted(image_files):
        image, label = _read_image(image_files[name], bands), _read_mask(mask_files[name])
        first = first or image_files[name]
        if image.shape[:2] != label.shape:
            raise DataError(
                f"{mask_files[name]}: {_size(label)} pixels, but its image has {_size(image)}; cut both alike"
            )
        if images and image.shape != images[0].shape:
            raise DataError(
                f"{image_files[name]}: {_size(image)} pixels, but {first.name} has {_size(images[0])}; "
                "cut all chips to one size"
            )
        images.append(image)
        labels.append(label)
    return PatchSet(np.stack(images), np.stack(labels), tuple(bands))


def split_chips(patch_set: PatchSet, validation_share: float, seed: int) -> tuple[PatchSet, PatchSet]:
    """Parts chips at random into training and validation; where they come from is not known, so not by place.

    Args:
        patch_set: The chips.
        validation_share: Share of them for validation.
        seed: The same seed gives the same split.

    Returns:
        Training and validation chips, each in their old order.

    Raises:
        SettingsError: One of the two would be empty.
    """
    validation = round(patch_set.n * validation_share)
    if not 0 < validation < patch_set.n:
        raise SettingsError(
            f"chips.validation_share: {validation_share:g} of {patch_set.n} chips leaves {validation} for validation "
            f"and {patch_set.n - validation} for training; both need at least one"
        )
    order = np.random.default_rng(seed).permutation(patch_set.n)
    return patch_set.take(np.sort(order[validation:])), patch_set.take(np.sort(order[:validation]))


def _first_folder(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    raise DataError(f"{folder}: no folder {names[0]!r} in it; chips lie in 'images' and 'masks'")


def _files(folder: Path) -> dict[str, Path]:
    """The chips of a folder by name without suffix."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in _SUFFIXES:
            continue
        if path.stem in files:
            raise DataError(f"{path}: {files[path.stem].name} has the same name; keep one of them")
        files[path.stem] = path
    if not files:
        raise DataError(f"{folder}: no chips in it; PNG or TIFF files are expected")
    return files


def _read_image(path: Path, bands: Sequence[str]) -> NDArray[np.uint16]:
    values = _read(path)
    if values.shape[2] != len(bands):
        raise DataError(
            f"{path}: {values.shape[2]} channels for {len(bands)} bands ({', '.join(bands)}); set chips.bands"
        )
    if values.shape[0] != values.shape[1] or values.shape[0] % _SIDE_MULTIPLE:
        raise DataError(
            f"{path}: {_size(values)} pixels; squares with sides of a multiple of {_SIDE_MULTIPLE} are needed"
        )
    if values.dtype == np.uint8:
        return np.rint(values * (SCALE / 255.0)).astype(np.uint16)
    if values.dtype == np.uint16:
        return values
    raise DataError(f"{path}: {values.dtype} values; store the image with 8 bits, or with 16 as 10,000 x reflectance")


def _read_mask(path: Path) -> NDArray[np.uint8]:
    values = _read(path)
    if values.shape[2] != 1:
        raise DataError(f"{path}: {values.shape[2]} channels; a mask has one")
    found = set(np.unique(values).tolist())
    if not (found <= {0, 1} or found <= {0, 255}):
        raise DataError(
            f"{path}: values {sorted(found)[:5]}; a mask has 0 for background and either 1 or 255 for landslide"
        )
    return np.where(values[..., 0] > 0, LANDSLIDE, BACKGROUND).astype(np.uint8)


def _read(path: Path) -> NDArray[Any]:
    """(rows, cols, channels)."""
    # GDAL reads a truncated PNG without complaint and leaves the rest black, so it gets only the TIFFs.
    read = _read_png if path.suffix.lower() == ".png" else _read_tiff
    try:
        return read(path)
    except (RasterioError, OSError, ValueError, SyntaxError) as error:  # the last: Pillow, about a broken chunk
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read as an image ({reason}); deliver the file again") from error


def _read_png(path: Path) -> NDArray[Any]:
    with Image.open(path, formats=["PNG"]) as image:
        values = np.asarray(image)
    if values.dtype == bool:  # one bit a pixel
        values = values.astype(np.uint8)
    return values[..., np.newaxis] if values.ndim == 2 else values


def _read_tiff(path: Path) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, driver="GTiff") as source:
            return np.ascontiguousarray(np.moveaxis(source.read(), 0, -1))


def _size(values: NDArray[Any]) -> str:
    return f"{values.shape[0]} x {values.shape[1]}"
