"""`params.yaml` as immutable, checked settings.

A section is named after the stage that reads it. Lengths carry their unit in their name. No key is called `size` or
`nfiles`: DVC hides keys of these names from its run cache, so a change would go unnoticed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from chronoslide.errors import SettingsError, nearest
from chronoslide.files import parse_yaml

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]
Range = tuple[float, float]


class Section(BaseModel):
    """Base of all sections: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SimulateSettings(Section):
    """The simulated site that stands in for licensed scenes."""

    rows: Annotated[int, Field(ge=128)] = 1000
    cols: Annotated[int, Field(ge=128)] = 1320
    training_rows: Annotated[int, Field(ge=128)] = 800
    training_cols: Annotated[int, Field(ge=128)] = 800
    training_landslides: Count = 55
    years: Annotated[tuple[int, ...], Field(min_length=1)] = (2013, 2014, 2015, 2016, 2017, 2018, 2019)


Channel = Literal["ndvi", "ndre", "elevation", "slope", "aspect"]
_BANDS_OF_ASPECT = ("aspect_sin", "aspect_cos")


class FlagsSettings(Section):
    """Observed ground that is made unobserved, because it shows nothing worth mapping.

    Attributes:
        shadow: "terrain" computes from the site's elevation model, and the sun's position in the scene's metadata,
            where no direct light arrives; "dark" takes what is dark in the near infrared, water included.
        snow: "ndsi" needs a short-wave infrared band (Hall et al. 1995); "bright" takes what is bright in blue, green
            and red, which clouds and quarries are, too: without short-wave infrared they cannot be told from snow.
        dark_nir: Near-infrared reflectance below which a pixel is dark.
        bright_visible: Reflectance above which a pixel is bright in each visible band.
        snow_index: Normalised difference snow index above which a pixel is snow.
    """

    shadow: Literal["none", "terrain", "dark"] = "none"
    snow: Literal["none", "ndsi", "bright"] = "none"
    dark_nir: Annotated[float, Field(ge=0.0, le=1.0)] = 0.05
    bright_visible: Annotated[float, Field(ge=0.0, le=1.0)] = 0.4
    snow_index: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.4


class ScenesSettings(Section):
    """From delivered tiles to one analysis-ready mosaic a year.

    Attributes:
        bands: The bands that are taken over from the deliveries, by name, in the order wanted.
        normalisation: How a year's radiometry is brought to the reference year's: "none"; "histogram" matches each
            band's histogram; "irmad" fits a line to each band over the pixels that did not change.
        irmad_window_metres: Width of the window of local contrast by which "irmad" finds unchanged pixels and gains,
            so that patchy haze, which is smooth, does not disturb it; 0 takes reflectance itself, as published.
        shifts: What is done about years that lie aside of the reference year: "ignore"; "report" measures and writes
            it down; "correct" also puts them right.
        maximum_shift_metres: A longer shift is no misregistration: "report" warns of it, "correct" refuses it.
        flags: Shadow and snow.
        sharpening: Weight of an unsharp mask; 0 leaves the scene as it is.
        channels: Further bands, made from the bands themselves (ndvi, ndre) or the site's elevation model (elevation,
            slope, aspect); models are trained on them like on any band.
        minimum_coverage: Share of the area of interest that a year's mosaic must cover.
    """

    bands: Annotated[tuple[str, ...], Field(min_length=1)]
    normalisation: Literal["none", "histogram", "irmad"]
    irmad_window_metres: Annotated[float, Field(ge=0.0)] = 200.0
    shifts: Literal["ignore", "report", "correct"] = "report"
    maximum_shift_metres: Positive = 15.0
    flags: FlagsSettings = FlagsSettings()
    sharpening: Annotated[float, Field(ge=0.0, le=5.0)] = 0.0
    channels: tuple[Channel, ...] = ()
    minimum_coverage: Share = 0.9

    @property
    def stored_bands(self) -> tuple[str, ...]:
        """The names of all bands of a stored scene: those delivered, then those of the channels."""
        extra = ((channel,) if channel != "aspect" else _BANDS_OF_ASPECT for channel in self.channels)
        return self.bands + tuple(name for names in extra for name in names)

    @model_validator(mode="after")
    def _no_band_twice(self) -> ScenesSettings:
        if len(set(self.bands)) < len(self.bands):
            raise ValueError(f"bands: a band stands twice in {list(self.bands)}; name each band once")
        if len(set(self.stored_bands)) < len(self.stored_bands):
            raise ValueError(f"channels: a band stands twice in {list(self.stored_bands)}; name each channel once")
        return self


class MasksSettings(Section):
    """From polygons to labels on the scenes' grid."""

    all_touched: bool = False


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

    side_pixels: Annotated[int, Field(ge=16, multiple_of=16)] = 128
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


Architecture = Literal["unet", "attention_unet", "res_unet", "convnext_unet"]


class _NetworkSettings(Section):
    """What of a network is never searched; see `ModelSettings`."""

    transposed_widths: Literal["scaled", "fixed"] = "scaled"
    normalisation: Literal["batch", "group"] = "batch"
    normalisation_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    precision: Literal["float32", "mixed_bfloat16"] = "float32"


class ModelSettings(_NetworkSettings):
    """The network.

    Attributes:
        architecture: The paper's "unet"; "attention_unet", whose decoder chooses what it takes from the encoder;
            "res_unet", of residual blocks; "convnext_unet", residual on the two finest levels and of 7 x 7 depthwise
            kernels with inverted bottlenecks below.
        filters: Width f of the first level; the levels have f x (1, 2, 4, 8, 16).
        transposed_widths: "scaled" with the filters, or "fixed" at 128, 64, 32, 16 as in the published notebook.
        dropout: Share of channels dropped at the bottom of the network while training.
        normalisation: "batch", or "group" (eight groups of channels at most), which knows no moving statistics but
            takes those of the image it sees, so that a map depends on the windows it is made of.
        normalisation_momentum: Of batch normalisation's moving statistics. Keras' own 0.99 needs some hundred steps to
            forget its start, so the validation loss of a short training would say little; 0.9 follows at once.
        precision: "mixed_bfloat16" computes convolutions in bfloat16 (8 bits of precision); weights, statistics, loss
            and probabilities stay float32. Faster on processors with such instructions, slower on others.
    """

    architecture: Architecture = "unet"
    filters: Annotated[int, Field(ge=1, le=128)] = 32
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


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
    weight_decay: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    average: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    sampling: Literal["even", "landslide_share"] = "even"
    epoch_patches: Annotated[int, Field(ge=0)] = 0


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
        weight_decay: Of AdamW; biases and normalisation do not decay (0: Adam).
        warmup_steps: Steps over which the learning rate rises from 0 to that of the schedule (0: none).
        average: Momentum of the moving average of all weights that is judged and kept instead of the last weights (0:
            none); 0.99 averages over about the last hundred steps.
        sampling: Which patches an epoch shows: "even" each as often; "landslide_share" draws them, half by chance and
            half by the landslide that they show.
        epoch_patches: Patches of an epoch, drawn anew each time (0: as many as there are). With a small
            `patches.stride_pixels` training then sees random crops.
    """

    batch_patches: Count = 32
    learning_rate: Positive = 1e-3
    false_positive_weight: Share = 0.7
    focal_gamma: Positive = 1.0


class OpenModelSettings(_NetworkSettings):
    """As `ModelSettings`; null leaves a value to the search.

    Attributes:
        architecture: See `ModelSettings`.
        filters: See `ModelSettings`.
        dropout: See `ModelSettings`.
    """

    architecture: Architecture | None = None
    filters: Annotated[int, Field(ge=1, le=128)] | None = None
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None


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


class WholeRange(Section):
    """Whole numbers from `low` to `high`, both included.

    Attributes:
        low: The smallest.
        high: The largest.
        log: Whether each doubling is as likely as the next, instead of each number.
        step: Between neighbours; 1 with `log`.
    """

    low: int
    high: int
    log: bool = False
    step: Count = 1

    @model_validator(mode="after")
    def _ascends(self) -> WholeRange:
        _require_range(self.low, self.high, log=self.log)
        if self.log and self.step != 1:
            raise ValueError("log and a step other than 1 exclude each other; drop one of them")
        return self


class NumberRange(Section):
    """Numbers from `low` to `high`.

    Attributes:
        low: The smallest.
        high: The largest.
        log: Whether each power of ten is as likely as the next, instead of each number.
    """

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ascends(self) -> NumberRange:
        _require_range(self.low, self.high, log=self.log)
        return self


def shown(value: float | str) -> str:
    """A setting for a reader: numbers in their short form, names as they are."""
    return value if isinstance(value, str) else f"{value:g}"


def _require_range(low: float, high: float, *, log: bool) -> None:
    if not low < high:
        raise ValueError(f"from {low:g} to {high:g} there is nothing to search; put the lower end first")
    if log and low <= 0:
        raise ValueError(f"low is {low:g} and log needs a range above 0; raise low or drop log")


# The names of the tags never reach a message: `one_line` leaves out what is in brackets.
_BY_FORM = Discriminator(lambda value: "[range]" if isinstance(value, dict | Section) else "[list]")
WholeDimension = Annotated[
    Annotated[tuple[int, ...], Tag("[list]")] | Annotated[WholeRange, Tag("[range]")],
    _BY_FORM,
]
NumberDimension = Annotated[
    Annotated[tuple[float, ...], Tag("[list]")] | Annotated[NumberRange, Tag("[range]")],
    _BY_FORM,
]


class SpaceSettings(Section):
    """What is searched: a list of values or a range for each setting of `pretrain` that is named; null is not searched.

    Attributes:
        architecture: Of the network, a list of names.
        filters: Of the network. One value alone fixes it in the search, for example a smaller network than the final.
        dropout: Of the network.
        batch_patches: Of the optimiser, and so are the next three.
        learning_rate: See `OptimiserSettings`.
        false_positive_weight: See `OptimiserSettings`.
        focal_gamma: See `OptimiserSettings`.
    """

    architecture: tuple[Architecture, ...] | None = None
    filters: WholeDimension | None = None
    dropout: NumberDimension | None = None
    batch_patches: WholeDimension | None = None
    learning_rate: NumberDimension | None = None
    false_positive_weight: NumberDimension | None = None
    focal_gamma: NumberDimension | None = None

    def named(self) -> dict[str, tuple[float | str, ...] | WholeRange | NumberRange]:
        """What is searched, by name."""
        held = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: dimension for name, dimension in held.items() if dimension is not None}

    @model_validator(mode="after")
    def _possible(self) -> SpaceSettings:
        for name, dimension in self.named().items():
            ends = dimension if isinstance(dimension, tuple) else (dimension.low, dimension.high)
            if not ends:
                raise ValueError(f"{name}: the list is empty; name values, or null to leave it out")
            if isinstance(dimension, tuple) and len(set(dimension)) < len(dimension):
                raise ValueError(f"{name}: a value stands twice in {list(dimension)}; name each once")
            owner: type[Section] = ModelSettings if name in ModelSettings.model_fields else OptimiserSettings
            for value in ends:
                try:
                    owner.model_validate({name: value})
                except ValidationError as error:
                    reason = error.errors()[0]["msg"]
                    raise ValueError(f"{name}: {shown(value)} is not possible ({reason}); change it") from None
        return self


class TuneSettings(Section):
    """The search for the best settings of `pretrain`.

    Attributes:
        study: Name under which the storage keeps the search.
        trials: In total, earlier ones of the same study included; 0 skips the search.
        epochs: Of a trial at most.
        patches: Training patches of a trial at most, drawn by the seed; null takes all.
        objectives: "f1" is pooled over the validation patches at the threshold that suits them best; "cost" is the
            arithmetic of training [10^12 multiply-adds], which unlike seconds is the same on every machine. With both,
            the trials that no other one beats in both are the Pareto front, and the best is the one of highest F1.
        sampler: "tpe" (multivariate), "grid" (every combination once), "random" or "cmaes" (ranges only).
        startup_trials: Of "tpe": as many are drawn at random before it begins to learn.
        pruner: What ends a hopeless trial early.
        minutes: Wall time after which no trial is begun any more; null has no limit. Where it ends a search, the
            result depends on the machine.
        workers: Processes on this machine, which share its cores.
        storage: Database of the study, as Optuna's address; a relative SQLite file belongs to the repository.
        heartbeat_seconds: A trial whose machine was silent three times as long is given to another worker.
        space: What is searched.
    """

    study: Annotated[str, Field(min_length=1)] = "search"
    trials: Annotated[int, Field(ge=0)] = 0
    epochs: Count = 6
    patches: Count | None = None
    objectives: Annotated[tuple[Literal["f1", "cost"], ...], Field(min_length=1)] = ("f1",)
    sampler: Literal["tpe", "grid", "random", "cmaes"] = "tpe"
    startup_trials: Count = 5
    pruner: Literal["hyperband", "median", "none"] = "hyperband"
    minutes: Positive | None = None
    workers: Count = 1
    storage: str = "sqlite:///search/study.db"
    heartbeat_seconds: Count = 60
    space: SpaceSettings = SpaceSettings()

    @model_validator(mode="after")
    def _possible(self) -> TuneSettings:
        named = self.space.named()
        ranges = sorted(name for name, dimension in named.items() if not isinstance(dimension, tuple))
        lists = sorted(set(named) - set(ranges))
        if self.trials and not named:
            known = ", ".join(SpaceSettings.model_fields)
            raise ValueError(f"space is empty; name something to search ({known}), or set trials to 0")
        if self.objectives[0] != "f1" or len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"objectives must be [f1] or [f1, cost], got {list(self.objectives)}")
        if len(self.objectives) > 1 and self.pruner != "none":
            raise ValueError("several objectives and a pruner exclude each other; set pruner to none")
        if self.sampler == "grid" and ranges:
            raise ValueError(f"sampler grid needs a list of values for {', '.join(ranges)}; name them, or take tpe")
        if self.sampler == "cmaes" and (lists or len(ranges) < 2):
            raise ValueError(
                "sampler cmaes needs two or more ranges with low and high and no list"
                f"{' (here ' + ', '.join(lists) + ')' if lists else ''}; change space, or take tpe"
            )
        if self.sampler == "cmaes" and len(self.objectives) > 1:
            raise ValueError("sampler cmaes knows one objective; set objectives to [f1], or take tpe")
        return self


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


class MapSettings(Section):
    """From scenes to probabilities.

    Attributes:
        window_pixels: Rows and columns of a window.
        overlap_pixels: Of neighbouring windows, over which they are blended.
        batch_windows: Windows that go through the network at once.
        symmetries: Test-time augmentation: "none", the four "flips", or "all" eight symmetries of a square.
        engine: What runs the network: "openvino", "tensorflow", or "auto", which is OpenVINO where it is installed and
            no GPU is there. An engine that differs from the trained network is refused and the next one taken.
        precision: Of OpenVINO's arithmetic. "auto" tries int8, bfloat16 (where the processor has it) and float32 in
            this order; so its maps may differ in some pixels from machine to machine. Name one to avoid that.
    """

    window_pixels: Annotated[int, Field(ge=32, multiple_of=16)] = 256
    overlap_pixels: Annotated[int, Field(ge=0)] = 64
    batch_windows: Count = 8
    symmetries: Literal["none", "flips", "all"] = "none"
    engine: Literal["auto", "openvino", "tensorflow"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"

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


class SubtractionSettings(Section):
    """The raster view of change between two years.

    Attributes:
        opening_pixels: Radius of the opening that removes slivers along the outlines (0: none).
        minimum_area_m2: The minimum mapping unit of what appeared and what went.
    """

    opening_pixels: Annotated[int, Field(ge=0)] = 1
    minimum_area_m2: Annotated[float, Field(ge=0.0)] = 200.0


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
        threshold: Probability from which a pixel is landslide; "validation" takes the one with the highest pooled
            F1 on the validation blocks.
        minimum_area_m2: The minimum mapping unit; smaller objects are dropped.
        join_fragments: Whether gaps are closed and fragments joined.
        joining: How.
        topography: Which polygons are removed for where they lie.
    """

    threshold: Share | Literal["validation"] = "validation"
    minimum_area_m2: Annotated[float, Field(ge=0.0)] = 200.0
    join_fragments: bool = True
    joining: JoiningSettings = JoiningSettings()
    topography: TopographySettings = TopographySettings()


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
    side_pixels: Annotated[int, Field(ge=16, multiple_of=16)] | None = None
    symmetries: Literal["none", "flips", "all"] = "none"
    model: ModelSettings = ModelSettings()
    optimiser: OptimiserSettings = OptimiserSettings()


class Settings(Section):
    """The whole of `params.yaml`.

    Attributes:
        seed: Of everything random.
        protocol: "blocks" splits by place; "paper" repeats the paper's random split of patches, which leaks.
        reference_year: The year whose radiometry the other years are brought to, and on which the model is transferred.
    """

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    protocol: Literal["blocks", "paper"]
    reference_year: int
    simulate: SimulateSettings
    scenes: ScenesSettings
    masks: MasksSettings
    patches: PatchesSettings
    tune: TuneSettings = TuneSettings()
    pretrain: PretrainSettings
    transfer: TransferSettings
    map: MapSettings
    inventory: InventorySettings
    evaluate: EvaluateSettings
    track: TrackingSettings = TrackingSettings()
    chips: ChipsSettings = ChipsSettings()

    @model_validator(mode="after")
    def _crops_need_blocks(self) -> Settings:
        crops = self.patches.crops
        if self.protocol == "paper" and (crops.training or crops.investigation):
            raise ValueError(
                "patches.crops: a random split of patches holds no ground back, so crops would show all test patches; "
                "set crops.training and crops.investigation to 0, or protocol to blocks"
            )
        return self

    @model_validator(mode="after")
    def _aspect_keeps_its_direction(self) -> Settings:
        augmentation = self.patches.augmentation
        turned = {
            "pretrain.optimiser.orient": self.pretrain.optimiser.orient,
            "transfer.optimiser.orient": self.transfer.optimiser.orient,
            "map.symmetries": self.map.symmetries != "none",
            "patches.augmentation.flip_horizontal": augmentation.flip_horizontal > 0,
            "patches.augmentation.flip_vertical": augmentation.flip_vertical > 0,
            "patches.augmentation.step_probability": augmentation.step_probability > 0,
            "patches.crops": self.patches.crops.training > 0 or self.patches.crops.investigation > 0,
        }
        wrong = [key for key, on in turned.items() if on]
        if "aspect" in self.scenes.channels and wrong:
            raise ValueError(
                "scenes.channels: aspect is a direction, and patches that are flipped or turned would show a false "
                f"one; switch off {', '.join(wrong)}, or take aspect out"
            )
        return self


# What earlier versions knew, and what has become of it.
_EARLIER = {
    "tracking.joining": "'tracking.joining' is 'inventory.joining' now",
    "tracking.topography": "'tracking.topography' is 'inventory.topography' now",
    "tracking": "'tracking' is called 'track' now",
    "transfer.from_scratch": "'transfer.from_scratch' is gone, because the control is always trained: take it out",
}


def _require_own_version(content: Any) -> None:
    """Refuses the settings of an earlier version, and tells all that has to be changed in them.

    Raises:
        SettingsError: They hold keys that were renamed or taken out since.
    """
    found = []
    for place, told in _EARLIER.items():
        inner = content
        for key in place.split("."):
            inner = inner.get(key, _EARLIER) if isinstance(inner, dict) else _EARLIER
        if inner is not _EARLIER:
            found.append(told)
    if found:
        raise SettingsError(f"written for an earlier version: {'; '.join(found)}")


def read_settings(path: Path) -> Settings:
    """Reads and checks `params.yaml`.

    Raises:
        SettingsError: The file is missing, is not YAML, of an earlier version, or a key is unknown, missing or out of
            range.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
        _require_own_version(content)
        return Settings.model_validate(content)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such file; run the command in the root of the repository") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); make it a file that you may read") from error
    except ValidationError as error:
        raise SettingsError(f"{path}: {one_line(error, Settings)}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: not YAML ({error}); mend the file") from error


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first complaint of a validation as one line: field, what is wrong, what came, the nearest known key."""
    problem = error.errors()[0]
    place = _place(problem["loc"])
    where = ".".join(str(part) for part in place) or "the file"
    alternatives = [other["msg"] for other in error.errors() if _place(other["loc"]) == place]
    others = error.error_count() - len(alternatives)
    more = f" (and {others} more)" if others else ""
    if problem["type"] == "extra_forbidden":
        known = _keys_at(model, place[:-1])
        return f"unknown key {where!r}{nearest(str(place[-1]), known)}; known here: {', '.join(known)}{more}"
    if problem["type"] == "missing":
        return f"{where!r} is missing; add it{more}"
    message = ", or: ".join(alternatives).removeprefix("Value error, ")
    received = "" if problem["type"] == "value_error" else f", got {str(problem['input'])[:80]!r}"
    return f"{where}: {message}{received}{more}"


def _place(location: tuple[int | str, ...]) -> list[int | str]:
    """The keys that lead to a value, without the names that pydantic gives to the alternatives of a type."""
    return [
        part for part in location if not (isinstance(part, str) and ("[" in part or part.startswith("constrained-")))
    ]


def _keys_at(model: type[BaseModel], place: list[Any]) -> list[str]:
    """The known keys of the section that `place` leads to; dictionaries and lists are walked through."""
    for part in place:
        field = model.model_fields.get(str(part))
        if field is None:
            continue  # a key of a dictionary or an index of a list: its value is described by the annotation we are in
        model = _section_in(field.annotation) or model
    return sorted(model.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _section_in(argument)
        if found is not None:
            return found
    return None
