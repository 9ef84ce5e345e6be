"""A network fitted to the scene that it is about to map, without labels: some windows of the scene are all it takes.

Stands between a stored network and its engine where `map.adaptation` is above 0: batch normalisation then uses the
scene's own mean and variance, in part or alone (`models.adaptation`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.mapping.strips import Batch, read_batch
from chronoslide.mapping.windows import cover
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.scenes.scene import open_scene

if TYPE_CHECKING:
    import keras

# Statistics of a million pixels are steady, and every normalisation takes a pass over them.
_MOST_WINDOWS: Final = 12


def windows_of(path: Path, statistics: BandStatistics, settings: MapSettings) -> NDArray[np.float32]:
    """Observed windows of a stored scene at even distances, (n, rows, cols, bands) reflectance; n is 12 at most.

    Raises:
        DataError: The scene lacks a band that the network was trained on, or its file is broken.
    """
    with open_scene(path, settings.window_pixels) as scene:
        windows = cover(scene.grid.shape, settings.window_pixels, settings.overlap_pixels)
        chosen = np.unique(np.linspace(0, len(windows) - 1, min(len(windows), _MOST_WINDOWS)).astype(np.intp))
        batches = [Batch(windows[place].row_off, (windows[place].col_off,), None, 0) for place in chosen]
        read = [read_batch(scene, batch, statistics, settings).images for batch in batches]
    seen = [images for images in read if images is not None]
    return np.concatenate(seen) if seen else np.zeros((0, 0, 0, len(statistics.bands)), np.float32)


def adapted_to(model: keras.Model, images: NDArray[np.float32], share: float) -> keras.Model:
    """The network with the images' statistics; the network itself for a scene of which nothing was observed.

    Raises:
        ModelError: The network has no batch normalisation.
    """
    from chronoslide.models.adaptation import adapted

    return adapted(model, images, share) if len(images) else model
