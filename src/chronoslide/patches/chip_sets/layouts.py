"""How others lay out chips: which image belongs to which mask and to which part of the set, by names alone.

Known are folders of pairs (`images/` and `masks/`, alone, in a folder a part, or with a folder a part inside), the
arrays of HR-GLDD (`trainX.npy`, `trainY.npy` and so on), and Bijie (`landslide/image`, `landslide/mask`,
`non-landslide/image`). Landslide4Sense is pairs of HDF5 files. No pixel is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chronoslide.errors import DataError

WHOLE: Final = "all"
"""The one part of a set without a split of its own."""
TRAIN, VALIDATION, TEST = "train", "validation", "test"
SUFFIXES: Final = (".png", ".tif", ".tiff", ".npy", ".npz", ".h5", ".hdf5")

_PARTS: Final = {
    TRAIN: ("train", "traindata", "training", "train_data"),
    VALIDATION: ("val", "valid", "validation", "valdata", "validdata", "val_data"),
    TEST: ("test", "testdata", "testing", "test_data"),
}
_IMAGE_FOLDERS: Final = ("images", "image", "img", "imgs")
_MASK_FOLDERS: Final = ("masks", "mask", "annotations", "labels", "label")
_STACK: Final = re.compile(r"(train|val|valid|validation|test)_?([xy])", re.IGNORECASE)
# What the names of an image and its mask may differ by.
_ROLE: Final = re.compile(
    r"^(?:images?|imgs?|masks?|labels?)[_\-]|[_\-](?:images?|imgs?|masks?|labels?)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and its mask.

    Attributes:
        image: File of the image.
        mask: File of its mask; None where all of it is known to be background.
    """

    image: Path
    mask: Path | None


@dataclass(frozen=True, slots=True)
class Stack:
    """Images and masks as two arrays of the same length.

    Attributes:
        images: File of an array (n, rows, cols, channels).
        masks: File of an array (n, rows, cols) or (n, rows, cols, 1).
    """

    images: Path
    masks: Path


@dataclass(frozen=True, slots=True)
class Layout:
    """What a folder of chips holds.

    Attributes:
        folder: The folder.
        name: What it is, for the reader.
        parts: The pairs, or the stack, of each part: `train`, `validation` and `test`, or `all`.
        notes: What was left out, and why.
    """

    folder: Path
    name: str
    parts: Mapping[str, tuple[Pair, ...] | Stack]
    notes: tuple[str, ...] = ()


def resembles(folder: Path) -> bool:
    """Whether a folder is laid out as chips are, whatever may be wrong with the files in it."""
    return folder.is_dir() and (
        bool(_stacks(folder)) or _bijie(folder) is not None or any(masks for _, _, masks in _pair_folders(folder))
    )


def find_chips(folder: Path) -> Layout:
    """Finds the chips of a folder.

    Raises:
        DataError: It holds none, or an image or mask lacks its partner; the message names the file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the folder of a patch set")
    stacks = _stacks(folder)
    if stacks:
        return Layout(folder, "arrays", {part: _whole_stack(folder, files) for part, files in stacks.items()})
    bijie = _bijie(folder)
    if bijie is not None:
        with_landslides, without = bijie
        pairs = _pairs(with_landslides / "image", with_landslides / "mask")
        if without is not None:
            pairs += tuple(Pair(path, None) for path in _files(without / "image").values())
        return Layout(folder, "landslide and non-landslide images", {WHOLE: pairs})
    parts: dict[str, tuple[Pair, ...] | Stack] = {}
    notes: list[str] = []
    for part, images, masks in _pair_folders(folder):
        if masks is not None:
            parts[part] = _pairs(images, masks)
        elif part == WHOLE:
            raise DataError(f"{folder}: no folder 'masks' in it; chips lie in 'images' and 'masks'")
        else:
            notes.append(f"{images}: images without masks; they are left out")
    if not parts:
        raise DataError(
            notes[0].replace("they are left out", "deliver the masks") if notes else
            f"{folder}: no folder 'images' in it; chips lie in 'images' and 'masks'"
        )  # fmt: skip
    return Layout(folder, "images and masks", parts, tuple(notes))


def _pair_folders(folder: Path) -> Iterator[tuple[str, Path, Path | None]]:
    """Part, folder of images and folder of masks, where there is one."""
    images, masks = _first(folder, _IMAGE_FOLDERS), _first(folder, _MASK_FOLDERS)
    if images is not None:
        inner = _part_folders(images)
        if not inner:
            yield WHOLE, images, masks
        for part, path in inner.items():
            yield part, path, _part_folders(masks).get(part) if masks is not None else None
        return
    for part, path in _part_folders(folder).items():
        images = _first(path, _IMAGE_FOLDERS)
        if images is not None:
            yield part, images, _first(path, _MASK_FOLDERS)


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _part_folders(folder: Path) -> dict[str, Path]:
    found = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    named = {part: [found[name] for name in names if name in found] for part, names in _PARTS.items()}
    return {part: paths[0] for part, paths in named.items() if paths}


def _bijie(folder: Path) -> tuple[Path, Path | None] | None:
    """The folders with and without landslides."""
    inside = folder / "landslide"
    if not ((inside / "image").is_dir() and (inside / "mask").is_dir()):
        return None
    outside = folder / "non-landslide"
    return inside, outside if (outside / "image").is_dir() else None


def _stacks(folder: Path) -> dict[str, dict[str, Path]]:
    """The array files of each part by their letter, x or y."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.glob("*.npy")):
        match = _STACK.fullmatch(path.stem)
        if match:
            part = next(part for part, names in _PARTS.items() if match[1].lower() in names)
            found.setdefault(part, {})[match[2].lower()] = path
    return {part: found[part] for part in _PARTS if part in found}


def _whole_stack(folder: Path, files: Mapping[str, Path]) -> Stack:
    for letter, lacking in (("x", "images"), ("y", "masks")):
        if letter not in files:
            there = next(iter(files.values()))
            raise DataError(f"{there}: no array of {lacking} beside it; add it, or take the file out of {folder}")
    return Stack(files["x"], files["y"])


def _pairs(images: Path, masks: Path) -> tuple[Pair, ...]:
    image_files, mask_files = _files(images), _files(masks)
    lonely = sorted(image_files.keys() ^ mask_files.keys())
    if lonely:
        name = lonely[0]
        path, partner = (image_files[name], "mask") if name in image_files else (mask_files[name], "image")
        more = f" ({len(lonely)} such files in all)" if len(lonely) > 1 else ""
        raise DataError(f"{path}: no {partner} of the same name{more}; add it or take the file away")
    return tuple(Pair(image_files[name], mask_files[name]) for name in sorted(image_files))


def _files(folder: Path) -> dict[str, Path]:
    """The chips of a folder by name, without suffix and without what says whether it is an image or a mask."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
            continue
        name = _ROLE.sub("", path.stem)
        if name in files:
            raise DataError(f"{path}: {files[name].name} has the same name; keep one of them")
        files[name] = path
    if not files:
        raise DataError(f"{folder}: no chips in it; PNG, TIFF, NumPy or HDF5 files are expected")
    return files
