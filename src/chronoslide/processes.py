"""Which process did something, and whether it is still there: dead ones leave runs and trials that nobody ends.

Ground floor. A process is named by machine, number and start, because the kernel uses numbers again.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

_DEAD: Final = "dead"  # ended, but nobody has asked with which code


def this_process() -> str:
    """Names this process so that no later one can be taken for it: machine, number, start."""
    return f"{socket.gethostname()}:{os.getpid()}:{start_of(os.getpid())}"


def is_dead(process: str) -> bool:
    """Whether a process of this machine is gone; nothing is known of another machine's.

    Args:
        process: As `this_process` named it.
    """
    host, number, start = [*process.split(":"), "", ""][:3]
    return host == socket.gethostname() and number.isdecimal() and not is_alive(int(number), start)


def is_alive(number: int, start: str) -> bool:
    """Whether the process with this number that started then is still there; an empty start is not compared."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    now = start_of(number)
    return now != _DEAD and (not start or not now or now == start)


def start_of(number: int) -> str:
    """When a process started, in ticks since the machine did; empty where Linux' /proc does not tell."""
    try:
        state, *numbers = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return _DEAD if state == "Z" else numbers[18]
