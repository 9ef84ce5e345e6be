"""The table of the search for settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from chronoslide.reporting import published
from chronoslide.reporting.tables.cells import UNDEFINED, Cell, Table


def search_table(trials: pd.DataFrame, best: Mapping[str, Any] | None = None) -> Table:
    """Table 2 of ours: every trial of the search, the highest F1 first, with the paper's best in the notes.

    Args:
        trials: `trials.csv` of the stage `tune`.
        best: Its `best_params.json`, for the notes.
    """
    order = {"complete": 0, "pruned": 1, "failed": 2}
    ordered = trials.sort_values(["state", "f1"], ascending=[True, False], key=lambda column: (
        column.map(order) if column.name == "state" else column
    ), kind="stable")  # fmt: skip
    rows = [tuple(Cell(_plain(value)) for value in row) for row in ordered.itertuples(index=False)]
    notes = [
        "F1, precision and recall: pooled over the validation patches, at the threshold of the highest F1; of pruned "
        "trials after their last epoch, at 0.5. Cost: 10^12 multiply-adds. No test patch was seen.",
        f"The paper's best of 27 ({published.SOURCE}; another data set): {published.BEST_SETTING}.",
    ]
    if best:
        notes.insert(0, f"{best.get('sampler')} sampler, {best.get('pruner')} pruner, at most "
                        f"{best.get('epochs_of_a_trial')} epochs a trial.")  # fmt: skip
    names = {"f1": "F1", "batch_patches": "batch", "false_positive_weight": "beta"}
    return Table(
        "table-2",
        "Table 2. All trials of the search",
        tuple(names.get(str(name), str(name).replace("_", " ")) for name in ordered.columns),
        tuple(rows),
        tuple(notes),
    )


def _plain(value: object) -> str:
    if isinstance(value, float):
        return UNDEFINED if math.isnan(value) else f"{value:.4g}"
    return str(value)
