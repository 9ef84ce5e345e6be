"""A whole scene in memory through the network: the probability of landslide in every observed pixel.

The middle of the way from scene to inventory, for scenes that fit into memory; `map_writer` does the same from file to
file. The network comes as a plain function, so that any model, engine or constant can be mapped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chronoslide.mapping.asking import Predict
from chronoslide.mapping.strips import Progress, probability_strips
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.scenes.scene import Scene


def map_scene(
    scene: Scene,
    predict: Predict,
    statistics: BandStatistics,
    settings: MapSettings,
    progress: Progress | None = None,
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
    strips = probability_strips(scene, predict, statistics, settings, progress=progress)
    return np.concatenate([strip.probability for strip in strips])
