"""How vegetation comes back on a landslide, while a mapper still sees it and afterwards."""

from __future__ import annotations

import numpy as np

from chronoslide.simulate.fields import FloatArray

_LEFT_AFTER_HEALING = 0.32
_FADING_YEARS = 2.0


def recovery(age: float, recovery_years: float) -> float:
    """Share of the debris that vegetation covers again: c = 1 - exp(-age / tau)."""
    return float(1.0 - np.exp(-age / recovery_years))


def debris_left(years_healed: FloatArray) -> FloatArray:
    """Share of bare debris on ground that a mapper has called healed for some years (1: this is the first)."""
    return np.asarray(_LEFT_AFTER_HEALING * np.exp(-(years_healed - 1.0) / _FADING_YEARS))
