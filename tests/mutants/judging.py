"""Tries the mutants of one module or room: `python -m mutants.judging NAME SAMPLE SEED ANSWER.json`."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mutants import reach, score, trials

# What is harmed (below src/chronoslide), and the tests that have to notice (below tests). Those on real data, which not
# every machine has, are left out.
MODULES = {
    "grid": ("grid.py", "test_grid.py"),
    "labels": ("labels.py", "test_labels.py"),
    "losses": ("models/losses.py", "models/test_losses.py"),
    "metrics": ("models/metrics.py", "models/test_metrics.py"),
    "inventories": ("inventories", "inventories"),
}


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        path: The module's file.
        operator: Cosmic Ray's name of the change.
        line: Where it is.
        code: The whole module.
    """

    path: Path
    operator: str
    line: int
    code: str

    def __str__(self) -> str:
        before, after = (text.splitlines() for text in (self.path.read_text(encoding="utf-8"), self.code))
        changes = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
        place = f"{self.path.relative_to(trials.SRC)}:{self.line} {self.operator}"
        return "\n  ".join([place, *(line for line in changes if not line.startswith("@@"))])


def judge(name: str, sample: int, seed: int) -> score.Score:
    """Tries the mutants of one module, or a sample of a room's, and prints those that no test noticed."""
    start = time.monotonic()
    code, tests = MODULES[name]
    modules = _python_files(trials.SRC / "chronoslide" / code)
    files = [file for file in _python_files(trials.ROOT / "tests" / tests) if "real" not in file.stem]
    total, mutants = listed(modules, sample if len(modules) > 1 else 0, seed)
    trials.preload([str(file) for file in files])
    reached = reach.measured(modules, [str(file) for file in files])
    seconds = sum(reached.seconds.values())
    print(f"{name}: {len(mutants)} mutants, {len(reached.seconds)} tests that take {seconds:.0f} s", flush=True)
    outcomes = []
    for mutant, outcome in tried(mutants, files, reached):
        outcomes.append(outcome)
        if outcome in ("survived", "run by no test"):
            print(f"{outcome}: {mutant}", flush=True)
        if len(outcomes) % 50 == 0:
            print(f"{name}: {len(outcomes)} of {len(mutants)} tried", flush=True)
    return score.Score(total, tuple(outcomes), time.monotonic() - start)


def listed(modules: Sequence[Path], sample: int, seed: int) -> tuple[int, list[Mutant]]:
    """How many mutants there are, and those to be tried."""
    words = ["--sample", str(sample), "--seed", str(seed), *map(str, modules)]
    command = [trials.ROOT / ".tools/bin/python", Path(__file__).with_name("listing.py"), *words]
    answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return answer["total"], [Mutant(**{**each, "path": Path(each["path"])}) for each in answer["mutants"]]


def tried(mutants: Sequence[Mutant], files: Sequence[Path], reached: reach.Reach) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what came of it, as many at once as there are processors."""
    waiting = list(reversed(mutants))
    running: list[tuple[Mutant, trials.Fork]] = []
    while waiting or running:
        while waiting and len(running) < len(os.sched_getaffinity(0)):
            mutant = waiting.pop()
            names = reached.of(mutant.path, mutant.line)
            if names:
                seconds = {name: reached.seconds[name] for name in names}
                running.append((mutant, _begun(mutant, files, seconds)))
            else:
                yield mutant, "run by no test"
        for mutant, fork in list(running):
            code = fork.result()
            if code is not None:
                running.remove((mutant, fork))
                yield mutant, score.outcome(code)
        time.sleep(0.005)


def _begun(mutant: Mutant, files: Sequence[Path], seconds: Mapping[str, float]) -> trials.Fork:
    """Starts the trial of a mutant: first the tests of its own module, then those that take least."""
    usual: dict[Path, float] = defaultdict(float)
    for name, each in seconds.items():
        usual[trials.ROOT / name.split("::")[0]] += each
    own = f"test_{mutant.path.name}"
    words = [str(file) for file in sorted(usual, key=lambda file: (file.name != own, usual[file])) if file in files]
    limit = 10 + 3 * sum(usual.values())
    return trials.Fork(lambda: trials.try_mutant(mutant.path, mutant.code, words, seconds, limit), 60 + 10 * limit)


def _python_files(path: Path) -> list[Path]:
    return sorted(each for each in path.rglob("*.py") if each.stem != "conftest") if path.is_dir() else [path]


if __name__ == "__main__":
    Path(sys.argv[4]).write_text(json.dumps(asdict(judge(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
