"""The section `chips`: patch sets made by others, apart from the pipeline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chronoslide.params.base import Section, Share
from chronoslide.params.models import SIDE_MULTIPLE, ModelSettings
from chronoslide.params.optimisers import OptimiserSettings


class ChipsSettings(Section):
    """Training and testing on a folder of image and mask chips made by others (command `chips`).

    Attributes:
        bands: The bands that the model uses, by name; in the order of the images' channels, unless it is known what
            these are.
        validation_share: Share of the training chips kept for choosing the checkpoint and the threshold, where the set
            has no validation part of its own.
        side_pixels: Chips are cut and filled up to this many rows and columns; null: they are all squares of one size.
        symmetries: Test-time augmentation, as for `map`.
        model: As for `pretrain`.
        optimiser: As for `pretrain`.
    """

    bands: Annotated[tuple[str, ...], Field(min_length=1)] = ("red", "green", "blue")
    validation_share: Share = 0.15
    side_pixels: Annotated[int, Field(ge=SIDE_MULTIPLE, multiple_of=SIDE_MULTIPLE)] | None = None
    symmetries: Literal["none", "flips", "all"] = "none"
    model: ModelSettings = ModelSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
