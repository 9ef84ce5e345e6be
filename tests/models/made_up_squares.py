"""Bright squares on dark ground, as patches that a network can learn at once."""

import numpy as np

from chronoslide.patches.storage import PatchSet


def squares(training: int, validation: int, side: int, square: int) -> tuple[PatchSet, PatchSet]:
    """So many patches to learn from and to judge by, of this side, each with a square of that side [pixels]."""
    rng = np.random.default_rng(8)
    labels = np.zeros((training + validation, side, side), dtype=np.uint8)
    for label, (row, col) in zip(labels, rng.integers(0, 2 * square, (len(labels), 2)), strict=True):
        label[row : row + square, col : col + square] = 1
    images = (rng.integers(500, 1500, (*labels.shape, 2)) + 800 * labels[..., None].astype(int)).astype(np.uint16)
    first, rest = np.split(np.arange(len(labels)), [training])
    whole = PatchSet(images, labels, ("red", "nir"))
    return whole.take(first), whole.take(rest)
