"""The section `patches`: from scenes and labels to samples."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from chronoslide.params.base import Count, Positive, Range, Section, Share
from chronoslide.params.models import SIDE_MULTIPLE


class AugmentationSettings(Section):
    """The paper's augmentation; a range of (0, 0) or a share of 0 switches its step off.

    Attributes:
        flip_horizontal: Share of the copies that are mirrored left to right.
        flip_vertical: Share of the copies that are mirrored top to bottom.
        step_probability: With which each of the steps below is taken for a copy, independently of the others.
        blur_sigma: Of the Gaussian blur [pixels].
        sharpen_alpha: Weight of the sharpened image; 0 is the image as it was.
        shear_degrees: Angle of the shear.
        rotate_degrees: Angles, one of which is drawn.
    """

    flip_horizontal: Share = 0.5
    flip_vertical: Share = 0.5
    step_probability: Share = 0.5
    blur_sigma: Range = (0.0, 3.0)
    sharpen_alpha: Range = (0.0, 1.0)
    shear_degrees: Range = (-20.0, 20.0)
    rotate_degrees: tuple[float, ...] = (45.0, 90.0)

    @model_validator(mode="after")
    def _possible_ranges(self) -> AugmentationSettings:
        for name, (low, high), lowest, highest in (
            ("blur_sigma", self.blur_sigma, 0.0, 100.0),
            ("sharpen_alpha", self.sharpen_alpha, 0.0, 1.0),
            ("shear_degrees", self.shear_degrees, -80.0, 80.0),
        ):
            if not lowest <= low <= high <= highest:
                raise ValueError(
                    f"{name}: from {low:g} to {high:g}; lower end first, both within {lowest:g} to {highest:g}"
                )
        return self


class CropsSettings(Section):
    """Training patches cut anywhere, turned by any angle and scaled, beside those of the grid.

    Attributes:
        training: How many of the training area.
        investigation: How many of the investigation area.
        scale: Natural logarithm of the largest enlargement, and of the largest reduction; 0 keeps the size.
        other_years: Share of the investigation area's crops that show one of the years without training labels. They
            take the reference year's labels, where the year's NDVI does not speak against it.
        background_tolerance: By how much background may be of lower NDVI than in the reference year.
        landslide_tolerance: By how much a landslide may be of higher NDVI.
    """

    training: Annotated[int, Field(ge=0)] = 0
    investigation: Annotated[int, Field(ge=0)] = 0
    scale: Annotated[float, Field(ge=0.0, le=1.0)] = 0.3
    other_years: Share = 0.0
    background_tolerance: Annotated[float, Field(ge=0.0, le=2.0)] = 0.05
    landslide_tolerance: Annotated[float, Field(ge=0.0, le=2.0)] = 0.03


class PatchesSettings(Section):
    """From scenes and labels to samples, split by place.

    Attributes:
        side_pixels: Rows and columns of a patch.
        block_metres: Side of the blocks of ground that are assigned to train, validation or test.
        validation_share: Share of the blocks for choosing checkpoints and thresholds.
        test_share: Share of the blocks that no model sees.
        stride_pixels: Step between candidate patches.
        minimum_landslide_pixels: Candidates with fewer are dropped from training (0 keeps empty patches).
        empty_share: Share of patches without landslides among the training patches, as examples of background.
        training_patches: Training patches of the training area, augmented copies included (0: no augmentation;
            originals are all kept, even if there are more).
        investigation_patches: The same for the investigation area.
        augmentation: What is done to the copies.
        crops: Further training patches, which are not on the grid.
    """

    side_pixels: Annotated[int, Field(ge=SIDE_MULTIPLE, multiple_of=SIDE_MULTIPLE)] = 128
    block_metres: Positive = 640.0
    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15
    test_share: Share = 0.30
    stride_pixels: Count = 32
    minimum_landslide_pixels: Annotated[int, Field(ge=0)] = 1
    empty_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    training_patches: Annotated[int, Field(ge=0)] = 500
    investigation_patches: Annotated[int, Field(ge=0)] = 602
    augmentation: AugmentationSettings = AugmentationSettings()
    crops: CropsSettings = CropsSettings()

    @model_validator(mode="after")
    def _something_left_to_train_on(self) -> PatchesSettings:
        if self.validation_share + self.test_share >= 1.0:
            raise ValueError("validation_share + test_share must be below 1; something must be left to train on")
        return self
