"""The card of a stored network, `model.json`: what must be known to use it, without loading Keras.

It stands between training, which writes it beside the weights, and everybody who only asks for bands or threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer

from chronoslide.errors import ModelError
from chronoslide.files import parse_json
from chronoslide.params import ModelSettings, OptimiserSettings, one_line
from chronoslide.patches.scaling import BandStatistics

CARD = "model.json"
WEIGHTS = "model.weights.h5"

# Options that came after the first networks were trained. A card names them only where they are used, so that a
# training that uses none of them leaves the same bytes as before.
_LATER = (
    "normalisation", "members", "relight_smooth_haze", "relight_shade", "loss", "landslide_weight",
    "ignored_boundary_pixels", "soft_boundary_pixels", "weight_decay", "warmup_steps", "average", "sampling",
    "epoch_patches", "keep",
)  # fmt: skip


class ModelCard(BaseModel):
    """What must be known to use a stored network.

    Attributes:
        form: Of this file; another number is refused.
        settings: The network's shape.
        bands: Names, in the order of the input.
        mean: Mean reflectance of each band, which the network standardises with.
        standard_deviation: Of each band.
        side_pixels: Rows and columns of the patches it was trained on.
        threshold: The probability from which a pixel is landslide, chosen on validation patches; None if not chosen.
        threshold_f1: The pooled F1 it reached there.
        false_positive_weight: Of the loss (Tversky's beta).
        optimiser: All that its weights were fitted with; None for a model of an earlier version.
        seed: Of the training.
        trained_on: For the reader: which patches, when from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal[1] = 1
    settings: ModelSettings
    bands: tuple[str, ...] = Field(min_length=1)
    mean: tuple[float, ...]
    standard_deviation: tuple[float, ...]
    side_pixels: int
    threshold: float | None = Field(default=None, ge=0.0, le=1.0)
    threshold_f1: float | None = None
    false_positive_weight: float
    optimiser: OptimiserSettings | None = None
    seed: int
    trained_on: str

    @field_serializer("settings", "optimiser")
    def _without_what_is_off(self, section: ModelSettings | OptimiserSettings | None) -> dict[str, Any] | None:
        if section is None:
            return None
        off = {name: field.default for name, field in type(section).model_fields.items() if name in _LATER}
        values = section.model_dump(mode="json")
        return {name: value for name, value in values.items() if name not in off or value != off[name]}

    @property
    def statistics(self) -> BandStatistics:
        """What the network standardises with, as mapping needs it to fill unobserved pixels."""
        return BandStatistics(self.bands, self.mean, self.standard_deviation)

    def threshold_in_use(self, wanted: float | Literal["validation"]) -> float:
        """The threshold that `inventory.threshold` asks for.

        Raises:
            ModelError: The one of the validation patches is wanted and none was chosen.
        """
        if wanted != "validation":
            return wanted
        if self.threshold is None:
            raise ModelError(f"{CARD}: no threshold was chosen for this model; set inventory.threshold to a number")
        return self.threshold


def read_card(folder: Path) -> ModelCard:
    """Reads only the description of a stored model, without Keras' work.

    Raises:
        ModelError: It is missing or broken.
    """
    path = folder / CARD
    try:
        return ModelCard.model_validate(parse_json(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{path}: no such file; run the stage that makes this model") from error
    except ValidationError as error:
        raise ModelError(f"{path}: {one_line(error, ModelCard)}; repeat the stage that makes this model") from error
    except ValueError as error:  # not JSON, not UTF-8
        raise ModelError(f"{path}: not JSON ({error}); repeat the stage that makes this model") from error


def require_bands(card: ModelCard, bands: Sequence[str]) -> None:
    """Refuses bands that the model was not made for; their order counts.

    Raises:
        ModelError: Naming both.
    """
    if tuple(bands) != card.bands:
        raise ModelError(
            f"the model was trained on the bands {list(card.bands)} and is given {list(bands)}; "
            "train it again, or set scenes.bands as they were"
        )
