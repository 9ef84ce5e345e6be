"""What a search costs: the arithmetic of a network, and the minutes that a search will take here.

It stands before the search, which prints the minutes first, and beside it, where arithmetic is an objective.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from chronoslide.models.unet import LEVELS


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


def seconds_per_patch(filters: float, measured: Mapping[float, float]) -> float:
    """Reads the seconds of a network off those of others: a power of the filters between two that were measured."""
    known = sorted(measured)
    if len(known) == 1:
        return float(measured[known[0]] * (filters / known[0]) ** 1.5)
    return float(np.exp(np.interp(np.log(filters), np.log(known), np.log([measured[number] for number in known]))))


def estimate_minutes(filters: Sequence[float], measured: Mapping[float, float], epochs: int, patches: int) -> float:
    """Minutes of as many trials as there are `filters`, none of them pruned.

    Args:
        filters: Of each trial's network.
        measured: Seconds per patch by filters.
        epochs: Of a trial.
        patches: Of an epoch, validation patches at a third of the work included.
    """
    return sum(epochs * patches * seconds_per_patch(one, measured) for one in filters) / 60


def expected_filters(dimension: Any, otherwise: int, trials: int) -> list[float]:
    """The filters of trials that are still to be drawn: evenly out of what may be drawn."""
    if dimension is None:
        return [float(otherwise)] * trials
    values = dimension if isinstance(dimension, tuple) else np.linspace(dimension.low, dimension.high, 5)
    return [float(values[number % len(values)]) for number in range(trials)]
