"""What a search costs: the arithmetic of a network, and the minutes that a search will take here.

It stands before the search, which prints the minutes first, and beside it, where arithmetic is an objective.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from chronoslide.models.losses import TverskyLoss
from chronoslide.models.unet import LEVELS, build_unet
from chronoslide.params import ModelSettings, OptimiserSettings
from chronoslide.patches.scaling import BandStatistics


def multiply_adds(model: keras.Model, side: int) -> int:
    """Multiply-adds of the convolutions for one image of side x side pixels, forwards; the rest is small beside them.

    A convolution takes kernel x inputs x outputs at each pixel of its output, a transposed one at each of its input.
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            total += int(np.prod(layer.kernel.shape)) * (side // _reduction(layer.name, before=True)) ** 2
        elif isinstance(layer, keras.layers.Conv2D):
            total += int(np.prod(layer.kernel.shape)) * (side // _reduction(layer.name, before=False)) ** 2
    return total


def _reduction(name: str, *, before: bool) -> int:
    """How many times smaller an image is in a layer of `build_unet` than at its input, from the level in its name."""
    part, *rest = name.split("_")
    level = int(rest[0]) if part in ("encoder", "decoder") else 1
    return int(2 ** (min(level + 1, LEVELS) - 1 if before else level - 1))


def measure_seconds(
    networks: Sequence[ModelSettings], bands: int, side: int, statistics: BandStatistics, batch_patches: int
) -> dict[int, float]:
    """Measures a training step of each network, and returns seconds per patch by the network's filters.

    Args:
        networks: The networks to measure.
        bands: Of a patch.
        side: Of a patch.
        statistics: What reflectance is standardised with.
        batch_patches: Patches in the step.
    """
    found: dict[int, float] = {}
    images = np.full((batch_patches, side, side, bands), 0.1, dtype=np.float32)
    labels = np.zeros((batch_patches, side, side, 1), dtype=np.uint8)
    labels[:, ::4] = 1
    for settings in networks:
        model = build_unet(bands, settings, statistics, seed=0)
        loss = TverskyLoss.from_settings(OptimiserSettings())
        model.compile(optimizer=keras.optimizers.Adam(1e-4), loss=loss, jit_compile=False)
        model.train_on_batch(images, labels)  # the first step also builds the function
        started = time.perf_counter()
        model.train_on_batch(images, labels)
        found[settings.filters] = (time.perf_counter() - started) / batch_patches
    return found


def seconds_per_patch(filters: float, measured: Mapping[int, float]) -> float:
    """Reads the seconds of a network off those of others: a power of the filters between two that were measured."""
    known = sorted(measured)
    if len(known) == 1:
        return float(measured[known[0]] * (filters / known[0]) ** 1.5)
    return float(np.exp(np.interp(np.log(filters), np.log(known), np.log([measured[number] for number in known]))))


def estimate_minutes(filters: Sequence[float], measured: Mapping[int, float], epochs: int, patches: int) -> float:
    """Minutes of as many trials as there are `filters`, none of them pruned.

    Args:
        filters: Of each trial's network.
        measured: Seconds per patch by filters.
        epochs: Of a trial.
        patches: Of an epoch, validation patches at a third of the work included.
    """
    building = 4.0  # seconds that TensorFlow takes to build the functions of a network
    return sum(epochs * patches * seconds_per_patch(one, measured) + building for one in filters) / 60


def expected_filters(dimension: Any, otherwise: int, trials: int) -> list[float]:
    """The filters of trials that are still to be drawn: evenly out of what may be drawn."""
    if dimension is None:
        return [float(otherwise)] * trials
    values = dimension if isinstance(dimension, tuple) else np.linspace(dimension.low, dimension.high, 5)
    return [float(values[number % len(values)]) for number in range(trials)]
