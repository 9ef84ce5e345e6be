"""What verbs do with `params.yaml`: read it where there is one, else take the defaults; and change it in place."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from chronoslide.errors import SettingsError
from chronoslide.files import write_text
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


def read_editable(path: Path) -> Any:
    """A YAML file's content with its comments, order and quotes, to be changed and given to `write_edited`."""
    return _yaml().load(path.read_text(encoding="utf-8"))


def write_edited(path: Path, content: Any) -> None:
    """Writes changed settings back.

    Raises:
        SettingsError: They are invalid now; the file is left as it was.
    """
    before = path.read_text(encoding="utf-8")
    text = StringIO()
    _yaml().dump(content, text)
    write_text(path, text.getvalue())
    try:
        read_settings(path)
    except SettingsError:
        write_text(path, before)
        raise


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    return yaml
