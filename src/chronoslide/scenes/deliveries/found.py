"""What a provider's module recognises in a folder: one scene that was delivered, before any pixel is looked at."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from chronoslide.dataset import Source
from chronoslide.errors import DataError


@dataclass(frozen=True, slots=True)
class Found:
    """One delivered tile, as far as names and metadata tell.

    Attributes:
        provider: Who delivers so, in words.
        sensor: Name of the sensor.
        label: The name by which the user can speak of it (`--date LABEL=2016-11-04`): its folder or file.
        bands: Names in the order of the file, or of the files.
        bands_from: How they are known.
        scene: The file with all bands, or None.
        band_files: A file a band otherwise.
        date: When it was acquired, if known.
        date_from: How that is known.
        usable_data_mask: Planet's UDM or UDM2.
        scene_classification: Sentinel-2's SCL.
        metadata: The provider's.
        scale: The stored value of a reflectance of 1, if stated.
        scale_from: How that is known.
        nodata: The value that the provider gives to pixels without observation, tagged or not; None if unknown.
        offset: What is added to stored values first; None where nothing is said.
        offset_from: How that is known.
        provenance: "simulated" where the metadata say so.
        source: Where it was fetched from: `catalogue`, `collection`, `item`, `sha256`.
        notes: What the user should know.
        problem: Why it cannot be used, in a line with the file and the remedy; None where nothing speaks against it.
        unless_offset: The same, but settled where the user states the offset.
    """

    provider: str
    sensor: str
    label: str
    bands: tuple[str, ...]
    bands_from: str
    scene: Path | None = None
    band_files: Mapping[str, Path] = field(default_factory=dict)
    date: datetime.date | None = None
    date_from: str = ""
    usable_data_mask: Path | None = None
    scene_classification: Path | None = None
    metadata: Path | None = None
    scale: float | None = None
    scale_from: str = ""
    nodata: float | None = None
    offset: float | None = None
    offset_from: str = ""
    provenance: Literal["simulated", "observed"] = "observed"
    source: Source | None = None
    notes: tuple[str, ...] = ()
    problem: str | None = None
    unless_offset: str | None = None

    @property
    def name(self) -> Path:
        """The scene's file, or the folder of its bands."""
        return self.scene if self.scene is not None else next(iter(self.band_files.values())).parent

    @property
    def rasters(self) -> tuple[Path, ...]:
        """The files that hold its bands."""
        return (self.scene,) if self.scene is not None else tuple(self.band_files.values())

    def files(self) -> Iterator[Path]:
        """Everything that belongs to it."""
        yield from self.rasters
        for path in (self.usable_data_mask, self.scene_classification, self.metadata):
            if path is not None:
                yield path


@dataclass(frozen=True, slots=True)
class Recognised:
    """What one provider's module makes of a list of files.

    Attributes:
        scenes: The scenes that were delivered.
        taken: All files that are spoken for, those included that are of no use.
        problems: What is wrong, a line each, where no scene could be made of it.
    """

    scenes: tuple[Found, ...] = ()
    taken: frozenset[Path] = frozenset()
    problems: tuple[str, ...] = ()


_LARGEST_LISTING = 100_000


def list_files(paths: Sequence[Path]) -> list[Path]:
    """All files in the named folders and the named files themselves, sorted; hidden ones and DVC's are left out.

    Raises:
        DataError: A path does not exist, or there are so many files that a folder was named by mistake.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_file():
            found.add(path)
            continue
        if not path.is_dir():
            raise DataError(f"{path}: no such file or folder; check the name")
        for below in path.rglob("*"):
            hidden = any(part.startswith(".") for part in below.relative_to(path).parts)
            if not hidden and below.suffix != ".dvc" and below.is_file():
                found.add(below)
            if len(found) > _LARGEST_LISTING:
                raise DataError(f"{path}: holds more than {_LARGEST_LISTING} files; name the folder of one delivery")
    return sorted(found)
