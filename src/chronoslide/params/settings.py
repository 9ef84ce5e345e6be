"""The whole of `params.yaml`, and what must hold between its sections."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chronoslide.params.base import Section
from chronoslide.params.chips import ChipsSettings
from chronoslide.params.evaluate import EvaluateSettings
from chronoslide.params.inventory import InventorySettings
from chronoslide.params.map import MapSettings
from chronoslide.params.patches import PatchesSettings
from chronoslide.params.scenes import MasksSettings, ScenesSettings, SimulateSettings
from chronoslide.params.track import TrackingSettings
from chronoslide.params.training import PretrainSettings, TransferSettings
from chronoslide.params.tune import TuneSettings


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
