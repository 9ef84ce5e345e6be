"""What a search costs here: the minutes that it will take, which are printed before it begins.

The arithmetic of a network, which can be an objective, is in `models.cost`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


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
