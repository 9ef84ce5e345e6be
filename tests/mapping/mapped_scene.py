"""What the mapping tests share: a scene on disk, a network that looks at its surroundings, settings."""

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage

from chronoslide.grid import Grid
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.scenes.scene import SCALE, Scene, write_scene

BANDS = ("red", "nir")
STATISTICS = BandStatistics(BANDS, (0.125, 0.25), (0.05, 0.05))
MAP = MapSettings(window_pixels=32, overlap_pixels=8, batch_windows=3)


def scene_of(rows, cols, seed=1):
    """Noise with a hole; reflectance as it is stored, so that what is read back is the same."""
    rng = np.random.default_rng(seed)
    reflectance = (rng.integers(1, 10_000, (rows, cols, 2)).astype(np.float32)) / np.float32(SCALE)
    valid = np.ones((rows, cols), dtype=bool)
    valid[rows // 3 : rows // 2, : cols // 2] = False
    reflectance[~valid] = 0.0
    grid = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (rows, cols))
    return Scene(reflectance, valid, grid, BANDS)


def store(path, scene):
    write_scene(path, scene, {"year": "2016"})
    return path


def smooth(images):
    """A network of a kind: each pixel depends on its surroundings, so seams would show."""
    return ndimage.uniform_filter(images[..., 0] + 0.1 * images[..., 1], size=(0, 9, 9)).astype(np.float32)
