from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform
from shapely.geometry import box

from chronoslide.errors import DataError, GridError
from chronoslide.grid import Grid
from chronoslide.rasters import read_raster
from chronoslide.scenes.mosaic import mosaic
from chronoslide.scenes.reprojection import Sampling, onto_lattice, utm_zone, window_on
from chronoslide.scenes.scene import Scene

REAL = Path(__file__).parents[2] / "../shared/data/hokkaido_s2"
DEGREES = CRS.from_epsg(4326)
SITE = Grid(CRS.from_epsg(32645), Affine(5, 0, 322_900, 0, -5, 3_113_450), (40, 60))


def in_degrees(valid=None):
    """A scene in degrees that reaches beyond the site, whose first band is longitude and whose second is latitude."""
    west, south, north = 85.190, 28.130, 28.140
    grid = Grid(DEGREES, Affine(5e-5, 0, west, 0, -4.5e-5, north), (round((north - south) / 4.5e-5), 200))
    rows, cols = np.indices(grid.shape)
    longitude, latitude = west + 5e-5 * (cols + 0.5) - 85.0, north - 4.5e-5 * (rows + 0.5) - 28.0
    seen = np.ones(grid.shape, dtype=bool) if valid is None else valid(longitude, latitude)
    cube = np.stack([longitude, latitude], axis=-1)
    return Scene(np.where(seen[..., None], cube, 0).astype(np.float32), seen, grid, ("east", "north"))


def site_in_degrees():
    rows, cols = np.indices(SITE.shape)
    x, y = SITE.transform @ (cols.ravel() + 0.5, rows.ravel() + 0.5)
    longitude, latitude = transform(SITE.crs, DEGREES, x, y)
    return np.stack([longitude, latitude], axis=-1).reshape(*SITE.shape, 2) - (85.0, 28.0)


@pytest.mark.parametrize("sampling", Sampling)
def test_degrees_become_metres_and_every_pixel_keeps_its_place(sampling):
    """A fifth of a pixel is 1e-5 degrees; the values tell where each pixel came from."""
    placed = onto_lattice(in_degrees(), SITE, sampling)
    assert placed.grid == SITE
    assert placed.valid.all()
    np.testing.assert_allclose(placed.reflectance, site_in_degrees(), atol=1e-6)


def test_what_was_not_observed_in_degrees_is_not_in_metres_either():
    edge = site_in_degrees()[20, 30, 0]
    placed = onto_lattice(in_degrees(lambda longitude, _: longitude > edge), SITE)
    assert not placed.valid[:, :29].any()
    assert placed.valid[:, 32:].all()
    assert (placed.reflectance[~placed.valid] == 0).all()
    np.testing.assert_allclose(placed.reflectance[placed.valid], site_in_degrees()[placed.valid], atol=1e-6)


def test_tiles_of_two_systems_make_one_mosaic():
    """West in degrees, east in the next UTM zone."""
    west = onto_lattice(in_degrees(lambda longitude, _: longitude < site_in_degrees()[0, 40, 0]), SITE)
    zone = Grid(CRS.from_epsg(32644), Affine(5, 0, 911_000, 0, -5, 3_119_600), (400, 500))
    flat = Scene(np.full((*zone.shape, 2), 0.5, np.float32), np.ones(zone.shape, bool), zone, ("east", "north"))
    together = mosaic([west, onto_lattice(flat, SITE)], SITE, ("east", "north"))
    assert together.valid.all()
    assert (together.reflectance[:, 45:] == 0.5).all()
    np.testing.assert_allclose(together.reflectance[:, :35], site_in_degrees()[:, :35], atol=1e-6)


@settings(max_examples=12, deadline=None)
@given(st.floats(-179, 179), st.floats(-75, 75), st.floats(5, 60))
def test_the_window_of_a_tile_in_degrees_holds_all_that_the_site_needs(longitude, latitude, resolution):
    zone = utm_zone(
        gpd.GeoDataFrame(geometry=[box(longitude, latitude, longitude + 1e-3, latitude + 1e-3)], crs=4326), ""
    )
    (x,), (y,) = transform(DEGREES, zone, [longitude], [latitude])
    site = Grid.from_bounds((x, y, x + 20 * resolution, y + 30 * resolution), zone, resolution)
    step = resolution / 111_000
    place = Affine(step / np.cos(np.radians(latitude)), 0, longitude - 100 * step, 0, -step, latitude + 100 * step)
    tile = Grid(DEGREES, place, (180, 180))
    window = window_on(tile, site, "tile")
    whole = Scene(np.ones((*tile.shape, 1), np.float32), np.ones(tile.shape, bool), tile, ("red",))
    rows, cols = window.toslices()
    part = Scene(whole.reflectance[rows, cols], whole.valid[rows, cols], tile.crop(window), ("red",))
    from_whole, from_part = onto_lattice(whole, site), onto_lattice(part, site)
    assert from_part.valid.sum() == from_whole.valid.sum()


def test_a_tile_elsewhere_is_refused_by_name():
    tile = Grid(DEGREES, Affine(5e-5, 0, 10.0, 0, -5e-5, 45.0), (100, 100))
    with pytest.raises(DataError, match=r"tile\.tif: lies outside of the area .* starts at x 10, y 45"):
        window_on(tile, SITE, "tile.tif")


@pytest.mark.parametrize(
    ("bounds", "zone"),
    [((85.1, 28.1, 85.3, 28.2), 32645), ((-61.3, -6.8, -61.2, -6.7), 32720), ((141.9, 42.7, 142.0, 42.8), 32654)],
    ids=["Rasuwa", "Amazon", "Hokkaido"],
)
def test_the_zone_is_that_of_the_middle(bounds, zone):
    assert utm_zone(gpd.GeoDataFrame(geometry=[box(*bounds)], crs=4326), "area.gpkg").to_epsg() == zone


def test_an_area_without_place_has_no_zone():
    with pytest.raises(GridError, match=r"area\.gpkg: no coordinate reference system"):
        utm_zone(gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)]), "area.gpkg")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real Sentinel-2 scenes are not on this machine")
def test_real_scenes_in_degrees_a_file_a_band_come_onto_one_metric_grid():
    """Hokkaido before and after the earthquake of 2018, and its surface model of another resolution."""
    area = gpd.GeoDataFrame(geometry=[box(141.93, 42.72, 141.96, 42.74)], crs=4326)
    zone = utm_zone(area, "area")
    bounds = tuple(area.to_crs(zone).total_bounds)
    site = Grid.from_bounds(bounds, zone, 10)
    dates = []
    for date in ("pre", "post"):
        rasters = [read_raster(REAL / date / f"B{band}.tif") for band in (2, 3, 4)]
        values = np.concatenate([raster.values for raster in rasters], axis=-1).astype(np.float32) / 10_000
        valid = np.logical_and.reduce([raster.valid for raster in rasters])
        dates.append(onto_lattice(Scene(values, valid, rasters[0].grid, ("blue", "green", "red")), site))
    before, after = dates
    assert zone.to_epsg() == 32654
    assert before.grid == after.grid == site
    assert 0.83 < before.valid.mean() < 0.858  # 85.8 % of the delivered pixels, less the borders of the holes
    assert after.valid.all()
    common = before.valid & after.valid
    assert 0.01 < np.median(before.reflectance[common][:, 2]) < 0.1
    assert np.percentile((after.reflectance - before.reflectance)[common][:, 2], 95) > 0.03  # the slopes slid
