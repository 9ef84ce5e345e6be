"""What mapping a region costs, from measured rates: core-hours and bytes, before anything is bought or begun.

Beside the way from scene to probability. Costs grow with the pixels alone, because time and bytes a pixel do not depend
on a scene's size (`benchmarks/README.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_TURNS = {"none": 1, "flips": 4, "all": 8}


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured on one kind of processor, for one network and engine.

    Attributes:
        core_seconds_per_megapixel: Processor time of a map without test-time augmentation, reading and writing
            included [s].
        model_share: Of that time, what is spent in the network.
        scene_bytes_per_pixel: Of a stored scene, compressed [B].
        map_bytes_per_pixel: Of a map, compressed [B].
    """

    core_seconds_per_megapixel: float
    model_share: float
    scene_bytes_per_pixel: float
    map_bytes_per_pixel: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a region costs.

    Attributes:
        megapixels: Of all scenes.
        core_hours: Of all maps.
        scene_gigabytes: To be stored or fetched [10^9 B].
        map_gigabytes: To be stored [10^9 B].
    """

    megapixels: float
    core_hours: float
    scene_gigabytes: float
    map_gigabytes: float

    def wall_hours(self, cores: int) -> float:
        """Hours on so many cores, all of them busy to the end."""
        return self.core_hours / cores


def cost_of_mapping(
    area_km2: float,
    resolution_metres: float,
    rates: Rates,
    *,
    scenes: int = 1,
    symmetries: Literal["none", "flips", "all"] = "none",
) -> Cost:
    """What the maps of a region cost.

    Args:
        area_km2: Of the region [km2]; what neighbouring scenes share is mapped twice and counts twice.
        resolution_metres: Side of a pixel [m].
        rates: As measured.
        scenes: Dates or years.
        symmetries: Test-time augmentation: the network sees everything once, four or eight times.
    """
    megapixels = scenes * area_km2 / resolution_metres**2
    seconds = rates.core_seconds_per_megapixel * (1.0 + rates.model_share * (_TURNS[symmetries] - 1))
    return Cost(
        megapixels,
        megapixels * seconds / 3600.0,
        megapixels * rates.scene_bytes_per_pixel / 1000.0,
        megapixels * rates.map_bytes_per_pixel / 1000.0,
    )
