"""A year of a site as patches are cut from it: stored values and labels on one grid.

Stands between scenes and masks on one side and blocks, windows and crops on the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chronoslide.grid import Grid, require_same
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.scenes.scene import SCALE, Scene


@dataclass(frozen=True)
class LabelledYear:
    """A year of a site.

    Attributes:
        images: (rows, cols, bands) stored values.
        labels: (rows, cols).
        grid: Where they lie.
    """

    images: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    grid: Grid


def labelled_year(scene: Scene, labels: NDArray[np.uint8]) -> LabelledYear:
    """A scene of the wanted bands with its labels."""
    return LabelledYear(np.rint(scene.reflectance * SCALE).astype(np.uint16), labels, scene.grid)


def labels_of_all(years: Mapping[int, LabelledYear], what: str) -> tuple[NDArray[np.uint8], Grid]:
    """One label a pixel for the blocks: landslide if it is so in any year, unobserved if in all.

    Raises:
        GridError: The years lie on different grids; `what` names them.
    """
    (first, *others) = years.values()
    labels = first.labels.copy()
    for other in others:
        require_same(first.grid, other.grid, what)
        labels[labels == UNOBSERVED] = other.labels[labels == UNOBSERVED]
        labels[other.labels == LANDSLIDE] = LANDSLIDE
    return labels, first.grid
