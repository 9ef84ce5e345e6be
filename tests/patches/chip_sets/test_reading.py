"""Patch sets made by others: layouts, bands, units, sides, labels, and what is said of sets that are wrong."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from chronoslide.errors import DataError, SettingsError
from chronoslide.patches.chip_sets.layouts import find_chips, resembles
from chronoslide.patches.chip_sets.reading import look_at_chips, read_chip_set
from chronoslide.patches.chip_sets.sides import to_side
from chronoslide.patches.chip_sets.units import Stated
from made_chip_sets import (
    SIDE,
    bijie,
    hr_gldd,
    landslide4sense,
    landslide4sense_by_parts,
    pairs,
    square_mask,
    write_hdf5,
    write_npy,
    write_png,
    write_tiff,
)

RGB = ("red", "green", "blue")
FIVE = ("blue", "green", "red", "red_edge", "nir")
LANDSLIDE4SENSE = Path(__file__).parents[3] / "../shared/data/l4s_rgb"
SOURCE = Stated(setting="pretrain.sources[0]")


def test_landslide4sense_becomes_reflectance_slope_and_elevation_by_the_means_of_its_authors(tmp_path):
    found = read_chip_set(landslide4sense(tmp_path, 1, fill=1.0), (*FIVE, "ndvi", "slope", "elevation"), SOURCE)
    assert found.units.name == "Landslide4Sense"
    # 824.6, 663.4, 445.2, 645.9, 1941.3 as published; (1941.3 - 445.2) / (1941.3 + 445.2) = 0.627 is stored as 0.8135;
    # 20.29 of 90 degrees; 772.8 + 1,000 metres.
    expected = [825, 663, 445, 646, 1941, 8135, 2255, 1773]
    assert found.parts["train"].images[0, 8, 8].tolist() == expected
    assert found.notes == (f"{tmp_path}/ValidData/img: images without masks; they are left out",)


def test_landslide4sense_is_found_in_both_its_layouts(tmp_path):
    delivered = read_chip_set(landslide4sense(tmp_path / "a"), RGB, SOURCE)
    mirrored = read_chip_set(landslide4sense_by_parts(tmp_path / "b"), RGB, SOURCE)
    assert {part: patches.n for part, patches in delivered.parts.items()} == {"train": 3}
    assert {part: patches.n for part, patches in mirrored.parts.items()} == {"train": 2, "validation": 2, "test": 2}
    assert (delivered.parts["train"].labels.sum(axis=(1, 2)) == 16).all()
    assert mirrored.parts["train"].images[:, 0, 0, 0].tolist() == [890, 1336]  # 2 and 3 times 445.2


def test_hr_gldd_keeps_its_split_and_its_bands_are_taken_by_name(tmp_path):
    hr_gldd(tmp_path)
    stored = np.load(tmp_path / "valX.npy")
    found = read_chip_set(tmp_path, ("nir", "red"), SOURCE)
    assert found.units.bands == ("red", "green", "blue", "nir")
    assert {part: patches.n for part, patches in found.parts.items()} == {"train": 5, "validation": 2, "test": 3}
    np.testing.assert_allclose(found.parts["validation"].images / 10_000, stored[..., [3, 0]], atol=5.1e-5)
    assert (found.parts["test"].labels == square_mask()).all()


def test_bijie_is_cut_and_filled_up_and_its_other_images_are_background(tmp_path):
    found = read_chip_set(bijie(tmp_path), RGB, SOURCE, side=16)
    # Of 40 x 20 pixels two patches fit, of 10 x 30 one, with six rows of nothing; each with and without a landslide.
    assert found.fitted == {"kept": 2, "cut": 2, "filled up": 2}
    assert found.parts["all"].n == 2 * (1 + 2 + 1)
    with_landslides, without = np.split(found.parts["all"].labels, 2)
    assert (with_landslides == 1).any()
    assert not (without == 1).any()
    assert (found.parts["all"].labels[3, 10:] == 255).all()
    assert (found.parts["all"].images[3, 10:] == 0).all()


@pytest.mark.parametrize("suffix", ["png", "tif", "npy", "npz", "h5"])
def test_pairs_may_be_of_any_format(tmp_path, suffix):
    found = read_chip_set(pairs(tmp_path, suffix), RGB, SOURCE)
    patches = found.parts["all"]
    assert (patches.n, patches.side, patches.bands) == (4, SIDE, RGB)
    assert (patches.labels.sum(axis=(1, 2)) == 16).all()
    assert 400 < patches.images.mean() < 10_000


def test_images_and_masks_belong_together_by_what_their_names_share(tmp_path):
    for name in ("7", "10"):
        write_png(tmp_path / f"train/image/scene_{name}_image.png", np.full((SIDE, SIDE, 3), int(name), np.uint8))
        write_png(tmp_path / f"train/label/scene_{name}_label.png", square_mask())
    layout = find_chips(tmp_path)
    assert [(pair.image.name, pair.mask.name) for pair in layout.parts["train"]] == [
        ("scene_10_image.png", "scene_10_label.png"),
        ("scene_7_image.png", "scene_7_label.png"),
    ]


def test_what_was_not_observed_stays_so(tmp_path):
    floats = np.full((SIDE, SIDE, 3), 0.2, np.float32)
    floats[0, 0, 1] = np.nan
    write_npy(tmp_path / "a/images/1.npy", floats)
    counts = np.full((SIDE, SIDE, 3), 2000, np.uint16)
    counts[0, 0] = 65535
    counts[1, 1, 0] = 65535  # one band alone is a value
    write_tiff(tmp_path / "b/images/1.tif", counts, nodata=65535)
    for folder in ("a", "b"):
        write_npy(tmp_path / folder / "masks/1.npy", square_mask())
        patches = read_chip_set(tmp_path / folder, RGB, SOURCE).parts["all"]
        assert np.argwhere(patches.labels[0] == 255).tolist() == [[0, 0]]
        assert patches.images[0, 0, 0].tolist() == [0, 0, 0]
        assert (patches.images[0, 2] == 2000).all()


def test_stated_bands_and_units_win(tmp_path):
    pairs(tmp_path, "npy", bands=2)
    stated = Stated(bands=("nir", "red"), factor=1e-4, offset=-0.01, setting="pretrain.sources[0]")
    found = read_chip_set(tmp_path, ("red",), stated)
    stored = np.load(tmp_path / "images/0.npy")[..., 1]
    np.testing.assert_array_equal(found.parts["all"].images[0, ..., 0], stored - 100)
    assert found.units.known


def test_a_chip_of_the_side_is_kept_a_larger_one_cut_around_its_middle_a_smaller_one_filled_up():
    image = np.arange(5 * 3, dtype=np.uint16).reshape(5, 3, 1)
    label = np.zeros((5, 3), np.uint8)
    done, patches = to_side(image, label, 2)
    assert (done, len(patches)) == ("cut", 2)
    assert patches[0][0][..., 0].tolist() == [[0, 1], [3, 4]]
    assert patches[1][0][..., 0].tolist() == [[6, 7], [9, 10]]
    done, patches = to_side(image[:1], label[:1], 3)
    assert done == "filled up"
    assert patches[0][1].tolist() == [[0, 0, 0], [255] * 3, [255] * 3]
    assert to_side(image[:3], label[:3], 3)[0] == "kept"


def test_looking_tells_parts_and_units_without_reading_all(tmp_path):
    looked = look_at_chips(hr_gldd(tmp_path))
    assert looked.images == looked.masks == {"train": 5, "validation": 2, "test": 3}
    assert (looked.shape, looked.units.name) == ((SIDE, SIDE, 4), "HR-GLDD")
    assert look_at_chips(pairs(tmp_path / "five", "npy", bands=5)).units is None


def test_a_folder_of_scenes_does_not_resemble_chips(tmp_path):
    write_tiff(tmp_path / "2016/scene.tif", np.zeros((4, 4, 3), np.uint16))
    assert not resembles(tmp_path)
    assert not resembles(tmp_path / "2016/scene.tif")
    assert resembles(bijie(tmp_path / "chips"))


def pair(folder, image=None, mask=None, suffix="npy"):
    """One chip of 16 x 16 pixels, unless it is given."""
    write_npy(folder / f"images/a.{suffix}", np.full((SIDE, SIDE, 3), 0.2, np.float32) if image is None else image)
    write_npy(folder / f"masks/a.{suffix}", square_mask() if mask is None else mask)


def link_out(folder):
    pairs(folder, "h5", 1)
    (folder / "images/0.h5").unlink()
    write_hdf5(folder / "elsewhere.h5", "img", np.zeros((SIDE, SIDE, 3)))
    with h5py.File(folder / "images/0.h5", "w") as file:
        file["img"] = h5py.ExternalLink(str(folder / "elsewhere.h5"), "img")


def claim_much(folder):
    pairs(folder, "h5", 1)
    with h5py.File(folder / "images/0.h5", "w") as file:
        file.create_dataset("img", (10**6, 10**6, 3), "f8", chunks=(64, 64, 3))


def two_arrays(folder):
    pairs(folder, "h5", 1)
    with h5py.File(folder / "images/0.h5", "a") as file:
        file["more"] = np.zeros((SIDE, SIDE, 3))


def truncated(folder, name, make):
    make(folder)
    path = folder / name
    os.truncate(path, path.stat().st_size // 2)


def fewer_masks(folder):
    hr_gldd(folder)
    write_npy(folder / "valY.npy", np.load(folder / "valY.npy")[:1])


def without(name, make):
    def spoil(folder):
        make(folder)
        (folder / name).unlink()

    return spoil


BAD = {
    "no folder": (lambda f: None, "nowhere", r"nowhere: no such folder"),
    "nothing in it": (lambda f: None, "", r"no folder 'images' in it"),
    "masks alone": (lambda f: write_npy(f / "masks/a.npy", square_mask()), "", r"no folder 'images' in it"),
    "images alone": (lambda f: write_npy(f / "train/images/a.npy", square_mask()), "", r"without masks; deliver"),
    "image of a pair lacks": (without("TrainData/img/image_2.h5", landslide4sense), "", r"mask_2.h5: no image of the"),
    "mask of a pair lacks": (without("TrainData/mask/mask_2.h5", landslide4sense), "", r"image_2.h5: no mask of the"),
    "array of masks lacks": (without("valY.npy", hr_gldd), "", r"valX.npy: no array of masks beside it"),
    "array of images lacks": (without("valX.npy", hr_gldd), "", r"valY.npy: no array of images beside it"),
    "fewer masks than images": (fewer_masks, "", r"valY.npy: 1 masks for 2 images"),
    "array without channels": (
        lambda f: [hr_gldd(f), write_npy(f / "trainX.npy", np.zeros((5, SIDE, SIDE)))],
        "", r"trainX.npy: an array \(5, 16, 16\)",
    ),
    "array cut": (lambda f: truncated(f, "trainX.npy", hr_gldd), "", r"trainX.npy: cannot be read as an image"),
    "hdf5 cut": (
        lambda f: truncated(f, "TrainData/img/image_2.h5", landslide4sense),
        "", r"image_2.h5: cannot be read as an image",
    ),
    "npz cut": (lambda f: truncated(f, "images/1.npz", lambda g: pairs(g, "npz")), "", r"1.npz: cannot be read"),
    "hdf5 leads elsewhere": (link_out, "", r"0.h5: .*'img' is a link to another place"),
    "hdf5 claims too much": (claim_much, "", r"0.h5: .*claims 24000.0 GB"),
    "hdf5 of two arrays": (two_arrays, "", r"0.h5: .*holds 'anything', 'more', and 'img' is looked for"),
    "pickled": (
        lambda f: [pair(f), np.save(f / "images/a.npy", np.array([{}], dtype=object), allow_pickle=True)],
        "", r"images/a.npy: cannot be read as an image \(Array can't be memory-mapped",
    ),
    "text": (lambda f: [pair(f), (f / "images/a.npy").write_text("no array")], "", r"images/a.npy: cannot be read"),
    "words in it": (lambda f: pair(f, image=np.full((4, 4), "x")), "", r"<U1 of shape \(4, 4\); numbers"),
    "four dimensions": (lambda f: pair(f, image=np.zeros((1, 4, 4, 3))), "", r"shape \(1, 4, 4, 3\); numbers"),
    "channels first": (lambda f: pair(f, image=np.zeros((3, 16, 16))), "", r"16 channels .*, and store channels last"),
    "unknown channels": (lambda f: pair(f, image=np.zeros((16, 16, 7))), "", r"pretrain.sources\[0\].bands"),
    "channels change": (
        lambda f: [pairs(f, "npy"), write_npy(f / "images/2.npy", np.zeros((SIDE, SIDE, 4), np.uint16))],
        "", r"2.npy: 4 channels for 3 bands",
    ),
    "types change": (
        lambda f: [pairs(f, "npy"), write_npy(f / "images/2.npy", np.zeros((SIDE, SIDE, 3)))],
        "", r"2.npy: float64 values, but 0.npy has uint16; deliver all in one unit",
    ),
    "mask of another size": (lambda f: pair(f, mask=square_mask(8, 8)), "", r"8 x 8 pixels, but its image has 16 x"),
    "mask of classes": (lambda f: pair(f, mask=square_mask(value=7)), "", r"masks/a.npy: values \[0, 7\]; a mask has"),
    "mask not a number": (
        lambda f: pair(f, mask=np.full((SIDE, SIDE), np.nan)), "", r"masks/a.npy: values \[nan.*; a mask has",
    ),
    "other units": (
        lambda f: pair(f, image=np.full((SIDE, SIDE, 3), 812.0)),
        "", r"a.npy: float64 values, 812 to 812 as .*; state pretrain.sources\[0\].factor and .offset",
    ),
    "negative": (lambda f: pair(f, image=np.full((SIDE, SIDE, 3), -3.0)), "", r"-3 to -3 as .* are no reflectance"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_set_gives_one_line_that_names_the_file(tmp_path, name):
    spoil, folder, message = BAD[name]
    spoil(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        read_chip_set(tmp_path / folder, RGB, SOURCE, side=SIDE)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_set_that_lacks_a_band_of_the_network_is_refused_with_what_it_has(tmp_path):
    with pytest.raises(SettingsError, match=r"has no band 'red_edge'.*it has red, green, blue, nir.*takes blue, gree"):
        read_chip_set(hr_gldd(tmp_path), FIVE, SOURCE)


def test_an_index_needs_units(tmp_path):
    hr_gldd(tmp_path)
    with pytest.raises(SettingsError, match=r"ndvi cannot be made of values without a unit"):
        read_chip_set(tmp_path, ("red", "ndvi"), SOURCE)
    found = read_chip_set(tmp_path, ("red", "ndvi"), Stated(factor=1.0, setting="x"))
    red, infrared = np.moveaxis(np.load(tmp_path / "valX.npy")[..., [0, 3]].astype(float), -1, 0)
    expected = 0.5 * ((infrared - red) / (infrared + red) + 1)
    np.testing.assert_allclose(found.parts["validation"].images[..., 1] / 10_000, expected, atol=5.1e-5)


@pytest.mark.skipif(not LANDSLIDE4SENSE.exists(), reason="the Landslide4Sense chips are not in ../shared/data")
def test_the_real_set_keeps_its_split():
    looked = look_at_chips(LANDSLIDE4SENSE)
    assert looked.images == looked.masks == {"train": 900, "validation": 250}
    assert looked.units.name == "red, green, blue (8 bit)"
