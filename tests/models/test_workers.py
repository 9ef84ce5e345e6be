"""Training by two real processes on this machine's loopback address."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chronoslide.cli import main
from chronoslide.errors import ClusterError, SettingsError
from chronoslide.models import team
from chronoslide.models.team import Team
from chronoslide.models.workers import together
from free_ports import free_ports

PROGRAM = Path(__file__).with_name("train_with_others.py")
SECONDS = 240


def addresses(count):
    """Free places of this machine."""
    return ",".join(f"127.0.0.1:{port}" for port in free_ports(count))


def begin(*words):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    )  # fmt: skip


def finish(*running):
    try:
        for one in running:
            output, _ = one.communicate(timeout=SECONDS)
            assert one.returncode == 0, output
    finally:
        for one in running:
            one.kill()


@pytest.mark.parametrize("loss", ["tversky", "lovasz_hinge"])
def test_two_processes_train_what_one_trains_and_both_the_same(tmp_path, loss):
    names = addresses(2)
    finish(*(begin(tmp_path / f"{rank}.npz", loss, names, rank) for rank in (0, 1)))
    finish(begin(tmp_path / "alone.npz", loss))
    first, second, alone = (np.load(tmp_path / f"{name}.npz") for name in ("0", "1", "alone"))
    assert all(np.array_equal(first[name], second[name]) for name in first.files)
    np.testing.assert_allclose(first["curves"], alone["curves"], atol=1e-4)
    np.testing.assert_allclose(first["answers"], alone["answers"], atol=1e-3)


@pytest.mark.parametrize(
    ("names", "rank", "reason"),
    [
        ("a:1,b", 0, "'b' is no address"),
        ("a:1,a:1", 0, "stands twice"),
        ("a:1,b:1", 2, "no process 2 among 2"),
    ],
)
def test_a_team_that_cannot_be_is_refused(names, rank, reason):
    with pytest.raises(SettingsError, match=reason):
        Team(tuple(names.split(",")), rank)


@pytest.mark.parametrize("words", [["--workers", "a:1,b:1"], ["--worker", "0"]])
def test_the_command_wants_both_or_neither(capsys, words):
    assert main(["pretrain", *words]) == 2
    assert "--workers and --worker go together" in capsys.readouterr().err


def test_a_process_that_does_not_come_is_named(monkeypatch):
    monkeypatch.setattr(team, "_PATIENCE_SECONDS", 0.1)
    first, second = addresses(2).split(",")
    with pytest.raises(ClusterError, match=f"{second}: no process of the training answers there"):
        together(Team((first, second), 0)).__enter__()


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"{address}: no training can begin there"):
            together(Team((address, "127.0.0.1:1"), 0)).__enter__()
