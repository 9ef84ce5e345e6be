"""Where a report's figures come from: parameters and hashes that DVC recorded, code, runs, libraries, machine.

The page alone shows this; it differs from machine to machine, so nothing of it enters the deterministic files.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from chronoslide.runs import FinishedRun

LIBRARIES: Final = (
    "chronoslide", "keras", "tensorflow", "numpy", "scipy", "scikit-image", "rasterio", "geopandas", "shapely",
    "imgaug", "optuna", "dvc", "mlflow", "matplotlib",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What `dvc.lock` says of a stage.

    Attributes:
        name: Of the stage.
        command: That makes its results.
        inputs: (path, hash) of the data that it read.
        outputs: (path, hash) of what it wrote.
        parameters: (dotted name, value) in use.
    """

    name: str
    command: str
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything that the page tells of its origin.

    Attributes:
        commit: Git commit, `+` behind it when files differ from it.
        stages: As DVC recorded them.
        runs: In MLflow.
        versions: (library, version).
        machine: Sentences on the hardware.
    """

    commit: str
    stages: Sequence[StageRecord]
    runs: Sequence[FinishedRun]
    versions: Sequence[tuple[str, str]]
    machine: Sequence[str]


def stages_of(lock: Mapping[str, Any]) -> tuple[StageRecord, ...]:
    """The stages of `dvc.lock`; code is left out of the inputs, since the commit names it."""
    return tuple(
        StageRecord(
            name=name,
            command=str(stage.get("cmd", "")),
            inputs=tuple(pair for pair in _hashes(stage.get("deps", [])) if not pair[0].startswith("src/")),
            outputs=_hashes(stage.get("outs", [])),
            parameters=tuple(
                pair for values in stage.get("params", {}).values() for pair in _flat(values) if pair[1] != ""
            ),
        )
        for name, stage in lock.get("stages", {}).items()
    )


def library_versions(names: Sequence[str] = LIBRARIES) -> tuple[tuple[str, str], ...]:
    """The installed version of each library, Python first."""
    found = [("python", platform.python_version())]
    for name in names:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return tuple(found)


def this_machine() -> tuple[str, ...]:
    """Processor, cores and memory of the machine that renders the report."""
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB of memory"
    facts = (_processor(), f"{os.cpu_count()} cores", memory, f"{platform.system()} {platform.machine()}")
    return tuple(fact for fact in facts if fact)


def _processor() -> str:
    description = Path("/proc/cpuinfo")
    if description.exists():
        for line in description.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _hashes(entries: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(entry["path"]), str(entry.get("md5", ""))) for entry in entries)


def _flat(values: Any, prefix: str = "") -> list[tuple[str, str]]:
    if not isinstance(values, Mapping):
        return [(prefix, str(values))]
    return [pair for key, value in values.items() for pair in _flat(value, f"{prefix}.{key}" if prefix else str(key))]
