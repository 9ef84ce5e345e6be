"""Chips of any size to patches of one side.

Chips are cut and filled up, never resampled: a network learns landslides at a size in pixels, and a resampled chip
would show them blurred or at a size that is not the sensor's.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.labels import UNOBSERVED

CUT: Final = "cut"
FILLED: Final = "filled up"
KEPT: Final = "kept"


def to_side(
    image: NDArray[np.uint16], label: NDArray[np.uint8], side: int
) -> tuple[str, list[tuple[NDArray[np.uint16], NDArray[np.uint8]]]]:
    """Patches of `side` x `side` pixels.

    A chip that is smaller in one direction is filled up with unobserved ground at its lower and right border. One that
    is larger is cut into as many whole patches, side by side around its middle, as fit; the rest of its border is lost.

    Args:
        image: (rows, cols, bands).
        label: (rows, cols).
        side: Of the patches [pixels].

    Returns:
        What was done (`kept`, `cut` or `filled up`), and image and label of each patch.
    """
    rows, cols = label.shape
    if (rows, cols) == (side, side):
        return KEPT, [(image, label)]
    lower, right = max(side - rows, 0), max(side - cols, 0)
    if lower or right:
        image = np.pad(image, ((0, lower), (0, right), (0, 0)))
        label = np.pad(label, ((0, lower), (0, right)), constant_values=UNOBSERVED)
    down, across = label.shape[0] // side, label.shape[1] // side
    top, left = (label.shape[0] - down * side) // 2, (label.shape[1] - across * side) // 2
    patches = []
    for row in range(top, top + down * side, side):
        for col in range(left, left + across * side, side):
            place = np.s_[row : row + side, col : col + side]
            patches.append((image[place], label[place]))
    return FILLED if lower or right else CUT, patches
