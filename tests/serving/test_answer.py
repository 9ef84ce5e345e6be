"""GeoJSON that map programs read, in the scene's system or as RFC 7946 has it."""

import io
import json

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from shapely.geometry import MultiPolygon, Polygon, box

from chronoslide.grid import Grid
from chronoslide.serving.answer import feature_collection
from chronoslide.serving.scene_mapper import Mapped

WITH_HOLE = Polygon([(0, 0), (0, 50), (50, 50), (50, 0)], [[(10, 10), (20, 10), (20, 20), (10, 20)]])
PARTS = MultiPolygon([box(100, 0, 120, 20), box(130, 0, 150, 20)])


def mapped(*outlines: shapely.Geometry, epsg: int = 32645, x: float = 400_000.0, y: float = 3_100_000.0) -> Mapped:
    """Outlines in metres from a corner."""
    moved = [shapely.transform(outline, lambda points: points + np.array([x, y])) for outline in outlines]
    count = len(moved)
    landslides = gpd.GeoDataFrame(
        {
            "landslide_id": np.arange(1, count + 1),
            "area_m2": [outline.area for outline in moved],
            "mean_probability": np.full(count, 0.75),
            "uncertainty": np.full(count, 0.5),
            "fragments": np.ones(count, dtype=np.int64),
            "id": [f"{index:016x}" for index in range(count)],
        },
        geometry=moved,
        crs=epsg,
    )
    grid = Grid(CRS.from_epsg(epsg), Affine(5.0, 0.0, x, 0.0, -5.0, y + 500.0), (100, 100))
    return Mapped(np.zeros(grid.shape, np.float32), grid, landslides, 0.5, 200.0, "0123abcd", "simulated")


def read(collection: dict[str, object]) -> gpd.GeoDataFrame:
    return gpd.read_file(io.BytesIO(json.dumps(collection, allow_nan=False).encode()))


def test_in_the_scenes_system_outlines_are_exact_and_gdal_knows_the_system() -> None:
    scene = mapped(WITH_HOLE, PARTS)
    frame = read(feature_collection(scene, "scene"))
    assert frame.crs.to_epsg() == 32645
    assert frame.geometry.geom_equals_exact(scene.landslides.geometry, 0).all()
    assert frame["area_m2"].tolist() == [2400.0, 800.0]
    assert frame["id"].tolist() == scene.landslides["id"].tolist()


def test_wgs84_follows_rfc_7946() -> None:
    scene = mapped(WITH_HOLE, PARTS)
    collection = feature_collection(scene, "wgs84")
    assert "crs" not in collection
    for feature in collection["features"]:
        outline = shapely.geometry.shape(feature["geometry"])
        for part in shapely.get_parts(outline):
            assert part.exterior.is_ccw
            assert not any(ring.is_ccw for ring in part.interiors)
        assert 85 < outline.centroid.x < 87
        assert 27 < outline.centroid.y < 29
    back = read(collection).to_crs(32645)
    np.testing.assert_allclose(back.area, scene.landslides["area_m2"], rtol=2e-3)
    assert [feature["id"] for feature in collection["features"]] == scene.landslides["id"].tolist()


def test_an_outline_over_the_antimeridian_is_cut() -> None:
    east_of_fiji = CRS.from_epsg(32701)
    point = gpd.GeoSeries(gpd.points_from_xy([180.0], [-18.0]), crs=4326).to_crs(east_of_fiji)[0]
    scene = mapped(box(-100, -100, 100, 100), epsg=32701, x=point.x, y=point.y)
    outline = shapely.geometry.shape(feature_collection(scene, "wgs84")["features"][0]["geometry"])
    assert outline.geom_type == "MultiPolygon"
    left, _, right, _ = shapely.bounds(shapely.get_parts(outline)).T
    assert sorted(zip(left.round(2), right.round(2), strict=True)) == [(-180.0, -180.0), (180.0, 180.0)]


def test_a_system_without_a_code_travels_as_wkt() -> None:
    scene = mapped(WITH_HOLE)
    own = CRS.from_proj4("+proj=tmerc +lat_0=0 +lon_0=85.5 +k=1 +x_0=400000 +y_0=0 +ellps=GRS80 +units=m")
    grid = Grid(own, scene.grid.transform, scene.grid.shape)
    changed = Mapped(scene.probability, grid, scene.landslides.set_crs(own, allow_override=True), 0.5, 0.0, "v", "t")
    assert CRS.from_user_input(read(feature_collection(changed, "scene")).crs) == own


def test_no_landslide_is_an_empty_collection() -> None:
    for crs in ("scene", "wgs84"):
        assert feature_collection(mapped(), crs, 10.0)["features"] == []


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=40, unique=True),
    st.floats(0.1, 30.0),
)
def test_simplified_outlines_stay_valid_and_near_and_keep_their_area_and_name(
    pixels: list[tuple[int, int]], metres: float
) -> None:
    outline = shapely.union_all([box(5 * col, 5 * row, 5 * col + 5, 5 * row + 5) for row, col in pixels])
    scene = mapped(outline)
    mapped_one = feature_collection(scene, "scene")["features"][0]
    simple = feature_collection(scene, "scene", metres)["features"][0]
    geometry = shapely.geometry.shape(simple["geometry"])
    assert geometry.is_valid
    assert not geometry.is_empty
    assert scene.landslides.geometry[0].boundary.distance(geometry.boundary) <= metres
    assert geometry.boundary.within(scene.landslides.geometry[0].boundary.buffer(metres + 1e-6))
    assert (simple["id"], simple["properties"]) == (mapped_one["id"], mapped_one["properties"])
