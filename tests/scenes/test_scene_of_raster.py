"""What others send as a scene: which values, bands and gaps are understood, and what is refused."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import ChronoslideError
from chronoslide.grid import Grid
from chronoslide.rasters import Raster
from chronoslide.scenes.scene import scene_of_raster

GRID = Grid(CRS.from_epsg(32645), Affine(5.0, 0.0, 400_000.0, 0.0, -5.0, 3_100_000.0), (1, 3))
WANTED = ("red", "nir")


def raster(values: object, kind: type, bands: tuple[str, ...] = WANTED, grid: Grid = GRID) -> Raster:
    """One row of three pixels (3, bands), all said to be valid."""
    array = np.array([values], dtype=kind)
    return Raster(array, np.ones(array.shape[:2], dtype=bool), grid, bands)


def test_uint16_is_ten_thousand_times_reflectance_and_all_zero_is_unobserved() -> None:
    scene = scene_of_raster(raster([[1000, 2500], [0, 1], [0, 0]], np.uint16), WANTED, "image")
    np.testing.assert_allclose(scene.reflectance[0], [[0.1, 0.25], [0.0, 0.0001], [0.0, 0.0]])
    assert scene.valid.tolist() == [[True, True, False]]


def test_float_is_reflectance_and_not_a_number_is_unobserved() -> None:
    scene = scene_of_raster(raster([[0.1, 0.25], [np.nan, 0.2], [0.3, np.inf]], np.float64), WANTED, "image")
    assert scene.reflectance.dtype == np.float32
    np.testing.assert_allclose(scene.reflectance[0], [[0.1, 0.25], [0.0, 0.0], [0.0, 0.0]])
    assert scene.valid.tolist() == [[True, False, False]]


def test_bands_are_found_by_name_in_any_order() -> None:
    values = [[1, 2, 3]] * 3
    scene = scene_of_raster(raster(values, np.uint16, ("nir", "blue", "red")), WANTED, "image")
    np.testing.assert_allclose(scene.reflectance[0, 0], [3e-4, 1e-4])
    assert scene.bands == WANTED


def test_bands_without_names_are_taken_in_order() -> None:
    assert scene_of_raster(raster([[1, 2]] * 3, np.uint16, ("", "")), WANTED, "image").bands == WANTED


DEGREES = Grid(CRS.from_epsg(4326), Affine(1e-4, 0.0, 85.0, 0.0, -1e-4, 28.0), (1, 3))


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (raster([[1, 2, 3]] * 3, np.uint16, ("", "", "")), ["3 bands without names", "expected 2 (red, nir)"]),
        (raster([[1, 2]] * 3, np.uint16, ("red", "nirr")), ["no band 'nir'", "did you mean 'nirr'"]),
        (raster([[1, 2]] * 3, np.uint16, ("red", "")), ["no band 'nir'", "without a name"]),
        (raster([[1, 2, 3]] * 3, np.uint16, ("red", "nir", "red")), ["twice"]),
        (raster([[1, 2]] * 3, np.int16), ["values are int16", "float32", "uint16"]),
        (raster([[0, 0]] * 3, np.uint16), ["no pixel is observed"]),
        (raster([[np.nan, 0.1]] * 3, np.float32), ["no pixel is observed"]),
        (raster([[800.0, 2500.0]] * 3, np.float32), ["2500", "no reflectance"]),
        (raster([[1, 2]] * 3, np.uint16, grid=DEGREES), ["EPSG:4326 is not in metres", "UTM"]),
    ],
)
def test_what_is_no_scene_for_the_model_is_refused_in_one_line(sent: Raster, words: list[str]) -> None:
    with pytest.raises(ChronoslideError) as refused:
        scene_of_raster(sent, WANTED, "image")
    assert all(word in str(refused.value) for word in ["image", *words])
    assert "\n" not in str(refused.value)
