import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from chronoslide.errors import InventoryError
from chronoslide.grid import Grid
from chronoslide.inventories.outlines.deriving import derive_inventory
from chronoslide.params import InventorySettings, TopographySettings

GRID = Grid(CRS.from_epsg(32645), Affine(5.0, 0.0, 400_000.0, 0.0, -5.0, 3_100_000.0), (24, 24))
WITHOUT_JOINING = InventorySettings(join_fragments=False, minimum_area_m2=0.0)


def a_map(*rectangles: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Rows from, to, columns from, to, in which the network is fairly sure."""
    probability = np.zeros(GRID.shape, dtype=np.float32)
    for top, bottom, left, right in rectangles:
        probability[top:bottom, left:right] = 0.75
    return probability


def test_a_rectangle_becomes_one_landslide_of_its_area_and_probability() -> None:
    landslides = derive_inventory(a_map((2, 6, 3, 13)), GRID, 0.5, InventorySettings()).landslides
    assert landslides[["landslide_id", "area_m2", "mean_probability", "fragments"]].to_numpy().tolist() == [
        [1, 40 * 25.0, 0.75, 1]
    ]
    assert landslides.crs == GRID.crs


def test_pieces_are_joined_before_small_ones_are_dropped() -> None:
    # Two pieces of 24 pixels and a doubtful gap of two columns: each alone is below the mapping unit of 40 pixels.
    pieces = a_map((4, 8, 2, 8), (4, 8, 10, 16))
    pieces[4:8, 8:10] = 0.3
    joined, apart = (
        InventorySettings(minimum_area_m2=1000.0, join_fragments=join_fragments) for join_fragments in (True, False)
    )
    assert len(derive_inventory(pieces, GRID, 0.5, joined).landslides) == 1
    assert len(derive_inventory(pieces, GRID, 0.5, apart).landslides) == 0


def test_the_threshold_given_counts_and_not_the_settings_word() -> None:
    probability = a_map((2, 6, 3, 13))
    assert len(derive_inventory(probability, GRID, 0.75, WITHOUT_JOINING).landslides) == 1
    assert len(derive_inventory(probability, GRID, 0.76, WITHOUT_JOINING).landslides) == 0


def test_what_is_unsure_on_average_is_no_landslide_and_is_kept_apart() -> None:
    probability = a_map((2, 6, 3, 13), (12, 16, 3, 13))
    probability[12:14] = np.where(probability[12:14] > 0, 0.55, 0)  # the second one has 0.65 on average
    settings = InventorySettings(join_fragments=False, minimum_mean_probability=0.7)
    derived = derive_inventory(probability, GRID, 0.5, settings)
    assert derived.landslides[["landslide_id", "mean_probability"]].to_numpy().tolist() == [[1, 0.75]]
    assert derived.unsure["mean_probability"].tolist() == pytest.approx([0.65])


def test_a_joined_landslide_is_judged_as_a_whole() -> None:
    pieces = a_map((4, 8, 2, 8), (4, 8, 10, 16))
    pieces[4:8, 8:10] = 0.3
    pieces[4:8, 10:16] = 0.6  # alone it would be dropped
    derived = derive_inventory(pieces, GRID, 0.5, InventorySettings(minimum_mean_probability=0.62))
    assert derived.landslides["mean_probability"].tolist() == pytest.approx([(24 * 0.75 + 4 * 0.3 + 24 * 0.6) / 52])
    assert len(derived.unsure) == 0


def test_a_map_without_observation_has_no_landslides_but_all_columns() -> None:
    landslides = derive_inventory(np.full(GRID.shape, np.nan, np.float32), GRID, 0.5, InventorySettings()).landslides
    assert len(landslides) == 0
    assert {"landslide_id", "area_m2", "mean_probability", "fragments", "uncertainty"} <= set(landslides.columns)


def test_a_slope_rule_without_elevation_is_refused() -> None:
    settings = InventorySettings(topography=TopographySettings(minimum_median_slope_degrees=10.0))
    with pytest.raises(InventoryError, match="needs an elevation model"):
        derive_inventory(a_map((2, 6, 3, 13)), GRID, 0.5, settings)
