"""What a landslide mapper without learning reaches: a threshold on the vegetation index.

Landslides strip vegetation, so a low NDVI is the plainest sign of one; so are rivers, roads and fields. The threshold
is chosen on the training area and used on every scene, as a network's weights are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import ModelError
from chronoslide.labels import BACKGROUND, LANDSLIDE
from chronoslide.models.metrics import Threshold, counts_by_threshold, f1

_GRID_HUNDREDTHS = np.arange(-50, 100)


def ndvi(reflectance: NDArray[np.float32], bands: Sequence[str]) -> NDArray[np.float32]:
    """The normalised difference vegetation index (Rouse et al. 1974), (NIR - red) / (NIR + red).

    Args:
        reflectance: (..., bands).
        bands: Names of the bands in order.

    Returns:
        (...), NaN where both bands are 0 or one is NaN.

    Raises:
        ModelError: There is no band called `red` or `nir`.
    """
    missing = [name for name in ("red", "nir") if name not in bands]
    if missing:
        raise ModelError(f"the NDVI baseline: no band {missing} among {list(bands)}; add it to scenes.bands")
    red, nir = reflectance[..., list(bands).index("red")], reflectance[..., list(bands).index("nir")]
    total = nir + red
    index: NDArray[np.float32] = np.divide(nir - red, total, out=np.full_like(total, np.nan), where=total != 0)
    return index


def choose_ndvi_threshold(index: NDArray[np.float32], labels: NDArray[np.uint8]) -> Threshold:
    """The NDVI below or at which a pixel is landslide, by the highest pooled F1 among -0.50, -0.49, ... 0.99.

    Of equal ones the lowest is taken: it maps the least.

    Args:
        index: NDVI of the training area, any shape; NaN is left out.
        labels: The same shape; unobserved pixels are left out.

    Raises:
        ModelError: No pixel with an NDVI is labelled landslide.
    """
    used = ((labels == LANDSLIDE) | (labels == BACKGROUND)) & ~np.isnan(index)
    landslide = labels[used] == LANDSLIDE
    if not landslide.any():
        raise ModelError(
            "the NDVI baseline: the training area has no landslide pixel; check its inventory and area of interest"
        )
    # Mirrored, so that the low values are the ones that reach a threshold.
    grid = _GRID_HUNDREDTHS / 100
    scored = f1(counts_by_threshold(-index[used], landslide, -grid[::-1].astype(index.dtype)))[::-1]
    chosen = int(np.nanargmax(scored))
    return Threshold(float(grid[chosen]), float(scored[chosen]))


def predict(index: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Where the NDVI is at most `threshold`; False where it is NaN."""
    return index <= np.asarray(threshold, dtype=index.dtype)
