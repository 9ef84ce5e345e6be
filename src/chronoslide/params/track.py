"""The section `track`: from one inventory a year to one inventory through time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chronoslide.params.base import Section, Share


class SubtractionSettings(Section):
    """The raster view of change between two years.

    Attributes:
        opening_pixels: Radius of the opening that removes slivers along the outlines (0: none).
        minimum_area_m2: The minimum mapping unit of what appeared and what went.
    """

    opening_pixels: Annotated[int, Field(ge=0)] = 1
    minimum_area_m2: Annotated[float, Field(ge=0.0)] = 200.0


class TrackingSettings(Section):
    """From one inventory a year to one inventory through time.

    Attributes:
        tolerance_metres: Outlines of two years may be displaced by this much.
        tolerant_overlap: Two landslides are also linked when this share of the smaller one lies within the larger one
            grown by the tolerance: thin landslides that were displaced hardly overlap any more, but lie within.
        new_overlap: Two landslides of different years are linked from this share of the smaller one; below it with
            everything earlier, a landslide is new.
        healed_share: A landslide is gone when less than this share of it is left.
        healed_ndvi_gain: And its NDVI has risen by more than this since it was barest (where the NDVI is known); null
            leaves the decision to the inventories.
        enlarged_parent_share: An enlarged landslide covers at least this share of its parent ...
        enlarged_growth: ... grew by more than this share of it ...
        enlarged_growth_m2: ... and by more than this [m2].
        unobserved_share: A landslide of which more is masked is unobserved.
        subtraction: The raster view of change.
    """

    tolerance_metres: Annotated[float, Field(ge=0.0)] = 5.0
    tolerant_overlap: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    new_overlap: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    healed_share: Share = 0.1
    healed_ndvi_gain: float | None = 0.1
    enlarged_parent_share: Share = 0.5
    enlarged_growth: Annotated[float, Field(ge=0.0)] = 0.2
    enlarged_growth_m2: Annotated[float, Field(ge=0.0)] = 200.0
    unobserved_share: Share = 0.3
    subtraction: SubtractionSettings = SubtractionSettings()
