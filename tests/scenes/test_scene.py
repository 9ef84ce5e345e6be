import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chronoslide.errors import DataError, GridError
from chronoslide.rasters import write_raster
from chronoslide.scenes.scene import Scene, read_scene, write_scene

stored_reflectance = arrays.arrays(np.uint16, (4, 6, 2), elements=st.integers(1, 65_535))
validity = arrays.arrays(np.bool_, (4, 6))


def a_scene(site, value=0.25):
    return Scene(np.full((4, 6, 2), value, dtype=np.float32), np.ones((4, 6), dtype=bool), site, ("red", "nir"))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(stored_reflectance, validity)
def test_what_is_written_is_read(tmp_path, site, stored, valid):
    scene = Scene((stored / np.float32(10_000)).astype(np.float32), valid, site, ("red", "nir"))
    write_scene(tmp_path / "a.tif", scene, {})
    again = read_scene(tmp_path / "a.tif")
    np.testing.assert_array_equal(again.valid, valid)
    np.testing.assert_array_equal(again.reflectance[valid], scene.reflectance[valid])
    assert (again.reflectance[~valid] == 0).all()
    assert (again.grid, again.bands) == (site, ("red", "nir"))


@pytest.mark.parametrize(
    ("reflectance", "stored"),
    [(0.25, 2_500), (0.12344, 1_234), (0.12346, 1_235), (0.0, 1), (-0.1, 1), (6.6, 65_535), (1e9, 65_535)],
)
def test_valid_reflectance_is_stored_rounded_and_never_as_nodata(tmp_path, site, reflectance, stored):
    write_scene(tmp_path / "a.tif", a_scene(site, reflectance), {"DATE": "2016-11-04"})
    with rasterio.open(tmp_path / "a.tif") as source:
        assert (source.read() == stored).all()
        assert (source.dataset_mask() == 255).all()
        assert source.dtypes == ("uint16", "uint16")
        assert source.tags()["DATE"] == "2016-11-04"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_not_written_as_valid(tmp_path, site, value):
    scene = a_scene(site)
    scene.reflectance[1, 2, 1] = value
    write_scene(tmp_path / "a.tif", scene, {})
    again = read_scene(tmp_path / "a.tif")
    assert not again.valid[1, 2]
    assert again.valid.sum() == 23
    with rasterio.open(tmp_path / "a.tif") as source:
        assert (source.read()[:, 1, 2] == 0).all()


def test_the_same_scene_gives_the_same_bytes(tmp_path, site):
    for name in ("a.tif", "b.tif"):
        write_scene(tmp_path / name, a_scene(site), {"YEAR": "2016"})
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_bands_are_selected_by_name_in_the_order_asked(site):
    scene = a_scene(site)
    scene.reflectance[..., 1] = 0.5
    chosen = scene.select(["nir", "red"])
    assert chosen.bands == ("nir", "red")
    assert chosen.reflectance[0, 0].tolist() == [0.5, 0.25]
    assert scene.select(["nir"]).reflectance.shape == (4, 6, 1)


def test_a_band_that_is_not_there_is_answered_with_the_nearest(site):
    with pytest.raises(DataError, match="no band 'nri', did you mean 'nir'\\?; it has red, nir"):
        a_scene(site).select(["red", "nri"])


def test_parts_that_do_not_fit_make_no_scene(site):
    with pytest.raises(GridError, match="do not fit"):
        Scene(np.zeros((4, 6, 3), dtype=np.float32), np.ones((4, 6), dtype=bool), site, ("red", "nir"))


@pytest.mark.parametrize(("dtype", "bands"), [(np.float32, ("red", "nir")), (np.uint16, ("", ""))])
def test_a_raster_that_is_no_stored_scene_is_refused(tmp_path, site, dtype, bands):
    write_raster(tmp_path / "a.tif", np.ones((4, 6, 2), dtype=dtype), site, bands=bands)
    with pytest.raises(DataError, match=r"not a stored scene.*repeat `chronoslide scenes`"):
        read_scene(tmp_path / "a.tif")
