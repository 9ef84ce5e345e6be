"""The share of mutants that tests noticed, and how sure it is."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from mutants.trials import FAILED, INTERNAL_ERROR, INTERRUPTED, PASSED

HEAD = (
    "| harmed | mutants | tried | noticed | of these out of time | run by no test | score | 95 % | minutes |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |"
)


def outcome(code: int) -> str:
    """What a trial's end means.

    Raises:
        RuntimeError: Pytest did not run any test, so nothing is known.
    """
    if code == PASSED:
        return "survived"
    if code in (FAILED, INTERRUPTED, INTERNAL_ERROR):
        return "noticed"
    if code < 0:
        return "out of time"  # or dead by a signal of its own
    raise RuntimeError(f"pytest ended with {code}")


@dataclass(frozen=True)
class Score:
    """What came of the mutants of one module or room.

    Attributes:
        total: How many mutants there are.
        outcomes: Of those that were tried.
        seconds: How long all of it took.
    """

    total: int
    outcomes: tuple[str, ...]
    seconds: float

    @property
    def noticed(self) -> int:
        """How many were noticed, by a test that failed or by one that did not end."""
        return sum(each in ("noticed", "out of time") for each in self.outcomes)

    @property
    def percent(self) -> float:
        """Noticed of 100 that were tried."""
        return 100 * self.noticed / len(self.outcomes)

    def row(self, name: str) -> str:
        """A row of the table."""
        told = Counter(self.outcomes)
        low, high = (100 * end for end in interval(self.noticed, len(self.outcomes)))
        sure = f"{low:.0f} to {high:.0f} %" if len(self.outcomes) < 0.9 * self.total else ""
        return (
            f"| {name} | {self.total} | {len(self.outcomes)} | {self.noticed} | {told['out of time']} "
            f"| {told['run by no test']} | {self.percent:.1f} % | {sure} | {self.seconds / 60:.1f} |"
        )


def interval(hits: int, tries: int) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson (1927)."""
    z = 1.959964
    share, wide = hits / tries, z * z / tries
    middle = (share + wide / 2) / (1 + wide)
    half = z / (1 + wide) * math.sqrt(share * (1 - share) / tries + wide / tries / 4)
    return middle - half, middle + half
