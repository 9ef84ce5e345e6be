"""What goes into a stage as `dvc.yaml` lists it (parameters, data, code), and the hash of it that names its run."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chronoslide.errors import SettingsError
from chronoslide.git import git
from chronoslide.params import Settings


@dataclass(frozen=True)
class Inputs:
    """What goes into a stage's run.

    Attributes:
        stage: Name of the stage.
        parameters: The parameters that the stage lists in `dvc.yaml`, flattened to dotted names.
        data: DVC hash of each data dependency that the stage lists in `dvc.yaml`.
        code: DVC hash of each code dependency.
    """

    stage: str
    parameters: Mapping[str, Any]
    data: Mapping[str, str]
    code: Mapping[str, str]

    @property
    def key(self) -> str:
        """Hash of all of it; names the run."""
        content = [self.stage, dict(self.parameters), dict(self.data), dict(self.code)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def inputs_of(root: Path, stage: str, settings: Settings) -> Inputs:
    """Collects the inputs of a stage as `dvc.yaml` lists them.

    Args:
        root: The repository.
        stage: Name of a stage in `dvc.yaml`.
        settings: The settings in use.
    """
    described = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    everything = settings.model_dump(mode="json")
    parameters: dict[str, Any] = {}
    for name in described.get("params", []):
        value: Any = everything
        for part in name.split("."):
            value = value[part]
        parameters |= _flatten({name: value})
    hashes = {path: dvc_hash(root / path) for path in described.get("deps", []) if (root / path).exists()}
    code = {path: value for path, value in hashes.items() if path.startswith("src/")}
    data = {path: value for path, value in hashes.items() if path not in code}
    return Inputs(stage, parameters, data, code)


def require_dependency(root: Path, stage: str, path: str, setting: str) -> None:
    """Refuses a file or folder that a stage reads by a setting and that DVC does not watch for it.

    Args:
        root: The repository.
        stage: Name of a stage in `dvc.yaml`.
        path: From the root.
        setting: Which names the path.

    Raises:
        SettingsError: No dependency of the stage in `dvc.yaml` is the path or a folder above it.
    """
    described = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    place = Path(os.path.normpath(root / path))  # a link is watched by its own name
    listed = [Path(os.path.normpath(root / dependency)) for dependency in described.get("deps", [])]
    if not any(folder in (place, *place.parents) for folder in listed):
        raise SettingsError(
            f"{setting}: {path} is no dependency of the stage {stage} in dvc.yaml, so a change of it would go "
            f"unnoticed; add `- {path}` to its deps, and `dvc add {path}`"
        )


def dvc_hash(path: Path) -> str:
    """The hash that DVC gives a file (MD5) or folder (MD5 of its sorted list of files, `.dir`)."""
    if path.is_file():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    files = sorted(
        (item for item in path.rglob("*") if item.is_file() and not _ignored(item.relative_to(path))),
        key=lambda item: item.relative_to(path).as_posix(),
    )
    entries = [{"md5": dvc_hash(item), "relpath": item.relative_to(path).as_posix()} for item in files]
    listing = json.dumps(entries, sort_keys=True).encode()
    return hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"


def _ignored(path: Path) -> bool:
    """What DVC does not see: compiled code, and (by `.dvcignore`) what a killed process left."""
    return any(
        part == "__pycache__" or (part.startswith(".") and {".part", ".old", ".lock"} & set(Path(part).suffixes))
        for part in path.parts
    )


def git_commit(root: Path) -> str:
    """The commit that is checked out, with `+` behind it when tracked files differ from it; `unknown` outside git."""
    try:
        commit = git(root, "rev-parse", "HEAD").strip()
        return commit + ("+" if git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
