"""One trial: a network trained for a few epochs with a point's settings and judged on the validation patches.

It stands between the study, which hands out points, and the models' own training, which it uses as `pretrain` does.
Test patches are never seen here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from chronoslide.models.cost import multiply_adds
from chronoslide.models.fitting import count_patches
from chronoslide.models.metrics import best_threshold
from chronoslide.models.training import History, reflectance_of, train
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet
from chronoslide.search.networks import Networks
from chronoslide.search.outcome import Outcome

_BATCH = 16


@dataclass(frozen=True)
class TrialData:
    """What all trials share, read once.

    Attributes:
        training: Patches to learn from.
        validation: Patches to judge by.
        statistics: Of the training patches' bands.
        seed: Of weights and order, the same for all trials: they differ by their settings alone.
    """

    training: PatchSet
    validation: PatchSet
    statistics: BandStatistics
    seed: int


def networks_for(data: TrialData) -> Networks:
    """The networks that fit the data."""
    return Networks(len(data.training.bands), data.training.side, data.statistics, data.seed)


def share_data(
    training: PatchSet, validation: PatchSet, statistics: BandStatistics, patches: int | None, seed: int
) -> TrialData:
    """Takes patches into memory; of the training patches as many as wanted, drawn by the seed."""
    chosen = np.arange(training.n)
    if patches is not None and patches < training.n:
        chosen = np.sort(np.random.default_rng(seed).choice(training.n, patches, replace=False))
    return TrialData(training.take(chosen), validation.take(np.arange(validation.n)), statistics, seed)


def train_trial(
    data: TrialData,
    networks: Networks,
    model_settings: ModelSettings,
    optimiser: OptimiserSettings,
    on_epoch: Callable[[dict[str, float]], None],
) -> Outcome:
    """Trains and judges one network.

    Args:
        data: What all trials share.
        networks: Where the network comes from.
        model_settings: The network.
        optimiser: How its weights are fitted.
        on_epoch: Told each epoch's figures; an exception of its own ends the trial.

    Raises:
        ModelError: The loss ceases to be a number, or there are no patches.
    """
    model, history = train_network(data, networks, model_settings, optimiser, on_epoch)
    probability = predict(model, data.validation, data.statistics)
    threshold = best_threshold(probability, data.validation.labels)
    counts = count_patches(probability, data.validation, threshold.value)
    return Outcome(
        f1=_number(threshold.f1),
        threshold=threshold.value,
        loss=history.best.val_loss,
        precision=_number(counts.precision),
        recall=_number(counts.recall),
        best_epoch=history.best_epoch,
        cost=trial_cost(model, data, len(history.epochs)),
    )


def train_network(
    data: TrialData,
    networks: Networks,
    model_settings: ModelSettings,
    optimiser: OptimiserSettings,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> tuple[keras.Model, History]:
    """As `train_trial`, and returns the network, which is trained anew by the next call, with its history."""
    model = networks.fresh(model_settings, optimiser)
    history = train(
        model, data.training, data.validation, optimiser, data.statistics, data.seed, on_epoch, compiled=True
    )
    return model, history


def predict(model: keras.Model, patches: PatchSet, statistics: BandStatistics) -> NDArray[np.float32]:
    """The probability of landslide of all patches, by the function that the network has already."""
    images = reflectance_of(patches, statistics)
    parts = np.array_split(np.arange(len(images)), math.ceil(len(images) / _BATCH))
    return np.concatenate([np.asarray(model.predict_on_batch(images[part]))[..., 0] for part in parts])


def trial_cost(model: keras.Model, data: TrialData, epochs: int) -> float:
    """Arithmetic of a training [10^12 multiply-adds]: backwards takes twice what forwards takes."""
    forward = multiply_adds(model, data.training.side)
    return round(epochs * (3 * data.training.n + data.validation.n) * forward / 1e12, 6)


def _number(ratio: float) -> float:
    """A ratio that is undefined, because nothing was found, counts as the worst."""
    return 0.0 if math.isnan(ratio) else ratio
