"""The stage `patches` on two small synthetic sites."""

import hashlib
import json
import logging

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from rasterio.crs import CRS

from chronoslide.errors import DataError
from chronoslide.grid import Grid
from chronoslide.labels import LANDSLIDE, UNOBSERVED
from chronoslide.params import Settings
from chronoslide.patches.blocks import SUBSETS
from chronoslide.patches.storage import read_patches, read_samples, read_statistics
from chronoslide.rasters import read_raster, write_raster
from chronoslide.scenes.channels import add_channels
from chronoslide.scenes.scene import Scene, write_scene
from chronoslide.stages.patches import make_patches

BANDS = ("red", "nir")
SIDE = 16


def settings_of(protocol="blocks", reference_year=2016, **patches):
    section = {
        "side_pixels": SIDE,
        "block_metres": 80.0,
        "stride_pixels": 8,
        "validation_share": 0.2,
        "test_share": 0.3,
        "empty_share": 0.1,
        "training_patches": 0,
        "investigation_patches": 0,
        **patches,
    }
    empty = ("simulate", "masks", "pretrain", "transfer", "map", "inventory", "evaluate")
    return Settings.model_validate(
        {
            "seed": 1,
            "protocol": protocol,
            "reference_year": reference_year,
            "scenes": {"bands": BANDS, "normalisation": "none"},
            "patches": section,
            **{name: {} for name in empty},
        }
    )


def write_year(root, site, year, seed, channels=()):
    """A scene of 128 x 150 pixels whose red band counts pixels, with scattered landslides and a NoData border."""
    rng = np.random.default_rng(seed)
    shape = (128, 150)
    grid = Grid(CRS.from_epsg(32645), Affine(5, 0, 300_000, 0, -5, 3_100_000), shape)
    number = np.arange(1, shape[0] * shape[1] + 1, dtype=np.float32).reshape(shape)
    valid = np.ones(shape, bool)
    valid[:, :5] = False
    scene = Scene(np.stack([number / 10_000, number[::-1] / 10_000], axis=-1), valid, grid, BANDS)
    labels = np.zeros(shape, np.uint8)
    for row, col in zip(rng.integers(0, 120, 60), rng.integers(0, 140, 60), strict=True):
        labels[row : row + 4, col : col + 4] = LANDSLIDE
    labels[~valid] = UNOBSERVED
    write_scene(root / f"results/scenes/{site}/{year}.tif", add_channels(scene, channels, None, "test"), {})
    write_raster(
        root / f"results/masks/{site}/{year}.tif", labels, grid, bands=["label"], nodata=UNOBSERVED, overviews="nearest"
    )
    return labels


@pytest.fixture
def root(tmp_path):
    for seed, (site, year) in enumerate([("training", 2015), ("training", 2016), ("investigation", 2016)]):
        write_year(tmp_path, site, year, seed)
    return tmp_path


def pixels(folder):
    """The numbers of the source pixels that a subset's patches show; 0 is what was not observed."""
    return set(np.unique(read_patches(folder).images[..., 0]).tolist()) - {0}


def test_subsets_share_no_ground_and_lie_in_their_blocks(root):
    make_patches(root, settings_of(), root / "patches")
    for site, subsets in (("training", ["train", "validation"]), ("investigation", ["train", "validation", "test"])):
        blocks = read_raster(root / "patches" / site / "blocks.tif").values[..., 0]
        for subset in subsets:
            shown = np.array(sorted(pixels(root / "patches" / site / subset))) - 1
            assert (blocks.ravel()[shown] == SUBSETS[subset]).all()
    assert not (root / "patches/training/test").exists()


def test_validation_and_test_patches_hold_all_observed_ground_of_their_blocks(root):
    make_patches(root, settings_of(), root / "patches")
    blocks = read_raster(root / "patches/investigation/blocks.tif").values[..., 0]
    labels = read_raster(root / "results/masks/investigation/2016.tif").values[..., 0]
    for subset in ("validation", "test"):
        stored = read_patches(root / "patches/investigation" / subset).labels
        for label in (0, LANDSLIDE):
            assert (stored == label).sum() == ((labels == label) & (blocks == SUBSETS[subset])).sum()


def test_samples_say_where_a_patch_was_cut(root):
    make_patches(root, settings_of(), root / "patches")
    labels = {year: read_raster(root / f"results/masks/training/{year}.tif").values[..., 0] for year in (2015, 2016)}
    patches, samples = (read(root / "patches/training/train") for read in (read_patches, read_samples))
    assert set(samples["year"]) == {2015, 2016}
    assert set(samples["site"]) == {"training"}
    for label, sample in zip(patches.labels, samples.itertuples(), strict=True):
        source = labels[sample.year][sample.row : sample.row + SIDE, sample.col : sample.col + SIDE]
        np.testing.assert_array_equal(label, source)


def test_copies_follow_the_originals_of_training_and_leave_the_statistics_alone(root):
    plain = make_patches(root, settings_of(), root / "plain")["sites"]["training"]["patches"]
    n = plain["train"]["originals"]
    more = make_patches(root, settings_of(training_patches=n + 25), root / "more")["sites"]["training"]["patches"]
    assert (plain["train"]["copies"], more["train"]["copies"]) == (0, 25)
    assert more["validation"] == plain["validation"]
    samples = read_samples(root / "more/training/train")
    pd.testing.assert_frame_equal(samples[:n], read_samples(root / "plain/training/train"))
    assert samples["copy"].tolist()[n:] == [1 + k // n for k in range(25)]
    statistics = [(root / name / "training/statistics.json").read_text() for name in ("plain", "more")]
    assert statistics[0] == statistics[1]
    assert read_statistics(root / "plain/training").bands == BANDS


def test_the_summary_counts_what_was_kept_and_dropped(root):
    summary = make_patches(root, settings_of(), root / "patches")
    assert json.loads((root / "patches/summary.json").read_text()) == summary
    assert summary["leaks"] is False
    training = summary["sites"]["training"]
    assert training["years"] == [2015, 2016]
    assert training["blocks"]["test"]["blocks"] == 0
    # 15 x 17 corners at every 8 pixels, in two years; the corners of the blocks are among them
    kept = training["patches"]["train"]["originals"]
    assert kept + sum(training["dropped"]["train"].values()) == 2 * 15 * 17
    assert training["dropped"]["train"]["unobserved"] > 0
    assert summary["sites"]["investigation"]["blocks"]["test"]["share_of_landslide"] == pytest.approx(0.3, abs=0.05)


def test_the_papers_protocol_splits_at_random_and_says_that_it_leaks(root, caplog):
    with caplog.at_level(logging.WARNING):
        summary = make_patches(root, settings_of("paper"), root / "patches")
    assert [record.message for record in caplog.records if "too good" in record.message]
    assert summary["leaks"] is True
    counts = {name: patches["originals"] for name, patches in summary["sites"]["investigation"]["patches"].items()}
    total = sum(counts.values())
    assert counts["test"] == round(0.3 * total)
    assert counts["validation"] == round(0.2 * (total - counts["test"]))
    assert pixels(root / "patches/investigation/train") & pixels(root / "patches/investigation/test")
    for subset in ("train", "validation", "test"):
        labels = read_patches(root / "patches/investigation" / subset).labels
        assert (labels == LANDSLIDE).any(axis=(1, 2)).all()
        assert not (labels == UNOBSERVED).any()


def test_the_same_settings_give_the_same_bytes(root):
    for name in ("first", "second"):
        make_patches(root, settings_of(training_patches=500), root / name)
    files = sorted(path.relative_to(root / "first") for path in (root / "first").rglob("*") if path.is_file())
    assert len(files) == 25  # per subset 4, per site 2 more, and the summary
    for path in files:
        first, second = (hashlib.sha256((root / name / path).read_bytes()).digest() for name in ("first", "second"))
        assert first == second, path


def test_a_missing_mask_of_the_reference_year_is_named(root):
    with pytest.raises(DataError, match=r"investigation/2017.tif: no such file; .*reference_year"):
        make_patches(root, settings_of(reference_year=2017), root / "patches")


def test_no_masks_at_all_name_the_stage_to_run(tmp_path):
    with pytest.raises(DataError, match="no masks; run `chronoslide masks` first"):
        make_patches(tmp_path, settings_of(), tmp_path / "patches")


def test_channels_of_the_scenes_are_bands_of_the_patches(tmp_path):
    for seed, site in enumerate(("training", "investigation")):
        write_year(tmp_path, site, 2016, seed, channels=("ndvi",))
    settings = settings_of()
    section = settings.scenes.model_copy(update={"channels": ("ndvi",)})
    make_patches(tmp_path, settings.model_copy(update={"scenes": section}), tmp_path / "patches")
    patches = read_patches(tmp_path / "patches/investigation/train")
    assert patches.bands == ("red", "nir", "ndvi")
    assert read_statistics(tmp_path / "patches/investigation").bands == ("red", "nir", "ndvi")
    red, nir, ndvi = (patches.images[..., band].astype(float) for band in range(3))
    seen = red > 0
    np.testing.assert_allclose(ndvi[seen], 5_000 * (1 + (nir - red)[seen] / (nir + red)[seen]), atol=1)
