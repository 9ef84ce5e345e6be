"""Augmented copies of training patches, as the paper makes them; the only module that knows imgaug.

Stands between the sampling and the stored training patches, after the split and for training alone. A copy is flipped
with the shares of the settings and then, each with `step_probability`, blurred, sharpened, sheared and rotated, image
and label together: most copies are changed in one way or two, and about one in sixteen keeps its sharpness and its
orientation. Ground that rotation and shear open at the border is unobserved.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.params import AugmentationSettings


@contextmanager
def _old_numpy() -> Iterator[None]:
    """Gives back `np.sctypes`, which NumPy 2 dropped and imgaug 0.4.0, no longer maintained, reads when imported."""
    missing = "sctypes" not in vars(np)
    if missing:
        vars(np)["sctypes"] = {
            "int": [np.int8, np.int16, np.int32, np.int64],
            "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
            "float": [np.float16, np.float32, np.float64],
        }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", SyntaxWarning)  # "\\d" in its plain strings, from Python 3.12 on
            yield
    finally:
        if missing:
            del vars(np)["sctypes"]


with _old_numpy():
    import imgaug.augmenters as iaa

# Patches are small: handing them to threads takes longer than working on them.
cv2.setNumThreads(0)

# imgaug opens borders with class 0, so the labels go through it as classes from 1 on.
_CLASS_OF_LABEL: Final = np.zeros(256, dtype=np.int32)
_CLASS_OF_LABEL[[BACKGROUND, LANDSLIDE, UNOBSERVED]] = 1, 2, 3
_LABEL_OF_CLASS: Final = np.array([UNOBSERVED, BACKGROUND, LANDSLIDE, UNOBSERVED], dtype=np.uint8)


class Augmented(NamedTuple):
    """Originals followed by their copies.

    Attributes:
        images: (n, side, side, bands), uint16.
        labels: (n, side, side), uint8.
        original: (n,), the index of the original that each patch was made from.
        copy: (n,), 0 for an original, 1 for its first copy and so on.
    """

    images: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    original: NDArray[np.int64]
    copy: NDArray[np.int64]


def augment_to(
    images: NDArray[np.uint16],
    labels: NDArray[np.uint8],
    total: int,
    settings: AugmentationSettings,
    seed: int,
    progress: Callable[[], object] | None = None,
) -> Augmented:
    """Adds augmented copies until there are `total` patches.

    Each round copies every original once, in random order; the last round stops at `total`.

    Args:
        images: (n, side, side, bands) stored values.
        labels: (n, side, side).
        total: Wanted number of patches. The originals are all kept: 0, or anything up to n, adds no copy.
        settings: What is done to the copies.
        seed: The same seed gives the same bytes.
        progress: Called after each copy.
    """
    n = len(images)
    rng = np.random.default_rng(seed)
    copies = max(total - n, 0) if n else 0
    rounds = -(-copies // n) if n else 0
    sources = np.concatenate([np.arange(n), *(rng.permutation(n) for _ in range(rounds))])[: n + copies].astype(
        np.int64
    )
    copied_images, copied_labels = augment(images[sources[n:]], labels[sources[n:]], settings, seed, progress=progress)
    return Augmented(
        np.concatenate([images, copied_images]),
        np.concatenate([labels, copied_labels]),
        sources,
        np.arange(n + copies, dtype=np.int64) // max(n, 1),
    )


def augment(
    images: NDArray[np.uint16],
    labels: NDArray[np.uint8],
    settings: AugmentationSettings,
    seed: int,
    *,
    numbers: Sequence[int] | None = None,
    progress: Callable[[], object] | None = None,
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Makes an augmented copy of each patch.

    Args:
        images: (n, side, side, bands) stored values.
        labels: (n, side, side): background, landslide or unobserved.
        settings: The steps and their ranges.
        seed: The same seed gives the same bytes.
        numbers: A number for each patch, by default its index. What happens to a patch depends on the seed and its
            number alone, not on the patches before it.
        progress: Called after each patch.

    Returns:
        Images and labels of the same shapes. Labels are resampled by nearest neighbour; in an image no value leaves
        the range that its band had in the patch, except for unobserved pixels, which are 0.
    """
    sequence = _sequence(settings)
    new_images, new_labels = np.empty_like(images), np.empty_like(labels)
    for index, number in enumerate(range(len(images)) if numbers is None else numbers):
        sequence.seed_(int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
        new_images[index], new_labels[index] = _augment_one(sequence, images[index], labels[index])
        if progress is not None:
            progress()
    return new_images, new_labels


def _augment_one(
    sequence: iaa.Augmenter, image: NDArray[np.uint16], label: NDArray[np.uint8]
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    observed = label != UNOBSERVED
    if not observed.any():
        return image, label
    values = image.astype(np.float32)
    if not observed.all():
        # Blur and resampling mix neighbours: ground that was not observed shall add nothing of its own.
        values[~observed] = values[observed].mean(axis=0)
    # One axis after the other, and whole rows at once: NumPy is slow where the inner loop is only the bands.
    lowest, highest = values.min(axis=0).min(axis=0), values.max(axis=0).max(axis=0)
    classes = _CLASS_OF_LABEL[label][np.newaxis, ..., np.newaxis]
    values, classes = sequence(image=values, segmentation_maps=classes)
    rows, cols, bands = values.shape
    flat = np.ascontiguousarray(values).reshape(rows, cols * bands)
    np.clip(flat, np.tile(lowest, cols), np.tile(highest, cols), out=flat)  # sharpening overshoots
    new_image = np.rint(flat, out=flat).astype(np.uint16).reshape(rows, cols, bands)
    new_label = _LABEL_OF_CLASS[classes[0, ..., 0]]
    new_image[new_label == UNOBSERVED] = 0
    return new_image, new_label


def _sequence(settings: AugmentationSettings) -> iaa.Sequential:
    """The paper's steps; what the settings switch off is left out."""
    # Affine steps continue the image beyond its border, so that interpolation there mixes in nothing foreign; in the
    # label the same ground becomes class 0, unobserved.
    off = (0.0, 0.0)
    sometimes: list[iaa.Augmenter] = []
    if settings.blur_sigma != off:
        sometimes.append(iaa.GaussianBlur(sigma=settings.blur_sigma))
    if settings.sharpen_alpha != off:
        sometimes.append(iaa.Sharpen(alpha=settings.sharpen_alpha, lightness=1.0))
    if settings.shear_degrees != off:
        # a plain range would shear both axes by one angle, and that is a rotation
        sometimes.append(iaa.Affine(shear={"x": settings.shear_degrees}, mode="edge"))
    if settings.rotate_degrees:
        sometimes.append(iaa.Affine(rotate=list(settings.rotate_degrees), mode="edge"))
    return iaa.Sequential(
        [
            iaa.Fliplr(settings.flip_horizontal),
            iaa.Flipud(settings.flip_vertical),
            *(iaa.Sometimes(settings.step_probability, step) for step in sometimes),
        ]
    )
