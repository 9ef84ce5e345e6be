"""Fetching from a STAC API on loopback that serves items and cloud-optimised GeoTIFFs, with the faults of real ones."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from shapely.geometry import box, mapping

import made_deliveries as made
from chronoslide.cli import main
from chronoslide.dataset import read_dataset
from chronoslide.errors import SettingsError
from chronoslide.grid import Grid
from chronoslide.rasters import write_raster
from chronoslide.scenes.deliveries.choosing import Candidate, Season, choose, read_years

SIDE = 1_200  # metres of a simulated tile; the area is a part of it
LEVELS = {"B02": 400, "B03": 600, "B04": 500, "B05": 900, "B08": 2_600}
KEYS = {"B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B08": "nir", "SCL": "scl"}


class Catalogue:
    """A STAC API with a few items; `faults` maps the end of a path to what goes wrong there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.items, self.faults, self.requests = folder, [], {}, []
        catalogue = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                catalogue.answer(self)

            do_HEAD = do_POST = do_GET  # noqa: N815

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def add(self, date, *, cloud_over_area=0.0, cloud_cover=5.0, added=1000, without=(), west=0):
        """An item with its files: the area's upper part is clouded to this share."""
        name = f"S2A_45RUL_{date.replace('-', '')}_{len(self.items)}_L2A"
        assets = {}
        for number in (*LEVELS, "SCL"):
            pixel = 20 if number in ("B05", "SCL") else 10
            side = SIDE // pixel
            grid = Grid.from_bounds(
                (made.WEST + west, made.NORTH - SIDE, made.WEST + west + SIDE, made.NORTH), "EPSG:32645", pixel
            )  # fmt: skip
            if number == "SCL":
                cube = np.full((side, side, 1), 4, np.uint8)
                first, last = 300 // pixel, 300 // pixel + round(600 / pixel * cloud_over_area)
                cube[first:last] = 9
            else:
                cube = made.values((LEVELS[number],), side, side) + np.uint16(added)
            write_raster(self.folder / name / f"{number}.tif", cube, grid, bands=[number], nodata=0)
            if number not in without:
                told = {"raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": -0.1}]} if number != "SCL" else {}
                assets[KEYS[number]] = {"href": f"{self.url}/{name}/{number}.tif", "type": "image/tiff", **told}
        left, right = made.WEST + west, made.WEST + west + SIDE
        outline = gpd.GeoSeries([box(left, made.NORTH - SIDE, right, made.NORTH)], crs=32645).to_crs(4326).iloc[0]
        self.items.append(
            {
                "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "sentinel-2-l2a", "links": [],
                "geometry": mapping(outline), "bbox": list(outline.bounds), "assets": assets, "stac_extensions": [],
                "properties": {
                    "datetime": f"{date}T05:08:00Z", "platform": "sentinel-2a", "eo:cloud_cover": cloud_cover,
                    "proj:epsg": 32645, "grid:code": f"MGRS-{west}", "earthsearch:boa_offset_applied": False,
                },
            }
        )  # fmt: skip
        return name

    def answer(self, call) -> None:
        length = int(call.headers.get("Content-Length") or 0)
        asked = json.loads(call.rfile.read(length)) if length else {}
        self.requests.append(call.path)
        fault = next((fault for end, fault in self.faults.items() if call.path.endswith(end)), None)
        if callable(fault):
            fault = fault()
        if fault == "slow":
            time.sleep(1.5)
        if isinstance(fault, int):
            self.send(call, fault, b"no")
        elif call.path == "/":
            links = [
                {"rel": rel, "href": self.url + place, "type": "application/json", **extra}
                for rel, place, extra in (
                    ("self", "/", {}),
                    ("root", "/", {}),
                    ("search", "/search", {"method": "POST"}),
                )
            ]
            classes = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
            self.send_json(
                call,
                {
                    "type": "Catalog", "id": "made", "stac_version": "1.0.0", "description": "made", "links": links,
                    "conformsTo": classes,
                },
            )  # fmt: skip
        elif call.path == "/search":
            first, last = asked["datetime"].split("/")
            found = [item for item in self.items if first <= item["properties"]["datetime"] <= last]
            self.send_json(call, {"type": "FeatureCollection", "features": found, "links": []})
        else:
            self.send_file(call, self.folder / call.path.lstrip("/"), fault)

    def send_file(self, call, path: Path, fault) -> None:
        if not path.is_file():
            return self.send(call, 404, b"none")
        content = path.read_bytes()
        if fault == "truncated":
            content = content[: len(content) // 3]
        asked = call.headers.get("Range")
        if not asked:
            return self.send(call, 200, content)
        start, _, end = asked.removeprefix("bytes=").partition("-")
        stop = min(int(end or len(content) - 1), len(content) - 1)
        if int(start) >= len(content):
            return self.send(call, 416, b"")
        part = content[int(start) : stop + 1]
        return self.send(call, 206, part, {"Content-Range": f"bytes {start}-{stop}/{len(content)}"})

    def send_json(self, call, content) -> None:
        self.send(call, 200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def send(self, call, status, content, headers=None) -> None:
        try:
            call.send_response(status)
            for name, value in {"Accept-Ranges": "bytes", "Content-Length": len(content), **(headers or {})}.items():
                call.send_header(name, str(value))
            call.end_headers()
            if call.command != "HEAD":
                call.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client lost patience


@pytest.fixture
def api(tmp_path):
    made_ = Catalogue(tmp_path / "served")
    yield made_
    made_.close()


@pytest.fixture
def area(tmp_path):
    """600 x 600 m in the middle of the tile."""
    return made.inventory(tmp_path / "aoi.gpkg", made.square(300, 300, 600))


def fetch(api, area, *words):
    return main(
        ["fetch", "--stac", api.url, "--aoi", str(area), "--season", "10-15..12-15", "--output",
         str(area.parent / "fetched"), "--timeout", "2", "--retries", "1", *(words or ("--years", "2022"))]
    )  # fmt: skip


def test_the_clearest_over_the_area_is_fetched_and_goes_through_init(api, area, tmp_path, capsys):
    api.add("2021-11-14", cloud_over_area=0.05)
    api.add("2022-10-20", cloud_over_area=0.5, cloud_cover=1.0)  # its clouds lie just here
    clear = api.add("2022-11-10", cloud_cover=60.0)  # its clouds lie elsewhere
    api.add("2022-12-14")
    assert fetch(api, area, "--years", "2021-2022") == 0
    told = capsys.readouterr().out
    assert "-> 2022-11-10  shows 100%  clouds over the area 0.0%" in told
    assert "2022-10-20  shows 100%  clouds over the area 50.0%" in told
    with rasterio.open(tmp_path / "fetched/2022" / clear / "B02.tif") as source:
        assert source.shape[0] * 10 < 800  # the area's window and a margin, not the tile
        assert source.dtypes == ("uint16",)
    assert main(["init", str(tmp_path / "fetched"), "--aoi", str(area), "--root", str(tmp_path / "root")]) == 0
    dataset = read_dataset(tmp_path / "root/data")
    acquisition = dataset.year("investigation", 2022).acquisitions[0]
    assert dataset.bands == ("blue", "green", "red", "red_edge", "nir")
    assert acquisition.offset == -1000
    assert (acquisition.source.item, acquisition.source.catalogue) == (clear, api.url)
    assert len(acquisition.source.sha256["B05.tif"]) == 64


def test_windows_hold_the_pixels_of_the_file_unchanged(api, area, tmp_path):
    name = api.add("2022-11-10")
    assert fetch(api, area) == 0
    for number in LEVELS:
        with (
            rasterio.open(tmp_path / "fetched/2022" / name / f"{number}.tif") as window,
            rasterio.open(tmp_path / "served" / name / f"{number}.tif") as whole,
        ):
            expected = whole.read(1, window=whole.window(*window.bounds))
            np.testing.assert_array_equal(window.read(1), expected)


def test_what_is_there_is_not_fetched_again_and_what_was_cut_off_goes_on(api, area, tmp_path, capsys):
    name = api.add("2022-11-10")
    api.faults["B08.tif"] = 503
    assert fetch(api, area) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert "B08.tif: cannot be read" in told[-1]
    assert f"--skip {name}" in told[-1]
    assert not (tmp_path / "fetched/2022/fetched.json").exists()
    api.faults.clear()
    api.requests.clear()
    for asset in api.items[0]["assets"].values():  # GDAL remembers a failed address as long as the process lives
        asset["href"] = asset["href"].replace("127.0.0.1", "localhost")
    assert fetch(api, area) == 0
    assert not [path for path in api.requests if path.endswith("B02.tif")]
    assert [path for path in api.requests if path.endswith("B08.tif")]
    api.requests.clear()
    assert fetch(api, area) == 0
    assert api.requests == []
    (tmp_path / "fetched/2022" / name / "B03.tif").write_bytes(b"broken")
    assert fetch(api, area) == 0  # the checksum tells
    assert [path for path in api.requests if path.endswith("B03.tif")]


def test_a_truncated_file_is_told_and_can_be_left_out(api, area, capsys):
    api.add("2022-11-08")
    broken = api.add("2022-11-14")
    api.faults[f"{broken}/B04.tif"] = "truncated"
    assert fetch(api, area) == 2
    assert "B04.tif: cannot be read" in capsys.readouterr().err
    assert fetch(api, area, "--years", "2022", "--skip", broken) == 0
    assert "2022-11-08" in capsys.readouterr().out


def test_errors_of_the_server_that_pass_are_waited_for(api, area):
    api.add("2022-11-10")
    left = {"search": 1, "B02.tif": 1}

    def for_a_while(name):
        def fault():
            left[name] -= 1
            return 500 if left[name] >= 0 else None

        return fault

    api.faults = {name: for_a_while(name) for name in left}
    assert fetch(api, area) == 0


def test_a_server_that_stays_slow_is_given_up(api, area, capsys):
    api.add("2022-11-10")
    api.faults["/search"] = "slow"
    assert fetch(api, area, "--years", "2022", "--timeout", "0.2") == 2
    told = capsys.readouterr().err.strip()
    assert len(told.splitlines()) == 1
    assert "the catalogue cannot be searched" in told


def test_an_item_without_an_asset_is_passed_over(api, area, capsys):
    api.add("2022-11-14", without=("B05",))
    api.add("2022-12-10")
    assert fetch(api, area) == 0
    told = capsys.readouterr().out
    assert "passed over: S2A_45RUL_20221114_0_L2A: has no asset for red_edge" in told
    assert "-> 2022-12-10" in told


@pytest.mark.parametrize("address", ["/etc/passwd", "file:///etc/passwd", "/vsicurl/http://127.0.0.1/x.tif"])
def test_addresses_that_are_not_of_the_web_are_not_opened(api, area, address, capsys):
    api.add("2022-11-10")
    api.items[0]["assets"]["red"]["href"] = address
    assert fetch(api, area) == 2
    told = capsys.readouterr()
    assert "the address of red is not of the web" in told.out
    assert "no year has an acquisition" in told.err


def test_two_tiles_of_one_day_cover_what_neither_does_alone(api, area, tmp_path):
    api.add("2022-11-10", west=-700)
    api.add("2022-11-10", west=500)
    assert fetch(api, area) == 0
    assert main(["init", str(tmp_path / "fetched"), "--aoi", str(area), "--root", str(tmp_path / "root")]) == 0
    assert len(read_dataset(tmp_path / "root/data").year("investigation", 2022).acquisitions) == 2


def test_a_dry_run_writes_nothing(api, area, tmp_path, capsys):
    api.add("2022-11-10")
    assert fetch(api, area, "--years", "2022", "--dry-run") == 0
    assert "-> 2022-11-10" in capsys.readouterr().out
    assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--years", "2025-2016"], "--years 2025-2016: write them as 2016-2025"),
        (["--years", "2022", "--season", "13-40..1-1"], "--season 13-40..1-1: write it as"),
        (["--years", "2022", "--max-cloud", "110"], "a percentage"),
        (["--years", "2022", "--bands", "blue,rad"], "no band 'rad', did you mean 'red'"),
    ],
)
def test_a_wrong_option_gives_one_line(api, area, words, told, capsys):
    assert fetch(api, area, *words) == 2
    assert told in capsys.readouterr().err


def test_a_server_that_is_not_there_gives_one_line(area, capsys):
    assert main(
        ["fetch", "--stac", "http://127.0.0.1:1", "--aoi", str(area), "--years", "2022", "--season", "10-15..12-15",
         "--retries", "0"]
    ) == 2  # fmt: skip
    assert "http://127.0.0.1:1: the catalogue cannot be searched" in capsys.readouterr().err


def test_a_season_over_new_year_belongs_to_the_year_of_its_start():
    season = Season.read("12-01..02-28")
    assert [str(day) for day in season.of(2020)] == ["2020-12-01", "2021-02-28"]
    assert str(season.middle(2020)) == "2021-01-14"
    with pytest.raises(SettingsError):
        Season.read("12-01")
    assert read_years("2016-2018,2020") == (2016, 2017, 2018, 2020)


def test_the_choice_weighs_clouds_first_and_the_season_then():
    middle = Season.read("10-15..12-15").middle(2022)

    def one(day, complete=1.0, cloud=0.0):
        return Candidate(middle.replace(day=day), (str(day),), complete, cloud)

    assert choose([one(1, cloud=0.001), one(10)], middle, 0.1).items == ("10",)  # a difference too small to matter
    assert choose([one(1), one(10, cloud=0.06)], middle, 0.1).items == ("1",)
    assert choose([one(10, complete=0.9), one(1, cloud=0.05)], middle, 0.1).items == ("1",)
    assert choose([one(10, cloud=0.11), one(12, cloud=None)], middle, 0.1) is None
