"""A row becomes a scene, or a sentence."""

import base64
import http.server
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from affine import Affine

from chronoslide.errors import ChronoslideError, RequestError
from chronoslide.serving.request import (
    PIXEL_LIMIT,
    REQUEST_LIMIT,
    Limits,
    decode,
    read_elevation,
    read_image,
    read_options,
    read_row,
    require_within,
)
from served import BANDS, SHAPE, TRANSFORM, elevation_bytes, geotiff, reflectance, scene_bytes

LIMITS = Limits(1_000_000, 20_000)


def test_a_stored_scene_is_read_with_its_gaps() -> None:
    scene = read_image(scene_bytes(), BANDS)
    assert scene.grid.transform == TRANSFORM
    assert int((~scene.valid).sum()) == 64
    np.testing.assert_allclose(scene.reflectance[10:], reflectance()[10:], atol=1e-4)


def test_a_row_is_taken_apart_once_and_all_its_pixels_count() -> None:
    image, elevation = (base64.b64encode(content).decode() for content in (scene_bytes(), elevation_bytes()))
    pixels = SHAPE[0] * SHAPE[1]
    alone = read_row({"image": image, "threshold": 0.3}, BANDS, LIMITS)
    assert (alone.pixels, alone.image_bytes, alone.elevation) == (pixels, len(scene_bytes()), None)
    assert alone.options.threshold == 0.3
    both = read_row({"image": image, "elevation": elevation}, BANDS, LIMITS)
    assert both.elevation is not None
    assert both.pixels == pixels + require_within(elevation_bytes(), LIMITS)
    with pytest.raises(RequestError, match=PIXEL_LIMIT):
        read_row({"image": image, "elevation": elevation}, BANDS, LIMITS, already=20_001 - both.pixels)


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Limits.from_environment() == Limits(128_000_000, 16_000_000)
    monkeypatch.setenv(REQUEST_LIMIT, "2.5")
    monkeypatch.setenv(PIXEL_LIMIT, "1e4")
    assert Limits.from_environment() == Limits(2_500_000, 10_000)
    monkeypatch.setenv(PIXEL_LIMIT, "many")
    with pytest.raises(RequestError, match=PIXEL_LIMIT):
        Limits.from_environment()


def test_what_a_table_has_no_value_for_is_left_to_the_default() -> None:
    options = read_options({"image": "x", "threshold": float("nan"), "crs": None, "minimum_area_m2": 50})
    assert (options.threshold, options.crs, options.minimum_area_m2) == (None, "scene", 50.0)


@pytest.mark.parametrize(
    "asked",
    [{"threshold": 1.5}, {"threshold": "high"}, {"minimum_area_m2": -1}, {"crs": "EPSG:3857"},
     {"simplify_metres": float("inf")}, {"probability": "maybe"}],
)  # fmt: skip
def test_an_impossible_option_is_named(asked: dict[str, object]) -> None:
    with pytest.raises(RequestError, match=next(iter(asked))):
        read_options(asked)


def test_base64_may_be_wrapped_but_nothing_else() -> None:
    text = base64.encodebytes(scene_bytes()).decode()
    assert decode(text, "image", LIMITS) == scene_bytes()
    for wrong in ("no base64!", "QUJ", "", None, 7):
        with pytest.raises(RequestError, match="image: "):
            decode(wrong, "image", LIMITS)
    with pytest.raises(RequestError, match=REQUEST_LIMIT):
        decode("A" * 1_000_001, "image", LIMITS)


def test_the_pixels_of_all_images_of_a_request_count() -> None:
    pixels = SHAPE[0] * SHAPE[1]
    assert require_within(scene_bytes(), LIMITS) == pixels
    with pytest.raises(RequestError, match=PIXEL_LIMIT):
        require_within(scene_bytes(), LIMITS, already=20_001 - pixels)


def test_a_bomb_is_refused_by_what_it_announces() -> None:
    small = geotiff(np.zeros((1000, 1000, 3), np.uint16), compress="deflate")
    assert len(small) < 50_000
    with pytest.raises(RequestError, match="1000000 pixels, more than 20000"):
        require_within(small, LIMITS)
    tiled = geotiff(np.zeros((16, 16, 3), np.uint16), compress="deflate", tiled=True, blockxsize=2048, blockysize=2048)
    with pytest.raises(RequestError, match="would unpack to"):
        require_within(tiled, LIMITS)


@pytest.fixture
def visited() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and what it was asked for."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_reference_to_another_file_is_not_followed(visited: tuple[str, list[str]], tmp_path) -> None:
    address, paths = visited
    (tmp_path / "secret.tif").write_bytes(scene_bytes())
    for source in (f"/vsicurl/{address}/scene.tif", str(tmp_path / "secret.tif")):
        reference = (
            f'<VRTDataset rasterXSize="{SHAPE[1]}" rasterYSize="{SHAPE[0]}"><SRS>EPSG:32645</SRS>'
            '<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
            f"<SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
            "</VRTDataset>"
        ).encode()
        for content in (reference, source.encode()):
            with pytest.raises(RequestError, match="not a GeoTIFF"):
                require_within(content, LIMITS)
            with pytest.raises(RequestError, match="truncated or broken"):  # also past the first guard
                read_image(content, BANDS)
    assert paths == []


def test_another_format_is_not_opened() -> None:
    values = np.zeros((8, 8, 3), np.uint8)
    png = geotiff(values, driver="PNG", bands=None)
    with pytest.raises(RequestError, match="truncated or broken"):
        read_image(png, BANDS)


WHOLE = scene_bytes()
FLOATS = reflectance()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WHOLE[: len(WHOLE) // 2], "truncated or broken"),
        (geotiff(FLOATS, crs=None), "no coordinate reference system"),
        (geotiff(FLOATS, crs="EPSG:4326", transform=Affine(1e-4, 0, 85, 0, -1e-4, 28)), "not in metres"),
        (geotiff(FLOATS, crs="EPSG:2225"), "not in metres"),
        (geotiff(FLOATS, transform=Affine(5, 1, 4e5, 1, -5, 3e6)), "north-up"),
        (geotiff(FLOATS, transform=Affine(1e-6, 0, 4e5, 0, -1e-6, 3e6)), "georeference"),
        (geotiff(FLOATS, transform=Affine(1e7, 0, 4e5, 0, -1e7, 3e6)), "georeference"),
        (geotiff(FLOATS, transform=Affine(5, 0, 4e12, 0, -5, 3e6)), "georeference"),
        (geotiff(FLOATS[..., :2], bands=None), "2 bands without names, expected 3"),
        (geotiff(np.full_like(FLOATS, np.nan)), "no pixel is observed"),
        (geotiff(FLOATS * 1e4), "no reflectance"),
        (geotiff(FLOATS.astype(np.complex64)), "complex64"),
        (elevation_bytes(), "no band 'green'"),
        (
            geotiff(FLOATS, crs="+proj=tmerc +lon_0=85 +k=0.9996 +x_0=500000 +ellps=WGS84 +nadgrids=/etc/hostname"),
            "refers to other files",
        ),
    ],
)
def test_a_wrong_image_is_told_in_one_sentence(content: bytes, words: str) -> None:
    with pytest.raises(ChronoslideError) as refused:
        read_image(content, BANDS)
    assert words in str(refused.value)
    assert str(refused.value).startswith("image")
    assert "\n" not in str(refused.value)


def test_an_elevation_model_lies_in_the_scenes_reference_system() -> None:
    scene = read_image(WHOLE, BANDS)
    surface = read_elevation(elevation_bytes(), scene.grid)
    assert surface.values[0, 0] == SHAPE[0]
    with pytest.raises(RequestError, match="EPSG:32644"):
        read_elevation(geotiff(FLOATS[..., :1], bands=None, crs="EPSG:32644"), scene.grid)
    with pytest.raises(RequestError, match="3 bands"):
        read_elevation(WHOLE, scene.grid)
