"""`params.yaml` as immutable, checked settings: a module for each family of sections, along the way of the data.

A section is named after the stage that reads it. Lengths carry their unit in their name. No key is called `size` or
`nfiles`: DVC hides keys of these names from its run cache, so a change would go unnoticed.
"""

from chronoslide.params.base import Share
from chronoslide.params.chips import ChipsSettings
from chronoslide.params.evaluate import CalibrationSettings, CompareSettings, EvaluateSettings, StatisticsSettings
from chronoslide.params.inventory import InventorySettings, JoiningSettings, TopographySettings
from chronoslide.params.map import BareGroundSettings, MapSettings
from chronoslide.params.messages import one_line
from chronoslide.params.models import LEVELS, SIDE_MULTIPLE, Architecture, ModelSettings, OpenModelSettings
from chronoslide.params.optimisers import OpenOptimiserSettings, OptimiserSettings
from chronoslide.params.patches import AugmentationSettings, CropsSettings, PatchesSettings
from chronoslide.params.reading import read_settings
from chronoslide.params.scenes import Channel, FlagsSettings, MasksSettings, ScenesSettings, SimulateSettings
from chronoslide.params.settings import Settings
from chronoslide.params.space import NumberRange, SpaceSettings, WholeRange, shown
from chronoslide.params.track import SubtractionSettings, TrackingSettings
from chronoslide.params.training import PretrainSettings, SourceSettings, TransferSettings
from chronoslide.params.tune import TuneSettings

__all__ = [
    "LEVELS",
    "SIDE_MULTIPLE",
    "Architecture",
    "AugmentationSettings",
    "BareGroundSettings",
    "CalibrationSettings",
    "Channel",
    "ChipsSettings",
    "CompareSettings",
    "CropsSettings",
    "EvaluateSettings",
    "FlagsSettings",
    "InventorySettings",
    "JoiningSettings",
    "MapSettings",
    "MasksSettings",
    "ModelSettings",
    "NumberRange",
    "OpenModelSettings",
    "OpenOptimiserSettings",
    "OptimiserSettings",
    "PatchesSettings",
    "PretrainSettings",
    "ScenesSettings",
    "Settings",
    "Share",
    "SimulateSettings",
    "SourceSettings",
    "SpaceSettings",
    "StatisticsSettings",
    "SubtractionSettings",
    "TopographySettings",
    "TrackingSettings",
    "TransferSettings",
    "TuneSettings",
    "WholeRange",
    "one_line",
    "read_settings",
    "shown",
]
