"""Crops of a site's years: those with labels of their own, and those that the reference year lends its labels to.

Stands between labelled years and the stored training patches; `crops` draws.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chronoslide.dataset import SiteName
from chronoslide.params import CropsSettings, PatchesSettings
from chronoslide.patches.blocks import TRAIN
from chronoslide.patches.carrying import carry_labels
from chronoslide.patches.crops import draw_crops, prepare
from chronoslide.patches.storage import SAMPLE_COLUMNS, PatchSet
from chronoslide.patches.years import LabelledYear, labelled_year
from chronoslide.scenes.channels import vegetation_index
from chronoslide.scenes.scene import Scene


def ndvi_of(scene: Scene) -> NDArray[np.float64]:
    """By which labels are carried.

    Raises:
        DataError: The scene lacks a band for it.
    """
    return vegetation_index(scene, "ndvi", "patches.crops.other_years needs NDVI")


def lend_labels(
    labels: NDArray[np.uint8],
    ndvi: NDArray[np.float64],
    scene: Scene,
    settings: CropsSettings,
    *,
    bands: tuple[str, ...],
) -> LabelledYear:
    """Another year with the labels that the reference year lends it.

    Args:
        labels: (rows, cols) of the reference year.
        ndvi: (rows, cols) of the reference year.
        scene: The other year, on the same grid, with all its bands.
        settings: How far NDVI may differ.
        bands: Those that are kept.
    """
    carried = carry_labels(
        labels,
        ndvi,
        ndvi_of(scene),
        scene.valid,
        background_tolerance=settings.background_tolerance,
        landslide_tolerance=settings.landslide_tolerance,
    )
    return labelled_year(scene.select(bands), carried)


def crops_of_years(
    labelled: Mapping[int, LabelledYear],
    lent: Mapping[int, LabelledYear],
    blocks: NDArray[np.uint8],
    settings: PatchesSettings,
    n: int,
    *,
    site: SiteName,
    bands: tuple[str, ...],
    seed: int,
) -> tuple[PatchSet, pd.DataFrame]:
    """Crops of the training ground of all years, and where each comes from (`SAMPLE_COLUMNS`).

    Args:
        labelled: The years with labels of their own, each drawn from as often as the next.
        lent: The years with labels that were lent, likewise; together they give the share `crops.other_years`.
        blocks: (rows, cols), the subset of each pixel.
        settings: Side, scale and share of crops without landslides.
        n: Number of crops.
        site: Whose years they are.
        bands: Their names.
        seed: The same seed gives the same bytes.

    Raises:
        DataError: There is no labelled ground.
    """
    share = settings.crops.other_years if lent else 0.0
    weights = [*((1.0 - share) / len(labelled) for _ in labelled), *(share / len(lent) for _ in lent)]
    years = {**labelled, **lent}
    crops = draw_crops(
        [prepare(year.images, year.labels, blocks == TRAIN) for year in years.values()],
        weights,
        n,
        side=settings.side_pixels,
        empty_share=settings.empty_share,
        scale=settings.crops.scale,
        seed=seed,
    )
    numbers = list(years)
    rows = [
        (site, numbers[ground], int(row), int(col), copy)
        for copy, (ground, (row, col)) in enumerate(zip(crops.ground, crops.corners, strict=True), start=1)
    ]
    return PatchSet(crops.images, crops.labels, bands), pd.DataFrame(rows, columns=list(SAMPLE_COLUMNS))
