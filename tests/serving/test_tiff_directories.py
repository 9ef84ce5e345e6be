"""What a file says it would unpack to is known before anything is unpacked."""

import struct

import numpy as np
import pytest

from chronoslide.errors import RequestError
from chronoslide.serving.tiff_directories import Directory, directories
from served import geotiff, scene_bytes

SHORT, LONG = 3, 4


def tiff(*tagged: list[tuple[int, int, int]], order: str = "<", following: int = 0) -> bytes:
    """A TIFF of directories alone: (tag, type, value) each; the last one points to `following`."""
    content = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    for index, entries in enumerate(tagged):
        last = index == len(tagged) - 1
        after = following if last else len(content) + 2 + 12 * len(entries) + 4
        content += struct.pack(f"{order}H", len(entries))
        for tag, kind, value in entries:
            packed = struct.pack(f"{order}HH", value, 0) if kind == SHORT else struct.pack(f"{order}I", value)
            content += struct.pack(f"{order}HHI", tag, kind, 1) + packed
        content += struct.pack(f"{order}I", after)
    return content


def test_a_striped_image_unpacks_to_its_pixels_times_their_bytes() -> None:
    values = np.zeros((10, 20, 3), dtype=np.uint16)
    assert directories(geotiff(values)) == [Directory(200, 200 * 3 * 2)]


def test_a_tile_larger_than_its_image_counts() -> None:
    values = np.zeros((10, 20, 1), dtype=np.uint8)
    tiled = geotiff(values, bands=None, tiled=True, blockxsize=256, blockysize=256)
    assert directories(tiled) == [Directory(200, 256 * 256)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read(order: str) -> None:
    entries = [(256, SHORT, 300), (257, LONG, 200), (258, SHORT, 16), (277, SHORT, 2)]
    assert directories(tiff(entries, order=order)) == [Directory(60_000, 60_000 * 4)]


def test_big_tiff_is_read() -> None:
    assert directories(geotiff(np.zeros((10, 20, 1), np.float32), bands=None, BIGTIFF="YES")) == [Directory(200, 800)]


def test_masks_and_overviews_are_looked_at_too() -> None:
    mask = [(256, LONG, 100_000), (257, LONG, 100_000), (258, SHORT, 1)]
    found = directories(tiff([(256, SHORT, 4), (257, SHORT, 4)], mask))
    assert found == [Directory(16, 2), Directory(10**10, 10**10 // 8)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a GeoTIFF"),
        (b"<VRTDataset/>", "not a GeoTIFF"),
        (b"II*\0", "truncated"),
        (scene_bytes()[:9], "truncated"),
        (tiff([(256, SHORT, 4)], following=8), "circle"),
        (b"II*\0" + struct.pack("<I", 0), "no image"),
    ],
)
def test_what_is_no_whole_tiff_is_refused_in_a_sentence(content: bytes, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        directories(content)
