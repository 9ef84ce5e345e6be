"""The workers of a search on this machine: processes that each have a share of the cores and run trials of one study.

They meet in the study's storage alone, so workers on other machines join in by the same command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chronoslide.errors import ModelError
from chronoslide.params import TuneSettings
from chronoslide.search.study import OpenStudy

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
_LOOK_SECONDS = 1.0


def work_in_processes(root: Path, study: OpenStudy, tune: TuneSettings, ends: float, look: Callable[[], None]) -> None:
    """Lets `tune.workers` processes run until they end.

    Args:
        root: The repository; its settings are the workers', too.
        study: The study whose trials they run.
        tune: How many workers.
        ends: When no further trial is begun, on the monotonic clock [s].
        look: Called every second while they work.

    Raises:
        ModelError: All of them broke down.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    environment = {**os.environ, **dict.fromkeys(_THREADS, str(max(1, cores // tune.workers)))}
    words = [sys.executable, "-m", "chronoslide", "tune", "--root", str(root), "--storage", str(study.storage.url)]
    words += ["--worker", study.name]
    if tune.minutes:
        words += ["--minutes", str((ends - time.monotonic()) / 60)]
    workers = [
        subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        for _ in range(tune.workers)
    ]
    try:
        while any(worker.poll() is None for worker in workers):
            look()
            time.sleep(_LOOK_SECONDS)
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.terminate()
        codes = [worker.wait() for worker in workers]
    if all(codes):
        raise ModelError(f"tune: all {tune.workers} workers broke down (see above); mend what they say, then go on")
