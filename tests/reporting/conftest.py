"""A rendered report of a small made-up tree, made once for all tests of this room."""

from __future__ import annotations

import json
import runpy
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chronoslide.runs import FinishedRun
from chronoslide.stages import report

HERE = Path(__file__).parent
write_tree = runpy.run_path(str(HERE / "results_tree.py"))["write_tree"]


@contextmanager
def no_run(*_: object) -> Iterator[SimpleNamespace]:
    """Stands in for MLflow, which the report only tells of its files."""
    yield SimpleNamespace(log_files=lambda *_: None, client=None)


@pytest.fixture(scope="session")
def bare_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results without a report."""
    root = tmp_path_factory.mktemp("tree")
    write_tree(root)
    return root


@pytest.fixture
def tree(bare_tree: Path, tmp_path: Path) -> Path:
    """A copy of the results that a test may change."""
    return Path(shutil.copytree(bare_tree, tmp_path / "tree"))


@pytest.fixture(scope="session")
def render_report() -> Iterator[Callable[[Path], Path]]:
    """Runs the stage on a tree and returns its `reports`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "stage_run", no_run)
        patch.setattr(report, "attach", lambda *_: None)
        patch.setattr(report, "latest_runs", lambda *_: [FinishedRun("map", "0a1b", "2c3d", 1.25)])

        def run(root: Path) -> Path:
            report.run(root)
            return root / "reports"

        yield run


@pytest.fixture(scope="session")
def rendered(bare_tree: Path, tmp_path_factory: pytest.TempPathFactory, render_report: Callable[[Path], Path]) -> Path:
    """The `reports` of a whole tree; tests only read it."""
    root = tmp_path_factory.mktemp("rendered") / "tree"
    shutil.copytree(bare_tree, root)
    return render_report(root)


@pytest.fixture(scope="session")
def metrics(bare_tree: Path) -> dict[str, Any]:
    return json.loads((bare_tree / "reports/metrics.json").read_text())
