"""Polygonising a map of 100 megapixels: the whole raster at once, and strip by strip.

`python -m benchmarks polygons` makes smooth noise whose landslides have a map's sizes; each way runs in a process of
its own: `python -m benchmarks.bench_polygons whole|strips`.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from scipy import ndimage

from benchmarks.measure import ROOT, Measure
from chronoslide.grid import Grid

SIDE = 10_000
STRIP = 448
_TILE = 1_000
_THRESHOLD = 0.55
_SMALLEST_M2 = 200.0


def polygons() -> list[Measure]:
    """Seconds, megapixels a second and memory beyond that of the raster's making, both ways."""
    measures = []
    for way in ("whole", "strips"):
        words = f"python -m benchmarks.bench_polygons {way}"
        output = subprocess.run(
            [sys.executable, *words.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        seconds, gigabytes, count = (float(word) for word in output.split())
        measures += [
            Measure(f"polygonise_{way}_100mpx_wall_s", (seconds,), "s", words),
            Measure(f"polygonise_{way}_100mpx_peak_rss_gb", (gigabytes,), "GB", words),
            Measure(f"polygonise_{way}_100mpx_polygons", (count,), "1", words),
        ]
    return measures


def _strips() -> Iterator[NDArray[np.float32]]:
    """Rows of the map, as they would be read from it: a tile of noise, repeated and turned so that it has no seam."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((_TILE, _TILE)), 6, mode="wrap")
    tile = (0.5 + 0.02 * noise / noise.std()).astype(np.float32)
    for first in range(0, SIDE, STRIP):
        rows = np.arange(first, min(first + STRIP, SIDE)) % _TILE
        yield np.tile(tile[rows], (1, SIDE // _TILE))


def main() -> int:
    """Prints seconds, peak memory and the number of polygons of one way."""
    from chronoslide.inventories.outlines.strip_vectorising import polygonise_strips
    from chronoslide.inventories.outlines.vectorising import polygonise, remove_small

    grid = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (SIDE, SIDE))
    if sys.argv[1] == "whole":
        probability = np.concatenate(list(_strips()))
        begin = time.perf_counter()
        found = polygonise(remove_small(probability >= _THRESHOLD, _SMALLEST_M2, grid), grid, probability)
    else:
        begin = time.perf_counter()
        found = polygonise_strips(((strip >= _THRESHOLD, strip) for strip in _strips()), grid, _SMALLEST_M2)
    seconds = time.perf_counter() - begin
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, len(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
