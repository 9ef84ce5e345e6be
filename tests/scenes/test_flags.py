import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.params import FlagsSettings
from chronoslide.scenes.flags import flag
from chronoslide.scenes.scene import Scene
from chronoslide.scenes.terrain import Sun

BANDS = ("blue", "green", "red", "nir", "swir")
# Ground of each column: forest, snow, water, cloud, forest in shadow, not observed.
GROUND = np.array(
    [
        (0.02, 0.04, 0.03, 0.27, 0.10),
        (0.80, 0.80, 0.78, 0.72, 0.10),
        (0.05, 0.04, 0.03, 0.02, 0.01),
        (0.60, 0.58, 0.57, 0.60, 0.45),
        (0.01, 0.01, 0.01, 0.04, 0.02),
        (0.00, 0.00, 0.00, 0.00, 0.00),
    ]
)
FOREST, SNOW, WATER, CLOUD, SHADED, UNSEEN = range(6)
SITE = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), (4, 6))


def scene(bands=BANDS):
    valid = np.broadcast_to(np.arange(6) != UNSEEN, SITE.shape).copy()
    whole = Scene(np.broadcast_to(GROUND, (4, 6, 5)).astype(np.float32), valid, SITE, BANDS)
    return whole.select(bands)


def flagged(bands=BANDS, elevation=None, sun=None, **settings):
    year = scene(bands)
    after, shares = flag(year, FlagsSettings(**settings), "2015", elevation, sun)
    columns = set(np.flatnonzero((year.valid & ~after.valid).all(axis=0)))
    assert (after.reflectance[~after.valid] == 0).all()
    return columns, shares


@pytest.mark.parametrize(
    ("settings", "columns", "shares"),
    [
        ({}, set(), {}),
        ({"snow": "ndsi"}, {SNOW}, {"snow": 0.2}),
        ({"snow": "bright"}, {SNOW, CLOUD}, {"snow": 0.4}),
        ({"snow": "bright", "bright_visible": 0.7}, {SNOW}, {"snow": 0.2}),
        ({"shadow": "dark"}, {WATER, SHADED}, {"shadow": 0.4}),
        ({"shadow": "dark", "dark_nir": 0.03}, {WATER}, {"shadow": 0.2}),
        ({"shadow": "dark", "snow": "ndsi"}, {WATER, SHADED, SNOW}, {"shadow": 0.4, "snow": 0.2}),
    ],
)
def test_what_is_flagged_is_unobserved(settings, columns, shares):
    found, told = flagged(**settings)
    assert found == columns
    assert told == pytest.approx(shares)


def test_without_a_flag_the_scene_is_the_same_one():
    year = scene()
    assert flag(year, FlagsSettings(), "2015", None, None)[0] is year


def test_shadow_by_terrain_follows_the_ridge():
    elevation = np.zeros(SITE.shape)
    elevation[:, 3] = 12.0  # shades the two columns west of it when the sun stands 45 degrees high in the east
    found, shares = flagged(elevation=elevation, sun=Sun(45.0, 90.0), shadow="terrain")
    assert {1, 2} <= found
    assert 0 not in found
    assert shares["shadow"] > 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"shadow": "terrain"}, "there is no elevation model"),
        ({"shadow": "terrain", "elevation": np.zeros(SITE.shape)}, "there is no position of the sun in the metadata"),
        ({"snow": "ndsi", "bands": BANDS[:4]}, "scenes.flags.snow 'ndsi' needs the band swir"),
        ({"snow": "bright", "bands": BANDS[2:]}, "scenes.flags.snow 'bright' needs the band blue"),
        ({"shadow": "dark", "bands": BANDS[:3]}, "scenes.flags.shadow 'dark' needs the band nir"),
    ],
)
def test_what_a_flag_needs_and_lacks_is_said_in_one_line(given, words):
    with pytest.raises(DataError, match=f"2015: .*{words}") as caught:
        flagged(**given)
    assert "\n" not in str(caught.value)
