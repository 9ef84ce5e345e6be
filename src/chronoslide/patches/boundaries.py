"""Outlines that nobody can draw to the pixel: a band along them from which nothing, or less, is learnt.

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


def soft_labels(
    labels: NDArray[np.uint8], counted: NDArray[np.uint8], pixels: int
) -> NDArray[np.uint8] | NDArray[np.float32]:
    """Labels that are neither 0 nor 1 near the outlines of landslides, but the share of landslide around.

    Args:
        labels: (n, rows, cols) of 0, 1, 254 and 255, by which shares are counted.
        counted: The same without what the loss shall not count.
        pixels: Around a pixel a square of 2 x pixels + 1 is looked at, without what has no label or lies beyond the
            patch; 0 changes nothing. Across a straight outline the labels rise evenly from 0 to 1.

    Returns:
        `counted` itself, or as float32: the share where it is 0 or 1, else as it is.
    """
    if not pixels:
        return counted
    size = (1, 2 * pixels + 1, 2 * pixels + 1)
    landslide, labelled = (
        ndimage.uniform_filter(which.astype(np.float32), size, mode="constant")
        for which in (labels == LANDSLIDE, labels <= LANDSLIDE)
    )
    share = np.clip(landslide / np.maximum(labelled, np.finfo(np.float32).tiny), 0.0, 1.0)
    return np.where(counted <= LANDSLIDE, share, counted).astype(np.float32)
