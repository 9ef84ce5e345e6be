"""Landslides counted by what they were and what they became; the squares are 100 m wide unless said otherwise."""

import geopandas as gpd
from shapely.geometry import box

from chronoslide.inventories.multitemporal.balance import balance
from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.inventories.multitemporal.transitions import TRANSITION_COLUMNS, transitions
from chronoslide.params import TrackingSettings

LEFT, RIGHT, BETWEEN = box(0, 0, 100, 100), box(160, 0, 260, 100), box(100, 40, 160, 60)
FAR = box(600, 0, 650, 50)


def track(*years):
    inventories = {year: gpd.GeoDataFrame(geometry=list(outlines), crs="EPSG:32645") for year, outlines in years}
    settings = TrackingSettings(healed_ndvi_gain=None)
    return track_inventories(inventories, settings)


def rows(tracked):
    return [tuple(row) for row in transitions(tracked).itertuples(index=False)]


def test_what_is_first_seen_was_absent_and_what_is_gone_has_healed():
    assert rows(track((2013, [LEFT, FAR]), (2014, [LEFT]), (2015, [LEFT, FAR]))) == [
        (2013, "absent", "new", 2),
        (2014, "new", "healed", 1),
        (2014, "new", "persistent", 1),
        (2015, "absent", "reactivated", 1),
        (2015, "persistent", "persistent", 1),
    ]


def test_of_two_that_grow_together_one_is_merged_away():
    together = LEFT.union(BETWEEN).union(RIGHT)
    assert rows(track((2013, [LEFT, RIGHT]), (2014, [together])))[1:] == [
        (2014, "new", "merged", 1),
        (2014, "new", "merged away", 1),
    ]


def test_the_counts_add_up_to_the_balance():
    together = LEFT.union(BETWEEN).union(RIGHT)
    tracked = track((2013, [LEFT, RIGHT, FAR]), (2014, [together]), (2016, [LEFT, RIGHT]))
    table, sums = transitions(tracked), balance(tracked).set_index("year")
    gone = table["state"].isin(["healed", "merged away"])
    assert table[~gone].groupby("year")["landslides"].sum().to_dict() == sums["stock"].to_dict()
    before = table[table["state_before"] != "absent"].groupby("year")["landslides"].sum()
    assert before.to_dict() == {2014: 3, 2016: 1}  # all that was there the year before, and nothing else


def test_without_landslides_there_is_no_row():
    table = transitions(track((2013, []), (2014, [])))
    assert list(table.columns) == list(TRANSITION_COLUMNS)
    assert table.empty
