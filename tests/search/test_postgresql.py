"""The study on a real PostgreSQL server, which the test starts, and which no machine need have."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from optuna.trial import TrialState

from chronoslide.search import trials
from free_ports import free_port
from search.made_up_search import GRID, settings, study_at
from search.test_running import worker

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path(shutil.which("initdb") or "/none").parent]


def as_nobody(words, **options):
    """A server refuses to be run by the superuser."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)


@pytest.fixture
def server():
    """The address of a database on a server of its own."""
    pytest.importorskip("psycopg")
    if not (PROGRAMS[-1] / "initdb").exists():
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="chronoslide-"))
    folder.chmod(0o777)
    data, log = folder / "data", folder / "log"
    port = free_port()
    control = PROGRAMS[-1] / "pg_ctl"
    try:
        made = as_nobody([PROGRAMS[-1] / "initdb", "-D", data, "-U", "search", "-A", "trust", "-N"], cwd=folder)
        assert made.returncode == 0, made.stderr
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        begun = as_nobody([control, "-D", data, "-l", log, "-o", options, "-w", "start"], cwd=folder)
        assert begun.returncode == 0, begun.stdout
        yield f"postgresql+psycopg://search@127.0.0.1:{port}/postgres"
    finally:
        as_nobody([control, "-D", data, "-m", "immediate", "stop"], cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


def test_two_processes_share_a_study_on_a_server_and_one_may_be_killed(server):
    with worker(server, 27, "grid", "none", 0.002) as one, worker(server, 27, "grid", "none", 0.002) as other:
        one.kill()
        assert other.wait() == 0
    with worker(server, 27, "grid", "none", 0) as last:
        assert last.wait() == 0
    study = study_at(server, settings(space=GRID, sampler="grid", pruner="none"))
    done = trials.ended(study, 27)
    assert len({tuple(trial.params.items()) for trial in done}) == len(done) == 27
    assert {trial.state for trial in done} == {TrialState.COMPLETE}
    study.storage.remove_session()
    study.storage.engine.dispose()
