"""Finished rows of a map on disk, so that a map which was killed goes on where it stopped.

Stands behind the strips and before the raster: a file that only ever grows, a row of float32 after the other. Whatever
a killed process left, its whole rows are right and the rest is cut off. The first line names what the rows belong to.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import StorageError

HEADER_BYTES: Final = 64
"""Bytes before the first row."""


@dataclass
class PartialMap:
    """An open file of finished rows.

    Attributes:
        finished_rows: Rows that it holds.
    """

    finished_rows: int
    _file: BinaryIO

    def append(self, probability: NDArray[np.float32]) -> None:
        """Adds rows (rows, cols) behind those that are there.

        Raises:
            StorageError: The disk is full.
        """
        try:
            self._file.write(np.ascontiguousarray(probability, dtype=np.float32).data)
            self._file.flush()
        except OSError as error:
            raise StorageError(
                f"{self._file.name}: cannot be written ({error.strerror}); free some space, then repeat: the map goes "
                "on where it stopped"
            ) from error
        self.finished_rows += len(probability)


@contextmanager
def open_partial(path: Path, key: str, cols: int) -> Iterator[PartialMap]:
    """Opens the finished rows of a map, those of an earlier process included if they belong to the same key.

    Args:
        path: Is made where it is missing; rows of another key are thrown away.
        key: Of everything that the map depends on: weights, scene, settings, engine.
        cols: Columns of the map.

    Raises:
        StorageError: Another process is writing the same map.
    """
    header = hashlib.sha256(f"{key} {cols}".encode()).hexdigest().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with path.open("r+b", buffering=0) as raw:
        try:
            fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(f"{path}: another process is making this map; wait for it, or end it") from error
        if raw.read(HEADER_BYTES) != header:
            raw.truncate(0)
            raw.seek(0)
            raw.write(header)
        finished = (path.stat().st_size - HEADER_BYTES) // (4 * cols)
        raw.seek(HEADER_BYTES + finished * 4 * cols)
        raw.truncate()
        with open(raw.fileno(), "wb", closefd=False) as file:  # the descriptor that holds the lock
            yield PartialMap(finished, file)
