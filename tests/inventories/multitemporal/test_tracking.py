import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from shapely.geometry import box

from chronoslide.grid import Grid
from chronoslide.inventories.multitemporal.balance import BALANCE_COLUMNS, balance
from chronoslide.inventories.multitemporal.ground import Ground
from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.params import TrackingSettings

SETTINGS = TrackingSettings()
UTM = "EPSG:32645"
GRID = Grid(CRS.from_epsg(32645), Affine(5, 0, -100, 0, -5, 400), (100, 240))

A = box(0, 0, 100, 100)
A_GROWN = box(0, 0, 100, 150)
B = box(300, 0, 340, 40)
C = box(600, 0, 650, 50)


def inventory(*outlines, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(outlines), crs=UTM)


def track(*years, first=2013, **more):
    return track_inventories(dict(enumerate(years, first)), SETTINGS, **more)


def states(tracked):
    """{landslide_id: its states, year by year}."""
    return dict(zip(tracked.landslides["landslide_id"], tracked.landslides["states"], strict=True))


def ground(ndvi=0.1, masked=(), greener=()):
    """A year's scene: NDVI 0.1 all over, some places masked, some greener."""

    def burnt(outline):
        from rasterio.features import geometry_mask

        return geometry_mask([outline], GRID.shape, GRID.transform, invert=True)

    observed = np.ones(GRID.shape, dtype=bool)
    values = np.full(GRID.shape, ndvi, dtype=np.float32)
    for outline in masked:
        observed[burnt(outline)] = False
    for outline, value in greener:
        values[burnt(outline)] = value
    return Ground(observed, GRID, values)


KNOWN = (inventory(A, B), inventory(A_GROWN, C), inventory(A_GROWN, B))
KNOWN_STATES = {
    1: "2013 new, 2014 enlarged, 2015 persistent",
    2: "2013 new, 2014 healed, 2015 reactivated",
    3: "2014 new, 2015 healed",
}


def test_known_answer_without_scenes():
    tracked = track(*KNOWN)
    assert states(tracked) == KNOWN_STATES
    assert balance(tracked)["stock"].tolist() == [2, 2, 2]


def test_known_answer_with_scenes_that_show_the_green():
    scenes = [ground(), ground(greener=[(B, 0.5)]), ground(greener=[(C, 0.5)])]
    tracked = track(*KNOWN, ground=dict(enumerate(scenes, 2013)))
    assert states(tracked) == KNOWN_STATES
    assert balance(tracked)["stock"].tolist() == [2, 2, 2]


def test_known_answer_balance():
    table = balance(track(*KNOWN))
    assert list(table.columns) == list(BALANCE_COLUMNS)
    counts = table[["new", "reactivated", "split_off", "healed", "merged_away", "stock"]]
    assert counts.to_numpy().tolist() == [[2, 0, 0, 0, 0, 2], [1, 0, 0, 1, 0, 2], [0, 1, 0, 1, 0, 2]]
    assert table["stock_m2"].tolist() == [11_600, 17_500, 16_600]
    assert table["enlarged_by_m2"].tolist() == [0, 5_000, 0]
    assert table["new_m2"].tolist() == [11_600, 2_500, 0]
    assert table["healed_m2"].tolist() == [0, 1_600, 2_500]


def test_known_answer_rows():
    tracked = track(*KNOWN)
    year = tracked.years[2014]
    assert year["landslide_id"].tolist() == [1, 3]
    assert year["area_m2"].tolist() == [15_000, 2_500]
    assert year["area_before_m2"].tolist() == [10_000, 0]
    assert year["centroid_y"].tolist() == [75, 25]
    assert year["first_seen"].tolist() == [2013, 2014]
    assert year["last_seen"].tolist() == [2015, 2014]
    lives = tracked.landslides
    assert lives["maximum_area_m2"].tolist() == [15_000, 1_600, 2_500]
    assert lives["year_of_maximum"].tolist() == [2014, 2013, 2014]
    assert lives["years_in_stock"].tolist() == [3, 2, 1]
    assert lives["state"].tolist() == ["persistent", "reactivated", "healed"]


def test_known_answer_events():
    events = track(*KNOWN).events
    assert list(zip(events["year"], events["state"], events["landslide_id"], strict=True)) == [
        (2013, "new", 1), (2013, "new", 2),
        (2014, "enlarged", 1), (2014, "new", 3), (2014, "healed", 2),
        (2015, "reactivated", 2), (2015, "healed", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("later", "state"),
    [
        (box(0, 0, 100, 100), "persistent"),
        (box(0, 0, 100, 120), "persistent"),  # a fifth exactly is not more than a fifth
        (box(0, 0, 100, 121), "enlarged"),
        (box(0, 0, 100, 60), "persistent"),
        (box(0, 0, 20, 20), "persistent"),  # it only shrank, however much
        (box(51, 0, 200, 100), "persistent"),  # larger, but covers less than half of its parent
        (box(49, 0, 200, 100), "enlarged"),
        (box(90, 0, 190, 100), "persistent"),  # overlaps by a tenth of the smaller
        (box(91, 0, 191, 100), "new"),
    ],
)
def test_state_of_one_landslide_after_another(later, state):
    tracked = track(inventory(A), inventory(later))
    assert tracked.years[2014]["state"].tolist() == [state]


def test_a_small_landslide_that_grows_by_200_m2_at_most_is_persistent():
    assert track(inventory(box(0, 0, 10, 10)), inventory(box(0, 0, 30, 10))).years[2014]["state"].tolist() == [
        "persistent"
    ]
    assert track(inventory(box(0, 0, 10, 10)), inventory(box(0, 0, 31, 10))).years[2014]["state"].tolist() == [
        "enlarged"
    ]


def test_merged_landslides_go_on_as_the_one_that_shares_most_ground():
    small, large = box(0, 0, 40, 100), box(50, 0, 150, 100)
    tracked = track(inventory(small, large), inventory(box(0, 0, 150, 100)), inventory(box(0, 0, 150, 100)))
    assert states(tracked) == {1: "2013 new, 2014 merged", 2: "2013 new, 2014 merged, 2015 persistent"}
    assert tracked.landslides["merged_into"].tolist() == [2, 0]
    assert tracked.years[2014]["parent_ids"].tolist() == ["1;2"]
    row = balance(tracked).iloc[1]
    assert (row["stock_before"], row["merged_away"], row["stock"]) == (2, 1, 1)
    merged = tracked.events[tracked.events["year"] == 2014]
    assert list(zip(merged["landslide_id"], merged["other_ids"], merged["area_after_m2"], strict=True)) == [
        (2, "1", 15_000), (1, "2", 0),
    ]  # fmt: skip


def test_all_pieces_of_a_split_landslide_are_split_and_the_largest_keeps_the_identity():
    small, large = box(0, 0, 40, 100), box(50, 0, 150, 100)
    tracked = track(inventory(box(0, 0, 150, 100)), inventory(small, large))
    assert states(tracked) == {1: "2013 new, 2014 split", 2: "2014 split"}
    assert tracked.years[2014]["landslide_id"].tolist() == [2, 1]
    assert tracked.landslides["parent_ids"].tolist() == ["", "1"]
    row = balance(tracked).iloc[1]
    assert (row["stock_before"], row["split_off"], row["stock"]) == (1, 1, 2)


def test_what_merged_away_does_not_come_back_as_itself():
    small, large = box(0, 0, 40, 100), box(50, 0, 150, 100)
    apart, together = inventory(small, large), inventory(box(0, 0, 150, 100))
    tracked = track(apart, together, apart)
    assert tracked.years[2015]["landslide_id"].tolist() == [3, 2]
    assert balance(tracked)["stock"].tolist() == [2, 1, 2]


def test_neighbours_that_overlap_a_little_stay_themselves():
    # Each outline reaches a tenth into the other's of the year before; both go on, so nothing merged or split.
    before = inventory(box(0, 0, 100, 100), box(100, 0, 200, 100))
    after = inventory(box(0, 0, 112, 100), box(112, 0, 200, 100))
    tracked = track(before, after)
    assert tracked.years[2014]["state"].tolist() == ["persistent", "persistent"]
    assert tracked.years[2014]["landslide_id"].tolist() == [1, 2]


def test_a_thin_landslide_that_was_displaced_within_the_tolerance_is_the_same():
    tracked = track(inventory(box(0, 0, 5, 200)), inventory(box(5, 0, 10, 200)))
    assert tracked.years[2014]["landslide_id"].tolist() == [1]
    strict = track_inventories(
        {2013: inventory(box(0, 0, 5, 200)), 2014: inventory(box(5, 0, 10, 200))}, TrackingSettings(tolerance_metres=0)
    )
    assert strict.years[2014]["state"].tolist() == ["new"]


def test_a_new_landslide_beside_an_old_one_is_new():
    tracked = track(inventory(box(0, 0, 40, 40)), inventory(box(0, 0, 40, 40), box(42, 0, 82, 40)))
    assert tracked.years[2014]["state"].tolist() == ["persistent", "new"]


def test_the_stock_is_carried_on_before_what_is_gone():
    # The healed B lies where A has grown to: A goes on as itself, although it shares more ground with B now.
    a, b = box(0, 0, 100, 100), box(100, 0, 300, 100)
    tracked = track(inventory(a, b), inventory(a), inventory(box(0, 0, 300, 100)))
    assert states(tracked) == {1: "2013 new, 2014 persistent, 2015 enlarged", 2: "2013 new, 2014 healed"}


def test_a_landslide_may_come_back_after_several_years():
    tracked = track(inventory(B), inventory(A), inventory(A), inventory(A, B))
    assert states(tracked)[1] == "2013 new, 2014 healed, 2016 reactivated"


def test_only_one_of_two_on_the_same_healed_ground_keeps_its_identity():
    tracked = track(inventory(box(0, 0, 100, 40)), inventory(A.buffer(0)), inventory(A))
    assert balance(tracked)["stock"].tolist() == [1, 1, 1]
    tracked = track(inventory(A), inventory(C), inventory(C, box(0, 0, 60, 100), box(65, 0, 100, 100)))
    assert tracked.years[2015]["state"].tolist() == ["persistent", "reactivated", "split"]
    assert tracked.years[2015]["landslide_id"].tolist() == [2, 1, 3]
    assert balance(tracked)["split_off"].tolist() == [0, 0, 1]


def test_masked_landslides_stay_in_the_stock_as_unobserved():
    scenes = {2013: ground(), 2014: ground(masked=[box(300, 0, 320, 40)]), 2015: ground()}
    tracked = track(inventory(A, B), inventory(A), inventory(A, B), ground=scenes)
    assert states(tracked)[2] == "2013 new, 2014 unobserved, 2015 persistent"
    year = tracked.years[2014]
    assert year["state"].tolist() == ["persistent", "unobserved"]
    assert year["mapped"].tolist() == [True, False]
    assert year["masked_share"].tolist() == [0.0, 0.5]
    assert year["area_m2"].tolist() == [10_000, 1_600]
    assert balance(tracked)["stock"].tolist() == [2, 2, 2]
    assert balance(tracked)["unobserved"].tolist() == [0, 1, 0]


def test_thirty_percent_masked_is_not_unobserved():
    scenes = {2013: ground(), 2014: ground(0.5, masked=[box(0, 0, 30, 100)])}
    assert states(track(inventory(A), inventory(C), ground=scenes))[1] == "2013 new, 2014 healed"


def test_the_masked_part_of_a_landslide_is_not_lost():
    scenes = {2013: ground(), 2014: ground(masked=[box(0, 0, 50, 100)]), 2015: ground()}
    tracked = track(inventory(A), inventory(box(50, 0, 100, 100)), inventory(A), ground=scenes)
    assert states(tracked)[1] == "2013 new, 2014 unobserved, 2015 persistent"
    assert tracked.years[2014]["area_m2"].tolist() == [10_000]


def test_growth_that_is_seen_beside_a_mask_is_growth():
    scenes = {2013: ground(), 2014: ground(masked=[box(0, 0, 50, 100)])}
    tracked = track(inventory(A), inventory(box(0, 0, 100, 150)), ground=scenes)
    assert states(tracked)[1] == "2013 new, 2014 enlarged"


def test_bare_ground_that_an_inventory_does_not_show_is_still_a_landslide():
    scenes = {2013: ground(0.1), 2014: ground(0.15), 2015: ground(0.5)}
    tracked = track(inventory(A, B), inventory(A), inventory(A), ground=scenes)
    assert states(tracked)[2] == "2013 new, 2014 persistent, 2015 healed"
    assert tracked.years[2014]["mapped"].tolist() == [True, False]
    assert balance(tracked)["not_mapped"].tolist() == [0, 1, 0]


def test_the_ndvi_may_be_left_out_of_the_decision():
    scenes = {2013: ground(0.1), 2014: ground(0.1)}
    tracked = track_inventories(
        {2013: inventory(A), 2014: inventory(C)}, TrackingSettings(healed_ndvi_gain=None), ground=scenes
    )
    assert states(tracked)[1] == "2013 new, 2014 healed"


def test_healing_is_measured_from_the_barest_year():
    scenes = {2013: ground(0.1), 2014: ground(0.18), 2015: ground(0.25)}
    tracked = track(inventory(A), inventory(A), inventory(C), ground=scenes)
    assert states(tracked)[1] == "2013 new, 2014 persistent, 2015 healed"


def test_dates_bracket_the_change():
    dates = {2013 + year: datetime.date(2013 + year, 11, 7) for year in range(3)}
    tracked = track(*KNOWN, dates=dates)
    assert tracked.landslides["date_before"].tolist() == ["", "", "2013-11-07"]
    assert tracked.landslides["date_after"].tolist() == ["2013-11-07", "2013-11-07", "2014-11-07"]
    reactivated = tracked.events[tracked.events["state"] == "reactivated"].iloc[0]
    assert (reactivated["date_before"], reactivated["date_after"]) == ("2014-11-07", "2015-11-07")


def test_a_new_landslide_on_ground_that_was_masked_is_dated_from_when_it_was_last_seen():
    scenes = {2013: ground(), 2014: ground(masked=[C]), 2015: ground()}
    tracked = track(inventory(A), inventory(A), inventory(A, C), ground=scenes)
    assert tracked.landslides["date_before"].tolist() == ["", "2013"]


def test_dates_and_attributes_are_taken_from_the_inventories():
    first = inventory(A, B, date="2013-11-07", mean_probability=[0.9, 0.8], model_version="one", landslide_id=[7, 9])
    tracked = track(first, inventory(B), ground={2013: ground(), 2014: ground(masked=[A])})
    assert tracked.years[2013]["mean_probability"].tolist() == [0.9, 0.8]
    assert tracked.years[2013]["model_version"].tolist() == ["one", "one"]
    assert tracked.years[2013]["polygon_id"].tolist() == ["7", "9"]
    assert tracked.years[2013]["date_after"].tolist() == ["2013-11-07"] * 2
    assert tracked.years[2014]["mean_probability"].isna().all()
    assert tracked.years[2014]["model_version"].tolist() == ["", ""]
    assert tracked.years[2014]["polygon_id"].tolist() == ["0", ""]


def test_an_empty_year_heals_everything_and_says_so():
    tracked = track(inventory(A), inventory(), inventory(A))
    assert states(tracked)[1] == "2013 new, 2014 healed, 2015 reactivated"
    assert any("2014: no polygons" in note for note in tracked.notes)


def test_nothing_at_all_gives_empty_tables_with_columns():
    tracked = track(inventory(), inventory())
    full = track(*KNOWN)
    assert balance(tracked)["stock"].tolist() == [0, 0]
    assert len(tracked.landslides) == len(tracked.events) == len(tracked.links) == 0
    for empty, filled in (
        (tracked.landslides, full.landslides),
        (tracked.events, full.events),
        (tracked.years[2013], full.years[2013]),
    ):
        assert empty.dtypes.to_dict() == filled.dtypes.to_dict()


def test_progress_is_told_the_years():
    done = []
    track(*KNOWN, progress=done.append)
    assert done == [2013, 2014, 2015]


squares = st.builds(
    lambda x, y, width, height: box(x * 10, y * 10, (x + width) * 10, (y + height) * 10),
    st.integers(0, 12), st.integers(0, 12), st.integers(1, 8), st.integers(1, 8),
)  # fmt: skip
yearly = st.lists(st.lists(squares, max_size=6), min_size=1, max_size=5)


def apart(outlines):
    """Outlines of one year that do not overlap each other."""
    kept = []
    for outline in outlines:
        if not any(shapely.area(shapely.intersection(outline, other)) for other in kept):
            kept.append(outline)
    return kept


@given(yearly)
@settings(deadline=None, max_examples=30)
def test_the_balance_is_exact_and_identities_are_unique(years):
    tracked = track(*(inventory(*apart(outlines)) for outlines in years))
    table = balance(tracked)
    entered = table["new"] + table["reactivated"] + table["split_off"]
    left = table["healed"] + table["merged_away"]
    assert (table["stock"] == table["stock_before"] + entered - left).all()
    for year, outlines in zip(tracked.years.values(), years, strict=True):
        assert year["landslide_id"].is_unique
        assert len(year) == len(apart(outlines))
        assert year["area_m2"].tolist() == pytest.approx(year.geometry.area.tolist())
    lives = tracked.landslides
    assert lives["landslide_id"].tolist() == list(range(1, len(lives) + 1))
    assert (lives["first_seen"] <= lives["last_seen"]).all()
    assert set(lives["landslide_id"]) == {one for year in tracked.years.values() for one in year["landslide_id"]}


@given(yearly, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=15)
def test_the_order_of_the_polygons_changes_only_the_numbers(years, random):
    ordered = [apart(outlines) for outlines in years]
    shuffled = [random.sample(outlines, len(outlines)) for outlines in ordered]

    def partition(tracked):
        rows = pd.concat(list(tracked.years.values()), keys=tracked.years)
        key = [(index[0], outline.wkb) for index, outline in zip(rows.index, rows.geometry, strict=True)]
        return {
            frozenset(place for place, one in zip(key, rows["landslide_id"], strict=True) if one == identity)
            for identity in set(rows["landslide_id"])
        }

    def ties(tracked):
        shared = tracked.links.groupby("year")["shared_m2"]
        return bool(shared.apply(lambda areas: areas.duplicated().any()).any()) if len(tracked.links) else False

    first, second = (track(*(inventory(*outlines) for outlines in one)) for one in (ordered, shuffled))
    if not ties(first):  # who goes on after a tie is decided by the order
        assert partition(first) == partition(second)
