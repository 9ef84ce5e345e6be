"""Stages killed at random moments: the next `dvc repro` must mend everything by itself.

A trial repeats one stage of a finished smoke repository by force, kills it, looks at what lies there, and lets
`dvc repro` go on. It runs DVC as a user does; nothing of Chronoslide is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from repository import BIN, Repository

STAGES = tuple(yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text())["stages"])
KINDS = ("group", "stage", "group", "dvc", "repeated")
"""Who is killed: DVC and the stage at once, the stage alone, DVC alone (its stage works on). In these the stage runs
for the first time: neither DVC's lock nor its run cache nor MLflow knows it. "repeated" kills both while DVC repeats
a stage whose result it knows, and so takes it from its cache afterwards."""
WRITING = "writing"
"""A kind that is not drawn: DVC is killed while it writes `dvc.lock`, which takes a sixteenth of a second."""

# They name runs, commits and minutes, so they differ from run to run.
_DIFFERS = ("reports/report.html",)
# The kernel takes a moment to end a process that waits for its disk.
_PATIENCE_SECONDS = 1200


@dataclass
class Outcome:
    """What became of one trial.

    Attributes:
        stage: The stage.
        kind: Who was killed.
        moment: When, as a share of the stage's time.
        killed: Whether it was still running then; a trial that came too late counts for nothing.
        unlocked: Whether the next `dvc repro` failed until `chronoslide unlock` was called: DVC empties its list of
            locks and `dvc.lock` before it writes them, and was killed in between.
        complaints: What was wrong afterwards; empty if nothing was.
        statuses: Of the runs that MLflow holds after the next `dvc repro`.
    """

    stage: str
    kind: str
    moment: float
    killed: bool = True
    unlocked: bool = False
    complaints: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)


class Victim:
    """A finished repository whose stages are killed, with what it looked like before.

    Args:
        repository: Finished; it is worked in.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.root = repository.root
        self.lock = _lock(self.root)
        self.files = _fingerprints(self.root)
        self.seconds: dict[str, float] = {}

    def measure(self, stage: str) -> float:
        """Seconds that the stage takes by itself, DVC's start included."""
        if stage not in self.seconds:
            begin = time.monotonic()
            self._start(stage, "--force").wait(_PATIENCE_SECONDS)
            self.seconds[stage] = time.monotonic() - begin
        return self.seconds[stage]

    def trial(self, stage: str, kind: str, moment: float) -> Outcome:
        """Kills a stage at a share of its time, then lets `dvc repro` mend it.

        Args:
            stage: Its name.
            kind: Of `KINDS`, or `WRITING`.
            moment: Share of the stage's time, in [0, 1]; of `WRITING` not asked.
        """
        outcome = Outcome(stage, kind, moment)
        seconds = moment * self.measure(stage)
        if kind == "repeated":
            process = self._start(stage, "--force")
        else:
            self._forget(stage)
            process = self._start(stage)
        if kind == WRITING:
            self._await_writing(process)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        outcome.killed = process.poll() is None
        orphans = self._kill(process, kind)
        self._look(outcome)
        done = self.repository.run("dvc", "repro", check=False)  # --quiet would keep its errors to itself
        if done.returncode and self._unlock():
            outcome.unlocked = True
            done = self.repository.run("dvc", "repro", check=False)
        if done.returncode:
            if orphans and "is writing it" in done.stderr:  # refused while the orphan works, as it should be
                psutil.wait_procs(orphans, _PATIENCE_SECONDS)
                done = self.repository.run("dvc", "repro", check=False)
            if done.returncode:
                outcome.complaints.append(f"dvc repro gave {done.returncode}: {done.stderr[-600:]}")
        psutil.wait_procs(orphans, _PATIENCE_SECONDS)
        self._look(outcome, complete=True)
        if _lock(self.root) != self.lock:
            outcome.complaints.append("dvc.lock differs from the undisturbed run's")
        outcome.statuses = _statuses(self.root)
        if "RUNNING" in outcome.statuses:
            outcome.complaints.append("MLflow holds a run that is still RUNNING")
        if outcome.complaints:
            self._heal()
        return outcome

    def two_at_once(self, stage: str) -> list[str]:
        """Starts the stage twice, as two `dvc repro` and then as two commands; gives what was wrong afterwards.

        One of each pair may be refused in one line; what lies there in the end must be whole.
        """
        complaints = []
        self._forget(stage)
        for words in (["dvc", "repro", "--single-item", stage], ["chronoslide", stage]):
            processes = [self._run(*words) for _ in range(2)]
            told = [process.communicate(timeout=_PATIENCE_SECONDS)[1] for process in processes]
            codes = [process.returncode for process in processes]
            refused = [text for text, code in zip(told, codes, strict=True) if code]
            if codes.count(0) == 0:
                complaints.append(f"{words}: neither ended well: {told}")
            complaints += [
                f"{words}: a traceback, or no word of the other process: {text[-400:]}"
                for text in refused
                if "Traceback" in text or not any(word in text for word in ("lock", "busy", "is writing it"))
            ]
        self.repository.run("dvc", "repro", "--quiet")
        outcome = Outcome(stage, "two", 0.0)
        self._look(outcome, complete=True)
        if _lock(self.root) != self.lock:
            outcome.complaints.append("dvc.lock differs from the undisturbed run's")
        if "RUNNING" in _statuses(self.root):
            outcome.complaints.append("MLflow holds a run that is still RUNNING")
        return complaints + outcome.complaints

    def _run(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(BIN / words[0]), *words[1:]],
            cwd=self.root,
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _start(self, stage: str, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(BIN / "dvc"), "repro", "--quiet", "--single-item", *words, stage],
            cwd=self.root,
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _await_writing(self, process: subprocess.Popen[bytes]) -> None:
        """Waits until DVC has emptied `dvc.lock` to write it anew, or has ended."""
        while process.poll() is None and (self.root / "dvc.lock").stat().st_size:
            time.sleep(0.001)

    def _kill(self, process: subprocess.Popen[bytes], kind: str) -> list[psutil.Process]:
        """Kills, and gives the processes that live on."""
        below: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            below = psutil.Process(process.pid).children(recursive=True)
        if kind in ("group", WRITING):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        elif kind == "stage" and below:
            for child in reversed(below):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
        else:
            process.kill()
        process.wait(_PATIENCE_SECONDS)
        if kind == "dvc":
            return below
        psutil.wait_procs(below, _PATIENCE_SECONDS)
        return []

    def _look(self, outcome: Outcome, complete: bool = False) -> None:
        """Every file that has its final name is whole; after the next `dvc repro`, all are there and nothing else."""
        now = _fingerprints(self.root)
        half = [name for name, content in now.items() if content != self.files.get(name) and not _temporary(name)]
        if half:
            outcome.complaints.append(f"not the undisturbed run's: {half[:3]}")
        if complete and now.keys() != self.files.keys():
            outcome.complaints.append(f"missing or left over: {sorted(now.keys() ^ self.files.keys())[:3]}")

    def _forget(self, stage: str) -> None:
        """Lets the stage be new: to DVC's lock and run cache, and to MLflow, of which only the experiment stays."""
        lock = yaml.safe_load((self.root / "dvc.lock").read_text())
        command = lock["stages"].pop(stage)["cmd"]
        (self.root / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
        for record in (self.root / ".dvc/cache/runs").glob("*/*"):
            if any(run.read_text().startswith(f"cmd: {command}\n") for run in record.iterdir()):
                shutil.rmtree(record)
        shutil.rmtree(self.root / "mlartifacts", ignore_errors=True)
        with sqlite3.connect(self.root / "mlflow.db") as store:
            for (table,) in store.execute("select name from sqlite_master where type = 'table'").fetchall():
                if table not in ("alembic_version", "experiments", "workspaces"):
                    store.execute(f'delete from "{table}"')
        store.close()

    def _heal(self) -> None:
        """Brings a repository back that a trial has left broken, so that the next trial is one of its own."""
        self._unlock()
        self.repository.run("dvc", "repro", "--quiet", check=False)

    def _unlock(self) -> bool:
        """Mends what DVC left half-written, as a user does; whether there was something."""
        return self.repository.run("chronoslide", "unlock").stderr != ""


def draw(stages: tuple[str, ...], rounds: range, seed: int) -> Iterator[tuple[str, str, float]]:
    """The trials: stage, kind and moment, a round over all stages after the other.

    A trial hangs on the seed, its stage and its round alone, so rounds can be tried one day and more of them another.
    """
    for number in rounds:
        for stage in stages:
            yield stage, KINDS[number % len(KINDS)], random.Random(f"{seed} {stage} {number}").random()


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DVC_"))}
    return {**inherited, "PATH": f"{BIN}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}


def _lock(root: Path) -> object:
    """`dvc.lock` without the outputs that differ from run to run."""
    stages = yaml.safe_load((root / "dvc.lock").read_text())["stages"]
    for stage in stages.values():
        stage["outs"] = [out for out in stage["outs"] if out["path"] not in _DIFFERS]
    return stages


def _fingerprints(root: Path) -> dict[str, str]:
    """The hash of every result by its path."""
    files = (path for folder in ("results", "reports") for path in (root / folder).rglob("*") if path.is_file())
    found = {}
    for path in files:
        name = path.relative_to(root).as_posix()
        if name not in _DIFFERS:
            with contextlib.suppress(FileNotFoundError):  # an orphan is at work
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _temporary(name: str) -> bool:
    return any(part.startswith(".") for part in Path(name).parts)


def _statuses(root: Path) -> list[str]:
    with sqlite3.connect(root / "mlflow.db") as store:
        statuses = [status for (status,) in store.execute("select status from runs order by start_time")]
    store.close()
    return statuses
