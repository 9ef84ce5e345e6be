"""The reference year's labels carried to another year, wherever the ground still answers for them.

One inventory labels one scene, but most ground does not change: what was forest beside a landslide in one year is
forest in the next, in that year's light, season and haze. Ground keeps its label where its NDVI allows it, and is
unlabelled elsewhere, so a network learns every year's radiometry from the labels of one. Stands between the labels and
the sampling of training patches.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chronoslide.labels import BACKGROUND, LANDSLIDE, UNLABELLED, UNOBSERVED


def carry_labels(
    labels: NDArray[np.uint8],
    ndvi: NDArray[np.floating],
    other_ndvi: NDArray[np.floating],
    other_valid: NDArray[np.bool_],
    *,
    background_tolerance: float,
    landslide_tolerance: float,
) -> NDArray[np.uint8]:
    """Labels of another year from those of the reference year.

    Background stays background where it is not barer than it was (a landslide may have bared it), and a landslide stays
    one where it is not greener (it may have healed, or not yet slid). Where either is not so, nobody knows.

    Args:
        labels: (rows, cols) of the reference year.
        ndvi: (rows, cols) of the reference year.
        other_ndvi: (rows, cols) of the other year.
        other_valid: (rows, cols), False where the other year observed nothing.
        background_tolerance: By how much background may lose NDVI, for noise and haze.
        landslide_tolerance: By how much a landslide may gain.

    Returns:
        (rows, cols): background, landslide, unlabelled, or unobserved (in the other year).
    """
    change = other_ndvi - ndvi
    carried = np.full(labels.shape, UNLABELLED, dtype=np.uint8)
    carried[(labels == BACKGROUND) & (change >= -background_tolerance)] = BACKGROUND
    carried[(labels == LANDSLIDE) & (change <= landslide_tolerance)] = LANDSLIDE
    carried[~other_valid] = UNOBSERVED
    return carried
