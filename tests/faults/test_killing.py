"""The short form of the killing: a few cheap stages. `make test-faults` kills every stage twenty times."""

from pathlib import Path

import pytest

from faults.killing import WRITING, Victim
from repository import Repository

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def victim(smoke: Repository, tmp_path_factory: pytest.TempPathFactory) -> Victim:
    return Victim(smoke.copy(tmp_path_factory.mktemp("killed") / "chronoslide"))


@pytest.mark.parametrize(
    ("stage", "kind", "moment"),
    [("masks", "group", 0.8), ("inventory", "stage", 0.6), ("masks", "dvc", 0.5), ("track", "repeated", 0.7)],
)
def test_the_next_repro_mends_what_a_kill_left(victim: Victim, stage: str, kind: str, moment: float) -> None:
    outcome = victim.trial(stage, kind, moment)
    assert outcome.complaints == []
    assert set(outcome.statuses) <= {"FINISHED", "KILLED"}


def test_two_repros_at_once_in_one_checkout_mix_nothing(smoke: Repository, tmp_path: Path) -> None:
    victim = Victim(smoke.copy(tmp_path / "two"))
    assert victim.two_at_once("masks") == []


def test_a_kill_while_dvc_writes_its_lock_is_mended(victim: Victim) -> None:
    # Whether it takes `unlock` hangs on the byte that it stopped at.
    assert victim.trial("masks", WRITING, 1.0).complaints == []


def test_a_dvc_lock_that_was_cut_costs_no_stage(smoke: Repository, tmp_path: Path) -> None:
    repository = smoke.copy(tmp_path / "cut")
    repository.git("commit", "--quiet", "--all", "--message", "the settings of the smoke profile and what they gave")
    whole = (repository.root / "dvc.lock").read_text()
    (repository.root / "dvc.lock").write_text("")
    assert "validation failed" in repository.run("dvc", "repro", check=False).stderr
    assert "dvc.lock was half-written" in repository.run("chronoslide", "unlock").stderr
    assert "Running stage" not in repository.run("dvc", "repro").stdout
    assert (repository.root / "dvc.lock").read_text() == whole
