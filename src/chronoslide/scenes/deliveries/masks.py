"""The masks that providers deliver beside a scene -> where ground was seen: Planet's UDM and UDM2, Sentinel-2's SCL."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid, name_of

_UDM2_BANDS: Final = 8
_UDM2_CLEAR, _UDM2_UNUSABLE = 1, 8
# In the eighth band: 1 not imaged, 2 cloud by the older, cruder method, the others missing or suspect bands.
_UDM2_DEFECTS: Final = np.uint8(255 - 2)

SCL_WITHOUT_GROUND: Final = (0, 1, 3, 8, 9, 10, 11)
"""NoData, defective, cloud shadow, cloud (medium, high), cirrus, snow."""
_SCL_CLASSES: Final = 12


def usable(
    source: rasterio.DatasetReader, path: Path, mask_grid: Grid, scene_grid: Grid, window: Window
) -> NDArray[np.bool_]:
    """Where Planet's usable-data mask lets a pixel pass.

    Of a UDM (one band) every value but 0 names a defect or a cloud. Of a UDM2 (eight bands) the pixel must be clear
    by band 1, and band 8 may name nothing but the older cloud mask.

    Args:
        source: The mask, opened.
        path: Its file, for messages.
        mask_grid: Where it lies.
        scene_grid: Where its scene lies.
        window: The part of the scene that is read.

    Returns:
        (rows, cols) of the window.

    Raises:
        DataError: It has another number of bands.
        GridError: It lies on another grid than its scene.
    """
    if source.count not in (1, _UDM2_BANDS):
        raise DataError(
            f"{path}: has {source.count} bands; a usable-data mask has one (UDM) or eight (UDM2); deliver the one that "
            "belongs to the scene"
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
    if source.count == 1:
        return np.asarray(source.read(1, window=window) == 0)
    clear = source.read(_UDM2_CLEAR, window=window) == 1
    defects = source.read(_UDM2_UNUSABLE, window=window).astype(np.uint8) & _UDM2_DEFECTS
    return np.asarray(clear & (defects == 0))


def observable(
    source: rasterio.DatasetReader, path: Path, mask_grid: Grid, scene_grid: Grid, target: Grid
) -> NDArray[np.bool_]:
    """Where Sentinel-2's scene classification (SCL) shows ground.

    Args:
        source: The classification, opened; its pixels may be coarser than the scene's.
        path: Its file, for messages.
        mask_grid: Where it lies.
        scene_grid: Where its scene lies.
        target: The part of the scene that is read.

    Returns:
        (rows, cols) of `target`, by the nearest pixel.

    Raises:
        DataError: It is no classification.
        GridError: It covers other ground than its scene.
    """
    pixel = max(mask_grid.resolution)
    beside = mask_grid.crs != scene_grid.crs or any(
        abs(mine - scene) > pixel for mine, scene in zip(mask_grid.bounds, scene_grid.bounds, strict=True)
    )
    if beside:
        raise GridError(
            f"{path}: {mask_grid.shape} pixels of {pixel:g} at {mask_grid.bounds[:2]} in {name_of(mask_grid.crs)}, its "
            f"scene has {scene_grid.shape} of {scene_grid.resolution[0]:g} at {scene_grid.bounds[:2]} in "
            f"{name_of(scene_grid.crs)}; deliver the classification that belongs to the scene"
        )
    left, bottom, right, top = target.bounds
    (first_col, first_row), (last_col, last_row) = (
        ~mask_grid.transform @ (left, top),
        ~mask_grid.transform @ (right, bottom),
    )
    row, col = max(int(np.floor(first_row)) - 1, 0), max(int(np.floor(first_col)) - 1, 0)
    rows = min(int(np.ceil(last_row)) + 1, mask_grid.rows) - row
    cols = min(int(np.ceil(last_col)) + 1, mask_grid.cols) - col
    window = Window(col, row, cols, rows)
    classes = source.read(1, window=window)
    if source.count != 1 or classes.max(initial=0) >= _SCL_CLASSES or np.issubdtype(classes.dtype, np.floating):
        raise DataError(f"{path}: no scene classification (one band of classes 0 to 11); deliver the SCL band")
    near = np.zeros(target.shape, dtype=np.uint8)
    reproject(
        classes.astype(np.uint8), near, src_transform=mask_grid.crop(window).transform, src_crs=mask_grid.crs,
        dst_transform=target.transform, dst_crs=target.crs, resampling=Resampling.nearest,
    )  # fmt: skip
    return ~np.isin(near, SCL_WITHOUT_GROUND)
