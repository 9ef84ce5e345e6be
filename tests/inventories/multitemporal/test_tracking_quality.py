import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.inventories.multitemporal.tracking_quality import TrackingQuality, tracking_quality
from chronoslide.params import TrackingSettings

A, A_GROWN, B, C = box(0, 0, 100, 100), box(0, 0, 100, 150), box(300, 0, 340, 40), box(600, 0, 650, 50)


def key(*rows):
    """(landslide_id, state, parent_ids, outline) for each landslide of a year."""
    ids, states, parents, outlines = zip(*rows, strict=True)
    columns = {"landslide_id": ids, "state": states, "parent_ids": parents}
    return gpd.GeoDataFrame(columns, geometry=list(outlines), crs="EPSG:32645")


KEY = {
    2013: key((1, "new", "", A), (2, "new", "", B)),
    2014: key((1, "enlarged", "1", A_GROWN), (3, "new", "", C)),
    2015: key((1, "persistent", "1", A_GROWN), (2, "reactivated", "2", B)),
}


def quality(years):
    inventories = {
        year: gpd.GeoDataFrame(geometry=list(outlines), crs="EPSG:32645") for year, outlines in years.items()
    }
    return tracking_quality(track_inventories(inventories, TrackingSettings()), KEY)


def test_true_polygons_are_tracked_without_an_error():
    found = quality({2013: [A, B], 2014: [A_GROWN, C], 2015: [A_GROWN, B]})
    assert (found.link_f1, found.state_accuracy) == (1.0, 1.0)
    assert (found.links_true, found.states_compared) == (3, 6)
    assert (found.identities_true, found.identities_tracked, found.yearly_counts) == (3, 3, 6)
    assert found.nearer_by == np.inf
    assert found.stocks == {2013: (2, 2), 2014: (2, 2), 2015: (2, 2)}
    assert found.confusion.loc["enlarged", "enlarged"] == 1


def test_a_wrong_polygon_breaks_links_and_states():
    # Somebody drew C again in 2015, on healed ground.
    found = quality({2013: [A, B], 2014: [A_GROWN, C], 2015: [A_GROWN, B, C]})
    assert (found.links_right, found.links_tracked, found.links_true) == (3, 4, 3)
    assert found.link_precision == 0.75
    assert found.link_recall == 1.0
    assert found.link_f1 == pytest.approx(6 / 7)
    assert found.states_compared == 6


def test_what_a_mapper_missed_is_expected_from_when_it_was_last_mapped():
    found = quality({2013: [A, B], 2014: [C], 2015: [A_GROWN, B]})
    assert found.link_f1 == 1.0
    assert found.links_true == 2
    # A looks as if it had come back: persistent in truth.
    assert found.confusion.loc["persistent", "reactivated"] == 1
    assert found.state_accuracy == 0.8


def test_parents_that_merged_are_links_too():
    left, right = box(0, 0, 40, 100), box(50, 0, 150, 100)
    whole = box(0, 0, 150, 100)
    truth = {
        2013: key((1, "new", "", left), (2, "new", "", right)),
        2014: key((2, "merged", "1;2", whole)),
        2015: key((2, "split", "2", right), (3, "split", "2", left)),
    }
    years = {year: frame[["geometry"]] for year, frame in truth.items()}
    found = tracking_quality(track_inventories(years, TrackingSettings()), truth)
    assert found.links_true == 4
    assert (found.link_f1, found.state_accuracy) == (1.0, 1.0)


def test_the_figures_go_into_a_metrics_file():
    figures = quality({2013: [A, B], 2014: [A_GROWN, C], 2015: [A_GROWN, B]}).as_dict()
    assert figures["confusion"]["new"] == {"new": 3}
    assert figures["link_f1"] == 1.0
    assert figures["stocks"]["2015"] == {"true": 2, "tracked": 2}


def test_without_anything_to_compare_the_figures_are_undefined():
    empty = gpd.GeoDataFrame({"landslide_id": [], "state": [], "parent_ids": []}, geometry=[], crs="EPSG:32645")
    found = tracking_quality(track_inventories({2013: empty}, TrackingSettings()), {2013: empty})
    assert np.isnan([found.link_f1, found.link_precision, found.link_recall, found.state_accuracy]).all()


def test_ratios_of_agreement_on_paper():
    # 40 polygons of 12 landslides, told apart as 8: wrong by 4 instead of 28.
    quality = TrackingQuality(20, 25, 15, 40, 30, 12, 8, 40, {}, pd.DataFrame())
    assert (quality.link_precision, quality.link_recall) == (15 / 25, 15 / 20)
    assert quality.link_f1 == 30 / 45
    assert quality.state_accuracy == 30 / 40
    assert quality.nearer_by == 28 / 4
    assert dataclasses.replace(quality, identities_tracked=17).nearer_by == 28 / 5
