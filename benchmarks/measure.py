"""One measure of a benchmark, and how a command is timed together with the memory of all its processes."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results.json")
_LIBRARIES = ("tensorflow", "keras", "numpy", "rasterio", "dvc", "mlflow")
_SAMPLING_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure with what it takes to repeat it.

    Attributes:
        name: Under which it stands in `results.json`.
        values: One for each run.
        unit: Of the values.
        command: That shows the figure again.
    """

    name: str
    values: tuple[float, ...]
    unit: str
    command: str

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """Highest less lowest value."""
        return max(self.values) - min(self.values)


def time_command(words: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> tuple[float, float]:
    """Runs a command to its end.

    Returns:
        Wall time [s], and the peak of the resident memory of all its processes together [GB], sampled five times a
        second.

    Raises:
        RuntimeError: The command failed; its last lines are in the message.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak = [0.0]
    sampler = threading.Thread(target=_sample, args=(process.pid, peak), daemon=True)
    sampler.start()
    output, _ = process.communicate()
    wall = time.perf_counter() - begin
    sampler.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} gave {process.returncode}: {output[-2000:]}")
    return wall, peak[0]


def _sample(root: int, peak: list[float]) -> None:
    while True:
        try:
            top = psutil.Process(root)
            processes = [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        total = 0
        for process in processes:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        if not total:  # ended, but not yet waited for
            return
        peak[0] = max(peak[0], total / 1e9)
        time.sleep(_SAMPLING_SECONDS)


def record(measures: Sequence[Measure], results: Path = RESULTS) -> None:
    """Writes measures into `results.json`; those that were not measured now stay."""
    kept: dict[str, Any] = json.loads(results.read_text()) if results.exists() else {}
    for measure in measures:
        kept[measure.name] = {
            "value": round(measure.median, 4),
            "unit": measure.unit,
            "median_of": len(measure.values),
            "spread": round(measure.spread, 4),
            "machine": machine(),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
            "command": measure.command,
        }
    results.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def machine() -> str:
    """Cores, memory, kind of processor and the day, as it stands beside a figure."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    memory = psutil.virtual_memory().total / 2**30
    processor = names[0] if names else platform.machine()
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GiB, {time.strftime('%Y-%m-%d')}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def print_table(measures: Sequence[Measure]) -> None:
    """Prints name, median, unit, runs and spread."""
    print(f"{'measure':<34}{'median':>12}  {'unit':<8}{'runs':>5}{'spread':>10}")
    for measure in measures:
        figures = f"{measure.median:>12.3f}  {measure.unit:<8}{len(measure.values):>5}{measure.spread:>10.3f}"
        print(f"{measure.name:<34}{figures}")
    sys.stdout.flush()
