"""Which processes train together, and how they meet before they do.

It stands between the command line, which names the processes, and `workers`, which lets them step together.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Final

from chronoslide.errors import ClusterError, SettingsError

_PATIENCE_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Team:
    """The processes that train together, and which of them this one is.

    Attributes:
        addresses: HOST:PORT of each, at which the others reach it; in the same order in all processes.
        rank: Of this process, from 0; number 0 keeps the results.

    Raises:
        SettingsError: An address is none, stands twice, or there is no process of this rank.
    """

    addresses: tuple[str, ...]
    rank: int

    def __post_init__(self) -> None:
        for address in self.addresses:
            host, _, port = address.rpartition(":")
            if not host or not port.isdigit():
                raise SettingsError(f"--workers: {address!r} is no address; write each as HOST:PORT, parted by commas")
        if len(set(self.addresses)) < len(self.addresses):
            raise SettingsError("--workers: an address stands twice; each process needs one of its own")
        if not 0 <= self.rank < len(self.addresses):
            raise SettingsError(
                f"--worker: there is no process {self.rank} among {len(self.addresses)}; they are counted from 0"
            )

    @property
    def keeps(self) -> bool:
        """Whether this process keeps what was trained and tells MLflow; the others only help."""
        return self.rank == 0


def meet(team: Team) -> None:
    """Waits until every process of the team is there; TensorFlow would wait without end, deaf to an interrupt.

    Each listens where TensorFlow will listen, until it has reached all the others.

    Raises:
        ClusterError: This process cannot listen there, or another one does not come.
    """
    try:
        listening = socket.create_server(("", _place(team.addresses[team.rank])[1]))
    except (OSError, OverflowError) as error:
        raise cannot_begin(team, error) from error
    with listening:
        until = time.monotonic() + _PATIENCE_SECONDS
        for address in team.addresses:
            while not _answers(address):
                if time.monotonic() > until:
                    raise ClusterError(
                        f"{address}: no process of the training answers there; start all of them within "
                        f"{_PATIENCE_SECONDS / 60:.0f} minutes, on machines that reach each other"
                    )
                time.sleep(_LOOK_SECONDS)


def cannot_begin(team: Team, reason: object) -> ClusterError:
    """The error of a process that cannot take its place."""
    address = team.addresses[team.rank]
    return ClusterError(f"{address}: no training can begin there ({reason}); choose a free port of this machine")


def _answers(address: str) -> bool:
    try:
        socket.create_connection(_place(address), timeout=1.0).close()
    except (OSError, OverflowError):
        return False
    return True


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
