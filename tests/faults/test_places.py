"""A full disk, a read-only folder, no permission, a clock that goes backwards: one line, and the old results stay."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chronoslide.files import replacing, write_text
from faults.places import old_results, read_only, small_disk, write_to

NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can get to, as pytest's are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_full_disk_is_told_by_every_writer_and_the_old_results_stay(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 120) as disk:
        if disk is None:
            pytest.skip("this process may not mount a file system")
        old_results(disk)
        place = write_to(disk)
    assert not place.complaints, place.said
    assert all("No space left" in line or "free some space" in line for line in place.said)


def test_a_read_only_folder_is_told_by_every_writer(tmp_path: Path) -> None:
    old_results(tmp_path)
    with read_only(tmp_path) as mounted:
        if not mounted:
            pytest.skip("this process may not mount a file system")
        place = write_to(tmp_path)
    assert not place.complaints, place.said
    assert all("Read-only" in line for line in place.said)


def test_a_folder_without_permission_is_told_by_every_writer(open_folder: Path) -> None:
    old_results(open_folder)
    for path in open_folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    open_folder.chmod(0o555)
    place = write_to(open_folder, *([str(NOBODY)] if os.geteuid() == 0 else []))
    open_folder.chmod(0o755)
    assert not place.complaints, place.said
    assert all("Permission denied" in line for line in place.said)


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.txt"
    write_text(path, "of tomorrow")
    os.utime(path, (4e9, 4e9))
    seconds = iter(range(10**9, 0, -(10**6)))
    monkeypatch.setattr("time.time", lambda: next(seconds))
    with replacing(path) as temporary:
        temporary.write_text("of today")
        os.utime(temporary, (1e9, 1e9))
    assert path.read_text() == "of today"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["result.txt"]
