"""The frequency-area distribution of an inventory: fitted, with intervals, or refused.

Takes the areas of a finished inventory; the report draws manual and predicted inventories on one plot. Below a number
of landslides nothing is fitted, and the result says so instead of printing parameters that mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.inventories.statistics.magnitude import event_magnitude
from chronoslide.inventories.statistics.power_law import PowerLaw, TailComparison, against_log_normal, fit_power_law
from chronoslide.inventories.statistics.size_models import (
    DoublePareto,
    InverseGamma,
    SizeModel,
    density,
    kolmogorov_distance,
    log_likelihood,
)
from chronoslide.inventories.statistics.volume import Volume, estimate_volume
from chronoslide.params import StatisticsSettings

Interval = tuple[float, float]
MODELS: dict[str, type[InverseGamma] | type[DoublePareto]] = {
    "inverse_gamma": InverseGamma,
    "double_pareto": DoublePareto,
}


@dataclass(frozen=True, slots=True)
class ModelFit:
    """One distribution, fitted by maximum likelihood.

    Attributes:
        model: The distribution.
        minimum_area_m2: Where the sample is truncated.
        log_likelihood: Of the sample.
        aic: Akaike's information criterion; the lower of two fits is the better one.
        kolmogorov_distance: Between sample and fit.
        intervals: Bootstrap intervals of the parameters, `rollover_m2` and `tail_exponent`; empty without bootstrap.
            A rollover from 0 on means that some draws have none.
        remark: What to beware of, or an empty text.
    """

    model: SizeModel
    minimum_area_m2: float
    log_likelihood: float
    aic: float
    kolmogorov_distance: float
    intervals: dict[str, Interval]
    remark: str

    def density(self, areas: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability density [1/m2] of areas, for a plot."""
        return density(self.model, areas, self.minimum_area_m2)

    def as_dict(self) -> dict[str, Any]:
        """For a metrics file."""
        return {
            **_numbers(self.model),
            "log_likelihood": self.log_likelihood,
            "aic": self.aic,
            "kolmogorov_distance": self.kolmogorov_distance,
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "remark": self.remark,
        }


@dataclass(frozen=True, slots=True)
class SizeStatistics:
    """What the areas of an inventory say.

    Attributes:
        number: Landslides from the minimum mapping unit on.
        below_minimum: Smaller ones, which do not enter.
        minimum_area_m2: The minimum mapping unit.
        refusal: Why nothing was fitted, or an empty text.
        fits: By name: "inverse_gamma", "double_pareto"; empty if refused.
        power_law: The tail; None if refused.
        power_law_intervals: Bootstrap intervals of `exponent` and `cutoff_m2`.
        log_normal: The tail's power law against a log-normal tail; None if refused.
        magnitude: mLS; NaN if refused.
        magnitude_interval: Bootstrap interval of mLS.
        magnitude_deviation: Standard deviation of mLS over the bootstrap.
        volume: By several laws, given whatever the number.
    """

    number: int
    below_minimum: int
    minimum_area_m2: float
    refusal: str
    fits: dict[str, ModelFit]
    power_law: PowerLaw | None
    power_law_intervals: dict[str, Interval]
    log_normal: TailComparison | None
    magnitude: float
    magnitude_interval: Interval
    magnitude_deviation: float
    volume: Volume

    def as_dict(self) -> dict[str, Any]:
        """For a metrics file."""
        law: dict[str, Any] = {}
        if self.power_law is not None and self.log_normal is not None:
            law = {
                **self.power_law.as_dict(),
                "intervals": {name: list(interval) for name, interval in self.power_law_intervals.items()},
                "ratio_against_log_normal": self.log_normal.ratio,
                "p_value_against_log_normal": self.log_normal.p_value,
            }
        return {
            "number": self.number,
            "below_minimum": self.below_minimum,
            "minimum_area_m2": self.minimum_area_m2,
            "refusal": self.refusal,
            **{name: fit.as_dict() for name, fit in self.fits.items()},
            "power_law": law,
            "magnitude": self.magnitude,
            "magnitude_interval": list(self.magnitude_interval),
            "magnitude_deviation": self.magnitude_deviation,
            "volume": self.volume.as_dict(),
        }


def measure_sizes(
    areas: NDArray[np.float64],
    *,
    minimum_area_m2: float,
    seed: int,
    settings: StatisticsSettings | None = None,
    confidence: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> SizeStatistics:
    """Fits the frequency-area distribution of an inventory, its power-law tail and its magnitude.

    Args:
        areas: (n,), m2.
        minimum_area_m2: The minimum mapping unit; smaller landslides are left out and the fits know of it.
        seed: Of the bootstrap.
        settings: The fewest landslides and the number of draws; None takes the defaults.
        confidence: Of the intervals.
        progress: Told (draws done, draws in all).
    """
    settings = settings or StatisticsSettings()
    used = np.sort(areas[(areas >= minimum_area_m2) & (areas > 0)])
    below = len(areas) - len(used)
    refusal = _refusal(used, settings.minimum_landslides)
    if refusal:
        nothing = (math.nan, math.nan)
        return SizeStatistics(
            number=len(used), below_minimum=below, minimum_area_m2=minimum_area_m2, refusal=refusal, fits={},
            power_law=None, power_law_intervals={}, log_normal=None, magnitude=math.nan, magnitude_interval=nothing,
            magnitude_deviation=math.nan, volume=estimate_volume(used),
        )  # fmt: skip
    models = {name: kind.fit(used, minimum_area_m2) for name, kind in MODELS.items()}
    law = fit_power_law(used)
    draws = _bootstrap(used, minimum_area_m2, models, settings.bootstrap_samples, seed, progress)
    magnitudes = draws[draws["of"] == "magnitude"].get("magnitude", pd.Series(dtype=float)).dropna()
    return SizeStatistics(
        number=len(used),
        below_minimum=below,
        minimum_area_m2=minimum_area_m2,
        refusal="",
        fits={
            name: _fit_of(model, used, minimum_area_m2, _intervals(draws, name, confidence))
            for name, model in models.items()
        },
        power_law=law,
        power_law_intervals=_intervals(draws, "power_law", confidence),
        log_normal=against_log_normal(used, law),
        magnitude=event_magnitude(used, law),
        magnitude_interval=_intervals(draws, "magnitude", confidence).get("magnitude", (math.nan, math.nan)),
        magnitude_deviation=float(magnitudes.std()) if len(magnitudes) > 1 else math.nan,
        volume=estimate_volume(used),
    )


def empirical_density(areas: NDArray[np.float64], bins_a_decade: int = 5) -> pd.DataFrame:
    """The frequency-area distribution in logarithmic bins, for a plot only; fits use the areas themselves.

    Args:
        areas: (n,), m2.
        bins_a_decade: Bins between an area and ten times it.

    Returns:
        A row a bin that is not empty: `area_m2` (geometric centre), `density_per_m2`, `number`.
    """
    if not len(areas):
        return pd.DataFrame({"area_m2": [], "density_per_m2": [], "number": np.zeros(0, dtype=np.int64)})
    low = math.floor(math.log10(areas.min()) * bins_a_decade)
    high = math.floor(math.log10(areas.max()) * bins_a_decade) + 1
    edges = 10.0 ** (np.arange(low, high + 1) / bins_a_decade)
    number, _ = np.histogram(areas, edges)
    filled = number > 0
    return pd.DataFrame(
        {
            "area_m2": np.sqrt(edges[:-1] * edges[1:])[filled],
            "density_per_m2": (number / np.diff(edges) / len(areas))[filled],
            "number": number[filled],
        }
    )


def _refusal(areas: NDArray[np.float64], minimum_landslides: int) -> str:
    if len(areas) < minimum_landslides:
        return f"{len(areas)} landslides are too few for a size distribution; at least {minimum_landslides} are needed"
    if len(np.unique(areas)) < 4:
        return "the landslides have fewer than four different areas, which no distribution can be fitted to"
    return ""


def _fit_of(
    model: SizeModel, areas: NDArray[np.float64], minimum_area_m2: float, intervals: dict[str, Interval]
) -> ModelFit:
    likelihood = log_likelihood(model, areas, minimum_area_m2)
    if math.isnan(model.rollover_m2):
        remark = "the density only falls: no rollover"
    elif model.rollover_m2 < minimum_area_m2:
        remark = "the rollover lies below the minimum mapping unit and is extrapolated"
    else:
        remark = ""
    return ModelFit(
        model=model,
        minimum_area_m2=minimum_area_m2,
        log_likelihood=likelihood,
        aic=2.0 * len(model.parameters) - 2.0 * likelihood,
        kolmogorov_distance=kolmogorov_distance(model, areas, minimum_area_m2),
        intervals=intervals,
        remark=remark,
    )


def _numbers(model: SizeModel, none: float = math.nan) -> dict[str, float]:
    """Parameters, rollover (`none` where there is none) and tail exponent."""
    rollover = none if math.isnan(model.rollover_m2) else model.rollover_m2
    return {**model.parameters, "rollover_m2": rollover, "tail_exponent": model.tail_exponent}


def _bootstrap(
    areas: NDArray[np.float64],
    minimum_area_m2: float,
    models: dict[str, InverseGamma | DoublePareto],
    samples: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> pd.DataFrame:
    """A row a draw and thing fitted: `of` names it, the other columns hold its numbers."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for sample in range(samples):
        drawn = rng.choice(areas, len(areas))
        if len(np.unique(drawn)) < 4:
            continue
        rows.extend(
            {"of": name, **_numbers(MODELS[name].fit(drawn, minimum_area_m2, start=model.vector()), none=0.0)}
            for name, model in models.items()
        )
        law = fit_power_law(drawn)
        rows.append({"of": "power_law", "exponent": law.exponent, "cutoff_m2": law.cutoff_m2})
        rows.append({"of": "magnitude", "magnitude": event_magnitude(drawn, law)})
        if progress:
            progress(sample + 1, samples)
    return pd.DataFrame(rows, columns=None if rows else ["of"])


def _intervals(draws: pd.DataFrame, of: str, confidence: float) -> dict[str, Interval]:
    """Percentile intervals of the numbers that were drawn for one thing."""
    own = draws[draws["of"] == of].drop(columns="of").dropna(axis="columns", how="all")
    tails = [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]
    return {
        str(name): (float(low), float(high))
        for name in own
        for low, high in [np.nanquantile(own[name].to_numpy(dtype=np.float64), tails)]
    }
