"""A request's row becomes a scene: limits, base64, and a GeoTIFF opened so that it can reach nothing but itself.

First step of the service. Whatever is wrong with a row is said in one sentence.
"""

from __future__ import annotations

import base64
import binascii
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pydantic import ValidationError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from chronoslide.errors import DataError, RequestError
from chronoslide.grid import Grid, name_of
from chronoslide.inventories.pixels import Surface
from chronoslide.params import one_line
from chronoslide.rasters import Raster, raster_of
from chronoslide.scenes.scene import Scene, scene_of_raster
from chronoslide.serving.scene_mapper import Options
from chronoslide.serving.tiff_directories import directories

REQUEST_LIMIT, PIXEL_LIMIT = "CHRONOSLIDE_MAX_REQUEST_MB", "CHRONOSLIDE_MAX_PIXELS"
_DEFAULT_MEGABYTES, _DEFAULT_PIXELS = 128.0, 16_000_000.0
# Eight bands of float32.
_BYTES_PER_PIXEL = 32
_MOST_BANDS = 64

# One driver, bytes in memory: no sidecar, no neighbour, no network, nothing that a file could refer to.
_CLOSED = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_PAM_ENABLED": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}",
    "GDAL_NUM_THREADS": "1",
}
# Words of a reference system that may name files of the server (grids of shifts).
_REFERRING = ("EXTENSION[", "BOUNDCRS[", "PARAMETERFILE[", "NADGRIDS")
_LEAST_METRES, _MOST_METRES = 0.01, 10_000.0
_FARTHEST_METRES = 1e9


@dataclass(frozen=True, slots=True)
class Request:
    """What a row asks for.

    Attributes:
        scene: With the model's bands.
        options: Beside it.
        elevation: If there is a model of it.
        image_bytes: Of the scene's file.
        pixels: Of all its images together.
    """

    scene: Scene
    options: Options
    elevation: Surface | None
    image_bytes: int
    pixels: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may hold.

    Attributes:
        request_bytes: Of the request as it comes over the line.
        pixels: Rows times columns of all its images together.
    """

    request_bytes: int
    pixels: int

    @classmethod
    def from_environment(cls) -> Limits:
        """Those of `CHRONOSLIDE_MAX_REQUEST_MB` and `CHRONOSLIDE_MAX_PIXELS`, 128 and 16,000,000 by default.

        Raises:
            RequestError: A variable holds no positive number.
        """
        megabytes = _positive(REQUEST_LIMIT, _DEFAULT_MEGABYTES)
        return cls(int(megabytes * 1_000_000), int(_positive(PIXEL_LIMIT, _DEFAULT_PIXELS)))


def _positive(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise RequestError(f"{name}: a positive number expected, got {text!r}; correct the environment variable")
    return value


def read_row(row: Mapping[str, Any], bands: Sequence[str], limits: Limits, already: int = 0) -> Request:
    """Takes a row as far as the network needs it.

    Args:
        row: `image`, maybe `elevation`, and any of the options.
        bands: The bands that the model wants.
        limits: The limits.
        already: Pixels that the request's other rows have.

    Raises:
        RequestError: The row cannot be mapped.
    """
    options = read_options(row)
    image = decode(row.get("image"), "image", limits)
    pixels = require_within(image, limits, already)
    scene = read_image(image, bands)
    elevation = None
    if row.get("elevation") is not None:
        content = decode(row["elevation"], "elevation", limits)
        pixels += require_within(content, limits, already + pixels)
        elevation = read_elevation(content, scene.grid)
    return Request(scene, options, elevation, len(image), pixels)


def read_options(row: Mapping[str, Any]) -> Options:
    """The options of a row; what is missing, None or NaN (as tables have it) is left to the default.

    Raises:
        RequestError: An option has an impossible value.
    """
    asked = {name: value for name, value in row.items() if name in Options.model_fields and not _absent(value)}
    try:
        return Options.model_validate(asked)
    except ValidationError as error:
        raise RequestError(one_line(error, Options)) from error


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def decode(text: Any, what: str, limits: Limits) -> bytes:
    """The bytes of a base64 text.

    Args:
        text: As it came.
        what: Names the field in errors.
        limits: The text may not be longer than a request.

    Raises:
        RequestError: It is no base64 text, empty or too long.
    """
    if isinstance(text, bytes):
        text = text.decode("ascii", "replace")
    if not isinstance(text, str) or not text:
        raise RequestError(f"{what}: the bytes of a GeoTIFF file in base64 expected; got {type(text).__name__}")
    if len(text) > limits.request_bytes:
        raise RequestError(
            f"{what}: {len(text)} characters, more than {limits.request_bytes} ({REQUEST_LIMIT}); send less at once"
        )
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError(f"{what}: not base64 ({error}); encode the bytes of the GeoTIFF file") from error


def require_within(content: bytes, limits: Limits, already: int = 0) -> int:
    """Refuses a file that says it would unpack to more than the limits.

    Args:
        content: A TIFF file.
        limits: The limits.
        already: Pixels that the request's other images have.

    Returns:
        The pixels of the main image.

    Raises:
        RequestError: Too many pixels or bytes, or no TIFF file.
    """
    images = directories(content)
    pixels = already + max(image.pixels for image in images)
    if pixels > limits.pixels:
        raise RequestError(
            f"image: {pixels} pixels, more than {limits.pixels} ({PIXEL_LIMIT}); cut the scene, or raise the limit"
        )
    unpacked = max(image.unpacked_bytes for image in images)
    if unpacked > limits.pixels * _BYTES_PER_PIXEL:
        raise RequestError(
            f"image: would unpack to {unpacked} bytes, more than {limits.pixels * _BYTES_PER_PIXEL} "
            f"({_BYTES_PER_PIXEL} x {PIXEL_LIMIT}); send fewer or narrower bands, or smaller tiles"
        )
    return images[0].pixels


def read_image(content: bytes, bands: Sequence[str]) -> Scene:
    """The scene in a GeoTIFF file, by the conventions of `scene_of_raster`.

    Args:
        content: The file; `require_within` has looked at it.
        bands: The bands that the model wants.

    Raises:
        RequestError: It cannot be read, or is no scene for this model.
    """
    return scene_of_raster(_read(content, "image"), bands, "image")


def read_elevation(content: bytes, scene: Grid) -> Surface:
    """The elevation model in a GeoTIFF file.

    Args:
        content: The file; `require_within` has looked at it.
        scene: Where the scene lies.

    Raises:
        RequestError: It cannot be read, has several bands, or another reference system than the scene.
    """
    return elevation_of(_read(content, "elevation"), scene, "elevation")


def elevation_of(raster: Raster, scene: Grid, what: Path | str) -> Surface:
    """An elevation model as joining and filtering take it.

    Args:
        raster: As read.
        scene: Where the scene lies.
        what: Names the file in errors.

    Raises:
        RequestError: It has several bands, or another reference system than the scene.
    """
    if raster.values.shape[2] != 1:
        raise RequestError(f"{what}: {raster.values.shape[2]} bands, expected one, elevation in metres")
    if raster.grid.crs != scene.crs:
        raise RequestError(
            f"{what}: lies in {name_of(raster.grid.crs)}, the scene in {name_of(scene.crs)}; reproject one of them"
        )
    return Surface(np.where(raster.valid, raster.values[..., 0], np.nan), raster.grid)


def _read(content: bytes, what: str) -> Raster:
    try:
        with rasterio.Env(**_CLOSED), rasterio.MemoryFile(content) as memory, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # refused below, with the remedy
            with memory.open(driver="GTiff") as source:
                if source.count > _MOST_BANDS:
                    raise RequestError(f"{what}: {source.count} bands, more than any model takes")
                _require_plain(source, what)
                return raster_of(source, what)
    except RasterioError as error:
        reason = " ".join(str(error).split())[:120]
        raise RequestError(f"{what}: the GeoTIFF is truncated or broken ({reason}); send the whole file") from error
    except (ValueError, MemoryError, OverflowError) as error:
        raise RequestError(f"{what}: the GeoTIFF cannot be used ({' '.join(str(error).split())[:120]})") from error


def _require_plain(source: rasterio.DatasetReader, what: str) -> None:
    """Refuses reference systems that refer to files, and pixels of no sensible extent."""
    if source.crs is None:
        raise DataError(f"{what}: no coordinate reference system; assign the one that the provider names")
    wkt = source.crs.to_wkt().upper()
    if any(word in wkt for word in _REFERRING):
        raise RequestError(f"{what}: the reference system refers to other files; name it by its EPSG code")
    numbers = tuple(source.transform)[:6]
    sides = abs(numbers[0]), abs(numbers[4])
    if source.crs.is_projected and not (
        all(math.isfinite(number) and abs(number) < _FARTHEST_METRES for number in numbers)
        and all(_LEAST_METRES <= side <= _MOST_METRES for side in sides)
    ):
        raise RequestError(
            f"{what}: pixels of {sides[0]:g} x {sides[1]:g} at ({numbers[2]:g}, {numbers[5]:g}) are none "
            "of a scene; correct the georeference"
        )
