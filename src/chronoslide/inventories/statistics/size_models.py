"""The two distributions that landslide areas follow over their whole range, and their maximum-likelihood fits.

An inventory misses what is smaller than its minimum mapping unit, so both are fitted as seen from that area upwards
(left truncation); otherwise the missing small landslides would be taken for a rollover of nature's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammainc, gammaln

Areas = NDArray[np.float64]


class SizeModel(Protocol):
    """What the two distributions have in common; areas are in m2."""

    @property
    def parameters(self) -> dict[str, float]:
        """The fitted numbers by their name in the literature."""

    @property
    def rollover_m2(self) -> float:
        """The most frequent area; NaN for a distribution that only falls."""

    @property
    def tail_exponent(self) -> float:
        """The exponent b of p(A) ~ A^-b for large areas."""

    def log_density(self, areas: Areas) -> Areas:
        """Log of the probability density [1/m2] before truncation."""

    def survival(self, area: float) -> float:
        """Share of all landslides that are larger than an area."""

    def vector(self) -> tuple[float, ...]:
        """The point where a repeated fit starts."""

    @classmethod
    def fit(cls, areas: Areas, minimum_area_m2: float, start: tuple[float, ...] | None = None) -> Self:
        """The most likely distribution of areas that are all at least the minimum mapping unit.

        Args:
            areas: (n,), all at least `minimum_area_m2`.
            minimum_area_m2: Where the sample is truncated; 0 if it is not.
            start: `vector()` of a similar fit; None tries several starts.
        """


def density(model: SizeModel, areas: Areas, minimum_area_m2: float) -> Areas:
    """Probability density [1/m2] of areas, given that they are at least the minimum mapping unit."""
    values = np.exp(model.log_density(areas)) / model.survival(minimum_area_m2)
    return np.where(areas >= minimum_area_m2, values, 0.0)


def log_likelihood(model: SizeModel, areas: Areas, minimum_area_m2: float) -> float:
    """Of areas that are all at least the minimum mapping unit; minus infinity where the model excludes one."""
    survival = model.survival(minimum_area_m2)
    if survival <= 0:
        return -math.inf
    return float(model.log_density(areas).sum() - len(areas) * math.log(survival))


def kolmogorov_distance(model: SizeModel, areas: Areas, minimum_area_m2: float) -> float:
    """Largest difference between the shares of the sample and of the model up to an area."""
    ordered = np.sort(areas)
    whole = model.survival(minimum_area_m2)
    share = 1.0 - np.array([model.survival(area) for area in ordered]) / whole
    steps = np.arange(len(ordered) + 1) / len(ordered)
    return float(max(np.abs(share - steps[1:]).max(), np.abs(share - steps[:-1]).max()))


@dataclass(frozen=True, slots=True)
class InverseGamma:
    """The three-parameter inverse gamma distribution (Malamud et al. 2004).

    p(A) = 1 / (a G(rho)) (a / (A - s))^(rho + 1) exp(-a / (A - s)) for A > s.

    Attributes:
        rho: Decay of large areas; p falls with A^-(rho + 1).
        a: Scale of the rollover [m2].
        s: Shift of small areas [m2], usually negative.
    """

    rho: float
    a: float
    s: float

    @property
    def parameters(self) -> dict[str, float]:
        """rho, a [m2], s [m2]."""
        return {"rho": self.rho, "a_m2": self.a, "s_m2": self.s}

    @property
    def rollover_m2(self) -> float:
        """The mode, a / (rho + 1) + s; NaN where that is no area, so that the density only falls."""
        mode = self.a / (self.rho + 1.0) + self.s
        return mode if mode > 0 else math.nan

    @property
    def tail_exponent(self) -> float:
        """Rho + 1."""
        return self.rho + 1.0

    @property
    def mean_m2(self) -> float:
        """The mean, s + a / (rho - 1); NaN for rho <= 1, where the mean grows without bound."""
        return self.s + self.a / (self.rho - 1.0) if self.rho > 1.0 else math.nan

    def log_density(self, areas: Areas) -> Areas:
        """Log of p(A); minus infinity at and below s."""
        beyond = areas - self.s
        with np.errstate(divide="ignore", invalid="ignore"):
            value = (
                self.rho * math.log(self.a) - gammaln(self.rho) - (self.rho + 1.0) * np.log(beyond) - self.a / beyond
            )
        return np.where(beyond > 0, value, -np.inf)

    def survival(self, area: float) -> float:
        """P(A > area), the regularised lower incomplete gamma function of a / (area - s)."""
        return float(gammainc(self.rho, self.a / (area - self.s))) if area > self.s else 1.0

    def draw(self, number: int, rng: np.random.Generator) -> Areas:
        """Random areas [m2], not truncated."""
        return np.asarray(self.s + self.a / rng.gamma(self.rho, size=number))

    def vector(self) -> tuple[float, ...]:
        """(rho, a, s)."""
        return self.rho, self.a, self.s

    @classmethod
    def fit(cls, areas: Areas, minimum_area_m2: float, start: tuple[float, ...] | None = None) -> Self:
        """See `SizeModel.fit`; s is below the smallest area."""
        unit = float(np.median(areas))
        scaled, lower, smallest = areas / unit, minimum_area_m2 / unit, float(areas.min()) / unit

        def model(theta: NDArray[np.float64]) -> InverseGamma:
            rho, a, gap = np.exp(theta)
            return InverseGamma(float(rho), float(a), smallest - float(gap))

        starts = (
            [(rho, 1.0, gap) for rho in (0.6, 1.4, 3.0) for gap in (0.05, 0.5)]
            if start is None
            else [(start[0], start[1] / unit, max(smallest - start[2] / unit, 1e-3))]
        )
        bounds = [(math.log(0.05), math.log(30.0)), (math.log(1e-3), math.log(1e3)), (math.log(1e-3), math.log(1e2))]
        best = model(_most_likely(lambda theta: -log_likelihood(model(theta), scaled, lower), starts, bounds))
        return cls(best.rho, best.a * unit, best.s * unit)


@dataclass(frozen=True, slots=True)
class DoublePareto:
    """The double Pareto distribution (Stark & Hovius 2001), without an upper cut-off.

    p(A) = beta / t (1 + (A / t)^-alpha)^-(1 + beta / alpha) (A / t)^-(alpha + 1): it rises with A^(beta - 1) below t
    and falls with A^-(alpha + 1) above.

    Attributes:
        alpha: Decay of large areas.
        beta: Rise of small areas.
        t: Area between the two [m2].
    """

    alpha: float
    beta: float
    t: float

    @property
    def parameters(self) -> dict[str, float]:
        """alpha, beta, t [m2]."""
        return {"alpha": self.alpha, "beta": self.beta, "t_m2": self.t}

    @property
    def rollover_m2(self) -> float:
        """The mode, t ((beta - 1) / (alpha + 1))^(1 / alpha); NaN for beta <= 1, where the density only falls."""
        if self.beta <= 1.0:
            return math.nan
        return float(self.t * ((self.beta - 1.0) / (self.alpha + 1.0)) ** (1.0 / self.alpha))

    @property
    def tail_exponent(self) -> float:
        """Alpha + 1."""
        return self.alpha + 1.0

    def log_density(self, areas: Areas) -> Areas:
        """Log of p(A); minus infinity at and below 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            log_ratio = np.log(areas / self.t)
            value = (
                math.log(self.beta / self.t)
                - (1.0 + self.beta / self.alpha) * np.logaddexp(0.0, -self.alpha * log_ratio)
                - (self.alpha + 1.0) * log_ratio
            )
        return np.where(areas > 0, value, -np.inf)

    def survival(self, area: float) -> float:
        """P(A > area) = 1 - (1 + (area / t)^-alpha)^-(beta / alpha)."""
        if area <= 0:
            return 1.0
        log_share = -self.beta / self.alpha * np.logaddexp(0.0, -self.alpha * math.log(area / self.t))
        return float(-np.expm1(log_share))

    def draw(self, number: int, rng: np.random.Generator) -> Areas:
        """Random areas [m2], not truncated."""
        share = 1.0 - rng.random(number)  # (0, 1]: 0 would be an area of 0
        with np.errstate(divide="ignore"):
            return np.asarray(self.t * np.expm1(-self.alpha / self.beta * np.log(share)) ** (-1.0 / self.alpha))

    def vector(self) -> tuple[float, ...]:
        """(alpha, beta, t)."""
        return self.alpha, self.beta, self.t

    @classmethod
    def fit(cls, areas: Areas, minimum_area_m2: float, start: tuple[float, ...] | None = None) -> Self:
        """See `SizeModel.fit`."""
        unit = float(np.median(areas))
        scaled, lower = areas / unit, minimum_area_m2 / unit

        def model(theta: NDArray[np.float64]) -> DoublePareto:
            alpha, beta, t = np.exp(theta)
            return DoublePareto(float(alpha), float(beta), float(t))

        starts = (
            [(alpha, beta, 1.0) for alpha in (0.7, 1.4, 2.5) for beta in (0.7, 2.0)]
            if start is None
            else [(start[0], start[1], start[2] / unit)]
        )
        bounds = [(math.log(0.05), math.log(30.0)), (math.log(0.01), math.log(100.0)), (math.log(1e-3), math.log(1e3))]
        best = model(_most_likely(lambda theta: -log_likelihood(model(theta), scaled, lower), starts, bounds))
        return cls(best.alpha, best.beta, best.t * unit)


def _most_likely(
    negative: Callable[[NDArray[np.float64]], float],
    starts: Sequence[tuple[float, ...]],
    bounds: list[tuple[float, float]],
) -> NDArray[np.float64]:
    """The lowest of the minima that are reached from the starts, which are given before the logarithm.

    The likelihood of a truncated sample has long flat valleys (rho against a and s), in which one start may stop early.
    Nelder and Mead's simplex needs no gradient there, and no linear algebra whose threads wait for each other.
    """

    def finite(theta: NDArray[np.float64]) -> float:
        value = negative(theta)
        return value if math.isfinite(value) else 1e12

    best, lowest = None, math.inf
    for start in starts:
        first = np.clip(np.log(start), [low for low, _ in bounds], [high for _, high in bounds])
        options = {"maxfev": 1500, "xatol": 1e-4, "fatol": 1e-7}
        found = minimize(finite, first, method="Nelder-Mead", bounds=bounds, options=options)
        if best is None or found.fun < lowest - 1e-9:
            best, lowest = found.x, float(found.fun)
    return np.asarray(best)
