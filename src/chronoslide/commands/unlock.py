"""`chronoslide unlock`: mends what DVC leaves half-written when it is killed, so that `dvc repro` can go on.

DVC empties its list of locks and `dvc.lock` before it writes them anew, and refuses both when they are half. It makes a
folder for the record of a run before the record, and stumbles over a folder without one. It is no stage that is killed
then but DVC itself, so nothing of ours can prevent it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from chronoslide.errors import StorageError
from chronoslide.files import parse_json, parse_yaml, write_text
from chronoslide.git import git

_LOCKS = Path(".dvc/tmp/rwlock")
_LOCK_FILE = Path("dvc.lock")
_BROKEN = Path(".dvc/tmp/dvc.lock.broken")
_RECORDS = Path(".dvc/cache/runs")
# A `dvc` that is at work has written any of them within a tenth of a second.
_PATIENCE_SECONDS = 1.0


def run(root: Path) -> None:
    """Removes a half list of locks and records without content, brings back a half `dvc.lock`, and says which.

    `dvc.lock` is brought back as git's last commit has it, or removed where git has none. What stages made since then
    is taken from DVC's cache by the next `dvc repro`. The half one is kept in `.dvc/tmp`. What is whole stays as it is.

    Args:
        root: The repository.

    Raises:
        StorageError: `dvc.lock` holds the marks of a merge, which a person must settle, or cannot be written.
    """
    mended = []
    if _is_half(root / _LOCKS, _is_list_of_locks):
        (root / _LOCKS).unlink(missing_ok=True)
        mended.append(f"{_LOCKS} was half-written and is removed; DVC makes it anew")
    if _is_half(root / _LOCK_FILE, _is_lock_file):
        mended.append(_bring_back(root))
    if removed := _remove_empty_records(root / _RECORDS):
        mended.append(f"{_RECORDS} had {removed} of a run's records without content, which are removed")
    for line in mended:
        print(line, file=sys.stderr)
    if not mended:
        print("DVC has left nothing half-written")


def _bring_back(root: Path) -> str:
    lock_file, broken = root / _LOCK_FILE, root / _BROKEN
    if "<<<<<<<" in lock_file.read_text(encoding="utf-8", errors="replace"):
        raise StorageError(
            f"{lock_file}: holds the marks of a merge; take one side (`git checkout --ours {_LOCK_FILE}`, or "
            "--theirs), then `dvc repro`"
        )
    committed = _committed(root)
    broken.parent.mkdir(parents=True, exist_ok=True)
    lock_file.replace(broken)
    if committed is None:
        return f"{_LOCK_FILE} was half-written and is removed (now {_BROKEN}); `dvc repro` makes it anew"
    write_text(lock_file, committed)
    return (
        f"{_LOCK_FILE} was half-written (now {_BROKEN}) and is as the last commit has it; "
        "`dvc repro` takes what was made since then from its cache"
    )


def _committed(root: Path) -> str | None:
    """`dvc.lock` of git's last commit; None where there is no git, no commit or no such file."""
    try:
        committed = git(root, "show", f"HEAD:./{_LOCK_FILE}")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return committed if _is_lock_file(committed) else None


def _remove_empty_records(records: Path) -> int:
    removed = 0
    for record in records.glob("*/*"):
        with suppress(OSError):  # it is not empty, or has gone
            if time.time() - record.stat().st_mtime > _PATIENCE_SECONDS:
                record.rmdir()
                removed += 1
    return removed


def _is_half(path: Path, is_whole: Callable[[str], bool]) -> bool:
    """Whether the file stays half for longer than a `dvc` takes that is writing it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return False
        if is_whole(text):
            return False
        if time.monotonic() > deadline:
            return True
        time.sleep(0.05)


def _is_list_of_locks(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except ValueError:
        return False


def _is_lock_file(text: str) -> bool:
    """Whether DVC itself would take it: a file that is cut may well be YAML."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text))
    except (ValueError, Invalid):
        return False
    return True
