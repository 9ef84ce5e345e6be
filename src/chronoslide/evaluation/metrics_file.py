"""The form of `reports/metrics.json`: names that stay, since CI, the report and other work read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chronoslide.dataset import Dataset
from chronoslide.evaluation.accuracy import Accuracy
from chronoslide.files import rounded


@dataclass(frozen=True)
class Judgement:
    """All that was measured.

    Attributes:
        years: Accuracy of whole maps by year and model.
        held_out: The same on the held-out blocks alone.
        on_patches: Accuracy by model in the paper's way of measuring, on the stored test patches.
        transfer_gain: What transfer gained over random weights.
        calibration: Of the main model's probabilities, by year.
        inventories: Figures of manual and predicted inventory by year.
        temperature: Of the main model, fitted on its validation patches.
        tracking: Identities through time and the sum of the yearly polygons, of both inventories.
        thresholds: By model.
    """

    years: Mapping[int, Mapping[str, Accuracy]]
    held_out: Mapping[int, Mapping[str, Accuracy]]
    on_patches: Mapping[str, Accuracy]
    transfer_gain: Mapping[str, Any]
    calibration: Mapping[int, Mapping[str, Any]]
    inventories: Mapping[str, Any]
    tracking: Mapping[str, Any]
    temperature: Mapping[str, Any]
    thresholds: Mapping[str, float]


def metrics_file(
    judgement: Judgement,
    *,
    dataset: Dataset,
    area_km2: float,
    protocol: str,
    reference_year: int,
    main_model: str,
    inputs: str,
) -> dict[str, Any]:
    """The content of `reports/metrics.json`.

    Args:
        judgement: What was measured.
        dataset: For name and provenance, which stand on every result.
        area_km2: The area of interest [km2].
        protocol: "blocks" or "paper".
        reference_year: The year of the held-out blocks.
        main_model: The model whose mean F1 is the figure to quote.
        inputs: Hash that names the run in MLflow.
    """
    means = mean_f1(judgement, reference_year)
    content: dict[str, Any] = rounded(
        {
            "data": {
                "name": dataset.name,
                "provenance": dataset.provenance,
                "description": dataset.description,
                "sensor": dataset.sensor,
                "area_km2": area_km2,
            },
            "protocol": protocol,
            "reference_year": reference_year,
            "run": {"stage": "evaluate", "inputs": inputs},
            "thresholds": dict(judgement.thresholds),
            "years": _figures_by_year(judgement.years),
            f"held_out_{reference_year}": _figures(judgement.held_out[reference_year]),
            "held_out": _figures_by_year(judgement.held_out),
            "mean_f1": means[main_model],
            "mean_f1_by_model": means,
            "transfer_gain": dict(judgement.transfer_gain),
            "paper_protocol": _figures(judgement.on_patches),
            "calibration": {str(year): dict(figures) for year, figures in judgement.calibration.items()},
            "inventories": dict(judgement.inventories),
            "tracking": dict(judgement.tracking),
            "temperature": dict(judgement.temperature),
            "undefined": {
                f"years.{year}.{name}.{ratio}": reason
                for year, models in judgement.years.items()
                for name, accuracy in models.items()
                for ratio, reason in accuracy.undefined.items()
            },
        }
    )
    return content


def mean_f1(judgement: Judgement, reference_year: int) -> dict[str, float]:
    """Mean F1 over the years by model: whole maps, but the held-out blocks of the year that was trained on."""
    of_year = {
        year: (judgement.held_out if year == reference_year else judgement.years)[year] for year in judgement.years
    }
    models = next(iter(of_year.values()))
    return {name: float(np.mean([accuracies[name].f1 for accuracies in of_year.values()])) for name in models}


def _figures(models: Mapping[str, Accuracy]) -> dict[str, Any]:
    return {name: accuracy.figures() for name, accuracy in models.items()}


def _figures_by_year(years: Mapping[int, Mapping[str, Accuracy]]) -> dict[str, Any]:
    return {str(year): _figures(models) for year, models in years.items()}
