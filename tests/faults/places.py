"""Places that cannot be written to: a full disk, a folder without permission; and a clock that goes backwards.

Each case is a small program in a process of its own, because it limits or gives away what the process may do.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faults.readers import ROOT

# Writes one of each kind of result, over an older one; prints a line for each.
_WRITER = """
import os, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[2])
from chronoslide.errors import ChronoslideError
from chronoslide.files import replacing, write_json
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet, write_patches, SAMPLE_COLUMNS
from chronoslide.rasters import write_raster
from chronoslide.vectors import write_geopackage
from faults.readers import _grid, _polygons
import pandas as pd

folder, big = Path(sys.argv[1]), np.random.default_rng(0)
images = big.integers(1, 9000, (200, 32, 32, 2), dtype=np.uint16)
samples = pd.DataFrame([("training", 2016, 0, n, 0) for n in range(200)], columns=SAMPLE_COLUMNS)
patches = PatchSet(images, np.zeros((200, 32, 32), np.uint8), ("red", "nir"))
values = big.integers(1, 60_000, (500, 500), dtype=np.uint16)
many = pd.concat([_polygons().iloc[:3]] * 1500, ignore_index=True)
# A process that may not write where it is must find its modules all the same.
if len(sys.argv) > 3:
    os.setgid(int(sys.argv[3])), os.setuid(int(sys.argv[3]))
writers = {
    "text": lambda: write_json(folder / "metrics.json", {str(n): n for n in range(40_000)}),
    "raster": lambda: write_raster(folder / "scene.tif", values, _grid(500, 500), bands=["red"]),
    "polygons": lambda: write_geopackage(folder / "predicted.gpkg", {"2016": many}),
    "folder": lambda: write_patches(folder / "patches", patches, samples),
}
for name, write in writers.items():
    try:
        write()
        print(name, "written", flush=True)
    except ChronoslideError as error:
        print(name, type(error).__name__, error, flush=True)
"""

_OLD = {"metrics.json": "{}", "scene.tif": "old", "predicted.gpkg": "old", "patches/images.npy": "old"}


@dataclass
class Place:
    """What came of writing to a place.

    Attributes:
        said: What each writer said.
        complaints: What was wrong; empty if nothing was.
    """

    said: list[str]
    complaints: list[str]


def write_to(folder: Path, *words: str, refused: bool = True) -> Place:
    """Lets every writer write over older results in a folder, and looks at what is there afterwards.

    Args:
        folder: Holds what `old_results` made.
        words: Further words for the writing process.
        refused: Whether nothing can be written there, so that all that was there must be there still.
    """
    done = subprocess.run(
        [sys.executable, "-c", _WRITER, str(folder), str(ROOT / "tests"), *words], capture_output=True, text=True
    )
    said = done.stdout.splitlines()
    complaints = [done.stderr[-600:]] if done.returncode else []
    if len(said) != 4:
        complaints.append(f"{len(said)} of 4 writers answered")
    if refused:
        complaints += [line for line in said if " StorageError " not in line]
        for name, content in _OLD.items():
            if not (folder / name).is_file() or (folder / name).read_text() != content:
                complaints.append(f"{name} is not the old one")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    complaints += [f"left: {name}" for name in names if any(part.startswith(".") for part in Path(name).parts)]
    return Place(said, complaints)


def old_results(folder: Path) -> None:
    """What was there before."""
    for name, content in _OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path | None]:
    """A file system of some kilobytes; None where this process may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[bool]:
    """Makes a folder read-only as a mount is, for root also; False where this process may not."""
    bind = ["mount", "--bind", str(folder), str(folder)]
    if os.geteuid() != 0 or subprocess.run(bind, capture_output=True).returncode:
        yield False
        return
    try:
        again = ["mount", "-o", "remount,ro,bind", str(folder)]
        yield subprocess.run(again, capture_output=True).returncode == 0
    finally:
        subprocess.run(["umount", str(folder)], check=True)
