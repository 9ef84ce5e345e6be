"""Which patches each epoch shows, in which order: all alike, or some more often than others.

Stands between the patches and the loop of `training`, which asks it for every epoch.
"""

from __future__ import annotations

import math
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.params import OptimiserSettings
from chronoslide.patches.mixture import Samples
from chronoslide.patches.scaling import BandStatistics, fill_unobserved, to_reflectance

_BATCH: Final = 16
_MAPPED: Final = 0.5
# Looking at all patches takes about a third of a training pass over them.
_EPOCHS_BETWEEN_LOOKS: Final = 5


class Drawer:
    """Draws the patches of each epoch.

    Args:
        patches: To draw from.
        settings: `epoch_patches` and `sampling`.
    """

    def __init__(self, patches: Samples, settings: OptimiserSettings) -> None:
        self._patches = patches
        self._sampling = settings.sampling
        self._wanted = settings.epoch_patches or patches.n
        self._chances: NDArray[np.float64] | None = None
        if self._sampling == "landslide_share":
            labels = np.asarray(patches.whole()[1])
            self._chances = _half_by(np.count_nonzero(labels == LANDSLIDE, axis=(1, 2)))

    def look(self, epoch: int, model: keras.Model, statistics: BandStatistics) -> None:
        """Before an epoch, counted from 1: with "hard_background" sees anew, every few epochs, what is mapped wrongly.

        The first epochs show all patches alike: a network that knows nothing yet is wrong everywhere.
        """
        if self._sampling == "hard_background" and epoch > 1 and epoch % _EPOCHS_BETWEEN_LOOKS == 1:
            self._chances = _half_by(false_alarms(model, self._patches, statistics))

    def draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """The places of the patches; without chances of their own, none twice before all were shown."""
        if self._chances is not None:
            return rng.choice(self._patches.n, self._wanted, p=self._chances)
        rounds = math.ceil(self._wanted / self._patches.n)
        return np.concatenate([self._patches.order(rng) for _ in range(rounds)])[: self._wanted]


def false_alarms(model: keras.Model, patches: Samples, statistics: BandStatistics) -> NDArray[np.int64]:
    """How many background pixels of each patch a network takes for landslide (probability of at least 0.5), (n,)."""
    images, labels = patches.whole()
    found = np.zeros(len(labels), np.int64)
    for first in range(0, len(labels), _BATCH):
        part = slice(first, first + _BATCH)
        truth = np.asarray(labels[part])
        seen = fill_unobserved(to_reflectance(np.asarray(images[part])), truth != UNOBSERVED, statistics)
        mapped = np.asarray(model.predict_on_batch(seen))[..., 0] >= _MAPPED
        found[part] = np.count_nonzero(mapped & (truth == BACKGROUND), axis=(1, 2))
    return found


def _half_by(amount: NDArray[np.int64]) -> NDArray[np.float64]:
    """Chances of the patches, half alike and half by an amount; all alike where there is none of it."""
    even = np.full(len(amount), 1.0 / len(amount))
    return (even + amount / amount.sum()) / 2 if amount.any() else even
