"""Patches on disk: images and labels as `.npy`, mapped into memory when read, and where each patch came from.

Stands between the stage `patches`, which writes, and training and evaluation, which read. The same patches always
give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.errors import DataError
from chronoslide.files import parse_json, replacing, write_json
from chronoslide.patches.scaling import BandStatistics

SAMPLE_COLUMNS: Final = ("site", "year", "row", "col", "copy")
"""Columns of `samples.csv`; row and col of the upper left pixel on the site's grid, copy 0 for an original."""

_IMAGES, _LABELS, _SAMPLES, _BANDS = "images.npy", "labels.npy", "samples.csv", "bands.json"
_STATISTICS = "statistics.json"
_REPEAT: Final = "repeat `chronoslide patches`"


@dataclass(frozen=True, slots=True)
class PatchSet:
    """Patches of one side with their labels.

    Attributes:
        images: (n, side, side, bands), uint16, 10,000 x reflectance; 0 where unobserved.
        labels: (n, side, side), uint8: background 0, landslide 1, unobserved 255.
        bands: A name for each band.

    Raises:
        DataError: The parts do not fit each other.
    """

    images: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    bands: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape != (*self.labels.shape, len(self.bands)):
            raise DataError(
                f"images {self.images.shape}, labels {self.labels.shape} and {len(self.bands)} bands do not fit; "
                "(n, side, side, bands) and (n, side, side) are expected"
            )
        if self.images.dtype != np.uint16 or self.labels.dtype != np.uint8:
            raise DataError(
                f"images are {self.images.dtype} and labels {self.labels.dtype}; uint16 and uint8 are expected"
            )
        if self.images.shape[1] != self.images.shape[2]:
            raise DataError(f"patches of {self.images.shape[1]} x {self.images.shape[2]} pixels; squares are expected")

    @property
    def n(self) -> int:
        """Number of patches."""
        return int(self.images.shape[0])

    @property
    def side(self) -> int:
        """Rows and columns of a patch."""
        return int(self.images.shape[1])

    def order(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """The patches of one epoch in random order: all of them."""
        return rng.permutation(self.n)

    def batch(self, chosen: NDArray[np.int64]) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """Images and labels of some patches."""
        return np.asarray(self.images[chosen]), np.asarray(self.labels[chosen])

    def whole(self) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """Images and labels of all patches."""
        return self.images, self.labels

    def take(self, indices: Sequence[int] | NDArray[np.intp]) -> PatchSet:
        """The patches with these indices, in this order, as a copy."""
        return PatchSet(self.images[indices], self.labels[indices], self.bands)

    def joined(self, others: PatchSet) -> PatchSet:
        """These patches and then the others, as a copy.

        Raises:
            DataError: The others have other bands or another side.
        """
        if self.bands != others.bands or self.side != others.side:
            raise DataError(
                f"patches of {self.side} pixels with {list(self.bands)} and of {others.side} pixels with "
                f"{list(others.bands)} cannot be joined; make them with the same settings"
            )
        return PatchSet(
            np.concatenate([self.images, others.images]), np.concatenate([self.labels, others.labels]), self.bands
        )


def write_patches(folder: Path, patch_set: PatchSet, samples: pd.DataFrame) -> None:
    """Writes patches into a folder, whole or not at all.

    Args:
        folder: Where to; an older folder is replaced.
        patch_set: The patches.
        samples: A row a patch with the columns of `SAMPLE_COLUMNS`.

    Raises:
        DataError: `samples` has other columns or another length.
        StorageError: The place cannot be written to.
    """
    if tuple(samples.columns) != SAMPLE_COLUMNS or len(samples) != patch_set.n:
        raise DataError(
            f"{folder}: {len(samples)} samples with columns {list(samples.columns)} for {patch_set.n} patches; "
            f"a row a patch with {list(SAMPLE_COLUMNS)} is expected"
        )
    with replacing(folder) as temporary:
        temporary.mkdir()
        np.save(temporary / _IMAGES, np.ascontiguousarray(patch_set.images), allow_pickle=False)
        np.save(temporary / _LABELS, np.ascontiguousarray(patch_set.labels), allow_pickle=False)
        samples.to_csv(temporary / _SAMPLES, index=False, lineterminator="\n", encoding="utf-8")
        write_json(temporary / _BANDS, {"bands": list(patch_set.bands)})


def read_patches(folder: Path) -> PatchSet:
    """Reads patches that `write_patches` wrote; the arrays stay on disk until they are used.

    Raises:
        DataError: A file is missing, broken, or does not fit the others.
    """
    images, labels = _mapped(folder / _IMAGES), _mapped(folder / _LABELS)
    try:
        bands = tuple(parse_json(_text(folder / _BANDS))["bands"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder / _BANDS}: no list of bands; {_REPEAT}") from error
    try:
        return PatchSet(images, labels, bands)
    except DataError as error:
        raise DataError(f"{folder}: {error}; {_REPEAT}") from error


def read_samples(folder: Path) -> pd.DataFrame:
    """Reads where each patch of `read_patches` came from.

    Raises:
        DataError: The file is missing or has other columns.
    """
    path = folder / _SAMPLES
    _text(path)
    try:
        samples = pd.read_csv(path)
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path}: not a table; {_REPEAT}") from error
    if tuple(samples.columns) != SAMPLE_COLUMNS:
        raise DataError(f"{path}: columns {list(samples.columns)}, {list(SAMPLE_COLUMNS)} expected; {_REPEAT}")
    return samples


def write_statistics(folder: Path, statistics: BandStatistics) -> None:
    """Writes the band statistics of a site's training patches into the site's folder."""
    write_json(folder / _STATISTICS, statistics.to_json())


def read_statistics(folder: Path) -> BandStatistics:
    """Reads what `write_statistics` wrote.

    Raises:
        DataError: The file is missing or holds something else.
    """
    path = folder / _STATISTICS
    text = _text(path)
    try:
        return BandStatistics.from_json(parse_json(text))
    except ValueError as error:
        raise DataError(f"{path}: not JSON; {_REPEAT}") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _mapped(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; run `chronoslide patches`") from error
    except (OSError, ValueError, TypeError, SyntaxError, TokenError, EOFError, OverflowError) as error:
        raise DataError(f"{path}: not a whole array file; {_REPEAT}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; run `chronoslide patches`") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read; {_REPEAT}") from error
