"""The section `map`: from scenes to probabilities."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chronoslide.params.base import Count, Section, Share
from chronoslide.params.models import SIDE_MULTIPLE


class BareGroundSettings(Section):
    """Ground that stayed bare through the years, on which no landslide is mapped.

    Attributes:
        ndvi: With less than the first in all years but the greenest, a pixel's probability becomes 0; with more than
            the second it stays; between them it falls along a straight line. Fresh debris has about 0.1.
        minimum_years: Fewer observations of a pixel leave its probability as it is: a landslide needs time to appear or
            to heal.
    """

    ndvi: tuple[float, float] = (0.2, 0.3)
    minimum_years: Annotated[int, Field(ge=2)] = 5

    @model_validator(mode="after")
    def _rises(self) -> BareGroundSettings:
        if not -1.0 <= self.ndvi[0] < self.ndvi[1] <= 1.0:
            raise ValueError("ndvi must be two rising values from -1 to 1")
        return self


class MapSettings(Section):
    """From scenes to probabilities.

    Attributes:
        window_pixels: Rows and columns that a window may have; it is as small as the scene allows with as few windows.
        overlap_pixels: Of neighbouring windows at least, over which they are blended.
        batch_windows: Windows that go through the network at once.
        symmetries: Test-time augmentation: "none", the four "flips", or "all" eight symmetries of a square.
        engine: What runs the network: "openvino", "tensorflow", or "auto", which is OpenVINO where it is installed and
            no GPU is there. An engine that differs from the trained network is refused and the next one taken.
        precision: Of OpenVINO's arithmetic. "auto" tries int8, bfloat16 (where the processor has it) and float32 in
            this order; so its maps may differ in some pixels from machine to machine. Name one to avoid that.
        adaptation: Share of a scene's own mean and variance in batch normalisation (Li et al. 2017), the rest being
            those of the training; 0: off. The engine is compared with the network as it was trained. A scene that is
            mapped by the command or the service is mapped with those of the training.
        bare_ground: Lowers the probability of ground that stayed bare through all years; null: off. A scene that is
            mapped alone, by the command or the service, has no other years.
    """

    window_pixels: Annotated[int, Field(ge=2 * SIDE_MULTIPLE, multiple_of=SIDE_MULTIPLE)] = 256
    overlap_pixels: Annotated[int, Field(ge=0)] = 64
    batch_windows: Count = 8
    symmetries: Literal["none", "flips", "all"] = "none"
    engine: Literal["auto", "openvino", "tensorflow"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    adaptation: Share = 0.0
    bare_ground: BareGroundSettings | None = None

    @model_validator(mode="after")
    def _windows_advance(self) -> MapSettings:
        if 2 * self.overlap_pixels > self.window_pixels:
            raise ValueError("overlap_pixels must be at most half of window_pixels")
        return self

    @model_validator(mode="after")
    def _precision_fits_engine(self) -> MapSettings:
        if self.engine == "tensorflow" and self.precision not in ("auto", "float32"):
            raise ValueError(f"precision {self.precision} needs engine openvino; set map.engine to openvino or auto")
        return self
