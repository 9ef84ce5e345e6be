"""Augmented copies: image and label move together, stay in range, and are the same in another process."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.params import AugmentationSettings
from chronoslide.patches.augmentation import augment, augment_to

PAPER = AugmentationSettings()
OFF = {
    "flip_horizontal": 0.0,
    "flip_vertical": 0.0,
    "blur_sigma": (0.0, 0.0),
    "sharpen_alpha": (0.0, 0.0),
    "shear_degrees": (0.0, 0.0),
    "rotate_degrees": (),
}


def only(**steps):
    return AugmentationSettings(**{**OFF, "step_probability": 1.0, **steps})


def noise(n=4, side=32, bands=5):
    rng = np.random.default_rng(0)
    images = rng.integers(500, 6000, (n, side, side, bands), dtype=np.uint16)
    labels = (rng.random((n, side, side)) < 0.2).astype(np.uint8)
    return images, labels


def bright_squares(n=30, side=64):
    """A bright square on dark ground, off the centre, and its label."""
    labels = np.zeros((n, side, side), dtype=np.uint8)
    labels[:, 12:30, 20:42] = LANDSLIDE
    images = np.where(labels == LANDSLIDE, 9000, 1000).astype(np.uint16)[..., np.newaxis].repeat(5, axis=-1)
    return images, labels


def test_a_bright_square_and_its_label_move_together():
    images, labels = augment(
        *bright_squares(), only(**{k: getattr(PAPER, k) for k in ("shear_degrees", "rotate_degrees")}), 1
    )
    bright = images[..., 0] > 5000
    landslide = labels == LANDSLIDE
    overlap = (bright & landslide).sum(axis=(1, 2)) / (bright | landslide).sum(axis=(1, 2))
    assert overlap.min() > 0.9  # interpolation rounds the corners of the image, not of the label
    assert len({label.tobytes() for label in labels}) > 20  # and they did move


@pytest.mark.parametrize("step", [{"flip_horizontal": 1.0}, {"flip_vertical": 1.0}])
def test_a_flip_moves_every_value(step):
    images, labels = noise()
    axis = 2 if "flip_horizontal" in step else 1
    new_images, new_labels = augment(images, labels, only(**step), 1)
    np.testing.assert_array_equal(new_images, np.flip(images, axis))
    np.testing.assert_array_equal(new_labels, np.flip(labels, axis))


def test_a_right_angle_opens_no_border_and_mixes_nothing():
    images, labels = noise()
    new_images, new_labels = augment(images, labels, only(rotate_degrees=(90.0,)), 1)
    np.testing.assert_array_equal(new_labels, np.rot90(labels, -1, axes=(1, 2)))
    np.testing.assert_array_equal(new_images, np.rot90(images, -1, axes=(1, 2)))


def test_45_degrees_open_the_corners_as_unobserved():
    images, labels = noise(side=64)
    new_images, new_labels = augment(images, labels, only(rotate_degrees=(45.0,)), 1)
    unobserved = new_labels == UNOBSERVED
    assert unobserved.mean() == pytest.approx(1 - 2 * (2**0.5 - 1), abs=0.02)  # the octagon in a square: 17 % outside
    assert unobserved[:, 0, 0].all()
    assert (new_images[unobserved] == 0).all()


def slope(mask):
    """Columns a line moves sideways for each row it goes down, or rows for each column, whichever is less."""
    rows, cols = np.nonzero(mask)
    return min(np.polyfit(rows, cols, 1)[0], np.polyfit(cols, rows, 1)[0], key=abs)


def test_a_shear_tilts_columns_and_leaves_rows_level():
    labels = np.zeros((2, 64, 64), dtype=np.uint8)
    labels[0, 30:33], labels[1, :, 30:33] = LANDSLIDE, LANDSLIDE
    images = np.full((2, 64, 64, 5), 4000, dtype=np.uint16)
    row, column = augment(images, labels, only(shear_degrees=(20.0, 20.0)), 1)[1] == LANDSLIDE
    assert slope(row) == pytest.approx(0.0, abs=0.01)
    assert abs(slope(column)) == pytest.approx(np.tan(np.radians(20.0)), abs=0.03)


@pytest.mark.parametrize("step", [{"rotate_degrees": (45.0,)}, {"shear_degrees": (20.0, 20.0)}])
def test_nothing_from_outside_mixes_into_the_rim(step):
    images = np.full((1, 64, 64, 5), 5000, dtype=np.uint16)
    images[:, 30:34, 30:34] = 100  # in the middle; without it a mixed rim would be clipped away
    labels = np.zeros((1, 64, 64), dtype=np.uint8)
    new_images, new_labels = augment(images, labels, only(**step), 1)
    rim = new_labels != UNOBSERVED
    rim[:, 16:48, 16:48] = False
    assert (new_labels == UNOBSERVED).any()
    assert (new_images[rim] == 5000).all()


def test_labels_stay_labels_and_values_stay_in_the_range_of_their_band():
    images, labels = noise(n=40)
    new_images, new_labels = augment(images, labels, PAPER, 3)
    assert set(np.unique(new_labels)) == {BACKGROUND, LANDSLIDE, UNOBSERVED}
    assert (new_images.dtype, new_labels.dtype) == (np.uint16, np.uint8)
    for old, new, label in zip(images, new_images, new_labels, strict=True):
        observed = new[label != UNOBSERVED]
        assert (observed >= old.min(axis=(0, 1))).all()
        assert (observed <= old.max(axis=(0, 1))).all()


def test_blur_smooths_and_sharpening_contrasts():
    images, labels = noise()
    blurred, _ = augment(images, labels, only(blur_sigma=(2.0, 2.0)), 1)
    assert blurred.std() < 0.5 * images.std()
    soft = np.clip(images, 1000, 5000)
    sharpened, sharpened_labels = augment(soft, labels, only(sharpen_alpha=(0.5, 0.5)), 1)
    assert sharpened.std() > 1.2 * soft.std()
    np.testing.assert_array_equal(sharpened_labels, labels)


def test_unobserved_pixels_stay_unobserved_and_add_nothing():
    images = np.full((1, 32, 32, 5), 4000, dtype=np.uint16)
    labels = np.zeros((1, 32, 32), dtype=np.uint8)
    images[:, 8:16, 8:16], labels[:, 8:16, 8:16] = 0, UNOBSERVED
    new_images, new_labels = augment(images, labels, only(blur_sigma=(2.0, 2.0)), 1)
    np.testing.assert_array_equal(new_labels, labels)
    np.testing.assert_array_equal(new_images, images)


def test_everything_switched_off_changes_nothing():
    images, labels = noise()
    new_images, new_labels = augment(images, labels, AugmentationSettings(**OFF), 1)
    np.testing.assert_array_equal(new_images, images)
    np.testing.assert_array_equal(new_labels, labels)


def test_a_step_is_taken_with_its_probability():
    images, labels = noise(n=200, side=16)
    settings = only(blur_sigma=(1.0, 1.0)).model_copy(update={"step_probability": 0.25})
    changed = (augment(images, labels, settings, 1)[0] != images).any(axis=(1, 2, 3))
    assert 0.15 < changed.mean() < 0.35


def test_a_copy_does_not_depend_on_the_patches_before_it():
    images, labels = noise(n=6)
    together = augment(images, labels, PAPER, 5)
    apart = augment(images[4:], labels[4:], PAPER, 5, numbers=[4, 5])
    np.testing.assert_array_equal(together[0][4:], apart[0])
    np.testing.assert_array_equal(together[1][4:], apart[1])
    assert (augment(images, labels, PAPER, 6)[0] != together[0]).any()


def test_originals_come_first_then_rounds_of_copies():
    images, labels = noise(n=3)
    done = []
    augmented = augment_to(images, labels, 8, PAPER, 1, progress=lambda: done.append(1))
    np.testing.assert_array_equal(augmented.images[:3], images)
    np.testing.assert_array_equal(augmented.labels[:3], labels)
    assert augmented.copy.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert sorted(augmented.original[3:6].tolist()) == [0, 1, 2]
    assert len(set(augmented.original[6:].tolist())) == 2
    assert len(augmented.images) == len(augmented.labels) == 8
    assert len(done) == 5


@pytest.mark.parametrize("total", [0, 2, 3])
def test_all_originals_are_kept(total):
    images, labels = noise(n=3)
    augmented = augment_to(images, labels, total, PAPER, 1)
    np.testing.assert_array_equal(augmented.images, images)
    assert augmented.original.tolist() == [0, 1, 2]


PROGRAM = """
import hashlib
import numpy as np
from chronoslide.params import AugmentationSettings
from chronoslide.patches.augmentation import augment_to
rng = np.random.default_rng(0)
images = rng.integers(500, 6000, (6, 32, 32, 5), dtype=np.uint16)
labels = (rng.random((6, 32, 32)) < 0.2).astype(np.uint8)
made = augment_to(images, labels, 30, AugmentationSettings(), 11)
print(hashlib.sha256(made.images.tobytes() + made.labels.tobytes()).hexdigest())
"""


def test_another_process_makes_the_same_bytes_without_a_warning():
    rng = np.random.default_rng(0)
    images = rng.integers(500, 6000, (6, 32, 32, 5), dtype=np.uint16)
    labels = (rng.random((6, 32, 32)) < 0.2).astype(np.uint8)
    made = augment_to(images, labels, 30, PAPER, 11)
    here = hashlib.sha256(made.images.tobytes() + made.labels.tobytes()).hexdigest()
    done = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (here, "")


def test_numpy_is_left_as_it_was():
    assert "sctypes" not in vars(np)
