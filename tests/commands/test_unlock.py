"""What DVC leaves half-written is mended; what is whole, or is a person's to settle, stays."""

import os
from pathlib import Path

import pytest

from chronoslide.cli import main
from chronoslide.commands import unlock
from repository import Repository

WHOLE = """schema: '2.0'
stages:
  masks:
    cmd: chronoslide masks
    outs:
    - path: results/masks
      hash: md5
      md5: 0123456789abcdef0123456789abcdef.dir
"""
LATER = WHOLE + "  scenes:\n    cmd: chronoslide scenes\n"


@pytest.fixture(autouse=True)
def in_no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unlock, "_PATIENCE_SECONDS", 0.1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose last commit has a `dvc.lock`, and a list of locks that is whole."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/rwlock").write_text('{"read": {}, "write": {}}')
    (tmp_path / "dvc.lock").write_text(WHOLE)
    repository = Repository(tmp_path)
    for words in (["init", "--quiet"], ["add", "dvc.lock"], ["commit", "--quiet", "--message", "as it was"]):
        repository.git(*words)
    return tmp_path


def unlocked(root: Path) -> int:
    return main(["unlock", "--root", str(root)])


def test_whole_files_stay(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "dvc.lock").write_text(LATER)
    assert unlocked(root) == 0
    assert (root / "dvc.lock").read_text() == LATER
    assert (root / ".dvc/tmp/rwlock").exists()
    assert capsys.readouterr() == ("DVC has left nothing half-written\n", "")


@pytest.mark.parametrize("left", ["", '{"read": {"data"'])
def test_a_half_list_of_locks_is_removed(root: Path, left: str, capsys: pytest.CaptureFixture[str]) -> None:
    (root / ".dvc/tmp/rwlock").write_text(left)
    assert unlocked(root) == 0
    assert not (root / ".dvc/tmp/rwlock").exists()
    assert "rwlock was half-written" in capsys.readouterr().err


@pytest.mark.parametrize("left", ["", LATER[:20], LATER[:40], LATER[:-20], LATER[: LATER.index("results/masks")]])
def test_a_half_lock_file_is_as_the_last_commit_has_it(root: Path, left: str) -> None:
    (root / "dvc.lock").write_text(left)
    assert unlocked(root) == 0
    assert (root / "dvc.lock").read_text() == WHOLE
    assert (root / ".dvc/tmp/dvc.lock.broken").read_text() == left


def test_a_half_lock_file_that_git_does_not_know_is_removed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "dvc.lock").write_text("")
    Repository(root).git("update-ref", "-d", "HEAD")
    assert unlocked(root) == 0
    assert not (root / "dvc.lock").exists()
    assert "`dvc repro` makes it anew" in capsys.readouterr().err


def test_a_record_without_content_is_removed_unless_dvc_may_be_writing_it(root: Path) -> None:
    records = [root / ".dvc/cache/runs/ab" / name for name in ("old", "new", "full")]
    for record in records:
        record.mkdir(parents=True)
    (records[2] / "content").touch()
    for record in (records[0], records[2]):
        os.utime(record, (0, 0))
    assert unlocked(root) == 0
    assert [record.exists() for record in records] == [False, True, True]


def test_the_marks_of_a_merge_are_left_to_a_person(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    merging = f"<<<<<<< HEAD\n{WHOLE}=======\n{LATER}>>>>>>> theirs\n"
    (root / "dvc.lock").write_text(merging)
    assert unlocked(root) == 2
    assert (root / "dvc.lock").read_text() == merging
    assert "marks of a merge" in capsys.readouterr().err


def test_a_folder_without_dvc_has_nothing_to_mend(tmp_path: Path) -> None:
    assert unlocked(tmp_path) == 0
