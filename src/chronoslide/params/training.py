"""The sections `pretrain` and `transfer`, and the patch sets made by others."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chronoslide.params.base import Count, Positive, Section
from chronoslide.params.models import OpenModelSettings
from chronoslide.params.optimisers import OpenOptimiserSettings, OptimiserSettings


class SourceSettings(Section):
    """A patch set made by others, to pretrain on.

    Attributes:
        path: Its folder, from the root of the repository; the stage `pretrain` lists it as a dependency in `dvc.yaml`.
        weight: Its share of the patches of an epoch is this divided by the sum of all weights.
        bands: Names of the channels of its images in order; null: as known for the set, red, green, blue for three.
        factor: Stored value x factor + offset is reflectance; null: as known for the set.
        offset: See there.
        statistics: What its bands are standardised by: "own" mean and spread, since units, sensors and seasons differ
            from set to set, or those of the "training_area", where both are reflectance of like scenes.
        validation_share: Share that is kept for choosing the checkpoint, where the set has no validation part.
    """

    path: Annotated[str, Field(min_length=1)]
    weight: Positive = 1.0
    bands: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    factor: Positive | None = None
    offset: float = 0.0
    statistics: Literal["own", "training_area"] = "own"
    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15

    @model_validator(mode="after")
    def _offset_with_factor(self) -> SourceSettings:
        if self.offset and self.factor is None:
            raise ValueError("offset is stated without factor; state both")
        if self.bands is not None and len(set(self.bands)) < len(self.bands):
            raise ValueError(f"bands: a band stands twice in {list(self.bands)}; name each channel once")
        return self


class PretrainSettings(Section):
    """The network, trained on the training area. What stands here wins; what is null comes from the stage `tune`.

    Attributes:
        model: The network.
        optimiser: How its weights are fitted.
        sources: Patch sets made by others. The network is trained on them first, mixed by weight, and then on the
            training area as without them.
        source_epochs: Epochs of that first training; else it goes by `optimiser`.
        source_patches: Patches of one of these epochs, drawn anew each time.
    """

    model: OpenModelSettings = OpenModelSettings()
    optimiser: OpenOptimiserSettings = OpenOptimiserSettings()
    sources: tuple[SourceSettings, ...] = ()
    source_epochs: Count = 12
    source_patches: Count = 300


class TransferSettings(Section):
    """The pretrained network, retrained on the investigation area's training blocks of the reference year.

    Attributes:
        optimiser: As for `pretrain`.
        freeze: "none" retrains all weights; "encoder" keeps the encoder's, its batch normalisation included
            (its statistics stay as pretrained, because they belong to the frozen weights).
        rehearsed_patches: Training patches of the training area that are learned again beside the new ones, so that
            they are not forgotten; drawn by the seed, at most as many as there are.
    """

    optimiser: OptimiserSettings = OptimiserSettings()
    freeze: Literal["none", "encoder"] = "none"
    rehearsed_patches: Annotated[int, Field(ge=0)] = 0
