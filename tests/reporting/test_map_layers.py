import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import Polygon, box

from chronoslide.grid import Grid
from chronoslide.reporting.map_layers import hits_of, quick_look, shape_records, with_lives

CRS_UTM = CRS.from_epsg(32645)
GRID = Grid(CRS_UTM, Affine(5, 0, 1000, 0, -5, 2000), (100, 100))  # lower left corner at (1000, 1500)


def inventory(*polygons: Polygon, **columns: list[object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(polygons), crs=CRS_UTM)


def test_coordinates_are_metres_from_the_lower_left_corner() -> None:
    record = shape_records(inventory(box(1010, 1520, 1030, 1560)), GRID, None)[0]
    ring = np.array(record["parts"][0][0]).reshape(-1, 2)
    assert ring.min(axis=0).tolist() == [10, 20]
    assert ring.max(axis=0).tolist() == [30, 60]
    assert record["area"] == 800


def test_holes_are_kept_as_further_rings() -> None:
    ring = Polygon(box(1000, 1500, 1030, 1530).exterior, [box(1010, 1510, 1020, 1520).exterior])
    assert len(shape_records(inventory(ring), GRID, None)[0]["parts"][0]) == 2


def test_a_record_holds_what_is_known() -> None:
    known = inventory(
        box(1000, 1500, 1010, 1510), landslide_id=[7], mean_probability=[0.8125], state=["new"], first_seen=[2015]
    )
    record = shape_records(known, GRID, None)[0]
    assert (record["id"], record["probability"], record["state"], record["first_seen"]) == (7, 0.812, "new", 2015)


def test_a_polygon_knows_its_state_and_identity_through_time() -> None:
    polygons = [box(1000, 1500, 1010, 1510), box(1100, 1500, 1110, 1510)]
    predicted = inventory(*polygons, landslide_id=[1, 2])
    tracked = inventory(
        polygons[1], polygons[0], polygon_id=["2", ""], landslide_id=[31, 8], state=["enlarged", "persistent"],
        first_seen=[2014, 2013],
    )  # fmt: skip
    first, second = shape_records(with_lives(predicted, tracked), GRID, None)
    assert (second["tracked"], second["state"], second["first_seen"]) == (31, "enlarged", 2014)
    assert not {"tracked", "state", "first_seen"} & set(first)  # its landslide is there, but not mapped


def test_an_unknown_probability_is_left_out() -> None:
    record = shape_records(inventory(box(1000, 1500, 1010, 1510), mean_probability=[np.nan]), GRID, None)[0]
    assert "probability" not in record


@pytest.mark.parametrize(("overlap_m", "expected"), [(2.0, [[3]]), (0.9, [[]])])
def test_a_hit_is_a_tenth_of_the_smaller_one(overlap_m: float, expected: list[list[int]]) -> None:
    mine = inventory(box(1000, 1500, 1010, 1510))
    other = inventory(box(1010 - overlap_m, 1500, 1210, 1510), landslide_id=[3])
    assert hits_of(mine, other) == expected


def test_an_empty_inventory_hits_nothing() -> None:
    assert hits_of(inventory(box(1000, 1500, 1010, 1510)), inventory()) == [[]]


def test_a_quick_look_is_a_small_picture_inside_the_page() -> None:
    assert quick_look(np.zeros((40, 80, 3), dtype=np.uint8), width=20).startswith("data:image/webp;base64,")
