"""The section `inventory`: from probabilities to polygons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chronoslide.params.base import Section, Share


class JoiningSettings(Section):
    """When fragments are one landslide (the paper's Figure 6).

    Attributes:
        closing_pixels: Gaps up to twice as wide are closed in the raster before outlines are drawn (0: no closing).
        maximum_gap_metres: Fragments farther apart are never joined.
        maximum_angle_degrees: Between the line from fragment to fragment and the steepest descent; without an
            elevation model, the long axis.
        certain_background: A pixel between two fragments below this probability keeps them apart.
        maximum_elongation: A joined landslide is at most this many times as long as wide.
    """

    closing_pixels: Annotated[int, Field(ge=0)] = 2
    maximum_gap_metres: Annotated[float, Field(ge=0.0)] = 30.0
    maximum_angle_degrees: Annotated[float, Field(ge=0.0, le=90.0)] = 30.0
    certain_background: Share = 0.2
    maximum_elongation: Annotated[float, Field(ge=1.0)] = 15.0


class TopographySettings(Section):
    """Where no landslide can be; 0 switches a rule off.

    Attributes:
        minimum_median_slope_degrees: Polygons on gentler ground are removed.
        minimum_river_distance_metres: Polygons nearer to a river are removed.
    """

    minimum_median_slope_degrees: Annotated[float, Field(ge=0.0, lt=90.0)] = 0.0
    minimum_river_distance_metres: Annotated[float, Field(ge=0.0)] = 0.0


class InventorySettings(Section):
    """From probabilities to polygons.

    Attributes:
        threshold: Probability from which a pixel is landslide; "validation" takes the one that training chose on the
            validation blocks: nearest to 0.5 of those whose pooled F1 is not shown to be below the highest.
        minimum_area_m2: The minimum mapping unit; smaller objects are dropped.
        minimum_mean_probability: Landslides whose pixels are less probable on average are dropped (0: none). A false
            alarm often reaches the threshold just so, a landslide with most of its ground.
        join_fragments: Whether gaps are closed and fragments joined.
        joining: How.
        topography: Which polygons are removed for where they lie.
    """

    threshold: Share | Literal["validation"] = "validation"
    minimum_area_m2: Annotated[float, Field(ge=0.0)] = 200.0
    minimum_mean_probability: Share = 0.0
    join_fragments: bool = True
    joining: JoiningSettings = JoiningSettings()
    topography: TopographySettings = TopographySettings()
