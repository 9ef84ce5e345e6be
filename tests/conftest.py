"""What several test files share: a small repository whose pipeline has run."""

import pytest

from repository import Repository, check_out


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository on the smoke profile whose `dvc repro` has ended. Read it; change only copies of it."""
    repository = check_out(tmp_path_factory.mktemp("smoke") / "chronoslide")
    repository.run("chronoslide", "configure", "--profile", "smoke")
    repository.run("chronoslide", "simulate")
    repository.run("dvc", "commit", "--quiet", "--force", "data.dvc")
    repository.run("dvc", "repro", "--quiet")
    return repository
