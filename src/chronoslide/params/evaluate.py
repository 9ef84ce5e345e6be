"""The section `evaluate`: from maps and inventories to figures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from chronoslide.params.base import Count, Positive, Section, Share


class CompareSettings(Section):
    """When two landslides of two inventories are the same, and in which classes the figures are told.

    Attributes:
        hit_overlap: Overlap / smaller area from which two landslides hit each other.
        match_iou: Intersection over union above which two landslides match one to one; the first is the main one.
        area_classes_m2: Borders between the classes of landslide area.
        boundary_tolerance_metres: Errors nearer than this to the other inventory are forgiven in the tolerant F1.
    """

    hit_overlap: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    match_iou: Annotated[tuple[Annotated[float, Field(ge=0.0, lt=1.0)], ...], Field(min_length=1)] = (0.5, 0.3, 0.1)
    area_classes_m2: tuple[Positive, ...] = (1_000.0, 10_000.0)
    boundary_tolerance_metres: Annotated[float, Field(ge=0.0)] = 5.0

    @model_validator(mode="after")
    def _classes_ascend(self) -> CompareSettings:
        if list(self.area_classes_m2) != sorted(set(self.area_classes_m2)):
            raise ValueError(f"area_classes_m2 must ascend, got {list(self.area_classes_m2)}")
        return self


class StatisticsSettings(Section):
    """Frequency-area distribution, magnitude and density of an inventory.

    Attributes:
        minimum_landslides: With fewer, no size distribution is fitted.
        bootstrap_samples: Draws of the bootstrap of the fitted parameters (0: no intervals).
        density_resolution_metres: Side of a pixel of the density maps.
    """

    minimum_landslides: Annotated[int, Field(ge=4)] = 50
    bootstrap_samples: Annotated[int, Field(ge=0)] = 200
    density_resolution_metres: Positive = 25.0


class CalibrationSettings(Section):
    """How well probabilities are probabilities.

    Attributes:
        bins: Bins of equal width of the reliability diagram.
        above: Only pixels of a higher probability enter diagram and expected calibration error.
    """

    bins: Annotated[int, Field(ge=2)] = 15
    above: Share = 0.05


class EvaluateSettings(Section):
    """From maps and inventories to figures.

    Attributes:
        block_metres: Side of the blocks of the bootstrap.
        bootstrap_samples: Draws of the bootstrap.
        confidence: Of the intervals.
        compare: Manual and predicted inventory against each other.
        statistics: Sizes and densities of an inventory.
        calibration: Of the probabilities.
    """

    block_metres: Positive = 640.0
    bootstrap_samples: Count = 1000
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.95
    compare: CompareSettings = CompareSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    calibration: CalibrationSettings = CalibrationSettings()
