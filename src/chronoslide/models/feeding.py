"""Feeding the training step: batches are made ready in a thread while the step before them runs.

Between the patches and the loop of `training`. Batches come in the order in which they are made and draw their random
numbers in it, so training gives the same bits as without the thread. How long the step had to wait is counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from chronoslide.pipelining import read_ahead

_Batch = TypeVar("_Batch")
_BATCHES_AHEAD: Final = 2


class Feeding:
    """Batches made ready ahead, and the time that the training step waited for them.

    Attributes:
        waited_seconds: Until now.
        worked_seconds: What the reader of the batches did with them until now.
    """

    def __init__(self) -> None:
        self.waited_seconds = 0.0
        self.worked_seconds = 0.0

    def ahead(self, batches: Iterable[_Batch]) -> Iterator[_Batch]:
        """The same batches, the next ones made while the reader works with one."""
        ready = read_ahead(batches, _BATCHES_AHEAD)
        while True:
            begin = time.perf_counter()
            try:
                batch = next(ready)
            except StopIteration:
                return
            given = time.perf_counter()
            self.waited_seconds += given - begin
            yield batch
            self.worked_seconds += time.perf_counter() - given

    @property
    def step_share(self) -> float:
        """The share of the time that was spent in the step, the rest being spent in waiting; 1 before any batch."""
        both = self.waited_seconds + self.worked_seconds
        return self.worked_seconds / both if both else 1.0
