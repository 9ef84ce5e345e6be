"""`chronoslide configure --profile NAME`: writes the differences of a profile into `params.yaml`.

`profiles/demo.yaml` holds every parameter that another profile changes, so that going back is a profile, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from chronoslide.errors import SettingsError, nearest
from chronoslide.files import write_text
from chronoslide.params import read_settings


def run(root: Path, profile: str) -> None:
    """Changes `params.yaml` in place; comments and order stay.

    Raises:
        SettingsError: There is no such profile, or it makes `params.yaml` invalid (which is then left as it was).
    """
    known = sorted(path.stem for path in (root / "profiles").glob("*.yaml"))
    if profile not in known:
        raise SettingsError(f"no profile {profile!r}{nearest(profile, known)}; there are: {', '.join(known)}")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    path = root / "params.yaml"
    before = path.read_text(encoding="utf-8")
    content = yaml.load(before)
    for base in ("demo", profile):
        _overlay(content, yaml.load((root / "profiles" / f"{base}.yaml").read_text(encoding="utf-8")))
    text = StringIO()
    yaml.dump(content, text)
    write_text(path, text.getvalue())
    try:
        read_settings(path)
    except SettingsError:
        write_text(path, before)
        raise
    print(f"params.yaml: profile {profile}")


def _overlay(target: dict[str, Any], differences: Mapping[str, Any]) -> None:
    for key, value in differences.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _overlay(target[key], value)
        else:
            target[key] = value
