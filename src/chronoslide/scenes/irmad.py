"""Iteratively re-weighted multivariate alteration detection (IR-MAD): which pixels did not change between two scenes.

Serves the normalisation. What two scenes have in common is found by canonical correlation, which no gain and no offset
of a band can disturb; the pixels that follow it are unchanged, and on them a line can be fitted for each band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from chronoslide.errors import DataError

NO_CHANGE: Final = 0.95
"""Probability from which a pixel serves the regression (Canty & Nielsen 2008). The weighing makes it strict: of a scene
without any change that is one pixel in twenty at the first round, and fewer at the last."""

# Small scenes have few such pixels; the most probable ones are then taken, as long as they are more probable than not.
_ENOUGH_PIXELS: Final = 1000
LIKELIER_THAN_NOT: Final = 0.5
"""Probability from which a pixel is more probably unchanged than changed."""

# The canonical correlations move less than this from one round to the next.
_CONVERGED: Final = 1e-3
_MOST_ROUNDS: Final = 60

# Fewer pixels tell nothing of a covariance of twice five bands, or of a line.
_FEWEST_PIXELS: Final = 40

# A direction in the bands' space whose share of the variance is below this is no direction but rounding.
_SINGULAR: Final = 1e-9

# A band that varies less is constant: reflectance is stored in steps of 0.0001.
_LEAST_DEVIATION: Final = 1e-6

# Two scenes that agree to the last digit leave no variance to judge by; stored steps of 0.0001 are far coarser.
_LEAST_VARIANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Alteration:
    """What IR-MAD found.

    Attributes:
        unchanged: (pixels,), the probability that a pixel did not change.
        correlations: (bands,), the canonical correlations over the unchanged pixels, the highest first.
        rounds: How often the pixels were weighed anew.
        converged: Whether the correlations had come to rest by then.
    """

    unchanged: NDArray[np.float64]
    correlations: NDArray[np.float64]
    rounds: int
    converged: bool


@dataclass(frozen=True, slots=True)
class Line:
    """`reference = gain x value + offset` of one band.

    Attributes:
        gain: Slope.
        offset: In reflectance.
    """

    gain: float
    offset: float


def detect_alteration(first: NDArray[np.floating], second: NDArray[np.floating], what: str) -> Alteration:
    """IR-MAD (Nielsen 2007).

    Canonical correlation analysis of both scenes' bands gives pairs of linear combinations a'x and b'y of unit variance
    that correlate as highly as possible; their differences are the MAD variates, of variance 2 (1 - rho). The sum of
    their squares over their variances follows chi-square with as many degrees of freedom as bands where nothing
    changed, so that its survival function is a probability of no change. With it the pixels are weighed, and all is
    repeated until the correlations rest.

    Args:
        first: (pixels, bands), reflectance of the one scene; only observed pixels.
        second: (pixels, bands), of the other.
        what: Names the pair in errors.

    Raises:
        DataError: There are too few pixels, or the bands of a scene are constant or linear combinations of each other.
    """
    pixels, bands = first.shape
    if pixels < _FEWEST_PIXELS:
        raise DataError(
            f"{what}: IR-MAD needs {_FEWEST_PIXELS} pixels that both scenes observed outside of mapped landslides, "
            f"there are {pixels}; deliver overlapping tiles or set scenes.normalisation to histogram"
        )
    together = np.hstack([np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)])
    weights = np.ones(pixels)
    correlations = np.full(bands, np.inf)
    for round_number in range(1, _MOST_ROUNDS + 1):
        previous = correlations
        total = weights.sum()
        centred = together - weights @ together / total
        covariance = (centred * weights[:, np.newaxis]).T @ centred / total
        correlations, a, b = _canonical(covariance, bands, what)
        variates = centred[:, :bands] @ a - centred[:, bands:] @ b
        variance = np.maximum(2.0 * (1.0 - correlations), _LEAST_VARIANCE)
        weights = special.chdtrc(bands, variates**2 @ (1.0 / variance))
        if np.abs(correlations - previous).max() < _CONVERGED:
            return Alteration(weights, correlations, round_number, converged=True)
        if weights.sum() < _FEWEST_PIXELS:
            raise DataError(
                f"{what}: IR-MAD finds next to nothing that did not change; set scenes.normalisation to histogram or "
                "take another reference_year"
            )
    return Alteration(weights, correlations, _MOST_ROUNDS, converged=False)


def _canonical(
    covariance: NDArray[np.float64], bands: int, what: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Canonical correlations (bands,), highest first, and the combinations a and b (bands, bands), a column each."""
    s11, s12, s22 = covariance[:bands, :bands], covariance[:bands, bands:], covariance[bands:, bands:]
    for part in (s11, s22):
        deviations = np.sqrt(np.diag(part))
        constant = not (deviations > _LEAST_DEVIATION).all()
        if constant or linalg.eigvalsh(part / np.outer(deviations, deviations))[0] < _SINGULAR:
            raise DataError(
                f"{what}: IR-MAD needs bands that differ, and one is constant or follows from the others; leave it out "
                "of scenes.bands or set scenes.normalisation to histogram"
            )
    regression = linalg.solve(s22, s12.T, assume_a="pos")
    squares, a = linalg.eigh(s12 @ regression, s11)
    squares, a = squares[::-1], a[:, ::-1]
    correlations = np.sqrt(np.clip(squares, 1e-12, 1.0))
    return correlations, a, regression @ a / correlations


def serving_pixels(alteration: Alteration) -> NDArray[np.bool_]:
    """(pixels,), True where a pixel serves the regression.

    Its probability is above 0.95, or in small scenes it is one of the 1,000 most probable ones, as long as they are
    more probably unchanged than changed.
    """
    probable = np.sort(alteration.unchanged)[::-1]
    lowest = probable[min(_ENOUGH_PIXELS, len(probable)) - 1]
    return np.asarray(alteration.unchanged >= min(NO_CHANGE, max(lowest, LIKELIER_THAN_NOT)))


def orthogonal_line(values: NDArray[np.floating], reference: NDArray[np.floating]) -> Line:
    """The line with the least sum of squared distances at right angles to it: both scenes carry noise alike.

    Args:
        values: (pixels,), of the scene to adjust.
        reference: (pixels,), of the reference scene.

    Returns:
        The line from `values` to `reference`; gain 1 where the two do not vary together.
    """
    x, y = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    dx, dy = x - x.mean(), y - y.mean()
    sxx, syy, sxy = (dx**2).mean(), (dy**2).mean(), (dx * dy).mean()
    gain = 1.0
    if sxy > 0.0:
        difference = syy - sxx
        gain = float((difference + np.hypot(difference, 2.0 * sxy)) / (2.0 * sxy))
    return Line(gain, float(y.mean() - gain * x.mean()))
