"""Outlines that nobody can draw to the pixel: a band along them from which nothing is learnt.

Stands between the stored patches and the loss. Two mappers differ mostly along the outlines of landslides; what a
network is told there is as often wrong as right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chronoslide.labels import LANDSLIDE, UNLABELLED, UNOBSERVED

# Patches do not touch each other: neighbours are the four of a pixel in its own patch.
_CROSS = ndimage.generate_binary_structure(2, 1)[np.newaxis]


def without_boundaries(labels: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Labels in which a band on both sides of the outlines of landslides is unlabelled.

    Args:
        labels: (n, rows, cols) of 0, 1, 254 and 255.
        pixels: Width of the band on each side, counted in steps to one of four neighbours; 0 changes nothing. A
            landslide that the band would cover whole disappears, so it should be narrower than the smallest ones.

    Returns:
        A new array, or the same one where nothing changes. The border of a patch is no outline.
    """
    if not pixels:
        return labels
    landslide = labels == LANDSLIDE
    # The second one at the patch's border: what lies beyond is taken for landslide, so nothing is eaten from there.
    outer = ndimage.binary_dilation(landslide, _CROSS, iterations=pixels)
    inner = ndimage.binary_erosion(landslide, _CROSS, iterations=pixels, border_value=1)
    return np.where(outer & ~inner & (labels != UNOBSERVED), np.uint8(UNLABELLED), labels)
