"""How weights are fitted, settled or open to the search; it stands within `pretrain`, `transfer` and `chips`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chronoslide.params.base import Count, Positive, Section, Share


class _FittingSettings(Section):
    """What of the fitting is never searched; see `OptimiserSettings`."""

    epochs: Count = 250
    schedule: Literal["plateau", "cosine"] = "plateau"
    plateau_factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    plateau_patience: Count = 20
    minimum_learning_rate: Positive = 1e-5
    stopping_patience: Annotated[int, Field(ge=0)] = 0
    orient: bool = True
    relight_gain: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    relight_haze: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    relight_smooth_haze: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    relight_shade: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    loss: Literal["tversky", "dice_cross_entropy", "lovasz_hinge"] = "tversky"
    landslide_weight: Positive = 1.0
    ignored_boundary_pixels: Annotated[int, Field(ge=0, le=16)] = 0
    soft_boundary_pixels: Annotated[int, Field(ge=0, le=16)] = 0
    weight_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    average: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    sampling: Literal["even", "landslide_share", "hard_background"] = "even"
    epoch_patches: Annotated[int, Field(ge=0)] = 0
    keep: Literal["lowest_loss", "last"] = "lowest_loss"

    @model_validator(mode="after")
    def _hinge_has_hard_labels(self) -> _FittingSettings:
        if self.loss == "lovasz_hinge" and self.soft_boundary_pixels:
            raise ValueError(
                "soft_boundary_pixels: the Lovasz hinge sorts pixels that are landslide or not; set it to 0, or loss "
                "to tversky or dice_cross_entropy"
            )
        return self


class OptimiserSettings(_FittingSettings):
    """How weights are fitted.

    Attributes:
        epochs: Passes over the training patches at most.
        batch_patches: Patches in a step.
        learning_rate: Of Adam, at the start.
        false_positive_weight: Tversky's beta; the weight of false negatives is 1 - beta.
        focal_gamma: Of the focal Tversky loss (1 - TI)^(1/gamma) of Abraham & Khan (2019); 1 is the plain one.
        schedule: "plateau" lowers the learning rate when the validation loss stays, as the published notebook does;
            "cosine" lets it fall along half a cosine to `minimum_learning_rate` over `epochs`.
        plateau_factor: The learning rate is multiplied by this on a plateau.
        plateau_patience: Epochs without a lower validation loss that make a plateau.
        minimum_learning_rate: The learning rate is never lowered below this.
        stopping_patience: Epochs without a lower validation loss after which training ends (0: never early).
        orient: Whether each patch is flipped and turned at random in each epoch (the eight symmetries of a square).
        relight_gain: Standard deviation of the gain that each patch gets in each epoch (0: none).
        relight_haze: Standard deviation of the haze that is added, in reflectance of the first band (0: none).
        relight_smooth_haze: The same of haze that varies within a patch and only adds (0: none).
        relight_shade: Standard deviation of the logarithm of the light that varies within a patch (0: none).
        loss: "tversky" with `false_positive_weight` and `focal_gamma`; "dice_cross_entropy" with `landslide_weight`;
            "lovasz_hinge", the surrogate of the intersection over union, with neither.
        landslide_weight: Of a landslide pixel in the cross-entropy, where a background pixel has 1.
        ignored_boundary_pixels: Half the width of a band along the outlines of landslides from which nothing is learnt
            (0: none); validation counts all pixels.
        soft_boundary_pixels: Within so many pixels of an outline a label is the share of landslide around instead of 0
            or 1 (0: nowhere); validation takes the labels as they are. Not for the Lovasz hinge.
        weight_decay: Of AdamW; biases and normalisation do not decay (0: Adam).
        warmup_steps: Steps over which the learning rate rises from 0 to that of the schedule (0: none).
        average: Momentum of the moving average of all weights that is judged and kept instead of the last weights (0:
            none); 0.99 averages over about the last hundred steps.
        sampling: Which patches an epoch shows: "even" each as often; "landslide_share" draws them, half by chance and
            half by the landslide that they show; "hard_background" half by chance and half by the background that the
            network takes for landslide, looked at again every five epochs.
        epoch_patches: Patches of an epoch, drawn anew each time (0: as many as there are). With a small
            `patches.stride_pixels` training then sees random crops.
        keep: "lowest_loss" keeps the weights of the epoch with the lowest validation loss; "last" those of the last
            epoch, for averaged weights under a falling learning rate, where few validation patches choose by chance.
    """

    batch_patches: Count = 32
    learning_rate: Positive = 1e-3
    false_positive_weight: Share = 0.7
    focal_gamma: Positive = 1.0


class OpenOptimiserSettings(_FittingSettings):
    """As `OptimiserSettings`; null leaves a value to the search.

    Attributes:
        batch_patches: See `OptimiserSettings`.
        learning_rate: See `OptimiserSettings`.
        false_positive_weight: See `OptimiserSettings`.
        focal_gamma: See `OptimiserSettings`.
    """

    batch_patches: Count | None = None
    learning_rate: Positive | None = None
    false_positive_weight: Share | None = None
    focal_gamma: Positive | None = None
