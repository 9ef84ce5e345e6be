"""What `summary.json` tells of a site: its blocks and its patches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronoslide.grid import Grid
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.patches.blocks import SUBSETS, block_shape
from chronoslide.patches.storage import PatchSet


def blocks_summary(
    blocks: NDArray[np.uint8], labels: NDArray[np.uint8], grid: Grid, block_metres: float
) -> dict[str, Any]:
    """How many blocks each subset has, and how much ground and landslide lies in them."""
    rows, cols = block_shape(grid, block_metres)
    corners = blocks[::rows, ::cols]
    landslide, ground = labels == LANDSLIDE, labels != UNOBSERVED
    return {
        subset: {
            "blocks": int((corners == code).sum()),
            "observed_km2": float((ground & (blocks == code)).sum() * grid.pixel_area_m2 / 1e6),
            "landslide_km2": float((landslide & (blocks == code)).sum() * grid.pixel_area_m2 / 1e6),
            "share_of_observed": float((ground & (blocks == code)).sum() / ground.sum()),
            "share_of_landslide": float((landslide & (blocks == code)).sum() / landslide.sum()),
        }
        for subset, code in SUBSETS.items()
    }


def patches_summary(patch_set: PatchSet, originals: int) -> dict[str, Any]:
    """How many patches a subset has, how many of them are no originals, and what they show."""
    return {
        "originals": originals,
        "copies": patch_set.n - originals,
        "landslide_share": _share(patch_set.labels),
        "unobserved_share": float((patch_set.labels == UNOBSERVED).mean()),
    }


def _share(labels: NDArray[np.uint8]) -> float:
    """Landslide among the labelled pixels."""
    landslide = int((labels == LANDSLIDE).sum())
    return landslide / max(landslide + int((labels == BACKGROUND).sum()), 1)
