"""From patches to a network that can be used: trained weights, the threshold that goes with them, and the card.

`pretrain`, `transfer` and `chips` do the same here with other patches and other weights to begin with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from chronoslide.models.card import ModelCard
from chronoslide.models.metrics import Counts, Threshold, count
from chronoslide.models.prediction import Predictor, predictor
from chronoslide.models.thresholds import steady_threshold
from chronoslide.models.training import History, reflectance_of, train_members
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet

_BATCH = 16


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained network.

    Attributes:
        model: With the weights that `optimiser.keep` wants.
        card: What must be known to use it.
        histories: How training went, for each member of the network.
        threshold: Chosen on the validation patches.
    """

    model: keras.Model
    card: ModelCard
    histories: tuple[History, ...]
    threshold: Threshold


def fit(
    model: keras.Model,
    training: PatchSet,
    validation: PatchSet,
    settings: ModelSettings,
    optimiser: OptimiserSettings,
    statistics: BandStatistics,
    seed: int,
    trained_on: str,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    around: Callable[[Predictor], Predictor] | None = None,
) -> Fitted:
    """Trains a network and chooses its threshold on the validation patches.

    Args:
        model: With the weights to begin with; it is trained in place.
        training: Patches to learn from.
        validation: Patches to choose weights and threshold by.
        settings: The network's shape.
        optimiser: Epochs, batches, learning rate, loss.
        statistics: What the network standardises reflectance with.
        seed: Of the order and the orientation of the patches; each further member of an ensemble has the next one.
        trained_on: For the reader of the card.
        on_epoch: Called after each epoch of each member with its figures.
        around: As for `predict_patches`, where the network is used so later; the threshold is chosen through it.

    Raises:
        ModelError: As `train`.
    """
    histories = train_members(model, training, validation, optimiser, statistics, seed, on_epoch)
    threshold = steady_threshold(predict_patches(model, validation, statistics, around), np.asarray(validation.labels))
    card = ModelCard(
        settings=settings,
        bands=training.bands,
        mean=statistics.mean,
        standard_deviation=statistics.standard_deviation,
        side_pixels=training.side,
        threshold=threshold.value,
        threshold_f1=None if np.isnan(threshold.f1) else round(threshold.f1, 6),
        false_positive_weight=optimiser.false_positive_weight,
        optimiser=optimiser,
        seed=seed,
        trained_on=trained_on,
    )
    return Fitted(model, card, histories, threshold)


def predict_patches(
    model: keras.Model,
    patches: PatchSet,
    statistics: BandStatistics,
    around: Callable[[Predictor], Predictor] | None = None,
) -> NDArray[np.float32]:
    """The probability of landslide of all patches, (n, side, side).

    Args:
        model: The network.
        patches: What it is shown, in batches.
        statistics: Fills pixels without observation.
        around: Makes of the network's function the one that is asked, such as a mean over symmetries.
    """
    predict = predictor(model) if around is None else around(predictor(model))
    images = reflectance_of(patches, statistics)
    parts = [predict(images[first : first + _BATCH]) for first in range(0, len(images), _BATCH)]
    return np.concatenate(parts) if parts else np.zeros((0, patches.side, patches.side), np.float32)


def count_patches(probability: NDArray[np.float32], patches: PatchSet, threshold: float) -> Counts:
    """Pixels of all patches together by what was predicted and what is true."""
    return count(probability >= threshold, np.asarray(patches.labels))
