"""From a stored scene to a probability raster on disk: reading, network and writing at work at the same time.

The way from scene to inventory for scenes of any length; `scene_probability` does the same for one in memory. A map
that was interrupted goes on at the first row that is missing and has the same bytes in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chronoslide.grid import Grid
from chronoslide.mapping.asking import Predict
from chronoslide.mapping.partial_writer import HEADER_BYTES, open_partial
from chronoslide.mapping.strips import Progress, Strip, WindowedScene, probability_strips
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.pipelining import write_behind
from chronoslide.rasters import open_raster, write_raster_of_rows

BAND = "landslide probability"
_STRIPS_BEHIND = 1


def write_map(
    path: Path,
    scene: WindowedScene,
    predict: Predict,
    statistics: BandStatistics,
    settings: MapSettings,
    *,
    key: str,
    tags: Mapping[str, str],
    progress: Progress | None = None,
) -> None:
    """Maps a scene in this process into a cloud-optimised GeoTIFF, whole or not at all.

    Args:
        path: Where to.
        scene: A stored scene, or one in memory.
        predict: The network; rows and columns that it is given are multiples of 16.
        statistics: Of the training patches.
        settings: Windows, overlap, batch.
        key: As in `write_strips`.
        tags: Extra text for the file's metadata.
        progress: Called after each batch with the number of windows done and in all.

    Raises:
        DataError: The scene lacks a band that the network was trained on, or its file is broken.
        StorageError: As `write_strips`.
    """

    def strips(first_row: int) -> Iterator[Strip]:
        return probability_strips(scene, predict, statistics, settings, first_row, progress)

    write_strips(path, scene.grid, strips, key=key, tags=tags)


def write_strips(
    path: Path, grid: Grid, strips: Callable[[int], Iterator[Strip]], *, key: str, tags: Mapping[str, str]
) -> None:
    """Writes a map that is made strip by strip as a cloud-optimised GeoTIFF, whole or not at all.

    Finished rows are kept in `<path>.rows` until the raster is written. If the process is killed, the next call with
    the same key goes on with them.

    Args:
        path: Where to.
        grid: Of the map.
        strips: Makes the rows from the one that it is given to the last, wherever they are computed.
        key: Names everything that the map depends on: weights, scene, settings, engine. Rows of another key are
            thrown away.
        tags: Extra text for the file's metadata.

    Raises:
        StorageError: The place cannot be written to, the disk is full, or another process makes the same map.
    """

    def rows(first_row: int) -> Iterator[NDArray[np.float32]]:
        for strip in strips(first_row):
            yield strip.probability

    write_rows(path, grid, rows, band=BAND, key=key, tags=tags)


def write_rows(
    path: Path,
    grid: Grid,
    rows: Callable[[int], Iterator[NDArray[np.float32]]],
    *,
    band: str,
    key: str,
    tags: Mapping[str, str],
) -> None:
    """Writes a raster of one band whose rows come from the top, as `write_strips` does.

    Args:
        path: Where to.
        grid: Of the raster.
        rows: Makes (rows, cols) after (rows, cols) from the row that it is given to the last.
        band: What the numbers are.
        key: As in `write_strips`.
        tags: Extra text for the file's metadata.

    Raises:
        StorageError: As `write_strips`.
    """
    rows_path = path.with_name(f"{path.name}.rows")
    with open_partial(rows_path, key, grid.cols) as partial:
        with write_behind(partial.append, _STRIPS_BEHIND) as give:
            for some in rows(partial.finished_rows):
                give(some)
        write_raster_of_rows(path, rows_path, HEADER_BYTES, grid, band=band, tags=dict(tags))
    rows_path.unlink()


def unobserved_share(path: Path) -> float:
    """The share of a map's pixels that were not observed; the map is read in strips.

    Raises:
        DataError: The map is missing or broken.
    """
    with open_raster(path) as raster:
        rows, cols = raster.grid.shape
        observed = sum(int(np.count_nonzero(valid)) for _, valid in raster.strips())
    return 1.0 - observed / (rows * cols)
