import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.mapping.scene_probability import map_scene
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.scenes.scene import Scene

BANDS = ("red", "nir")
STATISTICS = BandStatistics(BANDS, (0.125, 0.25), (0.05, 0.05))
MAP = MapSettings(window_pixels=32, overlap_pixels=8, batch_windows=3)


def scene_of(reflectance, valid=None):
    shape = reflectance.shape[:2]
    grid = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), shape)
    return Scene(reflectance.astype(np.float32), np.ones(shape, dtype=bool) if valid is None else valid, grid, BANDS)


def ramp(rows, cols):
    values = np.arange(rows * cols, dtype=np.float32).reshape(rows, cols) / (rows * cols)
    return np.stack([values, np.zeros_like(values)], axis=-1)


def first_band(images):
    return images[..., 0]


@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 16), st.floats(0, 1, width=32))
@settings(deadline=None, max_examples=40)
def test_a_constant_model_gives_that_constant_for_any_shape(rows, cols, overlap, constant):
    lattice = MapSettings(window_pixels=32, overlap_pixels=overlap, batch_windows=3)
    mapped = map_scene(
        scene_of(ramp(rows, cols)), lambda images: np.full(images.shape[:3], constant, np.float32), STATISTICS, lattice
    )
    assert mapped.dtype == np.float32
    assert (mapped == np.round(np.float32(constant), 4)).all()


@pytest.mark.parametrize("shape", [(70, 45), (32, 32), (5, 90), (1, 1)])
def test_a_model_that_looks_at_one_pixel_is_blended_without_seams(shape):
    scene = scene_of(ramp(*shape))
    assert np.abs(map_scene(scene, first_band, STATISTICS, MAP) - scene.reflectance[..., 0]).max() < 6e-5


def test_unobserved_pixels_are_not_mapped_and_the_network_sees_the_mean_there():
    valid = np.ones((40, 40), dtype=bool)
    valid[:5] = False
    reflectance = np.full((40, 40, 2), 0.5)
    reflectance[:5] = 0.0
    seen = []
    mapped = map_scene(
        scene_of(reflectance, valid), lambda images: seen.append(images) or first_band(images), STATISTICS, MAP
    )
    assert (np.isnan(mapped) == ~valid).all()
    assert {float(value) for images in seen for value in images[..., 0].ravel()} == {0.125, 0.5}
    assert {float(value) for images in seen for value in images[..., 1].ravel()} == {0.25, 0.5}


def test_a_small_scene_is_padded_to_a_multiple_of_sixteen_with_the_mean():
    seen = []
    map_scene(scene_of(ramp(20, 17)), lambda images: seen.append(images) or first_band(images), STATISTICS, MAP)
    [images] = seen
    assert images.shape == (1, 32, 32, 2)
    assert (images[0, 20:] == np.float32([0.125, 0.25])).all()
    assert (images[0, :, 17:] == np.float32([0.125, 0.25])).all()


def test_windows_without_a_valid_pixel_are_skipped_and_the_rest_keep_their_weight():
    valid = np.zeros((32, 200), dtype=bool)
    valid[:, 50:56] = True
    batches = []
    scene = scene_of(ramp(32, 200), valid)
    mapped = map_scene(scene, lambda images: batches.append(len(images)) or first_band(images), STATISTICS, MAP)
    assert sum(batches) == 2  # columns 24-55 and 48-79
    assert np.nanmax(np.abs(mapped - scene.reflectance[..., 0])[valid]) < 6e-5


def test_a_scene_without_any_valid_pixel_is_all_unobserved():
    mapped = map_scene(scene_of(ramp(40, 40), np.zeros((40, 40), dtype=bool)), first_band, STATISTICS, MAP)
    assert np.isnan(mapped).all()


def test_the_batch_does_not_change_the_map():
    scene = scene_of(ramp(90, 70))
    maps = [
        map_scene(scene, first_band, STATISTICS, MAP.model_copy(update={"batch_windows": batch})) for batch in (1, 4)
    ]
    assert (maps[0] == maps[1]).all()


def test_progress_counts_windows():
    calls = []
    map_scene(scene_of(ramp(32, 104)), first_band, STATISTICS, MAP, lambda done, count: calls.append((done, count)))
    assert calls == [(3, 4), (4, 4)]


def test_bands_are_put_in_the_networks_order():
    swapped = BandStatistics(("nir", "red"), (0.25, 0.125), (0.05, 0.05))
    assert map_scene(scene_of(ramp(20, 20)), first_band, swapped, MAP).max() == 0.0


def test_a_band_that_the_scene_lacks_is_named():
    other = BandStatistics(("red", "red_edge"), (0.1, 0.1), (0.1, 0.1))
    with pytest.raises(DataError, match="red_edge"):
        map_scene(scene_of(ramp(20, 20)), first_band, other, MAP)
