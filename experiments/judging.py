"""F1 of the yearly maps as the stage `evaluate` judges it: what the experiments compare maps by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chronoslide.inventories.outlines.vectorising import binarise
from chronoslide.labels import UNOBSERVED
from chronoslide.models.metrics import count
from chronoslide.params import Settings
from chronoslide.patches.blocks import TEST
from chronoslide.rasters import read_raster


def held_out_ground(patches: Path) -> NDArray[np.bool_]:
    """The blocks of the investigation area that nothing was learnt from, (rows, cols).

    Args:
        patches: The folder that the stage `patches` made.
    """
    return np.asarray(read_raster(patches / "investigation/blocks.tif").values[..., 0] == TEST)


def f1_of_years(
    root: Path,
    settings: Settings,
    maps: Mapping[int, NDArray[np.float32]],
    threshold: float,
    held_out: NDArray[np.bool_],
) -> dict[str, float]:
    """F1 of each year's map at a threshold: of all of it, or of the held-out blocks in the year of the training.

    Args:
        root: A clone in which the stage `masks` has run.
        settings: Reference year, protocol and minimum mapping unit.
        maps: Probability (rows, cols) by year.
        threshold: From which a pixel is landslide.
        held_out: As `held_out_ground` gives it.
    """
    figures = {}
    for year, probability in maps.items():
        mask = read_raster(root / f"results/masks/investigation/{year}.tif")
        labels = mask.values[..., 0].astype(np.uint8)
        if year == settings.reference_year and settings.protocol == "blocks":
            labels = np.where(held_out, labels, UNOBSERVED)
        predicted = binarise(probability, threshold, settings.inventory.minimum_area_m2, mask.grid)
        figures[str(year)] = round(count(predicted, labels).f1, 6)
    return figures
