"""Bad requests by the hundred, the same ones for the same seed, for whoever wants to break the served mapper.

`python tests/fuzz.py ADDRESS [COUNT [SEED]]` sends them to a running server and prints what came back.
"""

import base64
import http.client
import json
import random
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from served import geotiff, reflectance, scene_bytes

SECONDS = 60.0


@dataclass(frozen=True)
class Bad:
    """A request that deserves no answer of 200, unless a flipped bit spared the file.

    Attributes:
        kind: What is wrong with it.
        body: As sent.
        content_type: As sent; None sends none.
        may_pass: Whether it may be a good request after all.
    """

    kind: str
    body: bytes
    content_type: str | None = "application/json"
    may_pass: bool = False


def bad_requests(count: int, seed: int = 0) -> Iterator[Bad]:
    """Takes the kinds in turn, each with other accidents."""
    rng = random.Random(seed)
    for number in range(count):
        yield _KINDS[number % len(_KINDS)](rng)


def send(address: str, bad: Bad, seconds: float = SECONDS) -> tuple[int, bytes]:
    """Status and body of the answer."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=seconds)
    headers = {"Content-Type": bad.content_type} if bad.content_type is not None else {}
    try:
        connection.request("POST", "/invocations", bad.body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def complaint(bad: Bad, status: int, body: bytes) -> str | None:
    """What is wrong with an answer to a bad request, None if nothing is."""
    text = body.decode("utf-8", "replace")
    if status >= 500 or status < 200:
        return f"{bad.kind}: {status} {text[:200]}"
    if status == 200:
        return None if bad.may_pass else f"{bad.kind}: was answered"
    if "Traceback" in text or 'File "' in text or "stack_trace" in text:
        return f"{bad.kind}: a traceback: {text[:200]}"
    if len(text) > 1000:
        return f"{bad.kind}: {len(text)} characters are no sentence"
    return None


def _row(image: bytes | str, **options: object) -> bytes:
    text = image if isinstance(image, str) else base64.b64encode(image).decode()
    return json.dumps({"dataframe_records": [{"image": text, **options}]}).encode()


GOOD = scene_bytes((40, 48))
FLOATS = reflectance((40, 48))


def _not_json(rng: random.Random) -> Bad:
    whole = _row(GOOD)
    return Bad(
        "not JSON",
        rng.choice([b"", b"{", b"\xff\xfe", b"nonsense", whole[: rng.randrange(1, len(whole))], rng.randbytes(200)]),
    )


def _wrong_form(rng: random.Random) -> Bad:
    forms: list[object] = [
        [], 7, None, "text", {}, {"rows": []}, {"dataframe_records": 3}, {"dataframe_records": [1, 2]},
        {"dataframe_records": [[]]}, {"dataframe_records": {"image": "x"}}, {"dataframe_split": {"columns": ["image"]}},
        {"dataframe_split": {"columns": ["image"], "data": [["a", "b"]]}}, {"inputs": [[1.0, 2.0]]},
        {"instances": [{"picture": "x"}]}, {"inputs": {"image": {"a": 1}}}, {"dataframe_records": [], "inputs": []},
        {"dataframe_records": [{"picture": "x"}]}, {"inputs": None}, {"dataframe_split": None},
        {"dataframe_records": None}, {"instances": {}}, {"inputs": {"image": [None]}},
        {"dataframe_records": [{"image": "x"}], "params": 7},
        {"dataframe_records": [{"image": "x"}], "params": {"crs": 1}},
    ]  # fmt: skip
    return Bad("wrong form", json.dumps(rng.choice(forms)).encode())


def _wrong_image(rng: random.Random) -> Bad:
    values: list[object] = [
        7,
        True,
        1.5,
        [],
        {},
        "",
        "%%%",
        "QUJ",
        "\u0000",
        "ü" * 10,
        "A" * 4001,
        [1, 2],
        {"b64": "x"},
    ]
    return Bad("wrong image", json.dumps({"dataframe_records": [{"image": rng.choice(values)}]}).encode())


def _wrong_option(rng: random.Random) -> Bad:
    options = [
        {"threshold": 7}, {"threshold": "high"}, {"threshold": -1e300}, {"minimum_area_m2": -5}, {"crs": "EPSG:0"},
        {"minimum_area_m2": "big"}, {"crs": 4326}, {"simplify_metres": -1}, {"probability": "yes please"},
        {"threshold": [0.5]}, {"elevation": "no"}, {"elevation": 5}, {"as_text": 3.5}, {"simplify_metres": "1 m"},
    ]  # fmt: skip
    return Bad("wrong option", _row(GOOD, **rng.choice(options)))


def _content_type(rng: random.Random) -> Bad:
    kinds = ["text/plain", "text/csv", "application/xml", "application/json; charset=latin-1", "", ";;;",
             "application/vnd.apache.parquet", "image/tiff", "application/json; version=2", None]  # fmt: skip
    return Bad("content type", rng.choice([GOOD, b"image\nx\n", b"\x00"]), rng.choice(kinds))


def _random_bytes(rng: random.Random) -> Bad:
    head = rng.choice(
        [b"", b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"\x89PNG\r\n", b"<VRTDataset>", b"/vsicurl/http://x"]
    )
    return Bad("random bytes", _row(head + rng.randbytes(rng.randrange(0, 3000))))


def _truncated(rng: random.Random) -> Bad:
    return Bad("truncated", _row(GOOD[: rng.randrange(1, len(GOOD) - 1)]), may_pass=True)


def _flipped(rng: random.Random) -> Bad:
    """Bits of the header and the directory change; the pixels stay."""
    content = bytearray(GOOD)
    for _ in range(rng.randrange(1, 12)):
        content[rng.randrange(0, min(600, len(content)))] = rng.randrange(256)
    return Bad("flipped bits", _row(bytes(content)), may_pass=True)


def _announced(rng: random.Random) -> Bad:
    """A few bytes that announce a picture of up to 4 billion x 4 billion pixels."""
    side = rng.choice([70_000, 2**24, 2**32 - 1])
    entries = [(256, side), (257, side), (258, rng.choice([8, 16, 32])), (259, 8), (277, rng.choice([3, 60_000]))]
    if rng.random() < 0.5:
        entries = [(256, 16), (257, 16), (258, 16), (277, 3), (322, 1 << 20), (323, 1 << 20)]
    content = b"II*\0" + struct.pack("<IH", 8, len(entries))
    content += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries) + struct.pack("<I", 0)
    return Bad("announced size", _row(content))


def _bomb(rng: random.Random) -> Bad:
    side = rng.choice([5000, 6000])
    zeros = np.zeros((side, side, 1), dtype=np.uint8)
    return Bad("bomb", _row(geotiff(zeros, bands=None, compress="deflate", zlevel=9)))


def _no_scene(rng: random.Random) -> Bad:
    from affine import Affine

    makers: list[Callable[[], bytes]] = [
        lambda: geotiff(FLOATS, crs=None),
        lambda: geotiff(FLOATS, crs="EPSG:4326", transform=Affine(1e-4, 0, 85, 0, -1e-4, 28)),
        lambda: geotiff(FLOATS[..., : rng.randrange(1, 3)], bands=None),
        lambda: geotiff(np.full_like(FLOATS, np.nan)),
        lambda: geotiff(np.zeros(FLOATS.shape, np.uint16)),
        lambda: geotiff(FLOATS * 1e4),
        lambda: geotiff(FLOATS.astype(np.int16)),
        lambda: geotiff(FLOATS, transform=Affine(5, 1, 4e5, 1, -5, 3e6)),
        lambda: geotiff(FLOATS, bands=("a", "b", "c")),
        lambda: geotiff((FLOATS * 255).astype(np.uint8), driver="PNG", bands=None),
    ]
    return Bad("no scene", _row(rng.choice(makers)()))


def _reference(rng: random.Random) -> Bad:
    place = rng.choice(["/vsicurl/http://127.0.0.1:9/x.tif", "/etc/hostname", "/vsizip//vsicurl/http://127.0.0.1:9/x"])
    text = (
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"<SourceFilename>{place}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return Bad("reference", _row(rng.choice([text, place]).encode()))


def _deep(rng: random.Random) -> Bad:
    depth = rng.choice([500, 5000, 100_000])
    return Bad("deep JSON", b'{"dataframe_records": ' + b"[" * depth + b"]" * depth + b"}")


_KINDS = (
    _not_json, _wrong_form, _wrong_image, _wrong_option, _content_type, _random_bytes, _truncated, _flipped,
    _announced, _bomb, _no_scene, _reference, _deep,
)  # fmt: skip


def main() -> int:
    """Sends, counts, complains."""
    address, count, seed = (
        sys.argv[1],
        int(sys.argv[2]) if sys.argv[2:] else 300,
        int(sys.argv[3]) if sys.argv[3:] else 0,
    )
    answers: Counter[tuple[str, int]] = Counter()
    complaints = []
    for bad in bad_requests(count, seed):
        status, body = send(address, bad)
        answers[bad.kind, status] += 1
        complaints += [said for said in [complaint(bad, status, body)] if said]
    for (kind, status), number in sorted(answers.items()):
        print(f"{kind:<16}{status:>5}{number:>6}")
    print("\n".join(complaints) or "no complaint")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
