"""Fitting a network to patches: the loop from random or pretrained weights to the best ones on validation patches.

It is a plain loop over steps, those of Keras' `train_on_batch` or of several processes (`workers`). Keras' `fit` would
feed the batches through `tf.data`, whose end of an epoch can stall for seconds on a CPU, and it would average the
validation loss over batches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.errors import ModelError
from chronoslide.labels import UNOBSERVED
from chronoslide.models.ensemble import members_of
from chronoslide.models.epoch_patches import Drawer
from chronoslide.models.feeding import Feeding
from chronoslide.models.losses import PatchLoss, loss_from_settings
from chronoslide.models.metrics import Counts, count
from chronoslide.models.optimisers import WeightAverage, compile_for_training
from chronoslide.models.workers import Step, agreed, step_of
from chronoslide.params import SIDE_MULTIPLE, OptimiserSettings
from chronoslide.patches.boundaries import soft_labels, without_boundaries
from chronoslide.patches.mixture import Samples
from chronoslide.patches.orientation import orient
from chronoslide.patches.radiometry import relight, vary_smoothly
from chronoslide.patches.scaling import BandStatistics, fill_unobserved, to_reflectance
from chronoslide.scenes.channels import is_channel

REPORTED_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training patches.

    Attributes:
        epoch: Counted from 1.
        loss: Mean over the steps, while the weights moved.
        val_loss: Of the soft counts of all validation patches together (NaN without validation patches).
        val_precision: Pooled over all validation patches at a probability of 0.5; so are the next two.
        val_recall: See above.
        val_f1: See above.
        learning_rate: During this epoch.
    """

    epoch: int
    loss: float
    val_loss: float
    val_precision: float
    val_recall: float
    val_f1: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class History:
    """How training went.

    Attributes:
        epochs: The epochs in order.
        best_epoch: The epoch whose weights were kept.
        seconds: Wall time of each epoch [s]; apart, because it differs from run to run while the rest does not.
        step_share: Of the time of the passes over the training patches, what was spent in the step and not in waiting
            for patches.
    """

    epochs: tuple[Epoch, ...]
    best_epoch: int
    seconds: tuple[float, ...]
    step_share: float = 1.0

    @property
    def best(self) -> Epoch:
        """The epoch whose weights were kept."""
        return self.epochs[self.best_epoch - 1]

    def table(self) -> pd.DataFrame:
        """A row an epoch, without wall times, rounded to 6 decimals (the learning rate is not)."""
        table = pd.DataFrame([asdict(epoch) for epoch in self.epochs])
        return table.round(dict.fromkeys([name for name in table if name not in ("epoch", "learning_rate")], 6))


def train(
    model: keras.Model,
    training: Samples,
    validation: Samples | None,
    settings: OptimiserSettings,
    statistics: BandStatistics,
    seed: int,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    *,
    compiled: bool = False,
) -> History:
    """Trains `model` in place and leaves in it the weights of the lowest validation loss, or as `keep` wants, the last.

    The loss of a batch is not the mean of the losses of its patches, so a mean over validation batches would depend on
    how they are cut. The validation loss is that of all validation patches taken as one, and of the averaged weights
    where the settings average. Without validation patches, the training loss takes its place for keeping weights,
    plateaus and stopping.

    Args:
        model: The network; layers with `trainable = False` stay as they are.
        training: The patches to learn from; copied augmentations are among them already.
        validation: The patches to judge by.
        settings: Epochs, batches, learning rate, loss.
        statistics: Fills pixels without observation with their band's mean.
        seed: Of the order and the orientation of patches in each epoch.
        on_epoch: Called after each epoch with the columns of `Epoch` and `seconds`.
        compiled: Whether the model was compiled before, for the optimiser and the loss of these settings.

    Raises:
        ModelError: There are no training patches, they do not fit the network, or the loss ceases to be a number.
    """
    _require_fitting(model, training, "training patches")
    if validation is not None and not validation.n:
        validation = None
    if validation is not None:
        _require_fitting(model, validation, "validation patches")
    loss = loss_from_settings(settings)
    if not compiled:
        compile_for_training(model, settings, loss)
    judged, truth = (None, None) if validation is None else _judged_by(validation, statistics)
    rng = np.random.default_rng(seed)
    schedule = _Schedule(settings)
    average = WeightAverage(model, settings.average) if settings.average else None
    drawer = Drawer(training, settings)
    feeding = Feeding()
    step = step_of(model, loss)
    weights: list[NDArray[Any]] = []
    epochs: list[Epoch] = []
    seconds: list[float] = []
    kept = 0

    for number in range(1, settings.epochs + 1):
        started = time.perf_counter()
        learning_rate = schedule.learning_rate(number)
        model.optimizer.learning_rate.assign(learning_rate)
        drawer.look(number, model, statistics)
        trained = _epoch_loss(model, step, training, drawer.draw(rng), statistics, settings, rng, average, feeding)
        judged_loss, counts = math.nan, Counts()
        with average.in_place() if average else nullcontext():
            if judged is not None and truth is not None:
                judged_loss, counts = _judge(model, judged, truth, settings.batch_patches, loss)
            watched = agreed(trained if validation is None else judged_loss)
            lowest, ended = schedule.observe(number, watched), number == settings.epochs or schedule.exhausted(number)
            wanted = ended if settings.keep == "last" else lowest
            if wanted:
                weights, kept = model.get_weights(), number
        if not (math.isfinite(trained) and math.isfinite(watched)):
            raise ModelError(
                f"training: the loss is not a number in epoch {number} (learning rate {learning_rate:g}); "
                "lower optimiser.learning_rate, or look for broken values in the patches"
            )
        epoch = Epoch(number, trained, judged_loss, counts.precision, counts.recall, counts.f1, learning_rate)
        epochs.append(epoch)
        seconds.append(time.perf_counter() - started)
        if on_epoch is not None:
            on_epoch({**asdict(epoch), "seconds": seconds[-1]})
        if ended:
            break

    model.set_weights(weights)
    return History(tuple(epochs), kept, tuple(seconds), feeding.step_share)


def train_members(
    model: keras.Model,
    training: Samples,
    validation: Samples | None,
    settings: OptimiserSettings,
    statistics: BandStatistics,
    seed: int,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
) -> tuple[History, ...]:
    """Trains a network in place, of an ensemble one member after another; arguments as for `train`.

    Each further member has the next seed, so that it sees the patches in another order.
    """
    return tuple(
        train(member, training, validation, settings, statistics, seed + number, on_epoch)
        for number, member in enumerate(members_of(model))
    )


def history_table(histories: Sequence[History]) -> pd.DataFrame:
    """A row an epoch, without wall times; of an ensemble, the members one after another with a column `member`."""
    if len(histories) == 1:
        return histories[0].table()
    tables = [history.table() for history in histories]
    return pd.concat([table.assign(member=number) for number, table in enumerate(tables, start=1)], ignore_index=True)


def reflectance_of(patches: Samples, statistics: BandStatistics) -> NDArray[np.float32]:
    """What the network sees of patches: float32 reflectance, the band's mean where nothing was observed."""
    return _judged_by(patches, statistics)[0]


def _judged_by(patches: Samples, statistics: BandStatistics) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    images, labels = patches.whole()
    return fill_unobserved(to_reflectance(images), labels != UNOBSERVED, statistics), labels


class _Schedule:
    """The learning rate of each epoch, which weights to keep, and when to end."""

    def __init__(self, settings: OptimiserSettings) -> None:
        self._settings = settings
        self._lowest = math.inf
        self._waited = 0
        self._plateau_rate = settings.learning_rate
        self.best_epoch = 0

    def learning_rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 1."""
        if self._settings.schedule == "plateau":
            return self._plateau_rate
        start, end = (
            self._settings.learning_rate,
            min(self._settings.minimum_learning_rate, self._settings.learning_rate),
        )
        return end + (start - end) * (1 + math.cos(math.pi * (epoch - 1) / self._settings.epochs)) / 2

    def observe(self, epoch: int, loss: float) -> bool:
        """Takes note of an epoch's loss; True when it is the lowest so far."""
        if loss < self._lowest:
            self._lowest, self.best_epoch, self._waited = loss, epoch, 0
            return True
        self._waited += 1
        if self._waited >= self._settings.plateau_patience:
            lowered = max(self._plateau_rate * self._settings.plateau_factor, self._settings.minimum_learning_rate)
            self._plateau_rate = min(self._plateau_rate, lowered)
            self._waited = 0
        return False

    def exhausted(self, epoch: int) -> bool:
        """Whether the loss has not fallen for so long that training ends."""
        patience = self._settings.stopping_patience
        return bool(patience) and epoch - self.best_epoch >= patience


def _epoch_loss(
    model: keras.Model,
    step: Step,
    patches: Samples,
    order: NDArray[np.int64],
    statistics: BandStatistics,
    settings: OptimiserSettings,
    rng: np.random.Generator,
    average: WeightAverage | None,
    feeding: Feeding,
) -> float:
    """The patches of an epoch in random orientation; the mean loss of its steps, weighed by their patches."""
    total = 0.0
    warmup = _Warmup(model, settings.warmup_steps)
    batches = _batches(order, settings.batch_patches)
    prepared = ((len(chosen), *_seen(patches, chosen, statistics, settings, rng)) for chosen in batches)
    for shown, seen, labels in feeding.ahead(prepared):
        warmup.before_step()
        total += step(seen, labels[..., None]) * shown
        if average:
            average.follow()
        if not math.isfinite(total):
            break
    return total / len(order)


def _seen(
    patches: Samples,
    chosen: NDArray[np.int64],
    statistics: BandStatistics,
    settings: OptimiserSettings,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """A batch as a step sees it: turned, under other light, filled; and the labels that the loss counts."""
    images, labels = patches.batch(chosen)
    if settings.orient:
        images, labels = orient(images, labels, rng)
    reflectance = to_reflectance(images)
    lit = np.array([not is_channel(band) for band in patches.bands])
    if settings.relight_gain or settings.relight_haze:
        reflectance = relight(reflectance, settings.relight_gain, settings.relight_haze, rng, lit)
    if settings.relight_smooth_haze or settings.relight_shade:
        reflectance = vary_smoothly(
            reflectance, settings.relight_smooth_haze, settings.relight_shade, rng, patches.bands, lit
        )
    seen = fill_unobserved(reflectance, labels != UNOBSERVED, statistics)
    counted = without_boundaries(labels, settings.ignored_boundary_pixels)
    return seen, soft_labels(labels, counted, settings.soft_boundary_pixels)


class _Warmup:
    """Raises the learning rate of an epoch from 0 over the first steps of the training."""

    def __init__(self, model: keras.Model, steps: int) -> None:
        self._optimiser = model.optimizer
        self._steps = steps
        self._full = float(self._optimiser.learning_rate)

    def before_step(self) -> None:
        """Sets the rate of the next step; from the last one of the warm-up on it is the epoch's."""
        step = int(self._optimiser.iterations) + 1 if self._steps else 0
        if 0 < step <= self._steps:
            self._optimiser.learning_rate.assign(self._full * step / self._steps)


def _judge(
    model: keras.Model,
    images: NDArray[np.float32],
    labels: NDArray[np.uint8],
    batch_patches: int,
    loss: PatchLoss,
) -> tuple[float, Counts]:
    """The loss and the counts at 0.5 of all patches together."""
    judged, counts = [], Counts()
    for chosen in _batches(np.arange(len(images)), batch_patches):
        probability = np.asarray(model.predict_on_batch(images[chosen]))[..., 0]
        truth = np.asarray(labels[chosen])
        judged.append((truth, probability))
        counts += count(probability >= REPORTED_THRESHOLD, truth)
    return loss.over(judged), counts


def _batches(order: NDArray[np.int64], batch_patches: int) -> Iterator[NDArray[np.int64]]:
    """Cuts an order into batches that differ by at most one patch: a last batch of two would be a rough step."""
    yield from np.array_split(order, math.ceil(len(order) / batch_patches))


def _require_fitting(model: keras.Model, patches: Samples, what: str) -> None:
    """Refuses patches that the network cannot take.

    Raises:
        ModelError: There are none, or their sides or bands do not fit.
    """
    if not patches.n:
        raise ModelError(f"training: there are no {what}; lower patches.minimum_landslide_pixels or add scenes")
    side, bands = patches.side, len(patches.bands)
    expected = model.input_shape[-1]
    if bands != expected:
        raise ModelError(
            f"training: the {what} have {bands} bands and the network takes {expected}; "
            "make patches and network from the same scenes.bands"
        )
    if side % SIDE_MULTIPLE:
        raise ModelError(
            f"training: the {what} have {side} x {side} pixels; "
            f"choose patches.side_pixels as a multiple of {SIDE_MULTIPLE}"
        )
