"""`chronoslide configure --profile NAME`: writes the differences of a profile into `params.yaml`.

`profiles/demo.yaml` holds every parameter that another profile changes, so that going back is a profile, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chronoslide.commands.settings import read_editable, write_edited
from chronoslide.errors import SettingsError, nearest


def run(root: Path, profile: str) -> None:
    """Changes `params.yaml` in place; comments and order stay.

    Raises:
        SettingsError: There is no such profile, or it makes `params.yaml` invalid (which is then left as it was).
    """
    known = sorted(path.stem for path in (root / "profiles").glob("*.yaml"))
    if profile not in known:
        raise SettingsError(f"no profile {profile!r}{nearest(profile, known)}; there are: {', '.join(known)}")
    path = root / "params.yaml"
    content = read_editable(path)
    for base in ("demo", profile):
        _overlay(content, read_editable(root / "profiles" / f"{base}.yaml"))
    write_edited(path, content)
    print(f"params.yaml: profile {profile}")


def _overlay(target: dict[str, Any], differences: Mapping[str, Any]) -> None:
    for key, value in differences.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _overlay(target[key], value)
        else:
            target[key] = value
