"""Settings for verbs that also work outside a repository: those of `params.yaml` where there is one, else defaults."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from chronoslide.params import EvaluateSettings, TrackingSettings, read_settings


class Own(NamedTuple):
    """What the verbs for anybody's polygons need of the settings."""

    seed: int
    minimum_area_m2: float
    track: TrackingSettings
    evaluate: EvaluateSettings


def own_settings(root: Path) -> Own:
    """Reads `params.yaml` in `root`, or takes the defaults if there is none.

    Raises:
        SettingsError: There is one and it is wrong.
    """
    path = root / "params.yaml"
    if not path.exists():
        return Own(0, 0.0, TrackingSettings(), EvaluateSettings())
    settings = read_settings(path)
    return Own(settings.seed, settings.inventory.minimum_area_m2, settings.track, settings.evaluate)
