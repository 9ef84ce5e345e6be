"""Landslide-event magnitude mLS: how large an event is, as one number (Tanyas, Allstadt & van Westen 2018).

The power-law tail of the frequency-area distribution is extended over all areas and held against the one of the 1994
Northridge earthquake, whose 11,111 landslides define mLS = log10(11111). Small landslides, which inventories miss, do
not enter. The steps are those of the authors' tool (bins of ratio 1.2 from 2 m2 on, the density of a bin taken over
the width below its lower edge, the law tied to the bin nearest to the cut-off), so that figures can be compared.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from chronoslide.inventories.statistics.power_law import PowerLaw

_BIN_EDGES_M2 = 2.0 * 1.2 ** np.arange(120)
_BIN_WIDTHS_M2 = np.diff(_BIN_EDGES_M2, prepend=0.0)
# The mid-point of Northridge's power law: area [m2], frequency density [1/m2], and its number of landslides.
_REFERENCE_AREA_M2 = 4.876599623713225e04
_REFERENCE_DENSITY = 8.364725347860417e-04
_REFERENCE_NUMBER = 11111


def event_magnitude(areas: NDArray[np.float64], law: PowerLaw) -> float:
    """The magnitude mLS of an inventory.

    Args:
        areas: (n,), m2, of all landslides of the event.
        law: Their power-law tail.

    Returns:
        The magnitude, without unit; NaN where no landslide falls into the bin nearest to the cut-off.
    """
    count, _ = np.histogram(areas, bins=np.append(_BIN_EDGES_M2, np.inf))
    nearest = int(np.argmin(np.abs(_BIN_EDGES_M2 - law.cutoff_m2)))
    if not count[nearest]:
        return math.nan
    # c of the law c A^-exponent, of this event and of an event of one landslide that is distributed as Northridge's
    log_c = math.log10(count[nearest] / _BIN_WIDTHS_M2[nearest]) + law.exponent * math.log10(law.cutoff_m2)
    log_unit = math.log10(_REFERENCE_DENSITY / _REFERENCE_NUMBER) + law.exponent * math.log10(_REFERENCE_AREA_M2)
    return log_c - log_unit
