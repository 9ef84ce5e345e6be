"""A patch set made by others, read whole: found, brought to our bands, units and labels, and cut to one side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import DataError
from chronoslide.labels import BACKGROUND, LANDSLIDE, UNOBSERVED
from chronoslide.params import SIDE_MULTIPLE
from chronoslide.patches.chip_sets.files import IMAGE_NAMES, MASK_NAMES, open_stack, read_array
from chronoslide.patches.chip_sets.layouts import Layout, Pair, Stack, find_chips
from chronoslide.patches.chip_sets.sides import to_side
from chronoslide.patches.chip_sets.units import Stated, Units, require_bands, to_stored, units_of
from chronoslide.patches.storage import PatchSet


@dataclass(frozen=True, slots=True)
class ChipSet:
    """What a folder of chips held.

    Attributes:
        parts: Patches of each part that the set has: `train`, `validation`, `test`, or `all`.
        units: What its channels are.
        chips: Number of chips of each part.
        fitted: How many chips were kept, cut or filled up.
        notes: What was left out, and why.
    """

    parts: Mapping[str, PatchSet]
    units: Units
    chips: Mapping[str, int]
    fitted: Mapping[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What a folder of chips seems to hold, by its layout and its first image.

    Attributes:
        layout: What lies where.
        images: Number of images of each part.
        masks: Number of masks of each part.
        shape: (rows, cols, channels) of the first image.
        dtype: Its type.
        units: What its channels are; None where the user has to say it.
    """

    layout: Layout
    images: Mapping[str, int]
    masks: Mapping[str, int]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    units: Units | None


def look_at_chips(folder: Path) -> LookedAt:
    """Looks at a patch set without reading it all.

    Raises:
        DataError: It holds no chips, an image or mask lacks its partner, or the first image is broken.
    """
    layout = find_chips(folder)
    images, masks = {}, {}
    for part, content in layout.parts.items():
        if isinstance(content, Stack):
            images[part], masks[part] = len(open_stack(content.images)), len(open_stack(content.masks))
        else:
            images[part], masks[part] = len(content), sum(pair.mask is not None for pair in content)
    content = next(iter(layout.parts.values()))
    name, suffix, values, *_ = next(_chips(content))
    try:
        units = units_of(values, suffix, stacked=isinstance(content, Stack), stated=Stated(), what=name)
    except DataError:
        units = None
    return LookedAt(layout, images, masks, values.shape, values.dtype, units)


def read_chip_set(folder: Path, bands: Sequence[str], stated: Stated, side: int | None = None) -> ChipSet:
    """Reads all parts of a patch set.

    Masks hold 0 for background and 1 or 255 for landslide. Pixels of an image that are not a number, or that a TIFF
    marks as NoData, are unobserved.

    Args:
        folder: As its makers laid it out; see `layouts`.
        bands: The wanted bands, by our names, in order.
        stated: What the user states about bands and units.
        side: Of the patches [pixels]; None leaves chips as they are, and they must then all be squares of one size.

    Raises:
        DataError: A file is missing, broken or does not fit; the message names it.
        SettingsError: A band is not there.
    """
    layout = find_chips(folder)
    parts: dict[str, PatchSet] = {}
    chips: Counter[str] = Counter()
    fitted: Counter[str] = Counter()
    reader = _Reader(tuple(bands), stated, side, fitted)
    for part, content in layout.parts.items():
        images: list[NDArray[np.uint16]] = []
        labels: list[NDArray[np.uint8]] = []
        for image, label in reader.patches(content):
            images += image
            labels += label
            chips[part] += 1
        parts[part] = PatchSet(np.stack(images), np.stack(labels), tuple(bands))
    return ChipSet(parts, reader.units, dict(chips), dict(fitted), layout.notes)


@dataclass
class _Reader:
    bands: tuple[str, ...]
    stated: Stated
    side: int | None
    fitted: Counter[str]
    _units: Units | None = None
    _first: tuple[str, tuple[int, ...], np.dtype[Any]] | None = None

    @property
    def units(self) -> Units:
        assert self._units is not None  # every layout has a chip
        return self._units

    def patches(
        self, content: tuple[Pair, ...] | Stack
    ) -> Iterator[tuple[list[NDArray[np.uint16]], list[NDArray[np.uint8]]]]:
        """The patches of one chip after the other."""
        for image_name, suffix, values, seen, mask_name, mask in _chips(content):
            if self._units is None:
                stacked = isinstance(content, Stack)
                self._units = units_of(values, suffix, stacked=stacked, stated=self.stated, what=image_name)
                require_bands(self._units, self.bands, image_name, self.stated)
            if values.shape[2] != len(self.units.bands):
                named = ", ".join(self.units.bands)
                raise DataError(
                    f"{image_name}: {values.shape[2]} channels for {len(self.units.bands)} bands ({named}); set "
                    f"{self.stated.setting}.bands, or take the file away"
                )
            self._require_alike(image_name, values)
            label = np.zeros(values.shape[:2], np.uint8) if mask is None else _label(mask, mask_name)
            if values.shape[:2] != label.shape:
                raise DataError(
                    f"{mask_name}: {_size(label)} pixels, but its image has {_size(values)}; cut both alike"
                )
            image, observed = to_stored(values, self.units, self.bands, image_name, self.stated)
            if seen is not None:
                observed &= seen
                image[~observed] = 0
            label = np.where(observed, label, UNOBSERVED).astype(np.uint8)
            if self.side is None:
                yield [image], [label]
                continue
            done, pieces = to_side(image, label, self.side)
            self.fitted[done] += 1
            yield [piece for piece, _ in pieces], [piece for _, piece in pieces]

    def _require_alike(self, name: str, values: NDArray[Any]) -> None:
        """Refuses an image of another type than the first, and of another side where chips are left as they are."""
        rows, cols = values.shape[:2]
        if self.side is None and (rows != cols or rows % SIDE_MULTIPLE):
            raise DataError(
                f"{name}: {_size(values)} pixels; squares with sides of a multiple of {SIDE_MULTIPLE} are needed, or "
                f"set {self.stated.setting}.side_pixels to have chips cut and filled up"
            )
        self._first = self._first or (Path(name).name, values.shape, values.dtype)
        first, shape, dtype = self._first
        if self.side is None and values.shape != shape:
            raise DataError(
                f"{name}: {_size(values)} pixels, but {first} has {shape[0]} x {shape[1]}; cut all chips to one size, "
                f"or set {self.stated.setting}.side_pixels to have it done"
            )
        if (values.dtype == np.uint8, values.dtype.kind) != (dtype == np.uint8, dtype.kind):
            raise DataError(f"{name}: {values.dtype} values, but {first} has {dtype}; deliver all in one unit and type")


def _chips(
    content: tuple[Pair, ...] | Stack,
) -> Iterator[tuple[str, str, NDArray[Any], NDArray[np.bool_] | None, str, NDArray[Any] | None]]:
    """Name, suffix, values and observed pixels of each image, and name and values of its mask."""
    if not isinstance(content, Stack):
        for pair in content:
            values, seen = read_array(pair.image, IMAGE_NAMES)
            mask = None if pair.mask is None else read_array(pair.mask, MASK_NAMES)[0]
            mask_name = "" if pair.mask is None else str(pair.mask)
            yield str(pair.image), pair.image.suffix.lower(), values, seen, mask_name, mask
        return
    images, masks = open_stack(content.images), open_stack(content.masks)
    if images.ndim != 4:
        raise DataError(f"{content.images}: an array {images.shape}; (n, rows, cols, channels) is expected")
    if len(images) != len(masks):
        raise DataError(f"{content.masks}: {len(masks)} masks for {len(images)} images; deliver both files again")
    for index in range(len(images)):
        mask = np.array(masks[index])
        yield (
            f"{content.images}[{index}]", ".npy", np.array(images[index]), None,
            f"{content.masks}[{index}]", mask[..., np.newaxis] if mask.ndim == 2 else mask,
        )  # fmt: skip


def _label(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.shape[2] != 1:
        raise DataError(f"{name}: {values.shape[2]} channels; a mask has one")
    found = set(np.unique(values).tolist())
    if not (found <= {0, 1} or found <= {0, 255}):
        raise DataError(
            f"{name}: values {sorted(found)[:5]}; a mask has 0 for background and either 1 or 255 for landslide"
        )
    return np.where(values[..., 0] > 0, LANDSLIDE, BACKGROUND).astype(np.uint8)


def _size(values: NDArray[Any]) -> str:
    return f"{values.shape[0]} x {values.shape[1]}"
