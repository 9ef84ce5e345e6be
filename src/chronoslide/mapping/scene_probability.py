"""A whole scene through the network: the probability of landslide in every observed pixel.

The middle of the way from scene to inventory. The network comes as a plain function, so that any model, engine or
constant can be mapped: windows are cut, filled where nothing was observed, sent through in batches and blended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from chronoslide.mapping.blending import Blend
from chronoslide.mapping.windows import cover
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics, fill_unobserved
from chronoslide.scenes.scene import Scene

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Reflectance (n, rows, cols, bands) to probability (n, rows, cols)."""

# Four decimals are finer than any model's calibration, let files compress and hide differences between machines.
_DECIMALS = 4
# The network halves its input four times.
_SIDE_MULTIPLE = 16


def map_scene(
    scene: Scene,
    predict: Predict,
    statistics: BandStatistics,
    settings: MapSettings,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """The probability of landslide in every observed pixel of a scene.

    Args:
        scene: Any shape; it must have the bands of `statistics`.
        predict: The network; rows and columns that it is given are multiples of 16.
        statistics: Of the training patches; unobserved pixels get the mean of each band.
        settings: Windows, overlap, batch.
        progress: Called after each batch with the number of windows done and in all.

    Returns:
        (rows, cols), rounded to four decimals, NaN where the scene is not valid.

    Raises:
        DataError: The scene lacks a band that the network was trained on.
        SettingsError: Windows with this overlap would not advance.
    """
    scene = scene.select(statistics.bands)
    windows = [
        window
        for window in cover(scene.grid.shape, settings.window_pixels, settings.overlap_pixels)
        if scene.valid[window.toslices()].any()
    ]
    blend = Blend.over(scene.grid.shape, settings.window_pixels, settings.overlap_pixels)
    for first in range(0, len(windows), settings.batch_windows):
        batch = windows[first : first + settings.batch_windows]
        probabilities = predict(_cut(scene, batch, statistics))
        for window, probability in zip(batch, probabilities, strict=True):
            blend.add(window, probability[: window.height, : window.width])
        if progress is not None:
            progress(first + len(batch), len(windows))
    probability = np.round(blend.values(), _DECIMALS)
    probability[~scene.valid] = np.nan
    return probability


def _cut(scene: Scene, windows: Sequence[Window], statistics: BandStatistics) -> NDArray[np.float32]:
    """The windows' reflectance (n, rows, cols, bands); what lies beyond a small scene counts as unobserved."""
    height, width = (_padded(side) for side in (windows[0].height, windows[0].width))
    images = np.zeros((len(windows), height, width, len(scene.bands)), dtype=np.float32)
    observed = np.zeros(images.shape[:3], dtype=bool)
    for index, window in enumerate(windows):
        place = (index, slice(window.height), slice(window.width))
        images[place] = scene.reflectance[window.toslices()]
        observed[place] = scene.valid[window.toslices()]
    return fill_unobserved(images, observed, statistics)


def _padded(side: int) -> int:
    return -(-side // _SIDE_MULTIPLE) * _SIDE_MULTIPLE
