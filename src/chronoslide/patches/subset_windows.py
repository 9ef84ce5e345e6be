"""The windows of each subset and year of a site, and the patches in them.

Stands between the choice of windows in one year (`sampling`) and the stored patches. `by_place` follows the blocks,
`at_random` the paper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.dataset import SiteName
from chronoslide.errors import DataError
from chronoslide.labels import UNOBSERVED
from chronoslide.params import PatchesSettings
from chronoslide.patches.blocks import SUBSETS, TRAIN, block_shape
from chronoslide.patches.sampling import (
    Selection,
    Windows,
    cut,
    paper_windows,
    split_at_random,
    tiling_windows,
    training_windows,
)
from chronoslide.patches.storage import SAMPLE_COLUMNS, PatchSet
from chronoslide.patches.years import LabelledYear


class SubsetWindows(NamedTuple):
    """What becomes patches.

    Attributes:
        windows: Of each subset and year.
        dropped: How many candidates were dropped, by subset ("all" where they are parted later) and reason.
    """

    windows: dict[str, dict[int, Windows]]
    dropped: dict[str, Mapping[str, int]]


def by_place(
    years: Mapping[int, LabelledYear],
    blocks: NDArray[np.uint8],
    settings: PatchesSettings,
    *,
    test_share: float,
    seed: int,
) -> SubsetWindows:
    """The windows of each subset within its blocks.

    Args:
        years: On one grid.
        blocks: (rows, cols), the subset of each pixel.
        settings: How windows are chosen.
        test_share: With 0 there is no test subset.
        seed: Draws the training windows without landslides.
    """
    rng = np.random.default_rng(seed)
    selections: dict[str, dict[int, Selection]] = {}
    for subset in _subsets(test_share):
        selections[subset] = {
            year: _in_blocks(content, blocks, SUBSETS[subset], settings, rng) for year, content in years.items()
        }
    windows = {subset: {year: chosen.windows for year, chosen in of.items()} for subset, of in selections.items()}
    return SubsetWindows(windows, {subset: _total(of.values()) for subset, of in selections.items()})


def at_random(
    years: Mapping[int, LabelledYear], settings: PatchesSettings, *, test_share: float, seed: int
) -> SubsetWindows:
    """The same by the paper's protocol: windows anywhere, dealt out at random.

    Args:
        years: On one grid.
        settings: How windows are chosen and dealt out.
        test_share: With 0 there is no test subset.
        seed: Shuffles.
    """
    selections = {
        year: paper_windows(
            content.labels,
            side=settings.side_pixels,
            stride=settings.stride_pixels,
            minimum_landslide_pixels=settings.minimum_landslide_pixels,
        )
        for year, content in years.items()
    }
    year_of = np.concatenate([np.full(len(chosen.windows), year) for year, chosen in selections.items()])
    together = np.concatenate([chosen.windows for chosen in selections.values()])
    codes = split_at_random(
        len(together),
        validation_share=settings.validation_share,
        test_share=test_share,
        rng=np.random.default_rng(seed),
    )
    windows = {
        subset: {year: together[(codes == SUBSETS[subset]) & (year_of == year)] for year in years}
        for subset in _subsets(test_share)
    }
    return SubsetWindows(windows, {"all": _total(selections.values())})


def require_patches(windows: Mapping[str, Mapping[int, Windows]], site: SiteName) -> None:
    """Refuses a site of which a subset has no window.

    Raises:
        DataError: It is so.
    """
    for subset, of_years in windows.items():
        if not sum(map(len, of_years.values())):
            raise DataError(
                f"{site} site: no {subset} patch; lower patches.side_pixels, patches.stride_pixels or "
                "patches.minimum_landslide_pixels, or deliver scenes with less NoData"
            )


def cut_patches(
    years: Mapping[int, LabelledYear],
    windows: Mapping[int, Windows],
    side: int,
    *,
    site: SiteName,
    bands: tuple[str, ...],
) -> tuple[PatchSet, pd.DataFrame]:
    """The patches of a subset, and where each comes from (`SAMPLE_COLUMNS`).

    Args:
        years: To cut from.
        windows: Of each year.
        side: Rows and columns of a patch.
        site: Whose years they are.
        bands: Their names.
    """
    images = np.concatenate([cut(years[year].images, of_year, side, fill=0) for year, of_year in windows.items()])
    labels = np.concatenate([cut(years[year].labels, of_year, side, UNOBSERVED) for year, of_year in windows.items()])
    rows = [(site, year, int(row), int(col), 0) for year, of_year in windows.items() for row, col, *_ in of_year]
    return PatchSet(images, labels, bands), pd.DataFrame(rows, columns=list(SAMPLE_COLUMNS))


def _subsets(test_share: float) -> list[str]:
    return [subset for subset in SUBSETS if subset != "test" or test_share]


def _in_blocks(
    year: LabelledYear, blocks: NDArray[np.uint8], code: int, settings: PatchesSettings, rng: np.random.Generator
) -> Selection:
    shape = block_shape(year.grid, settings.block_metres)
    if code != TRAIN:
        return tiling_windows(year.labels, blocks, code, side=settings.side_pixels, block_shape=shape)
    return training_windows(
        year.labels,
        blocks,
        side=settings.side_pixels,
        stride=settings.stride_pixels,
        block_shape=shape,
        minimum_landslide_pixels=settings.minimum_landslide_pixels,
        empty_share=settings.empty_share,
        rng=rng,
    )


def _total(selections: Iterable[Selection]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for selection in selections:
        total.update(selection.dropped)
    return dict(total)
