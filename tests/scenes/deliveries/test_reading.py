from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.windows import Window
from shapely.geometry import Polygon, box

from chronoslide.dataset import Acquisition
from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid
from chronoslide.scenes.deliveries.reading import crs_of, read_area, read_tile

REAL = Path(__file__).parents[3] / "../shared/data/rapideye"
STORED = np.arange(100, 148, dtype=np.uint16).reshape(4, 6, 2)


def test_stored_values_become_reflectance_in_the_order_asked(tmp_path, site, described, deliver):
    tile = read_tile(tmp_path, deliver(STORED), described(), ["nir", "red"], site)
    assert not tile.resampled
    assert tile.scene.bands == ("nir", "red")
    assert tile.scene.grid == site
    assert tile.scene.valid.all()
    assert tile.scene.reflectance.dtype == np.float32
    np.testing.assert_allclose(tile.scene.reflectance, STORED[..., ::-1] / 10_000, rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "value", "profile", "described_nodata"),
    [
        ("uint16", 0, {}, 0),
        ("uint16", 7, {"nodata": 7}, None),
        ("uint16", 7, {"nodata": 7}, 0),
        ("uint16", 65_535, {}, None),
        ("int16", -9_999, {}, -9_999),
        ("float32", np.nan, {}, None),
        ("float32", np.inf, {}, 0),
    ],
    ids=["described", "tagged", "tagged besides", "saturated", "negative", "not a number", "infinite"],
)
def test_a_pixel_without_observation_in_one_band_is_invalid(
    tmp_path, site, described, deliver, dtype, value, profile, described_nodata
):
    values = STORED.astype(dtype)
    values[1, 2, 1] = value
    dataset = described(nodata=described_nodata)
    tile = read_tile(tmp_path, deliver(values, **profile), dataset, ["red"], site)
    assert tile.scene.valid.all()  # only the bands that are asked for decide
    tile = read_tile(tmp_path, deliver(values, **profile), dataset, ["red", "nir"], site)
    expected = np.ones((4, 6), dtype=bool)
    expected[1, 2] = False
    np.testing.assert_array_equal(tile.scene.valid, expected)
    assert (tile.scene.reflectance[1, 2] == 0).all()
    assert np.isfinite(tile.scene.reflectance).all()


@pytest.mark.parametrize("defect", [1, 2, 64, 255])
def test_only_zero_is_usable_in_the_providers_mask(tmp_path, site, described, deliver, defect):
    mask = np.zeros((4, 6), dtype=np.uint8)
    mask[3, 5] = defect
    tile = read_tile(tmp_path, deliver(STORED, mask=mask), described(), ["red"], site)
    assert not tile.scene.valid[3, 5]
    assert tile.scene.valid.sum() == 23


def test_an_alpha_band_is_no_band_and_its_zero_is_no_observation(tmp_path, site, described, deliver):
    alpha = np.full((4, 6, 1), 65_535, dtype=np.uint16)
    alpha[0, 0] = 0
    values = np.concatenate([STORED, alpha], axis=-1)
    colours = [ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha]
    acquisition = deliver(values, names=["red", "nir", None], colours=colours)
    tile = read_tile(tmp_path, acquisition, described(), ["red", "nir"], site)
    assert not tile.scene.valid[0, 0]
    assert tile.scene.valid.sum() == 23


def test_only_the_part_on_the_site_is_read(tmp_path, site, described, deliver):
    around = site.crop(Window(-2, -1, 10, 8))
    values = np.arange(1, 161, dtype=np.uint16).reshape(8, 10, 2)
    tile = read_tile(tmp_path, deliver(values, transform=around.transform), described(), ["red", "nir"], site)
    assert tile.scene.grid == site
    np.testing.assert_allclose(tile.scene.reflectance, values[1:5, 2:8] / 10_000, rtol=1e-6)


def test_a_tile_that_reaches_the_site_in_part_keeps_its_place(tmp_path, site, described, deliver):
    beside = site.crop(Window(4, 2, 6, 4))
    tile = read_tile(tmp_path, deliver(STORED, transform=beside.transform), described(), ["red"], site)
    assert tile.scene.grid == site.crop(Window(4, 2, 2, 2))
    np.testing.assert_allclose(tile.scene.reflectance[..., 0], STORED[:2, :2, 0] / 10_000, rtol=1e-6)


def test_a_shifted_tile_is_interpolated_and_a_plane_stays_a_plane(tmp_path, site, described, deliver):
    """Half a pixel to the left and up: each pixel of the site is the mean of four of the tile's."""
    rows, cols = np.mgrid[0:6, 0:8]
    plane = np.stack([1_000 + 100 * rows + 10 * cols, 2_000 + 0 * rows], axis=-1).astype(np.uint16)
    transform = site.transform @ Affine.translation(-0.5, -0.5)
    tile = read_tile(tmp_path, deliver(plane, transform=transform), described(), ["red", "nir"], site)
    assert tile.resampled
    assert tile.scene.grid == site
    assert tile.scene.valid.all()
    expected = (1_000 + 100 * (rows + 0.5) + 10 * (cols + 0.5))[:4, :6] / 10_000
    np.testing.assert_allclose(tile.scene.reflectance[..., 0], expected, atol=1e-6)
    np.testing.assert_allclose(tile.scene.reflectance[..., 1], 0.2, atol=1e-6)


def test_a_resampled_pixel_made_of_an_invalid_one_is_invalid_and_takes_nothing_from_it(
    tmp_path, site, described, deliver
):
    values = np.full((6, 8, 2), 1_000, dtype=np.uint16)
    values[2, 3] = 65_535
    transform = site.transform @ Affine.translation(-0.5, -0.5)
    tile = read_tile(tmp_path, deliver(values, transform=transform), described(), ["red", "nir"], site)
    expected = np.ones((4, 6), dtype=bool)
    expected[1:3, 2:4] = False
    np.testing.assert_array_equal(tile.scene.valid, expected)
    np.testing.assert_allclose(tile.scene.reflectance[expected], 0.1, atol=1e-6)


def test_a_tile_of_finer_pixels_is_resampled_to_the_sites(tmp_path, site, described, deliver):
    values = np.full((10, 12, 2), 3_000, dtype=np.uint16)
    transform = Affine(2.5, 0, 300_000, 0, -2.5, 3_100_000)
    tile = read_tile(tmp_path, deliver(values, transform=transform), described(), ["red"], site)
    assert tile.resampled
    assert tile.scene.valid.sum() == 4 * 6
    np.testing.assert_allclose(tile.scene.reflectance[tile.scene.valid], 0.3, atol=1e-6)


def test_a_tile_that_shows_only_its_border_here_is_no_mistake(tmp_path, site, described, deliver):
    wide = np.zeros((4, 12, 2), dtype=np.uint16)
    wide[:, 8:] = 500
    tile = read_tile(tmp_path, deliver(wide), described(), ["red"], site)
    assert not tile.scene.valid.any()


CHANGES_TO_THE_DELIVERY = {
    "three bands": ({"values": np.ones((4, 6, 3), dtype=np.uint16), "names": ["red", "nir", "blue"]}, "has 3 bands"),
    "one band": ({"values": np.ones((4, 6, 1), dtype=np.uint16), "names": ["red"]}, "has 1 bands, dataset.yaml names"),
    "other order": ({"names": ["nir", "red"]}, "band 1 is 'nir', dataset.yaml says 'red'"),
    "other band": ({"names": ["red", "green"]}, "band 2 is 'green', dataset.yaml says 'nir'"),
    "doubled band": ({"names": ["red", "Red"]}, "two bands are called 'red'; deliver each band once"),
    "other zone": ({"crs": CRS.from_epsg(32644)}, r"lies outside .*in EPSG:32644.*in EPSG:32645"),
    "rotated": ({"transform": Affine(5, 1, 300_000, 1, -5, 3_100_000)}, "only north-up grids"),
    "elsewhere": ({"transform": Affine(5, 0, 400_000, 0, -5, 3_100_000)}, "lies outside of the area of interest"),
    "only NoData": ({"values": np.zeros((4, 6, 2), dtype=np.uint16)}, "holds nothing but NoData"),
}


@pytest.mark.parametrize("change", CHANGES_TO_THE_DELIVERY)
def test_a_delivery_that_is_not_as_described_is_refused_by_name(tmp_path, site, described, deliver, change):
    changes, words = CHANGES_TO_THE_DELIVERY[change]
    acquisition = deliver(**({"values": STORED} | changes))
    with pytest.raises(DataError, match=words) as caught:
        read_tile(tmp_path, acquisition, described(), ["red", "nir"], site)
    assert str(tmp_path / "tile.tif") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_band_that_no_file_has_is_answered_with_the_nearest(tmp_path, site, described, deliver):
    with pytest.raises(DataError, match="no band 'rad' is delivered, did you mean 'red'"):
        read_tile(tmp_path, deliver(STORED), described(), ["rad"], site)


@pytest.mark.parametrize("names", [("Band 1", "Band 2"), (None, None), ("RED", "Near-Infrared"), ("b1", "gray")])
def test_names_that_say_the_same_or_nothing_are_accepted(tmp_path, site, described, deliver, names):
    tile = read_tile(tmp_path, deliver(STORED, names=names), described(), ["nir"], site)
    np.testing.assert_allclose(tile.scene.reflectance[..., 0], STORED[..., 1] / 10_000, rtol=1e-6)


def test_a_missing_file_is_named(tmp_path, site, described):
    with pytest.raises(DataError, match=r"gone\.tif: no such file; deliver it, or correct its name"):
        read_tile(tmp_path, Acquisition(scene=Path("gone.tif")), described(), ["red"], site)


@pytest.mark.parametrize("what", ["usable_data_mask", "metadata"])
def test_a_missing_companion_is_named(tmp_path, site, described, deliver, what):
    acquisition = deliver(STORED).model_copy(update={what: Path("gone.xyz")})
    with pytest.raises(DataError, match=r"gone\.xyz: no such file"):
        read_tile(tmp_path, acquisition, described(), ["red"], site)


@pytest.mark.parametrize("kept_bytes", [0, 100, 4_000])
def test_a_truncated_file_is_named(tmp_path, site, described, deliver, kept_bytes):
    acquisition = deliver(np.random.default_rng(0).integers(1, 60_000, (64, 64, 2), dtype=np.uint16))
    path = tmp_path / acquisition.scene
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(DataError, match=r"tile\.tif: cannot be read as a raster .*; deliver the file again"):
        read_tile(tmp_path, acquisition, described(), ["red"], Grid(site.crs, site.transform, (64, 64)))


def test_a_usable_data_mask_of_another_grid_is_refused(tmp_path, site, described, deliver):
    acquisition = deliver(STORED, mask=np.zeros((4, 5), dtype=np.uint8))
    with pytest.raises(GridError, match=r"tile_udm\.tif: \(4, 5\) pixels .* deliver the mask that belongs"):
        read_tile(tmp_path, acquisition, described(), ["red"], site)


def test_a_usable_data_mask_of_several_bands_is_refused(tmp_path, site, described, deliver):
    acquisition = deliver(STORED).model_copy(update={"usable_data_mask": deliver(STORED, name="udm2").scene})
    with pytest.raises(DataError, match=r"udm2\.tif: has 2 bands; .*UDM2"):
        read_tile(tmp_path, acquisition, described(), ["red"], site)


@pytest.mark.parametrize(
    ("crs", "words"), [("EPSG:1", "'EPSG:1' is not known"), ("utm 45", "not known"), ("EPSG:4326", "not in metres")]
)
def test_the_described_system_must_be_known_and_in_metres(described, crs, words):
    with pytest.raises(GridError, match=rf"dataset.yaml: crs: .*{words}"):
        crs_of(described(crs=crs))


def test_the_sites_grid_covers_the_area_of_interest(tmp_path, described, site):
    area = gpd.GeoDataFrame(geometry=[box(300_001, 3_099_981, 300_029, 3_099_999)], crs=32645)
    area.to_file(tmp_path / "area.gpkg")
    read, grid = read_area(tmp_path / "area.gpkg", described())
    assert grid == site
    assert read.area.sum() == 28 * 18


def test_an_area_in_another_system_is_brought_to_the_described_one(tmp_path, described, site):
    area = gpd.GeoDataFrame(geometry=[site.footprint.buffer(-1)], crs=32645).to_crs(4326)
    area.to_file(tmp_path / "area.geojson")
    read, grid = read_area(tmp_path / "area.geojson", described())
    assert grid == site
    assert read.crs == site.crs


def test_an_area_without_extent_is_refused(tmp_path, described):
    flat = gpd.GeoDataFrame(geometry=[Polygon([(0, 0), (1, 0), (2, 0)])], crs=32645)
    flat.to_file(tmp_path / "area.gpkg")
    with pytest.raises(DataError, match=r"area\.gpkg: holds no area"):
        read_area(tmp_path / "area.gpkg", described())


real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the real RapidEye scenes are not on this machine")
RAPIDEYE = {"bands": ("blue", "green", "red", "red_edge", "nir"), "crs": "EPSG:32721", "nodata": None}


@real_data
def test_a_real_rapideye_scene_on_its_own_lattice_is_copied(described):
    with_lattice = Grid(CRS.from_epsg(32721), Affine(5, 0, 681_139.895559748, 0, -5, 9_248_218.2820867), (148, 432))
    acquisition = Acquisition(scene=Path("2014-08-26.tif"))
    tile = read_tile(REAL, acquisition, described(**RAPIDEYE), RAPIDEYE["bands"], with_lattice)
    assert not tile.resampled
    assert tile.scene.valid.all()
    assert tile.scene.reflectance.min() == np.float32(0.2375)
    assert tile.scene.reflectance.max() == np.float32(1.2169)


@real_data
def test_a_real_clip_of_odd_pixels_is_resampled_without_letting_nodata_in(described):
    """Pixels of 5.0048 x 5.0030 m, 30.05 % of them 65535."""
    grid = Grid.from_bounds((682_090, 9_247_310, 683_365, 9_248_305), CRS.from_epsg(32721), 5)
    acquisition = Acquisition(scene=Path("2014-06-25_nodata.tif"))
    tile = read_tile(REAL, acquisition, described(**RAPIDEYE), RAPIDEYE["bands"], grid)
    assert tile.resampled
    assert tile.scene.grid == grid
    assert 0.66 < tile.scene.valid.mean() < 0.70  # an edge of one pixel around NoData goes as well
    observed = tile.scene.reflectance[tile.scene.valid]
    assert observed.min() >= 0.1406
    assert observed.max() < 2.0
