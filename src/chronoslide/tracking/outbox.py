"""Runs as records on disk, for a server that may be away: `unsent/<id>/` holds what a run was told, line by line.

While `MLFLOW_TRACKING_URI` names a server, a stage writes down what it tells MLflow before it tells it. A run that was
told whole loses its record; one that the server did not hear keeps it until `chronoslide sync-runs` has sent it. Files
are held by links to their content, which costs no room: results are replaced, never changed in place.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from chronoslide.errors import StorageError
from chronoslide.files import write_text
from chronoslide.processes import is_dead, this_process
from chronoslide.tracking.inputs import Inputs, git_commit

OUTBOX = "unsent"
_LINES, _DONE, _FILES = "record.jsonl", "done.json", "files"
# Lines that say something of the record itself; the others are operations.
_BROKEN_OFF, _TAKEN_UP, _END = "broken off", "taken up", "end"


@dataclass(frozen=True)
class Header:
    """What a run is, told before anything happens in it.

    Attributes:
        id: Of the record; the tag `chronoslide.record` of the server's run.
        name: Of the run.
        inputs: What went into it.
        commit: That was checked out.
        process: That opened the record.
        begun: When [ms since 1970].
        work: Name of work that may be gone on with, None for other runs.
        parent: MLflow's id of the run above it, if there is one.
    """

    id: str
    name: str
    inputs: Inputs
    commit: str
    process: str
    begun: int
    work: str | None
    parent: str | None


@dataclass(frozen=True)
class Operation:
    """One thing that a run was told, with the files that belong to it."""

    name: str
    arguments: Mapping[str, Any]
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Told:
    """The lines of a record.

    Attributes:
        operations: In their order.
        process: That wrote it last.
        broken_off: Whether the server has missed some of it.
        end: Status and time [ms since 1970]; None if it has not ended.
        last: When the last line was written [ms since 1970].
    """

    operations: tuple[Operation, ...]
    process: str
    broken_off: bool
    end: tuple[str, int] | None
    last: int


@dataclass(frozen=True)
class Record:
    """One run's folder in the outbox."""

    folder: Path
    header: Header

    def add(self, name: str, arguments: Mapping[str, Any], files: Mapping[str, Path] | None = None) -> None:
        """Writes down one operation and holds its files.

        Args:
            name: Of the operation.
            arguments: Plain values.
            files: Files and folders by name.

        Raises:
            StorageError: The disk is full or the folder cannot be written to.
        """
        held = {}
        try:
            for key, path in (files or {}).items():
                place = self.folder / _FILES / uuid4().hex[:12] / path.name
                _hold(path, place)
                held[key] = place.relative_to(self.folder).as_posix()
            line = {"operation": name, "arguments": dict(arguments), "files": held, "time": now()}
            with (self.folder / _LINES).open("a", encoding="utf-8") as lines:
                lines.write("\n" + json.dumps(line, default=_plain))  # not on the half line of a killed process
        except OSError as error:
            raise StorageError(
                f"{self.folder}: the run cannot be kept ({error.strerror or error}); free some space, or start the "
                "server that MLFLOW_TRACKING_URI names, then repeat"
            ) from error

    def break_off(self) -> None:
        """Says that the server misses what was told last."""
        self.add(_BROKEN_OFF, {})

    def take_up(self) -> None:
        """Says that this process goes on with the work."""
        self.add(_TAKEN_UP, {"process": this_process()})

    def end(self, status: str, ended: int) -> None:
        """Says how and when the run ended."""
        self.add(_END, {"status": status, "ended": ended})

    def read(self) -> Told:
        """What was written down; the half line of a killed process is left out."""
        operations, process = [], self.header.process
        broken_off, end, last = False, None, self.header.begun
        for line in (self.folder / _LINES).read_text(encoding="utf-8").splitlines()[1:]:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            arguments, last = entry["arguments"], entry["time"]
            match entry["operation"]:
                case "broken off":
                    broken_off = True
                case "taken up":
                    process, end = arguments["process"], None
                case "end":
                    end = (arguments["status"], arguments["ended"])
                case name:
                    files = {key: self.folder / place for key, place in entry["files"].items()}
                    operations.append(Operation(name, arguments, files))
        return Told(tuple(operations), process, broken_off, end, last)

    def done(self, run_id: str) -> int:
        """How many operations the server's run with this id has been sent already."""
        try:
            counted = json.loads((self.folder / _DONE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0
        return int(counted["operations"]) if counted["run_id"] == run_id else 0

    def set_done(self, run_id: str, operations: int) -> None:
        """Keeps how many operations the server's run has been sent."""
        write_text(self.folder / _DONE, json.dumps({"run_id": run_id, "operations": operations}))

    def discard(self) -> None:
        """Removes the record; the folder disappears from the outbox first, so that no half of it is ever read."""
        aside = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.old")
        self.folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def header_of(root: Path, name: str, inputs: Inputs, work: str | None) -> Header:
    """What a run is that begins now."""
    parent = os.environ.get("MLFLOW_RUN_ID")  # set by `mlflow run`
    return Header(uuid4().hex, name, inputs, git_commit(root), this_process(), now(), work, parent)


def open_record(root: Path, header: Header) -> Record:
    """Begins the record of a run.

    Raises:
        StorageError: The repository cannot be written to.
    """
    folder = root / OUTBOX / header.id
    write_text(folder / _LINES, json.dumps(asdict(header), default=_plain))
    return Record(folder, header)


def records(root: Path) -> list[Record]:
    """All records of the outbox in the order in which they were begun."""
    found = []
    for folder in (root / OUTBOX).glob("[!.]*/"):
        try:
            with (folder / _LINES).open(encoding="utf-8") as lines:
                content = json.loads(lines.readline())
            content["inputs"] = Inputs(**content["inputs"])
            found.append(Record(folder, Header(**content)))
        except (OSError, ValueError, TypeError, KeyError):
            continue  # killed before its first line, or no record
    return sorted(found, key=lambda record: (record.header.begun, record.header.id))


def waiting(root: Path) -> list[Record]:
    """The records that a server has to be sent: it missed some of them, or their process died before their end."""
    return [record for record in records(root) if _waits(record.read())]


def _waits(told: Told) -> bool:
    return told.broken_off or is_dead(told.process)


def drop_told(root: Path) -> None:
    """Removes records of processes that were killed while the server listened: it has heard what there was."""
    for record in records(root):
        told = record.read()
        if not told.broken_off and is_dead(told.process):
            record.discard()


def finished_record(root: Path, name: str, key: str) -> Record | None:
    """The waiting record of a finished run with this name on inputs with this hash, or None."""
    for record in waiting(root):
        end = record.read().end
        if (record.header.name, record.header.inputs.key) == (name, key) and end is not None and end[0] == "FINISHED":
            return record
    return None


def record_of_work(root: Path, work: str) -> Record | None:
    """The waiting record of work that is gone on with, or None."""
    return next((record for record in waiting(root) if record.header.work == work), None)


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return time.time_ns() // 1_000_000


def _hold(source: Path, place: Path) -> None:
    """Keeps the content of a file or folder: by a second name where the file system can, else by a copy."""
    files = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else [source]
    (place if source.is_dir() else place.parent).mkdir(parents=True, exist_ok=True)
    for path in files:
        if "__pycache__" in path.parts:
            continue
        target = place / path.relative_to(source) if source.is_dir() else place
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".py":  # edited in place, unlike results
            shutil.copyfile(path, target)
            continue
        try:
            os.link(path.resolve(), target)
        except OSError:
            shutil.copyfile(path, target)


def _plain(value: Any) -> Any:
    """What JSON does not know: NumPy's numbers and paths."""
    return value.item() if hasattr(value, "item") else str(value)


def names_told(operations: Sequence[Operation]) -> list[str]:
    """Names of the nested runs that a record holds."""
    return [operation.arguments["name"] for operation in operations if operation.name == "nested"]
