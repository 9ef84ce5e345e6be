"""How well a network's probabilities are probabilities, and the one number that mends them (temperature).

Stands between the probability rasters and the figures: of the pixels that got 0.7, do seven in ten lie in a landslide?
Everything counts observed pixels only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from chronoslide.errors import GridError
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.params import CalibrationSettings

# A probability of exactly 0 or 1 has no logit, and one wrong pixel would make the log loss infinite.
_CLOSEST = 1e-6
_TEMPERATURES = 0.05, 20.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probabilities held against what they were probabilities of.

    Attributes:
        table: The reliability diagram: a row a bin with pixels; `lower`, `upper`, `number`, `confidence` (mean
            probability) and `frequency` (share of landslide).
        expected_calibration_error: Mean |frequency - confidence|, weighted by pixels (Naeini et al. 2015); NaN
            without pixels above `above`.
        brier_score: Mean squared difference of probability and truth over all observed pixels (Brier 1950); NaN
            without any.
        brier_score_above: The same over the pixels of the diagram.
        pixels: Observed pixels.
        pixels_above: Pixels of the diagram.
        above: Only pixels of a higher probability enter the diagram and the calibration error.
        reason: Why a figure is NaN, or an empty text.
    """

    table: pd.DataFrame
    expected_calibration_error: float
    brier_score: float
    brier_score_above: float
    pixels: int
    pixels_above: int
    above: float
    reason: str

    def as_dict(self) -> dict[str, float | str]:
        """For a metrics file: all but the table."""
        return {
            "expected_calibration_error": self.expected_calibration_error,
            "brier_score": self.brier_score,
            "brier_score_above": self.brier_score_above,
            "pixels": self.pixels,
            "pixels_above": self.pixels_above,
            "above": self.above,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Temperature:
    """What the logits are divided by (Guo et al. 2017).

    Attributes:
        value: Above 1 the probabilities move towards 0.5, below 1 away from it; 1 leaves them as they are.
        log_loss_before: Mean log loss of the pixels that it was fitted on, as they were; NaN without pixels.
        log_loss_after: The same after scaling.
        reason: Why it could not be fitted (then it is 1) or ended at the edge of its range, or an empty text.
    """

    value: float
    log_loss_before: float
    log_loss_after: float
    reason: str

    def as_dict(self) -> dict[str, float | str]:
        """For a metrics file."""
        return {
            "temperature": self.value,
            "log_loss_before": self.log_loss_before,
            "log_loss_after": self.log_loss_after,
            "reason": self.reason,
        }

    def scale(self, probability: NDArray[np.floating]) -> NDArray[np.float32]:
        """Scaled probabilities of any shape; NaN stays NaN, and the order of the pixels stays."""
        return np.asarray(expit(_logits(probability) / self.value), dtype=np.float32)


def measure_calibration(
    probability: NDArray[np.floating], labels: NDArray[np.uint8], settings: CalibrationSettings | None = None
) -> Calibration:
    """Reliability diagram, expected calibration error and Brier score.

    Args:
        probability: Any shape; NaN = unobserved.
        labels: The same shape; 0 background, 1 landslide, 255 unobserved.
        settings: Bins and the probability from which pixels enter; None takes the defaults.

    Raises:
        GridError: The two shapes differ.
    """
    settings = settings or CalibrationSettings()
    values, truth = _observed(probability, labels)
    entering = values > settings.above
    chosen, true = values[entering], truth[entering]
    edges = np.linspace(0.0, 1.0, settings.bins + 1)
    place = np.minimum((chosen * settings.bins).astype(np.intp), settings.bins - 1)
    number = np.bincount(place, minlength=settings.bins)
    filled = number > 0
    table = pd.DataFrame(
        {
            "lower": edges[:-1][filled],
            "upper": edges[1:][filled],
            "number": number[filled],
            "confidence": np.bincount(place, chosen, settings.bins)[filled] / number[filled],
            "frequency": np.bincount(place, true, settings.bins)[filled] / number[filled],
        }
    )
    gap = (table["frequency"] - table["confidence"]).abs()
    squares = (values - truth) ** 2
    return Calibration(
        table=table,
        expected_calibration_error=float((gap * table["number"]).sum() / len(chosen)) if len(chosen) else math.nan,
        brier_score=float(squares.mean()) if len(values) else math.nan,
        brier_score_above=float(squares[entering].mean()) if len(chosen) else math.nan,
        pixels=len(values),
        pixels_above=len(chosen),
        above=settings.above,
        reason="" if len(chosen) else f"no observed pixel has a probability above {settings.above:g}",
    )


def fit_temperature(probability: NDArray[np.floating], labels: NDArray[np.uint8]) -> Temperature:
    """The temperature of the lowest log loss on validation pixels; never fitted on the pixels that are reported.

    Args:
        probability: Any shape; NaN = unobserved.
        labels: The same shape; 0 background, 1 landslide, 255 unobserved.

    Raises:
        GridError: The two shapes differ.
    """
    values, truth = _observed(probability, labels)
    if not len(values):
        return Temperature(1.0, math.nan, math.nan, "no observed pixel to fit on")
    # Landslide pixels keep their logit and background pixels take its negative: the loss is then one formula.
    agreement = _logits(values) * (2.0 * truth - 1.0)

    def log_loss(log_temperature: float) -> float:
        return float(np.logaddexp(0.0, -agreement / math.exp(log_temperature)).mean())

    before = log_loss(0.0)
    if truth.min() == truth.max():
        return Temperature(1.0, before, before, "the pixels are all landslide or all background")
    low, high = (math.log(each) for each in _TEMPERATURES)
    found = minimize_scalar(log_loss, bounds=(low, high), method="bounded", options={"xatol": 1e-4})
    at_edge = min(found.x - low, high - found.x) < 1e-2
    reason = f"at the edge of the range {_TEMPERATURES[0]:g} to {_TEMPERATURES[1]:g}" if at_edge else ""
    return Temperature(math.exp(found.x), before, float(found.fun), reason)


def _observed(
    probability: NDArray[np.floating], labels: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Probability and truth (0 or 1) of the observed pixels, flat."""
    if probability.shape != labels.shape:
        raise GridError(f"calibration: probabilities {probability.shape} and labels {labels.shape} differ in shape")
    observed = np.isfinite(probability) & (labels != UNOBSERVED)
    return probability[observed].astype(np.float64), (labels[observed] == LANDSLIDE).astype(np.float64)


def _logits(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(probability.astype(np.float64), _CLOSEST, 1.0 - _CLOSEST)), dtype=np.float64)
