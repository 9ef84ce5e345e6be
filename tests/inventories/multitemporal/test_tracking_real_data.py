from pathlib import Path

import pytest

from chronoslide.inventories.multitemporal.balance import balance
from chronoslide.inventories.multitemporal.reading import read_inventories
from chronoslide.inventories.multitemporal.tracked_writer import write_tracked
from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.params import TrackingSettings

DATA = Path(__file__).parents[3] / "../shared/data"


def track(paths, year_column=None):
    read = read_inventories(paths, year_column)
    return track_inventories(read.polygons, TrackingSettings(), names=read.names)


def check_balance(tracked):
    table = balance(tracked)
    entered = table["new"] + table["reactivated"] + table["split_off"]
    assert (table["stock"] == table["stock_before"] + entered - table["healed"] - table["merged_away"]).all()
    return table


@pytest.fixture(scope="module")
def nepal():
    folder = DATA / "nepal_inventories"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return sorted(folder.glob("*.shp"))


def test_the_seven_real_inventories_run_through_untouched(nepal, tmp_path):
    tracked = track(nepal)
    table = check_balance(tracked)
    assert table["stock"].tolist() == [35, 21, 98, 28, 18, 12, 24]
    assert [note for note in tracked.notes if "2015.shp: self-intersecting outlines made valid" in note]
    # The seven yearly numbers add up to 236; fewer landslides are behind them.
    assert len(tracked.landslides) < 236
    write_tracked(tmp_path / "nepal.gpkg", tracked)


def test_the_eight_years_of_kashmir_run_through_untouched(tmp_path):
    path = DATA / "kashmir" / "landslides.shp"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    tracked = track([path], "Year_obs")
    table = check_balance(tracked)
    assert table["year"].tolist() == [2000, 2001, 2005, 2006, 2009, 2010, 2011, 2014]
    # Five of 2,400 were drawn twice in 2006.
    assert table["stock"].tolist() == [113, 32, 281, 2395, 22, 931, 31, 9]
    assert [note for note in tracked.notes if "polygons drawn twice dropped" in note]
    write_tracked(tmp_path / "kashmir.gpkg", tracked)
