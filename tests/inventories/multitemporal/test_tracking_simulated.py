"""Tracking held against the answer key of a simulated site."""

import pytest

from chronoslide.dataset import read_dataset
from chronoslide.inventories.multitemporal.balance import balance
from chronoslide.inventories.multitemporal.tracking import track_inventories
from chronoslide.inventories.multitemporal.tracking_quality import tracking_quality
from chronoslide.params import SimulateSettings, TrackingSettings
from chronoslide.simulate.dataset import simulate_dataset
from chronoslide.vectors import read_polygons


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    small = SimulateSettings(rows=400, cols=400, training_rows=128, training_cols=128, training_landslides=6)
    simulate_dataset(folder, small, 1)
    years = read_dataset(folder).sites["investigation"].years
    key = {year: read_polygons(folder / "answer_key" / "investigation.gpkg", str(year)) for year in years}
    manual = {year: read_polygons(folder / described.inventory) for year, described in years.items()}
    return key, manual


def test_true_outlines_give_back_the_true_identities_and_states(site):
    key, _ = site
    tracked = track_inventories(key, TrackingSettings())
    quality = tracking_quality(tracked, key)
    assert quality.links_true > 20
    assert quality.link_f1 >= 0.98
    assert quality.state_accuracy >= 0.95
    assert quality.identities_tracked == quality.identities_true
    assert balance(tracked)["stock"].tolist() == [len(frame) for frame in key.values()]


def test_a_mappers_outlines_give_most_of_them(site):
    key, manual = site
    quality = tracking_quality(track_inventories(manual, TrackingSettings()), key)
    assert quality.link_f1 >= 0.90
    assert quality.state_accuracy >= 0.80
    assert quality.nearer_by > 3
