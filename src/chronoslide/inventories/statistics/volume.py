"""How much material landslides moved, estimated from their areas by published scaling laws.

The laws differ by more than any one's own error, so the figure of an inventory is a range over laws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class VolumeLaw:
    """V = coefficient A^exponent, A in m2 and V in m3.

    Attributes:
        name: Author and year.
        coefficient: Of the law.
        exponent: Of the law.
    """

    name: str
    coefficient: float
    exponent: float

    def volumes(self, areas: NDArray[np.float64]) -> NDArray[np.float64]:
        """Volume of each landslide [m3]."""
        return np.asarray(self.coefficient * areas**self.exponent, dtype=np.float64)


LAWS = (
    VolumeLaw("Larsen et al. 2010, all landslides", 0.146, 1.332),
    VolumeLaw("Guzzetti et al. 2009", 0.074, 1.450),
)


@dataclass(frozen=True, slots=True)
class Volume:
    """The volume of an inventory by several laws.

    Attributes:
        by_law_m3: Total by each law.
        lowest_m3: The lowest total.
        highest_m3: The highest total.
        spread: Highest over lowest; NaN for an empty inventory.
    """

    by_law_m3: dict[str, float]
    lowest_m3: float
    highest_m3: float
    spread: float

    def as_dict(self) -> dict[str, float | dict[str, float]]:
        """For a metrics file."""
        return {
            "by_law_m3": dict(self.by_law_m3),
            "lowest_m3": self.lowest_m3,
            "highest_m3": self.highest_m3,
            "spread": self.spread,
        }


def estimate_volume(areas: NDArray[np.float64], laws: tuple[VolumeLaw, ...] = LAWS) -> Volume:
    """The volume of landslides of given areas.

    Args:
        areas: (n,), m2.
        laws: At least two, so that there is a spread.
    """
    totals = {law.name: float(law.volumes(areas).sum()) for law in laws}
    lowest, highest = min(totals.values()), max(totals.values())
    return Volume(totals, lowest, highest, highest / lowest if lowest > 0 else math.nan)
