"""What can go wrong for a user, as one small tree of exceptions.

Every message is one line that says what is wrong, where, and what to do. The command line prints the message
alone (exit code 2); anything that is not a `ChronoslideError` is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_HEAD, _TAIL = 700, 300  # of a message; what is wrong stands first, what to do last


class ChronoslideError(Exception):
    """Base of every error that a user can mend; its message is one line, whatever text of a file is quoted in it."""

    def __init__(self, message: str = "") -> None:
        line = " ".join(str(message).split())
        super().__init__(line if len(line) <= _HEAD + _TAIL else f"{line[:_HEAD]} ... {line[-_TAIL:]}")


class SettingsError(ChronoslideError):
    """`params.yaml` holds an unknown key or a value out of range."""


class DataError(ChronoslideError):
    """A delivered file is missing, broken, or not what the data description says."""


class GridError(ChronoslideError):
    """Two things on different grids met, or a coordinate reference system is missing or unusable."""


class InventoryError(ChronoslideError):
    """An inventory cannot be used as landslide polygons."""


class ModelError(ChronoslideError):
    """A stored model is missing, broken, or made for other bands than the ones it is given."""


class RequestError(ChronoslideError):
    """A request to the served model cannot be answered, or the server did not answer."""


class StorageError(ChronoslideError):
    """A result cannot be written: disk full, no permission, a folder in the way."""


class ClusterError(ChronoslideError):
    """Other machines that were to help do not answer, are lost, or do not have what it takes."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns `, did you mean 'x'?` for the known word nearest to `word`, or an empty string."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {matches[0]!r}?" if matches else ""
