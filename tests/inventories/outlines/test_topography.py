import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from shapely.geometry import LineString, box

from chronoslide.errors import GridError, InventoryError
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.topography import filter_by_topography, river_distance, slope_degrees
from chronoslide.params import TopographySettings

GRID = Grid(CRS.from_epsg(32645), Affine(5, 0, 0, 0, -5, 100), (20, 40))
# Flat in the west, 45 degrees towards the east from column 20 on.
ELEVATION = np.maximum(np.arange(40) - 20, 0)[np.newaxis, :] * np.full((20, 1), 5.0)
FLAT, STEEP = box(10, 10, 40, 40), box(140, 10, 180, 40)
RIVER = gpd.GeoDataFrame(geometry=[LineString([(0, 50), (60, 50)])], crs="EPSG:32645")


def polygons(*outlines, crs="EPSG:32645"):
    return gpd.GeoDataFrame({"landslide_id": range(1, len(outlines) + 1)}, geometry=list(outlines), crs=crs)


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_the_slope_of_a_plane_is_the_same_everywhere(east, south):
    rows, cols = np.indices(GRID.shape)
    slope = slope_degrees(5.0 * (east * cols + south * rows), GRID)
    assert slope == pytest.approx(np.degrees(np.arctan(np.hypot(east, south))), abs=1e-6)


def test_unknown_heights_make_unknown_slopes_around_them():
    elevation = ELEVATION.copy()
    elevation[10, 10] = np.nan
    assert np.isnan(slope_degrees(elevation, GRID)).sum() == 9


def test_off_by_default_nothing_is_removed():
    result = filter_by_topography(polygons(FLAT, STEEP), TopographySettings())
    assert len(result.kept) == 2
    assert result.removed_area_m2 == 0


def test_polygons_on_gentle_ground_are_removed_and_their_area_is_told():
    settings = TopographySettings(minimum_median_slope_degrees=10)
    result = filter_by_topography(polygons(FLAT, STEEP), settings, elevation=ELEVATION, grid=GRID)
    assert result.kept["landslide_id"].tolist() == [2]
    assert result.kept["median_slope_degrees"].tolist() == [45.0]
    assert result.removed["reason"].tolist() == ["gentle"]
    assert result.removed_area_m2 == 900


def test_polygons_near_a_river_are_removed():
    settings = TopographySettings(minimum_river_distance_metres=20)
    result = filter_by_topography(polygons(FLAT, STEEP), settings, rivers=RIVER)
    assert result.removed["landslide_id"].tolist() == [1]
    assert result.removed["river_distance_m"].tolist() == [10.0]
    assert result.kept["river_distance_m"].tolist() == [pytest.approx(80.62)]


def test_where_the_slope_is_unknown_the_polygon_stays():
    settings = TopographySettings(minimum_median_slope_degrees=10)
    result = filter_by_topography(polygons(box(900, 900, 950, 950)), settings, elevation=ELEVATION, grid=GRID)
    assert len(result.kept) == 1


def test_without_rivers_all_are_far_away():
    assert river_distance(np.array([FLAT]), np.array([], dtype=object)).tolist() == [np.inf]


@pytest.mark.parametrize(
    ("settings", "given_", "error", "message"),
    [
        ({"minimum_median_slope_degrees": 5}, {}, InventoryError, "needs an elevation model"),
        ({"minimum_river_distance_metres": 5}, {}, InventoryError, "needs the rivers"),
        ({"minimum_river_distance_metres": 5}, {"rivers": RIVER.to_crs(32644)}, GridError, "different coordinate"),
        (
            {"minimum_median_slope_degrees": 5},
            {"elevation": ELEVATION[1:], "grid": GRID},
            GridError,
            "does not fit its grid",
        ),
    ],
)
def test_what_a_rule_needs_must_be_there_and_fit(settings, given_, error, message):
    with pytest.raises(error, match=message):
        filter_by_topography(polygons(FLAT), TopographySettings(**settings), **given_)
