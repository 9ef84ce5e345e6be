"""A scene: reflectance with its validity, its place on the ground and its bands, and how it is kept on disk.

This is the value that the whole room makes out of delivered tiles, and that all later rooms read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import DataError, GridError, nearest
from chronoslide.grid import Grid
from chronoslide.rasters import read_raster, write_raster

SCALE: Final = 10_000
"""Stored value of a reflectance of 1 in everything that is written to `results/`."""


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
        for band in bands:
            if band not in self.bands:
                raise DataError(
                    f"the scene has no band {band!r}{nearest(band, self.bands)}; it has {', '.join(self.bands)}"
                )
        if tuple(bands) == self.bands:
            return self
        return Scene(
            self.reflectance[..., [self.bands.index(band) for band in bands]], self.valid, self.grid, tuple(bands)
        )


def read_scene(path: Path) -> Scene:
    """Reads a scene that `write_scene` wrote.

    Raises:
        DataError: The file is missing, broken, or not a stored scene.
    """
    raster = read_raster(path)
    if raster.values.dtype != np.uint16 or not all(raster.bands):
        raise DataError(
            f"{path}: not a stored scene ({raster.values.dtype}, bands {raster.bands}; expected uint16 with band "
            "names); repeat `chronoslide scenes`"
        )
    reflectance = raster.values.astype(np.float32)
    reflectance /= SCALE
    reflectance[~raster.valid] = 0.0
    return Scene(reflectance, raster.valid, raster.grid, raster.bands)


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
