"""Seeing each patch from another side in each epoch: the eight symmetries of the square.

Stands inside the training loop. Seen from above, a landslide may face any way; turning and flipping by right angles
moves pixels without mixing them, so it costs no sharpness and hardly any time.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

SYMMETRIES: Final = 8

_Value = TypeVar("_Value", bound=np.generic)
_Label = TypeVar("_Label", bound=np.generic)


def orient(
    images: NDArray[_Value], labels: NDArray[_Label], rng: np.random.Generator
) -> tuple[NDArray[_Value], NDArray[_Label]]:
    """Turns and flips each patch, image and label alike, in one of the eight ways, chosen at random.

    Args:
        images: (n, side, side, bands).
        labels: (n, side, side).
        rng: Chooses; one number is drawn for each patch.

    Returns:
        New arrays of the same shapes and types.
    """
    turned_images, turned_labels = np.empty_like(images), np.empty_like(labels)
    for index, symmetry in enumerate(rng.integers(SYMMETRIES, size=len(images))):
        turned_images[index] = apply_symmetry(images[index], int(symmetry))
        turned_labels[index] = apply_symmetry(labels[index], int(symmetry))
    return turned_images, turned_labels


def apply_symmetry(patch: NDArray[_Value], symmetry: int) -> NDArray[_Value]:
    """One patch, (side, side) or (side, side, bands), in one of the eight ways: 0 leaves it as it is."""
    turned = np.rot90(patch, symmetry % 4)
    return turned if symmetry < 4 else np.flip(turned, axis=1)
