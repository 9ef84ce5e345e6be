"""The metrics as flat tables, one row a year and model or inventory, for spreadsheets, DVC's plots and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

_GROUNDS = {"years": "whole map", "held_out": "held-out blocks"}
_KINDS = ("manual", "predicted")


def accuracy_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Table 3: a row a year, ground (whole map or held-out blocks) and model."""
    return pd.DataFrame(
        [
            {"year": int(year), "ground": ground, "model": model, **figures}
            for part, ground in _GROUNDS.items()
            for year, models in metrics[part].items()
            for model, figures in models.items()
        ]
    )


def inventory_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Table 4: number and areas [m2] of the manual and the predicted landslides of each year."""
    return _by_inventory(metrics, lambda figures, kind: figures[kind])


def density_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Table 5: the density of each year by four definitions."""
    return _by_inventory(metrics, lambda figures, kind: figures["densities"][kind])


def by_year(tables: Mapping[int, pd.DataFrame], decimals: int) -> pd.DataFrame:
    """Tables of several years as one, with the column `year`, rounded."""
    together = pd.concat([table.assign(year=year) for year, table in tables.items()], ignore_index=True)
    return together.round(decimals)


def _by_inventory(metrics: Mapping[str, Any], pick: Any) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"year": int(year), "inventory": kind, **pick(figures, kind)}
            for year, figures in metrics["inventories"].items()
            for kind in _KINDS
        ]
    )
