"""A scene: reflectance with its validity, its place on the ground and its bands, and how it is kept on disk.

This is the value that the whole room makes out of delivered tiles, and that all later rooms read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from chronoslide.errors import DataError, GridError, nearest
from chronoslide.grid import Grid, require_metric
from chronoslide.rasters import USUAL_WINDOW_ROWS, OpenRaster, Raster, open_raster, read_raster, write_raster

SCALE: Final = 10_000
"""Stored value of a reflectance of 1 in everything that is written to `results/`."""
# A glint may pass 1, and uint16 reaches 6.6; beyond this it is a scaled number.
_IMPLAUSIBLE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One year's surface reflectance.

    Attributes:
        reflectance: (rows, cols, bands), float32; 0 where not valid, so that no NaN can spread.
        valid: (rows, cols), True where every band was observed.
        grid: Where the pixels lie.
        bands: A name for each band.

    Raises:
        GridError: The parts do not fit each other.
    """

    reflectance: NDArray[np.float32]
    valid: NDArray[np.bool_]
    grid: Grid
    bands: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.reflectance.shape != (*self.grid.shape, len(self.bands)) or self.valid.shape != self.grid.shape:
            raise GridError(
                f"a scene's parts do not fit: reflectance {self.reflectance.shape}, valid {self.valid.shape}, "
                f"grid {self.grid.shape}, bands {self.bands}"
            )

    def select(self, bands: Sequence[str]) -> Scene:
        """The scene with these bands in this order.

        Raises:
            DataError: A band is not in the scene.
        """
        places = band_places(self.bands, bands)
        if tuple(bands) == self.bands:
            return self
        return Scene(self.reflectance[..., places], self.valid, self.grid, tuple(bands))

    def read(self, window: Window, bands: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Reflectance (rows, cols, bands) and validity (rows, cols) in a window, as a stored scene gives them too.

        Raises:
            DataError: A band is not in the scene.
        """
        rows, cols = window.toslices()
        reflectance = self.reflectance[rows, cols]
        places = band_places(self.bands, bands)
        return reflectance if tuple(bands) == self.bands else reflectance[..., places], self.valid[rows, cols]


@dataclass(frozen=True, slots=True)
class StoredScene:
    """A scene that stays on disk and is read window by window; one thread at a time may read.

    Attributes:
        grid: Where the pixels lie.
        bands: A name for each band.
    """

    grid: Grid
    bands: tuple[str, ...]
    _raster: OpenRaster

    def read(self, window: Window, bands: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Reflectance (rows, cols, bands) and validity (rows, cols) in a window, as `read_scene` would give them.

        Raises:
            DataError: A band is not in the scene, or the file is broken there.
        """
        stored, valid = self._raster.read(window, band_places(self.bands, bands))
        return _reflectance(stored, valid), valid


def band_places(present: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the wanted bands stand among the present ones.

    Raises:
        DataError: One is not there.
    """
    for band in wanted:
        if band not in present:
            raise DataError(f"the scene has no band {band!r}{nearest(band, present)}; it has {', '.join(present)}")
    return [present.index(band) for band in wanted]


def read_scene(path: Path) -> Scene:
    """Reads a scene that `write_scene` wrote.

    Raises:
        DataError: The file is missing, broken, or not a stored scene.
    """
    raster = read_raster(path)
    _require_stored_scene(path, raster.values.dtype, raster.bands)
    return _from_stored(raster, raster.valid, raster.bands)


@contextmanager
def open_scene(path: Path, window_rows: int = USUAL_WINDOW_ROWS) -> Iterator[StoredScene]:
    """Opens a scene that `write_scene` wrote, to read it window by window.

    Args:
        path: Of the scene.
        window_rows: Height of the windows that will be read [pixels], by which memory is measured out.

    Raises:
        DataError: As `read_scene`.
    """
    with open_raster(path, window_rows) as raster:
        _require_stored_scene(path, raster.dtype, raster.bands)
        yield StoredScene(raster.grid, raster.bands, raster)


def scene_of_raster(raster: Raster, bands: Sequence[str], what: Path | str) -> Scene:
    """A scene from a raster that others made: a file on disk, or one that came with a request.

    Stored values are reflectance where the type is float, 10,000 x reflectance where it is uint16. Bands are found by
    their names; a file without names must have exactly the wanted bands in the wanted order. Not observed is what mask,
    alpha or NoData say, what is not a number, and in uint16 what is 0 in all bands.

    Args:
        raster: As read.
        bands: The names of the wanted bands in order.
        what: Names the file in errors.

    Raises:
        DataError: The type, the bands or the values are others, or nothing is observed.
        GridError: The reference system is not in metres.
    """
    require_metric(raster.grid.crs, str(what))
    named = _named(raster, bands, what)
    kind = raster.values.dtype
    if kind == np.uint16:
        scene = _from_stored(raster, raster.valid & (raster.values != 0).any(axis=-1), named)
    elif np.issubdtype(kind, np.floating):
        valid = raster.valid & np.isfinite(raster.values).all(axis=-1)
        reflectance = raster.values.astype(np.float32)
        reflectance[~valid] = 0.0
        scene = Scene(reflectance, valid, raster.grid, named)
    else:
        raise DataError(f"{what}: values are {kind}; send reflectance as float32, or 10,000 x reflectance as uint16")
    if not scene.valid.any():
        raise DataError(f"{what}: no pixel is observed (all NoData, masked or not a number); send a scene with ground")
    scene = scene.select(bands)
    farthest = float(np.abs(scene.reflectance).max())
    if farthest > _IMPLAUSIBLE:
        raise DataError(
            f"{what}: values up to {farthest:.4g} are no reflectance; send reflectance (0 to 1) as float32, or 10,000 "
            "x reflectance as uint16"
        )
    return scene


def _named(raster: Raster, bands: Sequence[str], what: Path | str) -> tuple[str, ...]:
    if not any(raster.bands):
        if len(raster.bands) != len(bands):
            raise DataError(
                f"{what}: {len(raster.bands)} bands without names, expected {len(bands)} ({', '.join(bands)}); "
                "send these in this order, or name the bands in the file"
            )
        return tuple(bands)
    missing = [band for band in bands if band not in raster.bands]
    if missing:
        raise DataError(
            f"{what}: no band {missing[0]!r}{nearest(missing[0], filter(None, raster.bands))}; it has "
            f"{', '.join(name or 'one without a name' for name in raster.bands)}, expected {', '.join(bands)}"
        )
    if len(set(raster.bands)) < len(raster.bands):
        raise DataError(f"{what}: a band name stands twice in {', '.join(raster.bands)}; name each band once")
    return raster.bands


def _from_stored(raster: Raster, valid: NDArray[np.bool_], bands: tuple[str, ...]) -> Scene:
    return Scene(_reflectance(raster.values, valid), valid, raster.grid, bands)


def write_scene(path: Path, scene: Scene, tags: Mapping[str, str]) -> None:
    """Writes a scene as a cloud-optimised GeoTIFF: uint16, 10,000 x reflectance, with an internal mask.

    A valid pixel is stored as 1 to 65,535 (reflectance 0.0001 to 6.5535), an invalid one as 0, so that a reader that
    overlooks the mask still sees where nothing was observed.

    Args:
        path: Where to.
        scene: The scene; a valid pixel that is not a number is written as invalid.
        tags: Extra text for the file's metadata.

    Raises:
        StorageError: The place cannot be written to.
    """
    valid = scene.valid & np.isfinite(scene.reflectance).all(axis=-1)
    stored = np.zeros(scene.reflectance.shape, dtype=np.uint16)
    for band in range(len(scene.bands)):
        values = np.where(valid, scene.reflectance[..., band], 0.0) * SCALE
        stored[..., band] = np.where(valid, np.clip(np.rint(values), 1, 65_535), 0)
    write_raster(path, stored, scene.grid, bands=scene.bands, valid=valid, tags=dict(tags))


def _require_stored_scene(path: Path, dtype: np.dtype[Any], bands: tuple[str, ...]) -> None:
    if dtype != np.uint16 or not all(bands):
        raise DataError(
            f"{path}: not a stored scene ({dtype}, bands {bands}; expected uint16 with band "
            "names); repeat `chronoslide scenes`"
        )


def _reflectance(stored: NDArray[np.generic], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    reflectance = stored.astype(np.float32)
    reflectance /= SCALE
    reflectance[~valid] = 0.0
    return reflectance
