"""Which tests run which lines, so that a mutant meets only tests that could notice it."""

from __future__ import annotations

import ast
import pickle
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from mutants.trials import PASSED, Chosen, function_of, in_fork, run_pytest


@dataclass(frozen=True)
class Reach:
    """What a run of the unharmed code showed.

    Attributes:
        lines: For each file and line the test functions that run it; "" stands for imports and fixtures.
        seconds: Of a processor, that each test function takes, all its parameters and its fixtures together.
    """

    lines: dict[Path, dict[int, set[str]]]
    seconds: dict[str, float]

    def of(self, path: Path, line: int) -> set[str]:
        """The test functions that run the statement at a line of a file.

        All of them if an import or a fixture does, which may be felt by any test.
        """
        reached = self.lines.get(path.resolve(), {})
        names = set().union(*(reached.get(each, ()) for each in _statement(path.read_text(encoding="utf-8"), line)))
        return set(self.seconds) if "" in names else names


def measured(modules: Sequence[Path], tests: Sequence[str]) -> Reach:
    """Runs the tests once.

    Raises:
        RuntimeError: They fail on the code as it is.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "reach"
        code = in_fork(lambda: _measure([path.resolve() for path in modules], tests, answer), 3600)
        if code != PASSED:
            raise RuntimeError(f"the tests {' '.join(tests)} do not pass on the unharmed code (pytest: {code})")
        lines, seconds = pickle.loads(answer.read_bytes())
    return Reach(lines, seconds)


class _Watch:
    """A plugin that tells Coverage which test runs, and takes its time."""

    def __init__(self, cover: coverage.Coverage) -> None:
        self._cover = cover
        self.seconds: dict[str, float] = defaultdict(float)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        start = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[function_of(item)] += time.process_time() - start

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self._cover.switch_context(function_of(item))
        try:
            return (yield)
        finally:
            self._cover.switch_context("")


def _measure(modules: list[Path], tests: Sequence[str], answer: Path) -> int:
    cover = coverage.Coverage(data_file=None, config_file=False, include=[str(path) for path in modules])
    watch = _Watch(cover)
    cover.start()
    code = run_pytest(tests, Chosen(), watch)
    cover.stop()
    data = cover.get_data()
    lines = {path: {line: set(names) for line, names in data.contexts_by_lineno(str(path)).items()} for path in modules}
    answer.write_bytes(pickle.dumps((lines, dict(watch.seconds))))
    return code


def _statement(code: str, line: int) -> range:
    """The lines of the innermost statement at a line; of one with a body, those before the body."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            continue
        body = getattr(node, "body", None)
        first = getattr(node, "lineno", None) or node.pattern.lineno  # a `case` has no line of its own
        last = body[0].lineno - 1 if body else node.end_lineno
        decorators = getattr(node, "decorator_list", [])
        first = min([first, *(each.lineno for each in decorators)])
        if first <= line <= max(first, last):
            found = range(first, max(first, last) + 1)  # walked from the outside in
    return found
