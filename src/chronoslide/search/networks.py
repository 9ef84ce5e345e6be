"""Networks that are built once and trained anew in trial after trial.

TensorFlow takes about 9 s of one core to build the functions of a U-Net, as long as a short trial trains (measured, f =
8). Trials differ by learning rate, batch and the loss's weights, which need no other functions; so those of a network
are kept, and everything that training changes is set back. A trial gives the same bits whatever was trained before it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from chronoslide.models.architectures import build_network
from chronoslide.models.losses import PatchLoss, TverskyLoss, loss_from_settings
from chronoslide.models.optimisers import compile_for_training
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import BandStatistics

_AT_MOST = 4


class _AdjustableTversky(TverskyLoss):
    """The loss with weights that can be changed after it was built into a function."""

    def __init__(self, focal_gamma: float) -> None:
        super().__init__(0.5, 0.5, focal_gamma)
        self.false_negative_weight: Any = keras.Variable(0.5, dtype="float32", trainable=False)
        self.false_positive_weight: Any = keras.Variable(0.5, dtype="float32", trainable=False)

    def adjust(self, settings: OptimiserSettings) -> None:
        self.false_negative_weight.assign(1.0 - settings.false_positive_weight)
        self.false_positive_weight.assign(settings.false_positive_weight)


_Key = tuple[ModelSettings, str, float, float, float]
"""What a network's functions are built with: its settings, and what of the optimiser's cannot be changed afterwards."""


def _key(settings: ModelSettings, optimiser: OptimiserSettings) -> _Key:
    built_in = optimiser.loss, optimiser.focal_gamma, optimiser.landslide_weight, optimiser.weight_decay
    return (settings, *built_in)


@dataclass(frozen=True)
class _Network:
    model: keras.Model
    loss: PatchLoss
    start: list[NDArray[Any]]


class Networks:
    """The networks of a search, compiled, by their settings.

    Args:
        bands: Of a patch.
        side: Of a patch.
        statistics: What reflectance is standardised with.
        seed: Of the initial weights.
    """

    def __init__(self, bands: int, side: int, statistics: BandStatistics, seed: int) -> None:
        self._shape = (side, side, bands)
        self._statistics = statistics
        self._seed = seed
        self._known: dict[_Key, _Network] = {}

    def fresh(self, settings: ModelSettings, optimiser: OptimiserSettings) -> keras.Model:
        """A network with the initial weights of its settings, compiled for the optimiser's settings."""
        key = _key(settings, optimiser)
        if key not in self._known:
            if len(self._known) >= _AT_MOST:  # a hundred networks in one process would fill its memory
                self._known.clear()
                keras.backend.clear_session()
            self._known[key] = self._build(settings, optimiser)
        network = self._known[key]
        _set_back(network)
        if isinstance(network.loss, _AdjustableTversky):
            network.loss.adjust(optimiser)
        return network.model

    def seconds_per_patch(self, settings: ModelSettings, optimiser: OptimiserSettings) -> float:
        """Wall time of a training step, the quickest of three, for each of its patches [s]."""
        model = self.fresh(settings, optimiser)
        images, labels = self._patches(8)
        taken = []
        for _ in range(3):
            started = time.perf_counter()
            model.train_on_batch(images, labels)
            taken.append(time.perf_counter() - started)
        return min(taken) / len(images)

    def _build(self, settings: ModelSettings, optimiser: OptimiserSettings) -> _Network:
        model = build_network(self._shape[-1], settings, self._statistics, self._seed)
        start = [variable.numpy() for variable in model.variables]  # weights, statistics, seeds of the dropout
        loss = loss_from_settings(optimiser)
        if isinstance(loss, TverskyLoss):
            loss = _AdjustableTversky(optimiser.focal_gamma)
        compile_for_training(model, optimiser, loss)
        # A second number of patches lets TensorFlow build the functions for any number. All trials then use these, the
        # first one as well, so that none depends on what was trained before it in this process.
        for patches in (1, 2, 3):
            images, labels = self._patches(patches)
            model.train_on_batch(images, labels)
            model.predict_on_batch(images)
        return _Network(model, loss, start)

    def _patches(self, n: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        images = np.full((n, *self._shape), 0.1, dtype=np.float32)
        labels = np.zeros((n, *self._shape[:2], 1), dtype=np.uint8)
        labels[:, ::4] = 1
        return images, labels


def _set_back(network: _Network) -> None:
    for variable, value in zip(network.model.variables, network.start, strict=False):  # metrics stand behind them
        variable.assign(value)
    for variable in network.model.optimizer.variables:
        variable.assign(np.zeros(variable.shape, dtype=str(variable.dtype)))
