import numpy as np
import pytest

from chronoslide.mapping.bare_ground import bare_weight, greenness_rows
from chronoslide.params import read_settings
from chronoslide.rasters import read_raster
from chronoslide.scenes.scene import read_scene


@pytest.fixture(scope="module")
def greenness(smoke):
    return read_raster(smoke.root / "results/maps/greenness.tif")


def test_the_stored_greenness_is_that_of_the_scenes(smoke, greenness):
    section = read_settings(smoke.root / "params.yaml").map.bare_ground
    scenes = [read_scene(path) for path in sorted((smoke.root / "results/scenes/investigation").glob("*.tif"))]
    expected = np.concatenate(list(greenness_rows(scenes, section.minimum_years)))
    np.testing.assert_array_equal(greenness.values[..., 0], expected)
    assert greenness.grid == scenes[0].grid


@pytest.mark.parametrize("model", ["transferred", "from_scratch", "pretrained"])
def test_every_map_of_every_model_is_zero_where_ground_stayed_bare_and_only_there_by_it(smoke, greenness, model):
    weight = bare_weight(greenness.values[..., 0], read_settings(smoke.root / "params.yaml").map.bare_ground)
    assert (weight == 0).any()
    maps = sorted((smoke.root / "results/maps" / model).glob("*.tif"))
    assert len(maps) == 3
    for path in maps:
        mapped = read_raster(path)
        probability = mapped.values[..., 0]
        assert (probability[mapped.valid & (weight == 0)] == 0).all()
        assert (probability[mapped.valid & (weight == 1)] > 0).any()
