"""The patch sets of `pretrain.sources`, read for training: split, with statistics, and with words on what they are.

Stands between the folders of others and the mixture that the network is trained on first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chronoslide.errors import DataError, SettingsError
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.params import SourceSettings
from chronoslide.patches.chip_sets.reading import ChipSet, read_chip_set
from chronoslide.patches.chip_sets.units import Stated
from chronoslide.patches.chips import training_and_validation
from chronoslide.patches.mixture import Mixture, Source
from chronoslide.patches.scaling import BandStatistics, band_statistics
from chronoslide.patches.storage import PatchSet


@dataclass(frozen=True, slots=True)
class ReadSource:
    """A patch set, ready to train on.

    Attributes:
        name: Its folder's.
        settings: As in `params.yaml`.
        chip_set: As read.
        training: Patches to learn from.
        validation: Patches to judge by.
        statistics: What its bands are standardised by.
    """

    name: str
    settings: SourceSettings
    chip_set: ChipSet
    training: PatchSet
    validation: PatchSet
    statistics: BandStatistics

    def to_json(self) -> dict[str, Any]:
        """What it is, for a file beside the model."""
        parts = {"training": self.training, "validation": self.validation}
        return {
            "path": self.settings.path,
            "weight": self.settings.weight,
            "units": self.chip_set.units.name,
            "chips": dict(self.chip_set.chips),
            "chips_by_side": dict(self.chip_set.fitted),
            "left_out": list(self.chip_set.notes),
            "patches": {name: part.n for name, part in parts.items()},
            "landslide_share": {name: round(_share(part), 6) for name, part in parts.items()},
            "standardised_by": self.settings.statistics,
            "statistics": self.statistics.to_json(),
        }


def read_sources(
    root: Path, sources: Sequence[SourceSettings], area: BandStatistics, side: int, seed: int
) -> tuple[ReadSource, ...]:
    """Reads patch sets with the bands of the training area.

    Args:
        root: What their paths start from.
        sources: As in `params.yaml`.
        area: Of the training area; its bands are wanted.
        side: Of the patches [pixels].
        seed: Of the splits.

    Raises:
        DataError: A file is missing, broken or does not fit; the message names it.
        SettingsError: A band is not there, a split leaves nothing, or units are not known where they must be.
    """
    return tuple(
        _read(root, source, f"pretrain.sources[{number}]", area, side, seed) for number, source in enumerate(sources)
    )


def mixtures(sources: Sequence[ReadSource], patches: int, area: BandStatistics, seed: int) -> tuple[Mixture, Mixture]:
    """What is trained on and what is judged by, both mixed by weight.

    Args:
        sources: At least one.
        patches: Of an epoch; no more are judged by.
        area: What the network standardises with.
        seed: Of the patches that are judged by.
    """
    held = sum(source.validation.n for source in sources)

    def mixed(parts: Sequence[PatchSet], count: int) -> Mixture:
        named = zip(sources, parts, strict=True)
        return Mixture(
            [Source(source.name, part, source.statistics, source.settings.weight) for source, part in named],
            count,
            area,
            seed,
        )

    return (
        mixed([source.training for source in sources], patches),
        mixed([source.validation for source in sources], min(patches, held)),
    )


def described(sources: Sequence[ReadSource]) -> str:
    """The sources in words, for a model's card."""
    return ", ".join(f"{source.name} ({source.training.n} patches)" for source in sources)


def counts(sources: Sequence[ReadSource], trained: Mixture) -> Mapping[str, float]:
    """Figures of each source for a run."""
    figures: dict[str, float] = {}
    for source, drawn in zip(sources, trained.counts, strict=True):
        figures |= {
            f"sources.{source.name}.patches": source.training.n,
            f"sources.{source.name}.validation_patches": source.validation.n,
            f"sources.{source.name}.patches_of_an_epoch": drawn,
            f"sources.{source.name}.landslide_share": _share(source.training),
        }
        for band, mean, spread in zip(
            source.statistics.bands, source.statistics.mean, source.statistics.standard_deviation, strict=True
        ):
            figures |= {
                f"sources.{source.name}.mean.{band}": mean,
                f"sources.{source.name}.standard_deviation.{band}": spread,
            }
    return figures


def _read(root: Path, source: SourceSettings, setting: str, area: BandStatistics, side: int, seed: int) -> ReadSource:
    folder = root / source.path
    stated = Stated(source.bands, None, source.factor, source.offset, setting)
    chip_set = read_chip_set(folder, area.bands, stated, side)
    if source.statistics == "training_area" and not chip_set.units.known:
        raise SettingsError(
            f"{setting}.statistics: {source.path} holds {chip_set.units.name} without a unit, which the "
            f"training area's statistics do not fit; state {setting}.factor, or take its own statistics"
        )
    training, validation = training_and_validation(chip_set.parts, source.validation_share, seed, folder, setting)
    try:
        own = band_statistics(training.images, training.labels != UNOBSERVED, training.bands)
    except DataError as error:
        raise DataError(f"{folder}: {error}") from error
    statistics = area if source.statistics == "training_area" else own
    return ReadSource(folder.name, source, chip_set, training, validation, statistics)


def _share(patches: PatchSet) -> float:
    """Landslide among the observed pixels."""
    return float((patches.labels == LANDSLIDE).sum() / max(np.count_nonzero(patches.labels != UNOBSERVED), 1))
