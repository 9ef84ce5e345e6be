"""The main job, measured as a user meets it: whole commands in a fresh clone of this repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import ROOT, Measure, time_command

BIN = Path(sys.executable).parent
REAL_PATCHES = ROOT.parent / "shared" / "data" / "l4s_rgb"
_CLONED_DEMO = "python -m benchmarks demo"


@contextmanager
def _clone() -> Iterator[Path]:
    """A clone without data, results and runs, which uses this checkout's environment."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "chronoslide"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        yield clone


def _environment() -> dict[str, str]:
    return {"PATH": f"{BIN}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}


def simulate() -> list[Measure]:
    """The full simulated site, three times."""
    walls, peaks = [], []
    for _ in range(3):
        with _clone() as clone:
            wall, peak = time_command([str(BIN / "chronoslide"), "simulate"], clone, _environment())
        walls.append(wall)
        peaks.append(peak)
    command = "chronoslide simulate"
    return [
        Measure("simulate_wall_s", tuple(walls), "s", command),
        Measure("simulate_peak_rss_gb", tuple(peaks), "GB", command),
    ]


def demo() -> list[Measure]:
    """`make demo` in a clone whose environment exists, and then a `dvc repro` that has nothing to do."""
    with _clone() as clone:
        (clone / ".venv").symlink_to(BIN.parent)
        wall, peak = time_command(["make", "--assume-old", ".venv/.installed", "demo"], clone, _environment())
        metrics = json.loads((clone / "reports/metrics.json").read_text())
        idle_walls = tuple(time_command([str(BIN / "dvc"), "repro"], clone, _environment())[0] for _ in range(5))
    return [
        Measure("demo_wall_s", (wall,), "s", _CLONED_DEMO),
        Measure("demo_peak_rss_gb", (peak,), "GB", _CLONED_DEMO),
        Measure("demo_mean_f1", (metrics["mean_f1"],), "1", _CLONED_DEMO),
        Measure("dvc_repro_idle_s", idle_walls, "s", "dvc repro"),
    ]


def idle() -> list[Measure]:
    """`dvc repro` in this checkout when it is up to date."""
    walls = tuple(time_command([str(BIN / "dvc"), "repro"], ROOT, _environment())[0] for _ in range(5))
    return [Measure("dvc_repro_idle_s", walls, "s", "dvc repro")]


def real_patches() -> list[Measure]:
    """Training and testing on the real patches, if they are there."""
    if not REAL_PATCHES.exists():
        print(f"no {REAL_PATCHES}: real patches are not measured")
        return []
    folder = Path(tempfile.mkdtemp())
    words = ["chips", str(REAL_PATCHES / "train"), str(REAL_PATCHES / "val"), "--output", str(folder / "chips")]
    wall, _ = time_command([str(BIN / "chronoslide"), *words], ROOT, _environment())
    metrics = json.loads((folder / "chips/metrics.json").read_text())
    shutil.rmtree(folder)
    command = "chronoslide chips TRAIN VAL"
    return [
        Measure("real_patches_val_f1", (metrics["test"]["f1"],), "1", command),
        Measure("real_patches_wall_s", (wall,), "s", command),
    ]


def command_help() -> list[Measure]:
    """`chronoslide --help`, ten times."""
    walls = tuple(time_command([str(BIN / "chronoslide"), "--help"], ROOT)[0] for _ in range(10))
    return [Measure("cli_help_s", walls, "s", "chronoslide --help")]
