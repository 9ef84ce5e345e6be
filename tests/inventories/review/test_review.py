import hashlib
import sqlite3
from xml.etree import ElementTree as Xml

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import MultiPolygon, Polygon, box

from chronoslide.errors import GridError, InventoryError
from chronoslide.inventories.review.decisions import REVIEW_COLUMNS, apply_review, prepare_review
from chronoslide.inventories.review.package import read_review, write_review


@pytest.fixture
def inventory():
    return gpd.GeoDataFrame(
        {"polygon_id": ["a", "b", "c", "d"], "uncertainty": [0.1, 0.9, 0.5, np.nan]},
        geometry=[box(0, 0, 100, 10), box(0, 50, 20, 60), box(0, 100, 200, 110), box(0, 150, 10, 160)],
        crs="EPSG:32645",
    )


def decide(review, feature, decision, reviewer="Ana", note=""):
    review.loc[review["feature"] == feature, ["decision", "reviewer", "note"]] = [decision, reviewer, note]
    return review


def test_the_most_uncertain_ground_comes_first(inventory):
    review = prepare_review(inventory)
    assert review["feature"].tolist() == [2, 1, 0, 3]
    assert review["priority"].tolist() == [1000.0, 180.0, 100.0, 100.0]
    assert list(review.columns.drop("geometry")) == list(REVIEW_COLUMNS)


def test_an_inventory_without_uncertainty_is_ordered_by_area(inventory):
    assert prepare_review(inventory.drop(columns="uncertainty"))["feature"].tolist() == [2, 0, 1, 3]


def test_accept_reject_edited_and_undecided(inventory):
    review = prepare_review(inventory)
    decide(review, 0, "accept")
    decide(review, 1, "reject", note="a field")
    decide(review, 2, "edited", reviewer="Bo")
    review.loc[review["feature"] == 2, "geometry"] = box(0, 100, 100, 110)
    reviewed = apply_review(review, inventory)
    assert reviewed.inventory["polygon_id"].tolist() == ["a", "c", "d"]
    assert reviewed.inventory["decision"].tolist() == ["accept", "edited", ""]
    assert reviewed.inventory.area.tolist() == [1000.0, 1000.0, 100.0]
    assert reviewed.changes.to_dict("list") == {
        "feature": [0, 1, 2],
        "decision": ["accept", "reject", "edited"],
        "reviewer": ["Ana", "Ana", "Bo"],
        "note": ["", "a field", ""],
        "area_before_m2": [1000.0, 200.0, 2000.0],
        "area_after_m2": [1000.0, 0.0, 1000.0],
    }
    assert dict(zip(reviewed.training["decision"], reviewed.training["label"], strict=True)) == {
        "accept": 1, "reject": 0, "edited": 1, "": 255,
    }  # fmt: skip
    assert reviewed.notes == ()


def test_a_review_that_nobody_touched_changes_nothing(inventory):
    reviewed = apply_review(prepare_review(inventory), inventory)
    assert reviewed.changes.empty
    assert reviewed.inventory.geometry.geom_equals(inventory.geometry).all()


def test_the_package_survives_the_disk_with_multipart_polygons(inventory, tmp_path):
    inventory.loc[0, "geometry"] = MultiPolygon([box(0, 0, 10, 10), box(20, 0, 30, 10)])
    write_review(tmp_path / "review.gpkg", prepare_review(inventory))
    inventory.to_file(tmp_path / "inventory.gpkg", engine="pyogrio")
    review = read_review(tmp_path / "review.gpkg")
    decide(review, 3, "reject")
    reviewed = apply_review(review, gpd.read_file(tmp_path / "inventory.gpkg", engine="pyogrio"))
    assert reviewed.changes["feature"].tolist() == [3]
    assert reviewed.notes == ()


def test_the_package_is_the_same_bytes_twice_and_brings_its_style(inventory, tmp_path):
    for name in ("one", "two"):
        write_review(tmp_path / name / "review.gpkg", prepare_review(inventory))
    one, two = (hashlib.sha256((tmp_path / name / "review.gpkg").read_bytes()).hexdigest() for name in ("one", "two"))
    assert one == two
    connection = sqlite3.connect(tmp_path / "one/review.gpkg")
    (layer, style), *others = connection.execute("select f_table_name, styleQML from layer_styles").fetchall()
    connection.close()
    assert (layer, others) == ("review", [])
    values = [category.get("value") for category in Xml.fromstring(style).iter("category")]
    assert values == ["", "accept", "edited", "reject"]


def test_a_moved_outline_counts_as_edited(inventory):
    review = prepare_review(inventory)
    decide(review, 0, "accept")
    review.loc[review["feature"] == 0, "geometry"] = box(0, 0, 90, 10)
    reviewed = apply_review(review, inventory)
    assert reviewed.changes["decision"].tolist() == ["edited"]
    assert reviewed.notes == ("row 3: its outline was moved, so it counts as edited",)


def test_an_added_polygon_joins_the_inventory(inventory):
    review = prepare_review(inventory)
    drawn = gpd.GeoDataFrame({"reviewer": ["Ana"]}, geometry=[box(500, 0, 510, 10)], crs=review.crs)
    reviewed = apply_review(pd.concat([review, drawn], ignore_index=True), inventory)
    assert reviewed.inventory["decision"].tolist() == ["", "", "", "", "added"]
    assert reviewed.inventory["polygon_id"].isna().tolist() == [False, False, False, False, True]
    assert reviewed.changes[["feature", "area_before_m2", "area_after_m2"]].iloc[0].tolist() == [-1, 0.0, 100.0]


def test_a_broken_outline_of_the_inventory_is_no_edit(inventory):
    inventory.loc[0, "geometry"] = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    reviewed = apply_review(prepare_review(inventory), inventory)
    assert reviewed.changes.empty


def test_a_broken_outline_of_the_reviewer_is_repaired_and_told(inventory):
    review = prepare_review(inventory)
    decide(review, 2, "edited")
    review.loc[0, "geometry"] = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    reviewed = apply_review(review, inventory)
    assert reviewed.notes == ("outline of row 1 made valid",)
    assert reviewed.changes["area_after_m2"].iloc[0] == pytest.approx(50.0)


def test_the_case_and_blanks_of_a_decision_do_not_matter(inventory):
    review = prepare_review(inventory)
    decide(review, 0, " Reject ")
    assert apply_review(review, inventory).changes["decision"].tolist() == ["reject"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda review: decide(review, 2, "acept"), "row 1: unknown decision 'acept', did you mean 'accept'"),
        (lambda review: decide(review, 2, "accept", reviewer=" "), "row 1: 'accept' without a reviewer"),
        (lambda review: review.drop(index=0), "feature 2 was deleted"),
        (lambda review: review.drop(columns="decision"), "column 'decision' is missing"),
        (lambda review: review.assign(feature=[1, 1, 0, 3]), "feature 1 stands twice"),
        (lambda review: review.set_geometry(review.geometry.where(review["feature"] != 0)), "row 3: no outline"),
        (lambda review: review.assign(feature=[2, 1, 0, 9]), "made from another inventory"),
        (lambda review: review.assign(feature=[1, 2, 0, 3]), "made from another inventory"),
    ],
)
def test_what_a_review_may_not_say(inventory, change, message):
    review = prepare_review(inventory)
    with pytest.raises(InventoryError, match=message):
        apply_review(change(review), inventory)


def test_another_inventory_is_refused(inventory):
    other = inventory.set_geometry(inventory.translate(5, 0))
    with pytest.raises(InventoryError, match="made from another inventory"):
        apply_review(prepare_review(inventory), other)


def test_another_reference_system_is_refused(inventory):
    with pytest.raises(GridError, match="EPSG:32644"):
        apply_review(prepare_review(inventory), inventory.to_crs(32644))


def test_an_empty_inventory_makes_an_empty_review(inventory):
    empty = inventory.iloc[:0]
    reviewed = apply_review(prepare_review(empty), empty)
    assert reviewed.inventory.empty
    assert reviewed.training.empty
