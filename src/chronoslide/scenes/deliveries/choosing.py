"""Which acquisition of a catalogue stands for a year: the clearest over the area itself, nearest the season's middle.

Pure: the catalogue is searched and read elsewhere.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chronoslide.errors import SettingsError

LEAST_COMPLETE: Final = 0.95
"""Share of the area that an acquisition must show to stand for a year."""

# Differences in what is seen that are smaller than this are no reason to go farther from the season's middle.
_STEP: Final = 0.02


@dataclass(frozen=True, slots=True)
class Season:
    """A part of the year; one that goes over New Year belongs to the year in which it begins.

    Attributes:
        first: (month, day) of its first day.
        last: (month, day) of its last day.
    """

    first: tuple[int, int]
    last: tuple[int, int]

    @classmethod
    def read(cls, text: str) -> Season:
        """Reads `10-15..12-15`.

        Raises:
            SettingsError: It is written otherwise, or names no days.
        """
        match = re.fullmatch(r"(\d{1,2})-(\d{1,2})\.\.(\d{1,2})-(\d{1,2})", text)
        try:
            if match is None:
                raise ValueError
            months = [int(part) for part in match.groups()]
            season = cls((months[0], months[1]), (months[2], months[3]))
            season.of(2001)
        except ValueError as error:
            raise SettingsError(f"--season {text}: write it as month-day..month-day, as in 10-15..12-15") from error
        return season

    def of(self, year: int) -> tuple[datetime.date, datetime.date]:
        """Its first and last day in a year."""
        later = year + 1 if self.last < self.first else year
        return datetime.date(year, *self.first), datetime.date(later, *self.last)

    def middle(self, year: int) -> datetime.date:
        """Its middle day in a year."""
        first, last = self.of(year)
        return first + (last - first) / 2


def read_years(text: str) -> tuple[int, ...]:
    """Reads `2016-2025` or `2016,2018`.

    Raises:
        SettingsError: It is written otherwise, or the years run backwards.
    """
    years: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*((?:19|20)\d\d)(?:-((?:19|20)\d\d))?\s*", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise SettingsError(f"--years {text}: write them as 2016-2025 or 2016,2018")
        years += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(sorted(set(years)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An acquisition that could stand for a year.

    Attributes:
        date: Of the acquisition.
        items: Names of its items; an area may lie on several tiles.
        complete: Share of the area that it covers.
        cloud: Share of the covered area under clouds, their shadow, snow or defects; None where it was not looked at.
    """

    date: datetime.date
    items: tuple[str, ...]
    complete: float
    cloud: float | None


def choose(candidates: Sequence[Candidate], middle: datetime.date, max_cloud: float) -> Candidate | None:
    """The acquisition that stands for a year, None where none is good enough.

    Args:
        candidates: Of one year.
        middle: The season's middle.
        max_cloud: Largest share of the area under clouds.
    """
    good = [
        one for one in candidates if one.cloud is not None and one.cloud <= max_cloud and one.complete >= LEAST_COMPLETE
    ]
    if not good:
        return None

    def rank(one: Candidate) -> tuple[int, int, datetime.date]:
        seen = one.complete * (1.0 - (one.cloud or 0.0))
        return -round(seen / _STEP), abs((one.date - middle).days), one.date

    return min(good, key=rank)
