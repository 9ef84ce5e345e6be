"""Patches on disk: round trip, same bytes twice, and what is refused."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from chronoslide.errors import DataError
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.storage import (
    SAMPLE_COLUMNS,
    PatchSet,
    read_patches,
    read_samples,
    read_statistics,
    write_patches,
    write_statistics,
)


def make(n=3, side=16):
    rng = np.random.default_rng(0)
    images = rng.integers(1, 65_535, (n, side, side, 2), dtype=np.uint16)
    labels = rng.choice(np.array([0, 1, 255], dtype=np.uint8), (n, side, side))
    samples = pd.DataFrame(
        [("training", 2016, 4 * k, 8, 0) for k in range(n)],
        columns=list(SAMPLE_COLUMNS),
    )
    return PatchSet(images, labels, ("red", "nir")), samples


def test_patches_come_back_as_they_were_and_stay_on_disk(tmp_path):
    patch_set, samples = make()
    write_patches(tmp_path / "train", patch_set, samples)
    back = read_patches(tmp_path / "train")
    np.testing.assert_array_equal(back.images, patch_set.images)
    np.testing.assert_array_equal(back.labels, patch_set.labels)
    assert (back.bands, back.n, back.side) == (("red", "nir"), 3, 16)
    assert not back.images.flags.writeable  # mapped, not copied
    pd.testing.assert_frame_equal(read_samples(tmp_path / "train"), samples)


def test_the_same_patches_give_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        write_patches(tmp_path / name, *make())
    for path in (tmp_path / "first").iterdir():
        again = tmp_path / "second" / path.name
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(again.read_bytes()).digest()


def test_taking_patches_keeps_the_order_asked_for():
    patch_set, _ = make()
    np.testing.assert_array_equal(patch_set.take([2, 0]).labels, patch_set.labels[[2, 0]])


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "samples.csv", "bands.json"])
def test_a_missing_file_is_named(tmp_path, name):
    write_patches(tmp_path / "train", *make())
    (tmp_path / "train" / name).unlink()
    with pytest.raises(DataError, match=rf"{name}: no such file; run `chronoslide patches`"):
        read_samples(tmp_path / "train") if name == "samples.csv" else read_patches(tmp_path / "train")


def test_a_truncated_file_is_named(tmp_path):
    write_patches(tmp_path / "train", *make())
    path = tmp_path / "train" / "images.npy"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match=r"images.npy: not a whole array file"):
        read_patches(tmp_path / "train")


def test_files_that_do_not_fit_are_refused(tmp_path):
    write_patches(tmp_path / "train", *make())
    np.save(tmp_path / "train" / "labels.npy", np.zeros((2, 16, 16), np.uint8))
    with pytest.raises(DataError, match=r"train: images \(3, 16, 16, 2\), labels \(2, 16, 16\) and 2 bands do not fit"):
        read_patches(tmp_path / "train")


def test_bands_that_are_no_list_are_refused(tmp_path):
    write_patches(tmp_path / "train", *make())
    (tmp_path / "train" / "bands.json").write_text(json.dumps({"names": []}))
    with pytest.raises(DataError, match=r"bands.json: no list of bands"):
        read_patches(tmp_path / "train")


@pytest.mark.parametrize(
    "spoil", [lambda table: table.iloc[:2], lambda table: table[["year", "site", "row", "col", "copy"]]]
)
def test_samples_that_do_not_fit_are_refused_before_writing(tmp_path, spoil):
    patch_set, samples = make()
    with pytest.raises(DataError, match="a row a patch"):
        write_patches(tmp_path / "train", patch_set, spoil(samples))
    assert not (tmp_path / "train").exists()


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((1, 16, 16, 2), np.float32), np.zeros((1, 16, 16), np.uint8), "uint16 and uint8"),
        (np.zeros((1, 16, 32, 2), np.uint16), np.zeros((1, 16, 32), np.uint8), "squares"),
        (np.zeros((1, 16, 16, 3), np.uint16), np.zeros((1, 16, 16), np.uint8), "2 bands do not fit"),
    ],
)
def test_a_patch_set_refuses_parts_that_do_not_fit(images, labels, message):
    with pytest.raises(DataError, match=message):
        PatchSet(images, labels, ("red", "nir"))


def test_statistics_come_back_as_they_were(tmp_path):
    statistics = BandStatistics(("red", "nir"), (0.1, 1 / 3), (0.05, 2 / 3))
    write_statistics(tmp_path, statistics)
    assert read_statistics(tmp_path) == statistics


@pytest.mark.parametrize(
    ("text", "message"), [("no json", "not JSON"), ('{"bands": []}', "mean"), (None, "no such file")]
)
def test_unusable_statistics_are_named(tmp_path, text, message):
    if text is not None:
        (tmp_path / "statistics.json").write_text(text)
    with pytest.raises(DataError, match=rf"statistics.json: .*{message}"):
        read_statistics(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("images.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<u2', 'fortran_order': False, 'shape': (3, 16, 16, 2"),
        (
            "images.npy",
            b"\x93NUMPY\x01\x00\x46\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(80) + b"\x80",
        ),
        (
            "labels.npy",
            b"\x93NUMPY\x01\x00\x46\x00{'descr': '<u2', 'fortran_order': False, 'shape': (9**9,), }".ljust(80),
        ),
        ("bands.json", b"[" * 100_000),
    ],
)
def test_hostile_arrays_are_refused(tmp_path, name, content):
    patch_set, samples = make()
    write_patches(tmp_path / "a", patch_set, samples)
    (tmp_path / "a" / name).write_bytes(content)
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        read_patches(tmp_path / "a")


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 100_000, '{"bands": ["a"], "mean": ["' + "A" * 5000 + '"]}'])
def test_hostile_statistics_are_refused_in_one_short_line(tmp_path, text):
    (tmp_path / "statistics.json").write_text(text)
    with pytest.raises(DataError) as caught:
        read_statistics(tmp_path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1100
