"""What several test files share: a small repository whose pipeline has run."""

import fcntl
import os

import pytest

from repository import Repository, check_out


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository on the smoke profile whose `dvc repro` has ended. Read it; change only copies of it.

    It takes a minute and a half, so the processes among which the tests are divided share the one that the first makes.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "smoke.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "smoke.made").exists():
            _run_smoke(check_out(shared / "smoke/chronoslide"))
            (shared / "smoke.made").touch()
    return Repository(shared / "smoke/chronoslide")


def _run_smoke(repository: Repository) -> None:
    repository.run("chronoslide", "configure", "--profile", "smoke")
    repository.run("chronoslide", "simulate")
    repository.run("dvc", "commit", "--quiet", "--force", "data.dvc")
    repository.run("dvc", "repro", "--quiet")
