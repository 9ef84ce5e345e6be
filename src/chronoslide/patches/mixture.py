"""Patches of several sets as one to train on, each in its own units: an epoch draws from them by weight.

Stands between patch sets made by others and training, which takes a mixture as it takes the patches of an area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import PatchSet
from chronoslide.scenes.scene import SCALE


class Samples(Protocol):
    """What training needs of patches, be they of one area or a mixture."""

    @property
    def n(self) -> int:
        """Number of patches of an epoch."""

    @property
    def side(self) -> int:
        """Rows and columns of a patch."""

    @property
    def bands(self) -> tuple[str, ...]:
        """A name for each band."""

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """The patches of one epoch in random order, (n,)."""

    def batch(self, chosen: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Images in stored units (10,000 x reflectance) and labels of some patches."""

    def whole(self) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """The same of the patches that are judged by."""


@dataclass(frozen=True, slots=True)
class Source:
    """A set in a mixture.

    Attributes:
        name: Of the set.
        patches: Its patches.
        statistics: Mean and spread that its bands are standardised by.
        weight: See `Mixture`.
    """

    name: str
    patches: PatchSet
    statistics: BandStatistics
    weight: float


class Mixture:
    """Several sets, mixed by weight.

    Each epoch takes of each set a number of patches in proportion to its weight, drawn anew: without repetition where
    the set has enough, otherwise each equally often but for one. Values are expressed such that the network's own
    standardisation gives what the set's statistics would: `mean_network + (value - mean_set) / spread_set x
    spread_network`. They are floats, since such values may be negative.

    Args:
        sources: At least one, all of one side and the same bands.
        patches: Of an epoch.
        statistics: What the network standardises with.
        seed: Of the patches that are judged by.
    """

    def __init__(self, sources: Sequence[Source], patches: int, statistics: BandStatistics, seed: int) -> None:
        self._sources = tuple(sources)
        self._starts = np.cumsum([0, *(source.patches.n for source in sources)])
        self._statistics = statistics
        self._seed = seed
        self.counts = shares(patches, [source.weight for source in sources])

    @property
    def n(self) -> int:
        """Number of patches of an epoch."""
        return sum(self.counts)

    @property
    def side(self) -> int:
        """Rows and columns of a patch."""
        return self._sources[0].patches.side

    @property
    def bands(self) -> tuple[str, ...]:
        """A name for each band."""
        return self._sources[0].patches.bands

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """The patches of one epoch in random order, (n,); numbers run through the sets in their order."""
        drawn = [
            start + _draw(source.patches.n, count, rng)
            for source, start, count in zip(self._sources, self._starts, self.counts, strict=False)
        ]
        return np.asarray(rng.permutation(np.concatenate(drawn)), dtype=np.int64)

    def batch(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Images, float32 in the network's units (10,000 x reflectance), and labels of some patches."""
        images = np.empty((len(chosen), self.side, self.side, len(self.bands)), np.float32)
        labels = np.empty(images.shape[:3], np.uint8)
        owner = np.searchsorted(self._starts, chosen, side="right") - 1
        for number, source in enumerate(self._sources):
            own = owner == number
            places = chosen[own] - self._starts[number]
            labels[own] = source.patches.labels[places]
            images[own] = self._expressed(source.patches.images[places], source.statistics)
        return images, labels

    def whole(self) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """One draw, always the same."""
        return self.batch(self.order(np.random.default_rng(self._seed)))

    def _expressed(self, images: NDArray[np.uint16], own: BandStatistics) -> NDArray[np.float32]:
        spread = np.asarray(self._statistics.standard_deviation) / np.asarray(own.standard_deviation)
        shift = SCALE * (np.asarray(self._statistics.mean) - np.asarray(own.mean) * spread)
        return np.asarray(images.astype(np.float32) * spread.astype(np.float32) + shift.astype(np.float32))


def shares(total: int, weights: Sequence[float]) -> tuple[int, ...]:
    """Whole numbers in proportion to weights that add up to `total`, by largest remainder."""
    exact = total * np.asarray(weights, dtype=np.float64) / sum(weights)
    counts = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(counts - exact, kind="stable")
    counts[by_remainder[: total - counts.sum()]] += 1
    return tuple(int(count) for count in counts)


def _draw(n: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    rounds, rest = divmod(count, n)
    return np.concatenate([*(np.arange(n) for _ in range(rounds)), rng.permutation(n)[:rest]]).astype(np.int64)
