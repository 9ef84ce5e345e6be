"""`pretrain.sources`: splits, statistics, and what is kept and told of each source."""

from pathlib import Path

import numpy as np
import pytest

from chronoslide.errors import DataError, SettingsError
from chronoslide.params import SourceSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.source_reading import counts, described, mixtures, read_sources
from made_chip_sets import SIDE, bijie, hr_gldd, landslide4sense, pairs, square_mask, write_npy

RGB = ("red", "green", "blue")
AREA = BandStatistics(RGB, (0.04, 0.05, 0.03), (0.03, 0.03, 0.02))
LANDSLIDE4SENSE = Path(__file__).parents[2] / "../shared/data/l4s_rgb"


def read(root, *sources, area=AREA):
    return read_sources(root, [SourceSettings.model_validate(source) for source in sources], area, SIDE, seed=1)


def test_sources_keep_their_own_split_or_get_a_seeded_one(tmp_path):
    hr_gldd(tmp_path / "planet")
    pairs(tmp_path / "chips", "tif", chips=10)
    own, seeded = read(tmp_path, {"path": "planet"}, {"path": "chips", "validation_share": 0.3})
    assert (own.training.n, own.validation.n) == (5, 2)
    assert (seeded.training.n, seeded.validation.n) == (7, 3)
    assert described([own, seeded]) == "planet (5 patches), chips (7 patches)"
    again = read(tmp_path, {"path": "planet"}, {"path": "chips", "validation_share": 0.3})[1]
    np.testing.assert_array_equal(seeded.validation.images, again.validation.images)


def test_statistics_are_those_of_the_training_chips_where_something_was_observed(tmp_path):
    bijie(tmp_path, sizes=((16, 16), (10, 16)))
    (source,) = read(tmp_path.parent, {"path": tmp_path.name, "validation_share": 0.5})
    seen = source.training.images[source.training.labels != 255] / 10_000
    np.testing.assert_allclose(source.statistics.mean, seen.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(source.statistics.standard_deviation, seen.std(axis=0), rtol=1e-6)
    assert source.to_json()["chips_by_side"] == {"kept": 2, "filled up": 2}


def test_the_run_is_told_counts_and_statistics(tmp_path):
    hr_gldd(tmp_path / "planet")
    pairs(tmp_path / "chips", "tif", chips=10)
    sources = read(tmp_path, {"path": "planet", "weight": 1}, {"path": "chips", "weight": 3})
    training, validation = mixtures(sources, 8, AREA, seed=1)
    told = counts(sources, training)
    assert (training.n, validation.n) == (8, 4)  # two chips of each to judge by
    assert (told["sources.planet.patches_of_an_epoch"], told["sources.chips.patches_of_an_epoch"]) == (2, 6)
    assert told["sources.planet.landslide_share"] == 16 / 256
    assert told["sources.planet.mean.red"] == sources[0].statistics.mean[0]


def test_statistics_of_the_area_need_known_units(tmp_path):
    hr_gldd(tmp_path / "planet")
    with pytest.raises(SettingsError, match=r"pretrain.sources\[0\].statistics: planet holds HR-GLDD without a unit"):
        read(tmp_path, {"path": "planet", "statistics": "training_area"})
    (source,) = read(tmp_path, {"path": "planet", "statistics": "training_area", "factor": 0.5})
    assert source.statistics == AREA
    landslide4sense(tmp_path / "l4s", 4)
    assert read(tmp_path, {"path": "l4s", "statistics": "training_area"})[0].statistics == AREA


def test_what_cannot_be_used_is_named(tmp_path):
    pairs(tmp_path / "chips", "tif", chips=3)
    with pytest.raises(SettingsError, match=r"pretrain.sources\[0\].validation_share: 0.1 of 3 chips leaves 0"):
        read(tmp_path, {"path": "chips", "validation_share": 0.1})
    five = BandStatistics(("red", "nir"), (0.1, 0.1), (0.1, 0.1))
    with pytest.raises(SettingsError, match=r"no band 'nir'.*take pretrain.sources\[0\] out, or train another model"):
        read(tmp_path, {"path": "chips"}, area=five)
    for part in ("images", "masks"):
        for number in range(4):
            values = np.full((SIDE, SIDE, 3), 0.2) if part == "images" else square_mask()
            write_npy(tmp_path / f"flat/{part}/{number}.npy", values)
    with pytest.raises(DataError, match=r"flat: band 'red': .* cannot be standardised"):
        read(tmp_path, {"path": "flat", "validation_share": 0.25})
    hr_gldd(tmp_path / "tested", counts=(("test", 3),))
    with pytest.raises(DataError, match=r"tested: holds test only; name a set with chips to train on"):
        read(tmp_path, {"path": "tested"})


@pytest.mark.skipif(not LANDSLIDE4SENSE.exists(), reason="the Landslide4Sense chips are not in ../shared/data")
def test_the_real_set_is_cut_to_the_side_of_the_patches():
    (source,) = read_sources(LANDSLIDE4SENSE.parent, [SourceSettings(path=LANDSLIDE4SENSE.name)], AREA, side=64, seed=1)
    assert (source.training.n, source.validation.n, source.training.side) == (3600, 1000, 64)
    assert source.to_json()["chips_by_side"] == {"cut": 1150}
    assert source.to_json()["landslide_share"]["training"] == pytest.approx(0.045, abs=0.0006)
