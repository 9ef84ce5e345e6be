"""The power-law tail of landslide areas after Clauset et al. (2009), never by regression on bins.

The exponent is the maximum-likelihood one; the area from which the law holds is the one with the smallest
Kolmogorov-Smirnov distance. Package `powerlaw` weighs the law against a log-normal tail.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass

import numpy as np
import powerlaw
from numpy.typing import NDArray

# A tail of fewer landslides always looks like a power law somewhere.
_SMALLEST_TAIL = 10
# Every area of a small sample is tried as the start of the tail; of a large one evenly spaced ranks.
_CANDIDATES = 2000


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """p(A) ~ A^-exponent for areas from the cut-off on.

    Attributes:
        exponent: Of the density (beta of Tanyas et al. 2018, alpha of Clauset et al. 2009).
        cutoff_m2: Smallest area that follows the law.
        tail: Number of landslides from the cut-off on.
        kolmogorov_distance: Between the tail and the law.
    """

    exponent: float
    cutoff_m2: float
    tail: int
    kolmogorov_distance: float

    @property
    def standard_error(self) -> float:
        """Of the exponent for the cut-off as it is: (exponent - 1) / sqrt(tail)."""
        return (self.exponent - 1.0) / math.sqrt(self.tail)

    def as_dict(self) -> dict[str, float]:
        """For a metrics file."""
        return {**asdict(self), "standard_error": self.standard_error}


@dataclass(frozen=True, slots=True)
class TailComparison:
    """Power law against log-normal on the same tail (Vuong's likelihood ratio test).

    Attributes:
        ratio: Normalised log-likelihood ratio; positive favours the power law.
        p_value: Chance of such a ratio, or a larger one, if both were equally good.
    """

    ratio: float
    p_value: float


def fit_power_law(areas: NDArray[np.float64]) -> PowerLaw:
    """The most likely power-law tail of a sample.

    Args:
        areas: (n,), m2; at least `_SMALLEST_TAIL` different ones.
    """
    ordered = np.sort(areas)
    cutoffs, start = np.unique(ordered, return_index=True)
    usable = len(ordered) - start >= min(_SMALLEST_TAIL, len(ordered))
    usable[-1] = False  # a tail of equal areas has no exponent
    cutoffs, start = cutoffs[usable], start[usable]
    if len(cutoffs) > _CANDIDATES:
        ranks = np.linspace(0, len(cutoffs) - 1, _CANDIDATES).round().astype(np.intp)
        cutoffs, start = cutoffs[ranks], start[ranks]
    tails = len(ordered) - start
    log_sums = np.cumsum(np.log(ordered)[::-1])[::-1][start] - tails * np.log(cutoffs)
    exponents = 1.0 + tails / log_sums
    best = PowerLaw(math.nan, math.nan, 0, math.inf)
    for cutoff, first, tail, exponent in zip(cutoffs, start, tails, exponents, strict=True):
        share = 1.0 - (ordered[first:] / cutoff) ** (1.0 - exponent)
        steps = np.arange(tail + 1) / tail
        distance = float(max((steps[1:] - share).max(), (share - steps[:-1]).max()))
        if distance < best.kolmogorov_distance:
            best = PowerLaw(float(exponent), float(cutoff), int(tail), distance)
    return best


def against_log_normal(areas: NDArray[np.float64], law: PowerLaw) -> TailComparison:
    """Weighs a fitted power law against a log-normal distribution of the same tail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # powerlaw 2.0 calls its own deprecated names
        fit = powerlaw.Fit(areas[areas >= law.cutoff_m2], xmin=law.cutoff_m2, discrete=False, verbose=False)
        ratio, p_value = fit.distribution_compare("power_law", "lognormal", normalized_ratio=True)
    return TailComparison(float(ratio), float(p_value))
