"""Folders of image and mask chips made by others, as patches to train and test on.

Stands beside the sampling: what a site gives by way of scenes, masks and windows, such a folder gives ready cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from chronoslide.errors import DataError, SettingsError
from chronoslide.patches.chip_sets.layouts import TEST, TRAIN, VALIDATION, WHOLE
from chronoslide.patches.chip_sets.reading import read_chip_set
from chronoslide.patches.chip_sets.units import Stated
from chronoslide.patches.storage import PatchSet


def read_chips(folder: Path, bands: Sequence[str], side: int | None = None) -> dict[str, PatchSet]:
    """Reads a patch set in any of the layouts that `chip_sets` knows.

    Args:
        folder: As its makers laid it out.
        bands: The bands wanted, by name. Where nothing tells which bands a set has, these are its channels in order.
        side: Of the patches [pixels]; None leaves chips as they are, and they must then all be squares of one size.

    Returns:
        The patches of each part that the set has (`train`, `validation`, `test`), or of `all`.

    Raises:
        DataError: A file is missing, broken or does not fit; the message names it.
        SettingsError: A band is not there.
    """
    return dict(read_chip_set(folder, bands, Stated(otherwise=tuple(bands)), side).parts)


def training_and_validation(
    parts: Mapping[str, PatchSet], validation_share: float, seed: int, what: Path, setting: str = "chips"
) -> tuple[PatchSet, PatchSet]:
    """A set's own split, or where it has none, one at random.

    Args:
        parts: As read.
        validation_share: Share for validation where the set does not say.
        seed: The same seed gives the same split.
        what: Folder of the set, for messages.
        setting: Where the share is stated, for messages.

    Raises:
        DataError: The set has nothing to train on.
        SettingsError: Training or validation would be empty.
    """
    training = parts.get(TRAIN, parts.get(WHOLE))
    if training is None:
        raise DataError(f"{what}: holds {' and '.join(parts)} only; name a set with chips to train on")
    if VALIDATION in parts:
        return training, parts[VALIDATION]
    return split_chips(training, validation_share, seed, setting)


def whole_set(parts: Mapping[str, PatchSet], what: Path) -> PatchSet:
    """The patches of a set without a split of its own.

    Raises:
        DataError: It has one.
    """
    if WHOLE not in parts:
        raise DataError(f"{what}: has the parts {', '.join(parts)}; name the folder of one of them")
    return parts[WHOLE]


def held_out_chips(parts: Mapping[str, PatchSet]) -> PatchSet | None:
    """The part that is for testing, or all of a set without a split; None where the set has neither."""
    return parts.get(TEST, parts.get(WHOLE))


def split_chips(
    patch_set: PatchSet, validation_share: float, seed: int, setting: str = "chips"
) -> tuple[PatchSet, PatchSet]:
    """Parts chips at random into training and validation; where they come from is not known, so not by place.

    Args:
        patch_set: The chips.
        validation_share: Share of them for validation.
        seed: The same seed gives the same split.
        setting: Where the share is stated, for messages.

    Returns:
        Training and validation chips, each in their old order.

    Raises:
        SettingsError: One of the two would be empty.
    """
    validation = round(patch_set.n * validation_share)
    if not 0 < validation < patch_set.n:
        raise SettingsError(
            f"{setting}.validation_share: {validation_share:g} of {patch_set.n} chips leaves {validation} for "
            f"validation and {patch_set.n - validation} for training; both need at least one"
        )
    order = np.random.default_rng(seed).permutation(patch_set.n)
    return patch_set.take(np.sort(order[validation:])), patch_set.take(np.sort(order[:validation]))
