import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.scenes.channels import add_channels, decoded, needs_elevation
from chronoslide.scenes.scene import Scene, read_scene, write_scene

SITE = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (6, 8))
BANDS = ("red", "red_edge", "nir")
ROWS, COLS = np.indices(SITE.shape)


def scene(bands=BANDS):
    cube = np.broadcast_to(np.array([0.1, 0.2, 0.3], np.float32), (*SITE.shape, 3)).copy()
    valid = np.ones(SITE.shape, dtype=bool)
    valid[0, 0] = False
    cube[0, 0] = 0.0
    return Scene(cube, valid, SITE, BANDS).select(bands)


def channel(name, channels, elevation=None):
    whole = add_channels(scene(), channels, elevation, "2015")
    return decoded(name, whole.reflectance[..., whole.bands.index(name)])


def test_indices_by_hand():
    """(0.3 - 0.1) / 0.4 = 0.5 and (0.3 - 0.2) / 0.5 = 0.2."""
    assert channel("ndvi", ["ndvi"])[3, 3] == pytest.approx(0.5)
    assert channel("ndre", ["ndvi", "ndre"])[3, 3] == pytest.approx(0.2)


def test_elevation_and_slope_of_a_plane():
    """One metre up for each metre east: 45 degrees."""
    east = 2_000.0 + 5.0 * COLS
    np.testing.assert_allclose(channel("elevation", ["elevation"], east)[1:], east[1:], atol=1e-2)
    np.testing.assert_allclose(channel("slope", ["slope"], east)[1:], 45.0, atol=1e-4)


@pytest.mark.parametrize(
    ("rise", "east", "north"),
    [
        (COLS, -1, 0),
        (-COLS, 1, 0),
        (ROWS, 0, 1),
        (-ROWS, 0, -1),
        (0.0 * ROWS, 0, 0),
        (COLS - ROWS, -(0.5**0.5), -(0.5**0.5)),
    ],
    ids=["west", "east", "north", "south", "flat", "south-west"],
)
def test_aspect_points_downhill(rise, east, north):
    np.testing.assert_allclose(channel("aspect_sin", ["aspect"], 5.0 * rise)[1:], east, atol=1e-6)
    np.testing.assert_allclose(channel("aspect_cos", ["aspect"], 5.0 * rise)[1:], north, atol=1e-6)


def test_channels_come_after_the_bands_in_the_order_asked():
    whole = add_channels(scene(), ["slope", "ndvi", "aspect"], np.zeros(SITE.shape), "2015")
    assert whole.bands == (*BANDS, "slope", "ndvi", "aspect_sin", "aspect_cos")
    np.testing.assert_array_equal(whole.reflectance[..., :3], scene().reflectance)
    assert add_channels(whole, [], None, "2015") is whole


def test_unknown_terrain_is_unobserved_ground():
    elevation = np.zeros(SITE.shape)
    elevation[2, 2] = np.nan
    whole = add_channels(scene(), ["elevation"], elevation, "2015")
    expected = scene().valid
    expected[2, 2] = False
    np.testing.assert_array_equal(whole.valid, expected)
    assert (whole.reflectance[2, 2] == 0).all()
    around = add_channels(scene(), ["slope"], elevation, "2015")
    assert not around.valid[1:4, 1:4].any()


def test_channels_survive_storage(tmp_path):
    """A stored step is a metre of elevation and 0.009 degrees of slope."""
    elevation = 3_456.0 + 5.0 * COLS - 2.0 * ROWS
    whole = add_channels(scene(), ["ndvi", "elevation", "slope", "aspect"], elevation, "2015")
    write_scene(tmp_path / "2015.tif", whole, {})
    stored = read_scene(tmp_path / "2015.tif")
    assert stored.bands == whole.bands
    for index, name in enumerate(whole.bands):
        step = {"elevation": 0.5, "slope": 0.0046}.get(name, 1.1e-4)
        before, after = (decoded(name, each.reflectance[..., index][whole.valid]) for each in (whole, stored))
        np.testing.assert_allclose(after, before, atol=step)


def test_the_dead_sea_can_be_stored():
    assert channel("elevation", ["elevation"], np.full(SITE.shape, -430.0))[3, 3] == pytest.approx(-430.0, abs=0.01)


def test_bands_are_no_channels():
    assert decoded("nir", np.array([0.3])) == pytest.approx(0.3)
    assert not needs_elevation(["ndvi", "ndre"])
    assert needs_elevation(["ndvi", "slope"])


def test_what_a_channel_needs_and_lacks_is_said_in_one_line():
    with pytest.raises(DataError, match=r"2015: scenes.channels: ndre: the scene has no band 'red_edge'"):
        add_channels(scene(("red", "nir")), ["ndre"], None, "2015")
    with pytest.raises(DataError, match=r"2015: scenes.channels holds 'slope' and no elevation model was delivered"):
        add_channels(scene(), ["slope"], None, "2015")
