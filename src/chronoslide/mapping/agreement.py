"""Whether an engine may stand in for the trained network: the same patches through both, and what came out different.

Stands between making an engine and mapping with it. Lower precision moves every probability a little; what counts is
how many pixels change sides at the threshold and what that does to the accuracy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.labels import UNOBSERVED
from chronoslide.models.metrics import count

MAXIMUM_F1_LOSS: Final = 0.002
MAXIMUM_FLIPPED_SHARE: Final = 0.002


@dataclass(frozen=True, slots=True)
class Agreement:
    """An engine beside the trained network on validation patches.

    Attributes:
        f1_trained: Pooled F1 of the network as it was trained; NaN where neither truth nor prediction has landslides.
        f1: Of the engine.
        flipped_share: Of the observed pixels, those that are landslide to one and background to the other.
    """

    f1_trained: float
    f1: float
    flipped_share: float

    @property
    def refusal(self) -> str | None:
        """Why the engine may not be used, or None if it may."""
        if self.flipped_share > MAXIMUM_FLIPPED_SHARE:
            return (
                f"{100 * self.flipped_share:.3f} % of the validation pixels change sides, more than "
                f"{100 * MAXIMUM_FLIPPED_SHARE:g} %"
            )
        before, now = (0.0 if math.isnan(value) else value for value in (self.f1_trained, self.f1))
        if before - now > MAXIMUM_F1_LOSS:
            return (
                f"F1 on the validation patches falls from {before:.4f} to {now:.4f}, by more than {MAXIMUM_F1_LOSS:g}"
            )
        return None


def agreement(
    trained: NDArray[np.float32], engine: NDArray[np.float32], labels: NDArray[np.uint8], threshold: float
) -> Agreement:
    """Compares two maps of the same patches.

    Args:
        trained: (n, rows, cols), probability by the network as it was trained.
        engine: (n, rows, cols), by the engine.
        labels: (n, rows, cols), background 0, landslide 1, unobserved 255.
        threshold: Probability from which a pixel is landslide.
    """
    before, now = trained >= threshold, engine >= threshold
    observed = labels != UNOBSERVED
    flipped = int(np.count_nonzero((before != now) & observed))
    pixels = int(np.count_nonzero(observed))
    return Agreement(count(before, labels).f1, count(now, labels).f1, flipped / pixels if pixels else 0.0)
