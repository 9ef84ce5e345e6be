"""One trial: the tests run in a forked process whose module holds a mutant, without a file being changed.

The process that forks has imported what the tests import (`preload`), which takes longer than most tests.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import math
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis
import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
_OURS = Path(__file__).parent
PASSED, FAILED, INTERRUPTED, INTERNAL_ERROR = 0, 1, 2, 3
"""What pytest ends with; the second to fourth mean that a test, or its import, noticed something."""
_MEMORY = 4 << 30  # bytes that a mutant may take: some ask for all there is


def module_name(path: Path) -> str:
    """`chronoslide.models.metrics` of `src/chronoslide/models/metrics.py`."""
    return ".".join(path.resolve().relative_to(SRC).with_suffix("").parts)


def preload(tests: Sequence[str]) -> None:
    """Imports what the tests import, so that forked processes have it.

    Raises:
        RuntimeError: The tests cannot be collected, they import another checkout, or a library started threads, which
            a fork does not take along.
    """
    # The same examples in every run, and no search for a smaller one: failing is enough. No deadline, because a busy
    # machine would notice mutants by being slow.
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("mutants")
    with _silence():
        code = run_pytest(["--collect-only", *tests])
    if code != PASSED:
        raise RuntimeError(f"the tests {' '.join(tests)} cannot be collected")
    if not Path(str(sys.modules["chronoslide"].__file__)).is_relative_to(SRC):
        raise RuntimeError(f"the tests import {sys.modules['chronoslide'].__file__}; put {SRC} on PYTHONPATH")
    forget()
    gc.collect()
    gc.freeze()  # what is there now stays; pytest collects garbage ten times at each end
    tasks = [name.read_text(encoding="utf-8").strip() for name in Path("/proc/self/task").glob("*/comm")]
    if len(tasks) > 1:
        raise RuntimeError(f"threads run besides this one: {tasks}")


def forget() -> None:
    """Drops the package's modules and the tests', which hold its objects, so that the next import reads them anew."""
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "/")
        if file.is_relative_to(SRC) or (file.is_relative_to(ROOT / "tests") and not file.is_relative_to(_OURS)):
            del sys.modules[name]


class _Mutated(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Finds one module, with other code than its file has."""

    def __init__(self, name: str, path: Path, code: str) -> None:
        super().__init__(name, str(path))
        self._code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=self.path)

    def get_code(self, fullname: str) -> CodeType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tests make errors of warnings, and `x is 1` warns when compiled
            compiled: CodeType = compile(self._code, self.path, "exec", dont_inherit=True)
        return compiled


class Chosen:
    """A plugin that runs some tests, file by file and the shortest first; never one that not every machine runs.

    Args:
        seconds: What each test function takes; the others are left out. None runs all.
    """

    def __init__(self, seconds: Mapping[str, float] | None = None) -> None:
        self.seconds = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.get_closest_marker("skipif") is None]
        if self.seconds is not None:
            seconds = self.seconds
            files = list(dict.fromkeys(item.path for item in items))
            chosen = [item for item in items if function_of(item) in seconds]
            items[:] = sorted(chosen, key=lambda item: (files.index(item.path), seconds[function_of(item)]))


def function_of(item: pytest.Item) -> str:
    """`tests/test_grid.py::test_name`, the same for all parameters of a test."""
    return item.nodeid.split("[")[0]


def try_mutant(path: Path, code: str, tests: Sequence[str], seconds: Mapping[str, float], limit: float) -> int:
    """Runs tests with a mutant in the place of a module; to be called in a forked process.

    Args:
        path: The module's file.
        code: The mutant.
        tests: Files in the order in which they run.
        seconds: Which of their test functions, and what each takes.
        limit: Seconds of a processor, which a busy machine does not shorten, after which the process dies.

    Returns:
        What pytest ended with.
    """
    sys.meta_path.insert(0, _Mutated(module_name(path), path, code))
    memory = _virtual_memory() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 1))
    return run_pytest(["-x", *tests], Chosen(seconds))


def run_pytest(words: Sequence[str], *plugins: object) -> int:
    """Runs pytest in this process, with a folder of its own that is gone afterwards."""
    folder = tempfile.mkdtemp(prefix="mutant-")
    try:
        fixed = ["-q", "--rootdir", str(ROOT), "--basetemp", f"{folder}/base", "-p", "no:cacheprovider"]
        return int(
            pytest.main([*fixed, "-p", "no:faulthandler", "--assert=plain", "--tb=no", *words], plugins=list(plugins))
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Fork:
    """A forked process that ends with what a function returns, and says nothing.

    Args:
        work: What it does.
        seconds: After these it is killed.
    """

    def __init__(self, work: Callable[[], int], seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        sys.stdout.flush()
        self._pid = os.fork()
        if not self._pid:
            os.setsid()
            code = INTERNAL_ERROR
            try:
                with _silence():
                    code = work()
            finally:
                os._exit(code)

    def result(self) -> int | None:
        """What it ended with (negative: killed by this signal, also when its time was over), or None while it runs."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > self._ends:
            os.killpg(self._pid, signal.SIGKILL)
            _, status = os.waitpid(self._pid, 0)
            return -signal.SIGKILL
        return None


def in_fork(work: Callable[[], int], seconds: float) -> int:
    """Waits for one forked process."""
    fork = Fork(work, seconds)
    while (code := fork.result()) is None:
        time.sleep(0.01)
    return code


class _silence:  # noqa: N801
    """Sends what this process and its libraries print to nowhere."""

    def __enter__(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._kept = [os.dup(1), os.dup(2)]
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)

    def __exit__(self, *error: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, kept in zip((1, 2), self._kept, strict=True):
            os.dup2(kept, number)
            os.close(kept)


def _virtual_memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()
