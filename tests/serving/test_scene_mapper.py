"""One scene maps as the stages map it, whoever asks."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import box

from chronoslide.inventories.outlines.deriving import derive_inventory
from chronoslide.mapping.engines import settled_engine
from chronoslide.mapping.scene_probability import map_scene
from chronoslide.models.storage import load_model
from chronoslide.serving.request import read_elevation, read_image
from chronoslide.serving.scene_mapper import Options, SceneMapper, stable_ids
from served import BANDS, INVENTORY, MAP, elevation_bytes, scene_bytes


@pytest.mark.parametrize("with_elevation", [False, True])
def test_the_stages_functions_give_the_same_map_and_outlines(mapper: SceneMapper, with_elevation: bool) -> None:
    scene = read_image(scene_bytes(), BANDS)
    elevation = read_elevation(elevation_bytes(), scene.grid) if with_elevation else None
    mapped = mapper.map(scene, Options(), elevation)

    model, card = load_model(mapper.packaged.folder)
    probability = map_scene(scene, settled_engine(model, MAP), card.statistics, MAP)
    derived = derive_inventory(probability, scene.grid, card.threshold, INVENTORY, elevation)
    np.testing.assert_array_equal(mapped.probability, probability)
    assert len(derived.landslides) > 3
    assert mapped.landslides.geometry.geom_equals_exact(derived.landslides.geometry, 0).all()
    assert mapped.landslides["area_m2"].tolist() == derived.landslides["area_m2"].tolist()


def test_what_is_asked_for_wins_over_the_settings(mapper: SceneMapper) -> None:
    scene = read_image(scene_bytes(), BANDS)
    own, strict, coarse = (
        mapper.map(scene, options) for options in (Options(), Options(threshold=0.99), Options(minimum_area_m2=5000.0))
    )
    assert (own.minimum_area_m2, coarse.minimum_area_m2, strict.threshold) == (200.0, 5000.0, 0.99)
    assert strict.landslides["area_m2"].sum() < own.landslides["area_m2"].sum()
    assert coarse.landslides["area_m2"].min() >= 5000.0


def test_an_identity_is_the_outlines_and_the_models() -> None:
    def identities(version: str, epsg: int, *outlines: shapely.Geometry) -> list[str]:
        return stable_ids(gpd.GeoDataFrame(geometry=list(outlines), crs=epsg), version)

    one, two = box(0, 0, 5, 5), box(10, 0, 15, 5)
    first = identities("aa", 32645, one, two)
    assert len(set(first)) == 2
    assert identities("aa", 32645, two, shapely.reverse(one)) == first[::-1]
    assert not set(first) & set(identities("bb", 32645, one, two))
    assert not set(first) & set(identities("aa", 32644, one, two))
    assert identities("aa", 32645) == []
