import json
import math

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from chronoslide.errors import GridError, InventoryError
from chronoslide.files import write_json
from chronoslide.inventories.comparison.comparing import compare_inventories
from chronoslide.params import CompareSettings


def inventory(*boxes, crs="EPSG:32645"):
    return gpd.GeoDataFrame(geometry=[box(*corners) for corners in boxes], crs=crs)


@st.composite
def inventories(draw):
    number = draw(st.integers(1, 5))
    corners = [(draw(st.integers(0, 60)), draw(st.integers(0, 60))) for _ in range(number)]
    return inventory(*[(x, y, x + draw(st.integers(2, 40)), y + draw(st.integers(2, 40))) for x, y in corners])


def test_two_boxes_shifted_along_their_long_side():
    figures = compare_inventories(inventory((0, 0, 100, 50)), inventory((20, 0, 120, 50))).figures
    assert figures.one_to_one[0].segmentation_quality == pytest.approx(0.667, abs=5e-4)
    assert figures.mapping_error == pytest.approx(0.333, abs=5e-4)
    assert figures.over_segmentation == pytest.approx(0.2)
    assert figures.under_segmentation == pytest.approx(0.2)
    assert figures.segmentation_distance == pytest.approx(0.2)
    assert figures.polis_mean_m == pytest.approx(10.0)
    assert figures.area_f1 == pytest.approx(0.8)
    assert figures.tolerant_f1 == pytest.approx(0.85)  # 85 of 100 m of each lie within 5 m of the other
    assert figures.reasons == {}


def test_one_manual_landslide_in_three_pieces_and_one_false_alarm():
    manual = inventory((0, 0, 100, 10), (500, 0, 510, 10))
    predicted = inventory((0, 0, 60, 10), (65, 0, 80, 10), (85, 0, 100, 10), (900, 0, 910, 10))
    figures = compare_inventories(manual, predicted).figures
    assert (figures.manual_hit, figures.predicted_hit) == (1, 3)
    assert (figures.detection_rate, figures.correct_rate) == (0.5, 0.75)
    assert (figures.fragmentation, figures.merging) == (3.0, 1.0)
    assert figures.over_segmentation == pytest.approx((0.40 + 0.85 + 0.85) / 3)
    assert figures.under_segmentation == pytest.approx(0.0)
    main = figures.one_to_one[0]
    assert (main.matches, main.precision, main.recall) == (1, 0.25, 0.5)
    assert main.recognition_quality == pytest.approx(1 / 3)
    assert main.panoptic_quality == pytest.approx(0.6 / 3)


def test_two_manual_landslides_run_together():
    figures = compare_inventories(inventory((0, 0, 40, 10), (50, 0, 100, 10)), inventory((0, 0, 100, 10))).figures
    assert (figures.fragmentation, figures.merging) == (1.0, 2.0)
    assert [match.matches for match in figures.one_to_one] == [0, 1, 1]  # IoU 0.5 is not above 0.5
    assert figures.one_to_one[0].panoptic_quality == 0.0


def test_a_sliver_is_no_hit():
    figures = compare_inventories(inventory((0, 0, 100, 10)), inventory((91, 0, 200, 10))).figures
    assert figures.manual_hit == 0
    assert "fragmentation" in figures.reasons
    assert figures.area_recall == pytest.approx(0.09)


def test_classes_by_area():
    manual = inventory((0, 0, 20, 20), (100, 0, 150, 50), (500, 0, 700, 100))
    predicted = inventory((100, 0, 150, 45), (500, 0, 700, 50), (510, 60, 520, 70), (900, 0, 910, 10))
    classes = compare_inventories(manual, predicted).classes
    assert list(classes) == ["below_1000_m2", "1000_to_10000_m2", "from_10000_m2"]
    small, medium, large = classes.values()
    assert (small.manual_number, small.manual_hit, small.predicted_number) == (1, 0, 1)  # the false alarm is small
    assert (medium.detection_rate, medium.correct_rate, medium.fragmentation) == (1.0, 1.0, 1.0)
    assert (large.predicted_number, large.fragmentation) == (2, 2.0)  # the small fragment belongs to the large one
    assert [each.one_to_one[1].matches for each in classes.values()] == [0, 1, 1]


def test_a_matched_prediction_joins_the_class_of_its_match():
    # It shares most ground with the large landslide, but fits the medium one better.
    manual, predicted = inventory((0, 0, 200, 100), (200, 0, 250, 50)), inventory((140, 0, 250, 50))
    _, medium, large = compare_inventories(manual, predicted).classes.values()
    assert (medium.predicted_number, large.predicted_number) == (0, 1)
    above_0_3 = [each.one_to_one[1] for each in (medium, large)]
    assert (above_0_3[0].matches, above_0_3[0].precision, above_0_3[0].f1) == (1, 1.0, 1.0)
    assert math.isnan(above_0_3[1].precision)


@given(inventories(), inventories())
@settings(deadline=None, max_examples=40)
def test_classes_add_up_to_the_whole(manual, predicted):
    comparison = compare_inventories(manual, predicted, settings=CompareSettings(area_classes_m2=(100, 400)))
    for name in ("manual_number", "predicted_number", "manual_hit", "predicted_hit"):
        assert sum(getattr(each, name) for each in comparison.classes.values()) == getattr(comparison.figures, name)
    for k, whole in enumerate(comparison.figures.one_to_one):
        assert sum(each.one_to_one[k].matches for each in comparison.classes.values()) == whole.matches


@given(inventories(), inventories())
@settings(deadline=None, max_examples=40)
def test_what_swaps_when_the_inventories_swap(manual, predicted):
    forth, back = compare_inventories(manual, predicted).figures, compare_inventories(predicted, manual).figures
    for name, other in [
        ("over_segmentation", "under_segmentation"),
        ("under_segmentation", "over_segmentation"),
        ("segmentation_distance", "segmentation_distance"),
        ("fragmentation", "merging"),
        ("detection_rate", "correct_rate"),
        ("area_precision", "area_recall"),
        ("mapping_error", "mapping_error"),
        ("tolerant_f1", "tolerant_f1"),
    ]:
        assert getattr(forth, name) == pytest.approx(getattr(back, other), nan_ok=True)
    for one, other in zip(forth.one_to_one, back.one_to_one, strict=True):
        assert (one.precision, one.matches) == (other.recall, other.matches)
        assert one.panoptic_quality == pytest.approx(other.panoptic_quality)


@given(inventories())
@settings(deadline=None, max_examples=20)
def test_an_inventory_against_itself(manual):
    manual = manual.drop_duplicates("geometry").reset_index(drop=True)
    figures = compare_inventories(manual, manual).figures
    assert figures.one_to_one[0].panoptic_quality == pytest.approx(1.0)
    assert figures.mapping_error == pytest.approx(0.0, abs=1e-12)
    assert figures.polis_mean_m == 0.0


def test_figure_8_sums_the_pieces_of_each_manual_landslide():
    manual = inventory((0, 0, 100, 10), (200, 0, 300, 100), (500, 0, 510, 10), (1000, 0, 2000, 100))
    predicted = inventory(
        (0, 0, 50, 10), (50, 0, 100, 20), (200, 0, 300, 200), (3000, 0, 3010, 10), (1000, 0, 2000, 200)
    )
    sizes = compare_inventories(manual, predicted).sizes
    assert sizes.table["manual"].tolist() == [0, 1, 3]
    assert sizes.table["predicted_area_m2"].tolist() == [1500.0, 20000.0, 200000.0]
    assert sizes.table["predicted_number"].tolist() == [2, 1, 1]
    assert (sizes.manual_unmatched, sizes.predicted_unmatched) == (1, 1)
    assert sizes.bias == pytest.approx((math.log10(1.5) + 2 * math.log10(2)) / 3)
    assert sizes.slope == pytest.approx(math.log10(200000 / 1500) / 2)


def test_ground_that_one_inventory_did_not_map_is_left_out():
    manual, predicted = inventory((0, 0, 10, 10), (100, 0, 110, 10)), inventory((0, 0, 10, 10))
    comparison = compare_inventories(manual, predicted, box(-10, -10, 50, 50))
    assert comparison.figures.detection_rate == 1.0
    assert comparison.preparation["manual"]["outside"] == 1


def test_pairs_tell_the_delivered_index():
    manual = inventory((0, 0, 10, 10)).set_axis(["a7"])
    pairs = compare_inventories(manual, inventory((0, 0, 10, 9))).pairs
    assert pairs.iloc[0].to_dict() == {
        "manual": "a7", "predicted": 0, "manual_area_m2": 100.0, "predicted_area_m2": 90.0, "intersection_m2": 90.0,
        "iou": 0.9, "matched": True, "polis_m": 0.25, "x": 5.0, "y": 5.0,
    }  # fmt: skip


def test_each_landslide_tells_how_often_it_is_hit():
    comparison = compare_inventories(inventory((0, 0, 40, 10), (50, 0, 100, 10)), inventory((0, 0, 100, 10)))
    assert comparison.manual["hits"].tolist() == [1, 1]
    assert comparison.predicted.iloc[0].to_dict() == {"x": 50.0, "y": 5.0, "area_m2": 1000.0, "hits": 2.0}


def test_two_empty_inventories_leave_everything_undefined_with_reasons(tmp_path):
    comparison = compare_inventories(inventory(), inventory())
    assert math.isnan(comparison.figures.mapping_error)
    assert comparison.figures.reasons["detection_rate"] == "no manual landslide"
    write_json(tmp_path / "comparison.json", comparison.as_dict())
    assert json.loads((tmp_path / "comparison.json").read_text())["mapping_error"] is None


def test_nothing_predicted():
    figures = compare_inventories(inventory((0, 0, 10, 10)), inventory()).figures
    assert (figures.detection_rate, figures.area_recall, figures.mapping_error) == (0.0, 0.0, 1.0)
    assert math.isnan(figures.area_precision)
    assert figures.one_to_one[0].f1 == 0.0


def test_self_intersections_are_repaired_and_told():
    bow_tie = gpd.GeoDataFrame(geometry=[Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])], crs="EPSG:32645")
    assert compare_inventories(bow_tie, bow_tie).preparation["manual"]["repaired"] == 1


@pytest.mark.parametrize(
    ("manual", "predicted", "message"),
    [
        (inventory((0, 0, 1, 1)), inventory((0, 0, 1, 1), crs="EPSG:32644"), "EPSG:32645 and the predicted"),
        (inventory((0, 0, 1, 1), crs=None), inventory((0, 0, 1, 1), crs=None), "no coordinate reference system"),
        (inventory((0, 0, 1, 1), crs=4326), inventory((0, 0, 1, 1), crs=4326), "not in metres"),
    ],
)
def test_unusable_reference_systems_are_refused(manual, predicted, message):
    with pytest.raises(GridError, match=message):
        compare_inventories(manual, predicted)


def test_points_are_refused():
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0], [0]), crs="EPSG:32645")
    with pytest.raises(InventoryError, match="the predicted inventory: feature 0 is a Point"):
        compare_inventories(inventory((0, 0, 1, 1)), points)


def test_repeated_index_labels_do_no_harm():
    manual = inventory((0, 0, 10, 10), (20, 0, 30, 10)).set_axis([1, 1])
    assert compare_inventories(manual, manual).figures.one_to_one[0].matches == 2


def test_slope_of_doubled_areas_is_one():
    sides = np.array([10.0, 20.0, 50.0, 120.0])
    manual = inventory(*[(1000 * k, 0, 1000 * k + side, side) for k, side in enumerate(sides)])
    predicted = inventory(*[(1000 * k, 0, 1000 * k + 2 * side, side) for k, side in enumerate(sides)])
    sizes = compare_inventories(manual, predicted).sizes
    assert sizes.pearson_r == pytest.approx(1.0)
    assert sizes.slope == pytest.approx(1.0)
    assert sizes.bias == pytest.approx(math.log10(2))
