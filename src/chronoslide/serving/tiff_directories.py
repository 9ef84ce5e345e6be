"""What a TIFF file says it would unpack to, read from its directories alone, before any library unpacks a byte.

First guard of the service: a few kilobytes can announce an image, a tile or a mask of many gigabytes. The layout is
that of TIFF 6.0 (Adobe, 1992) and of BigTIFF (Aware Systems, 2007).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from chronoslide.errors import RequestError

_WIDTH, _LENGTH, _BITS, _SAMPLES, _ROWS_PER_STRIP = 256, 257, 258, 277, 278
_TILE_WIDTH, _TILE_LENGTH, _SUB_DIRECTORIES = 322, 323, 330
# TIFF type -> its code for `struct`; other types hold no number that is asked for here.
_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MOST_DIRECTORIES = 64
_MOST_SUB_DIRECTORIES = 64


@dataclass(frozen=True, slots=True)
class Directory:
    """One image of a file: the scene itself, an overview, a mask.

    Attributes:
        pixels: Rows times columns.
        unpacked_bytes: Of the image, or of one of its tiles or strips if that is more.
    """

    pixels: int
    unpacked_bytes: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """How numbers lie in the file.

    Attributes:
        order: "<" or ">".
        offset: Code of an offset: "I", in BigTIFF "Q".
        count: Code of the number of entries: "H", in BigTIFF "Q".
    """

    order: str
    offset: str
    count: str


def directories(content: bytes) -> list[Directory]:
    """Every directory of a TIFF file, the first being the main image.

    Args:
        content: The whole file.

    Raises:
        RequestError: It is no TIFF file, ends early, or its directories run in a circle.
    """
    try:
        layout, first = _layout(content)
        found = [_directory(tags) for tags in _walk(content, layout, first)]
    except struct.error as error:
        raise RequestError("image: the GeoTIFF is truncated or broken; send the whole file") from error
    if not found:
        raise RequestError("image: the GeoTIFF holds no image; send the whole file")
    return found


def _layout(content: bytes) -> tuple[_Layout, int]:
    """How the file is laid out, and where its first directory lies."""
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    version = struct.unpack_from(f"{order}H", content, 2)[0] if order else 0
    if order and version == 42:
        return _Layout(order, "I", "H"), struct.unpack_from(f"{order}I", content, 4)[0]
    if order and version == 43:
        return _Layout(order, "Q", "Q"), struct.unpack_from(f"{order}Q", content, 8)[0]
    raise RequestError("image: not a GeoTIFF; send the bytes of a GeoTIFF file in base64")


def _walk(content: bytes, layout: _Layout, first: int) -> Iterator[dict[int, tuple[int, ...]]]:
    waiting, seen = [first], set[int]()
    while waiting:
        place = waiting.pop(0)
        if place == 0:
            continue
        if place in seen or len(seen) == _MOST_DIRECTORIES:
            raise RequestError(
                f"image: the GeoTIFF's directories run in a circle or are more than {_MOST_DIRECTORIES}; write it anew"
            )
        seen.add(place)
        tags, following = _read(content, layout, place)
        waiting += [following, *tags.get(_SUB_DIRECTORIES, ())]
        yield tags


def _read(content: bytes, layout: _Layout, place: int) -> tuple[dict[int, tuple[int, ...]], int]:
    """The numbers of the tags that are asked for, and where the next directory lies."""
    order, offset_bytes = layout.order, struct.calcsize(layout.offset)
    (count,) = struct.unpack_from(order + layout.count, content, place)
    place += struct.calcsize(layout.count)
    tags: dict[int, tuple[int, ...]] = {}
    for _ in range(min(count, len(content) // 8)):
        tag, kind, values = struct.unpack_from(f"{order}HH{layout.offset}", content, place)
        at = place + 4 + offset_bytes
        place = at + offset_bytes
        if tag not in _ASKED_FOR or kind not in _CODES:
            continue
        if values * struct.calcsize(_CODES[kind]) > offset_bytes:  # then the place holds where they lie
            (at,) = struct.unpack_from(order + layout.offset, content, at)
        # An image has one width but a depth for each band: the first tells, and the list may be long.
        values = min(values, _MOST_SUB_DIRECTORIES if tag == _SUB_DIRECTORIES else 1)
        tags[tag] = struct.unpack_from(f"{order}{values}{_CODES[kind]}", content, at)
    (following,) = struct.unpack_from(order + layout.offset, content, place)
    return tags, following


_ASKED_FOR = {
    _WIDTH, _LENGTH, _BITS, _SAMPLES, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH, _SUB_DIRECTORIES,
}  # fmt: skip


def _directory(tags: dict[int, tuple[int, ...]]) -> Directory:
    def number(tag: int, default: int) -> int:
        return (tags.get(tag) or (default,))[0]

    width, length = number(_WIDTH, 0), number(_LENGTH, 0)
    tile = number(_TILE_WIDTH, 0) * number(_TILE_LENGTH, 0)
    block = tile or width * min(number(_ROWS_PER_STRIP, length), length)
    bits = number(_SAMPLES, 1) * number(_BITS, 1)
    return Directory(width * length, max(width * length, block) * bits // 8)
