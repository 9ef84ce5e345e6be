"""Folders of chips: what is read, and which file is named when something is wrong."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from chronoslide.errors import DataError, SettingsError
from chronoslide.patches.chips import read_chips, split_chips
from chronoslide.patches.storage import PatchSet

RGB = ("red", "green", "blue")
FIVE = ("blue", "green", "red", "red_edge", "nir")
LANDSLIDE4SENSE = Path(__file__).parents[2] / "../shared/data/l4s_rgb"


def write(path, values):
    """Writes (rows, cols) or (rows, cols, channels)."""
    cube = values[np.newaxis] if values.ndim == 2 else np.moveaxis(values, -1, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    driver = {".png": "PNG", ".tif": "GTiff"}[path.suffix]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver=driver, width=cube.shape[2], height=cube.shape[1], count=cube.shape[0], dtype=cube.dtype
        ) as target:
            target.write(cube)


@pytest.fixture
def folder(tmp_path):
    """Two chips, b before a in time of writing; the mask of `a` holds 0 and 1, the mask of `b` 0 and 255."""
    for name, value, high in (("b", 51, 255), ("a", 255, 1)):
        mask = np.zeros((16, 16), np.uint8)
        mask[:2] = high
        write(tmp_path / "images" / f"{name}.png", np.full((16, 16, 3), value, np.uint8))
        write(tmp_path / "mask" / f"{name}.png", mask)
    return tmp_path


def test_chips_are_read_by_name_in_the_storage_convention(folder):
    chips = read_chips(folder, RGB)["all"]
    assert chips.images.shape == (2, 16, 16, 3)
    assert [int(image.max()) for image in chips.images] == [10_000, 2_000]
    assert chips.labels.sum(axis=(1, 2)).tolist() == [32, 32]
    assert set(np.unique(chips.labels)) == {0, 1}
    assert chips.bands == RGB


def test_the_folder_of_masks_may_be_called_masks(folder):
    (folder / "mask").rename(folder / "masks")
    assert read_chips(folder, RGB)["all"].n == 2


def test_tiff_with_16_bits_is_taken_as_it_is(tmp_path):
    write(tmp_path / "images" / "a.tif", np.full((16, 16, 5), 1234, np.uint16))
    write(tmp_path / "masks" / "a.png", np.zeros((16, 16), np.uint8))
    assert (read_chips(tmp_path, FIVE)["all"].images == 1234).all()


def test_other_files_are_passed_over(folder):
    (folder / "images" / "Thumbs.db").write_text("")
    (folder / "images" / ".hidden.png").write_text("")
    assert read_chips(folder, RGB)["all"].n == 2


def remove_images(folder):
    for path in (folder / "images").iterdir():
        path.unlink()


def remove(path):
    path.unlink()


def truncate(path, length):
    path.write_bytes(path.read_bytes()[:length])


def zeros(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype)


def enlarge_b(folder):
    write(folder / "images/b.png", zeros(32, 32, 3))
    write(folder / "mask/b.png", zeros(32, 32))


def turn_a_into_floats(folder):
    remove(folder / "images/a.png")
    write(folder / "images/a.tif", np.full((16, 16, 3), 51, np.float32))


SPOILS = {
    "no mask folder": (lambda f: (f / "mask").rename(f / "truth"), r"no folder 'masks' in it"),
    "no image folder": (lambda f: (f / "images").rename(f / "pictures"), r"no folder 'images' in it"),
    "empty folder": (remove_images, r"images: no chips in it"),
    "image alone": (lambda f: remove(f / "mask/b.png"), r"images/b.png: no mask of the same name"),
    "mask alone": (lambda f: remove(f / "images/b.png"), r"mask/b.png: no image of the same name"),
    "same name": (lambda f: write(f / "images/a.tif", zeros(16, 16, 3)), r"images/a.tif: a.png has the same name"),
    "mask of another size": (
        lambda f: write(f / "mask/a.png", zeros(32, 32)),
        r"mask/a.png: 32 x 32 pixels, but its image has 16 x 16",
    ),
    "images of two sizes": (enlarge_b, r"images/b.png: 32 x 32 pixels, but a.png has 16 x 16"),
    "odd side": (lambda f: write(f / "images/a.png", zeros(24, 24, 3)), r"a.png: 24 x 24 pixels; .*multiple of 16"),
    "not a square": (lambda f: write(f / "images/a.png", zeros(16, 32, 3)), r"images/a.png: 16 x 32 pixels"),
    "an alpha channel": (
        lambda f: write(f / "images/a.png", zeros(16, 16, 4)),
        r"images/a.png: 4 channels for 3 bands \(red, green, blue\); set chips.bands",
    ),
    "a mask in colour": (lambda f: write(f / "mask/a.png", zeros(16, 16, 3)), r"mask/a.png: 3 channels"),
    "a mask of many values": (
        lambda f: write(f / "mask/a.png", np.arange(256, dtype=np.uint8).reshape(16, 16)),
        r"mask/a.png: values \[0, 1, 2, 3, 4\]",
    ),
    "floats": (turn_a_into_floats, r"images/a.tif: float32 values, 51 to 51 as .*store reflectance from 0 to 1"),
    "two types": (
        lambda f: [remove(f / "images/b.png"), write(f / "images/b.tif", zeros(16, 16, 3, dtype=np.uint16))],
        r"images/b.tif: uint16 values, but a.png has uint8",
    ),
    "not an image": (lambda f: (f / "images/a.png").write_text("no image"), r"a.png: cannot be read as an image"),
    "cut in its data": (lambda f: truncate(f / "images/a.png", 60), r"a.png: cannot be read as an image"),
    "cut in its head": (lambda f: truncate(f / "mask/a.png", 35), r"mask/a.png: cannot be read as an image"),
    "more bands than a sensor has": (  # in a damaged head, which GDAL looks for in vain for minutes
        lambda f: [remove(f / "images/a.png"), write(f / "images/a.tif", zeros(16, 16, 1001))],
        r"images/a.tif: claims 1001 bands, and 1000 at most",
    ),
    "cut tiff": (
        lambda f: [turn_a_into_floats(f), truncate(f / "images/a.tif", 1000)],
        r"a.tif: cannot be read as an image",
    ),
}


@pytest.mark.parametrize("name", SPOILS)
def test_what_is_wrong_is_said_in_one_line_that_names_the_file(folder, name):
    spoil, message = SPOILS[name]
    spoil(folder)
    with pytest.raises(DataError, match=message) as caught:
        read_chips(folder, RGB)
    assert "\n" not in str(caught.value)


def numbered(n):
    labels = np.zeros((n, 16, 16), np.uint8)
    return PatchSet(
        np.arange(n, dtype=np.uint16)[:, None, None, None] + np.zeros((n, 16, 16, 3), np.uint16), labels, RGB
    )


def test_a_split_parts_all_chips_and_is_repeatable():
    training, validation = split_chips(numbered(20), 0.15, seed=1)
    first, second = ([int(image[0, 0, 0]) for image in part.images] for part in (training, validation))
    assert (len(first), len(second)) == (17, 3)
    assert sorted(first + second) == list(range(20))
    again = [int(image[0, 0, 0]) for image in split_chips(numbered(20), 0.15, seed=1)[1].images]
    other = [int(image[0, 0, 0]) for image in split_chips(numbered(20), 0.15, seed=2)[1].images]
    assert second == again != other


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_a_split_that_leaves_one_side_empty_is_refused(share):
    with pytest.raises(SettingsError, match=r"chips.validation_share"):
        split_chips(numbered(3), share, seed=1)


@pytest.mark.skipif(not LANDSLIDE4SENSE.exists(), reason="the Landslide4Sense chips are not there")
@pytest.mark.parametrize(("part", "n", "share"), [("train", 900, 0.045), ("val", 250, 0.041)])
def test_the_chips_of_landslide4sense(part, n, share):
    chips = read_chips(LANDSLIDE4SENSE / part, RGB)["all"]
    assert (chips.n, chips.side) == (n, 128)
    assert (chips.labels == 1).mean() == pytest.approx(share, abs=0.0006)
    assert chips.images.max() == 10_000
    assert set(np.unique(chips.labels)) == {0, 1}
