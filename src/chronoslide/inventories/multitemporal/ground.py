"""What the scene of a year tells of the ground under a polygon: how much of it was masked, and how green it was.

Tracking asks it before it calls a landslide gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import features

from chronoslide.errors import GridError
from chronoslide.grid import Grid
from chronoslide.inventories.pixels import extents, pixels_of
from chronoslide.models.baseline import ndvi
from chronoslide.scenes.scene import Scene


@dataclass(frozen=True, slots=True)
class Ground:
    """Validity and greenness of a year's scene.

    Attributes:
        observed: (rows, cols), False where the scene is masked.
        grid: Where the pixels lie; ground outside counts as masked.
        ndvi: (rows, cols), the normalised difference vegetation index, or None if it is not known.

    Raises:
        GridError: An array does not fit the grid.
    """

    observed: NDArray[np.bool_]
    grid: Grid
    ndvi: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        for array in (self.observed, self.ndvi):
            if array is not None and array.shape != self.grid.shape:
                raise GridError(f"an array {array.shape} does not fit the grid {self.grid.shape} of its year")

    @classmethod
    def of_scene(cls, scene: Scene) -> Ground:
        """What a scene shows; the NDVI is known where it has a red and a near-infrared band."""
        greenness = ndvi(scene.reflectance, scene.bands) if {"red", "nir"} <= set(scene.bands) else None
        return cls(scene.valid, scene.grid, greenness)

    def masked_share(self, polygons: NDArray[np.object_]) -> NDArray[np.float64]:
        """(polygons,), the share of each polygon that is masked or outside the scene, 0 to 1."""
        area = shapely.area(polygons)
        share: NDArray[np.float64] = 1.0 - shapely.area(shapely.intersection(polygons, self.grid.footprint)) / area
        share[share < 1e-9] = 0.0
        for index in np.flatnonzero((share < 1.0) & self._meets_masked(polygons)):
            place, inside = pixels_of(polygons[index], self.grid)
            masked = ~self.observed[place][inside]
            if masked.size:
                share[index] += (1.0 - share[index]) * masked.mean()
        return share

    def mean_ndvi(self, polygons: NDArray[np.object_]) -> NDArray[np.float64]:
        """(polygons,), the mean NDVI of the observed pixels of each polygon; NaN where none is known.

        Where polygons overlap, the last one has the pixels: those of a year's stock hardly do.
        """
        if self.ndvi is None or not len(polygons):
            return np.full(len(polygons), np.nan)
        labels = features.rasterize(
            zip(polygons, range(1, len(polygons) + 1), strict=True),
            out_shape=self.grid.shape,
            transform=self.grid.transform,
            dtype="int32",
        )
        known = self.observed & np.isfinite(self.ndvi)
        labels = np.where(known, labels, 0)
        pixels = np.bincount(labels.ravel(), minlength=len(polygons) + 1)[1:]
        total = np.bincount(labels.ravel(), weights=np.where(known, self.ndvi, 0.0).ravel(), minlength=len(pixels) + 1)
        with np.errstate(invalid="ignore"):
            return np.asarray(total[1:] / pixels)

    def _meets_masked(self, polygons: NDArray[np.object_]) -> NDArray[np.bool_]:
        """(polygons,), whether there is any masked pixel in the rectangle around each."""
        # A sum over a rectangle is four look-ups in a table of cumulative sums: only few polygons have to be looked at
        # pixel by pixel.
        sums = np.zeros((self.grid.rows + 1, self.grid.cols + 1), dtype=np.int64)
        sums[1:, 1:] = (~self.observed).cumsum(axis=0).cumsum(axis=1)
        top, bottom, left, right = extents(polygons, self.grid)
        masked = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return np.asarray(masked > 0)
