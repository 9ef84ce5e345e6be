"""Curves over the threshold: precision and recall of a map, as a table that the report draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.labels import BACKGROUND, LANDSLIDE
from chronoslide.models.metrics import counts_by_threshold, precision, recall

_THRESHOLDS = np.arange(1, 100, 2) / 100


def precision_recall(probability: NDArray[np.float32], labels: NDArray[np.uint8]) -> pd.DataFrame:
    """Precision and recall at fifty thresholds, without minimum mapping unit.

    Args:
        probability: (rows, cols), NaN where unobserved.
        labels: (rows, cols).

    Returns:
        Columns `threshold`, `precision`, `recall`; NaN where undefined.
    """
    used = ((labels == LANDSLIDE) | (labels == BACKGROUND)) & ~np.isnan(probability)
    table = counts_by_threshold(probability[used], labels[used] == LANDSLIDE, _THRESHOLDS.astype(probability.dtype))
    return pd.DataFrame(
        {"threshold": _THRESHOLDS, "precision": precision(table).round(6), "recall": recall(table).round(6)}
    )
