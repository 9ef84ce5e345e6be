"""Training patches cut anywhere, turned by any angle and scaled: more of the same ground than windows on a grid show.

A window that must lie inside a training block wastes most landslides near the blocks' borders, and shows each always in
the same surroundings. A crop may reach beyond: what is not training ground is seen there, as it is in a map, and has no
label. So no label of ground that is held out is ever learned from, though its image is looked at. (Blanking that ground
cost 0.07 of F1 on the demo's maps: networks met edges and flat patches in training that no scene has.) Stands between
the labels and the stored training patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from chronoslide.errors import DataError
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNLABELLED, UNOBSERVED

_WARPED_BANDS: Final = 3  # OpenCV is several times slower on five bands at once
_JITTER: Final = 0.3  # of a side: a landslide shall not always lie in the middle
_NEIGHBOURS: Final = np.ones((3, 3), dtype=bool)


class Crops(NamedTuple):
    """Crops in the order in which they were drawn.

    Attributes:
        images: (n, side, side, bands), uint16; 0 where unobserved.
        labels: (n, side, side), uint8.
        ground: (n,), index of the ground that each was cut from.
        corners: (n, 2), row and column at which a window of the same centre would begin if it were not turned.
    """

    images: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    ground: NDArray[np.int64]
    corners: NDArray[np.int64]


@dataclass(frozen=True)
class Ground:
    """One year of one site, prepared for drawing crops from it.

    Attributes:
        bands: (rows, cols, up to 3) each, float32; unobserved pixels show the mean, so that interpolation mixes in
            nothing foreign.
        labels: (rows, cols).
        labelled: (m, 2), pixels that are landslide or background.
        landslides: Pixels (k, 2) of each landslide.
        sizes: (landslides,), the number of pixels of each.
    """

    bands: tuple[NDArray[np.float32], ...]
    labels: NDArray[np.uint8]
    labelled: NDArray[np.int64]
    landslides: tuple[NDArray[np.int64], ...]
    sizes: NDArray[np.int64]


def prepare(images: NDArray[np.uint16], labels: NDArray[np.uint8], allowed: NDArray[np.bool_]) -> Ground:
    """Prepares a scene for drawing.

    Args:
        images: (rows, cols, bands) stored values.
        labels: (rows, cols).
        allowed: (rows, cols), True on training ground; the rest becomes unlabelled.
    """
    shown = np.where(allowed | (labels == UNOBSERVED), labels, np.uint8(UNLABELLED))
    observed = shown != UNOBSERVED
    values = images.astype(np.float32)
    if observed.any():
        values[~observed] = values[observed].mean(axis=0)
    bands = values.shape[-1]
    parts = [np.ascontiguousarray(values[..., at : at + _WARPED_BANDS]) for at in range(0, bands, _WARPED_BANDS)]
    numbers, count = ndimage.label(shown == LANDSLIDE, structure=_NEIGHBOURS)
    pixels = np.argwhere(numbers)
    order = np.argsort(numbers[numbers > 0], kind="stable")
    sizes = np.bincount(numbers[numbers > 0], minlength=count + 1)[1:]
    landslides = np.split(pixels[order], np.cumsum(sizes)[:-1]) if count else []
    labelled = np.argwhere((shown == LANDSLIDE) | (shown == BACKGROUND))
    return Ground(tuple(parts), shown, labelled, tuple(landslides), sizes)


def draw_crops(
    grounds: Sequence[Ground],
    weights: Sequence[float],
    n: int,
    *,
    side: int,
    empty_share: float,
    scale: float,
    seed: int,
) -> Crops:
    """Draws crops at random places, angles, mirrorings and scales.

    A crop is centred near a landslide, half of them on any landslide whatever its size and half in proportion to area,
    or, with `empty_share`, anywhere on labelled ground.

    Args:
        grounds: Years to draw from; those without a labelled pixel are left out.
        weights: How often each is drawn from.
        n: Number of crops.
        side: Rows and columns of a crop.
        empty_share: Share of the crops whose place does not depend on landslides.
        scale: Natural logarithm of the largest enlargement, and of the largest reduction; 0 keeps the size.
        seed: The same seed gives the same bytes.

    Raises:
        DataError: Crops are wanted and there is no labelled ground.
    """
    rng = np.random.default_rng(seed)
    usable = np.array(
        [weight if len(ground.labelled) else 0.0 for ground, weight in zip(grounds, weights, strict=True)]
    )
    if n and not usable.sum() > 0:
        raise DataError(
            "patches.crops: there is no labelled training ground to cut from; deliver scenes with less NoData"
        )
    bands = sum(part.shape[-1] for part in grounds[0].bands) if grounds else 0
    images = np.zeros((n, side, side, bands), dtype=np.uint16)
    labels = np.zeros((n, side, side), dtype=np.uint8)
    chosen = rng.choice(len(grounds), size=n, p=usable / usable.sum()) if n else np.zeros(0, dtype=np.int64)
    corners = np.zeros((n, 2), dtype=np.int64)
    for index, ground in enumerate(grounds[number] for number in chosen):
        centre = _centre(ground, side, empty_share, rng)
        corners[index] = np.floor(centre - (side - 1) / 2)
        turned = _transformation(centre, side, scale, rng)
        images[index], labels[index] = _warp(ground, turned, side)
    return Crops(images, labels, np.asarray(chosen, dtype=np.int64), corners)


def _centre(ground: Ground, side: int, empty_share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    if rng.random() < empty_share or not ground.landslides:
        return np.asarray(ground.labelled[rng.integers(len(ground.labelled))], dtype=np.float64)
    by_area = rng.random() < 0.5
    shares = ground.sizes / ground.sizes.sum() if by_area else None
    landslide = ground.landslides[rng.choice(len(ground.sizes), p=shares)]
    pixel = landslide[rng.integers(len(landslide))].astype(np.float64)
    return np.asarray(pixel + rng.uniform(-_JITTER * side, _JITTER * side, 2))


def _transformation(
    centre: NDArray[np.float64], side: int, scale: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(2, 3), from column and row of the crop to column and row of the scene."""
    angle, enlargement = rng.uniform(0.0, 2 * np.pi), np.exp(rng.uniform(-scale, scale))
    mirrored = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirrored, 1.0]) / enlargement
    middle = np.full(2, (side - 1) / 2)
    return np.column_stack([linear, centre[::-1] - linear @ middle])


def _warp(ground: Ground, turned: NDArray[np.float64], side: int) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Image by bilinear interpolation, labels by the nearest pixel; beyond the scene all is unobserved."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    parts = [
        cv2.warpAffine(part, turned, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE).reshape(side, side, -1)
        for part in ground.bands
    ]
    labels = cv2.warpAffine(
        ground.labels,
        turned,
        (side, side),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(UNOBSERVED),
    )
    image = np.rint(np.concatenate(parts, axis=-1)).astype(np.uint16)
    image[labels == UNOBSERVED] = 0
    return image, labels.astype(np.uint8)
