"""A dead process is told from a later one with its number."""

import os
import subprocess

from chronoslide.processes import is_alive, is_dead, start_of, this_process


def test_a_process_number_that_is_used_again_is_not_the_process_that_was_killed() -> None:
    this = os.getpid()
    assert is_alive(this, start_of(this))
    assert is_alive(this, "")  # a run of a system that does not tell
    assert not is_alive(this, "1")
    with subprocess.Popen([os.sys.executable, "-c", ""], stdout=subprocess.PIPE) as ended:
        assert ended.stdout is not None
        ended.stdout.read()  # its end: it is gone, but nobody has waited for it
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(ended.pid, "")
    assert not is_alive(ended.pid, "")


def test_this_process_is_there_and_another_machine_s_is_not_judged() -> None:
    assert not is_dead(this_process())
    machine, number, _ = this_process().split(":")
    assert is_dead(f"{machine}:{number}:1")
    assert not is_dead(f"elsewhere:{number}:1")
    assert not is_dead("")
