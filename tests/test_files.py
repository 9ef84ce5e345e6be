import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chronoslide.errors import DataError, StorageError
from chronoslide.files import replacing, resumable, write_json, write_text


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "below" / "result.tif"
    for text in ("old", "new"):
        with replacing(path) as temporary:
            assert temporary.suffix == ".tif"
            temporary.write_text(text)
    assert path.read_text() == "new"
    assert names_in(path.parent) == ["result.tif"]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise DataError("broken tile")

    with pytest.raises(DataError, match="broken tile"):
        fail()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["result.txt"]


def test_a_folder_is_swapped_whole(tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "2013.tif").write_text("of an earlier run")
    with replacing(folder) as temporary:
        (temporary / "deep").mkdir(parents=True)
        (temporary / "deep" / "2014.tif").write_text("new")
        assert names_in(folder) == ["2013.tif"]
    assert names_in(folder) == ["deep"]
    assert names_in(tmp_path) == ["scenes"]


def test_a_failure_leaves_the_old_folder(tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "2013.tif").write_text("old")

    def fail():
        with replacing(folder) as temporary:
            temporary.mkdir()
            (temporary / "2013.tif").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (folder / "2013.tif").read_text() == "old"
    assert names_in(tmp_path) == ["scenes"]


def test_a_full_disk_is_said_in_one_line_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=r"result\.txt: cannot be written \(No space left on device\)") as caught:
        fail()
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["result.txt"]


def test_a_folder_name_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        write_text(tmp_path / "results" / "summary.json", "{}")


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_an_input_that_cannot_be_read_is_not_taken_for_the_output(tmp_path, error):
    def fail():
        with replacing(tmp_path / "result.txt"):
            raise error(errno.ENOENT, "cannot be read", str(tmp_path / "input.txt"))

    with pytest.raises(error, match=r"input\.txt"):
        fail()


def test_json_is_sorted_ends_a_line_and_turns_undefined_numbers_into_null(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"b": np.float32(0.5), "a": [float("nan"), np.int64(3)], "c": {"d": (True, None, "x")}})
    assert path.read_text() == (
        '{\n  "a": [\n    null,\n    3\n  ],\n  "b": 0.5,\n  "c": {\n    "d": [\n      true,\n      null,\n      "x"\n'
        "    ]\n  }\n}\n"
    )
    assert json.loads(path.read_text())["b"] == 0.5


WRITER_ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import geopandas, numpy, shapely
from rasterio.crs import CRS
from chronoslide.errors import StorageError
from chronoslide.grid import Grid
from chronoslide.rasters import write_raster
from chronoslide.vectors import write_geopackage

folder, most_bytes = Path(sys.argv[1]), int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
crs = CRS.from_epsg(32645)
noise = numpy.random.default_rng(0).integers(0, 60_000, (400, 400), dtype="uint16")
boxes = geopandas.GeoDataFrame(geometry=shapely.box(range(900), 0, range(1, 901), 1), crs=crs)
for write in (
    lambda: write_raster(folder / "a.tif", noise, Grid.from_bounds((0, 0, 2000, 2000), crs, 5), bands=["red"]),
    lambda: write_geopackage(folder / "a.gpkg", {"landslides": boxes}),
):
    try:
        write()
    except StorageError as error:
        print(str(error).count("\\n"), type(error).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
@pytest.mark.parametrize("most_bytes", [20_000, 150_000])
def test_rasters_and_geopackages_notice_a_disk_that_fills_up_while_they_are_written(tmp_path, most_bytes):
    program = [sys.executable, "-c", WRITER_ON_A_FULL_DISK, str(tmp_path), str(most_bytes)]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert said == "0 StorageError\n0 StorageError\n"
    assert names_in(Path(tmp_path)) == []


def test_a_full_disk_that_numpy_tells_of_without_a_number_is_told_alike(tmp_path):
    with (
        pytest.raises(StorageError, match=r"result\.npy: cannot be written \(563200 requested and 20416 written\)"),
        replacing(tmp_path / "result.npy"),
    ):
        raise OSError("563200 requested and 20416 written")
    assert names_in(tmp_path) == []


def test_what_an_interrupted_block_finished_is_there_again_for_the_same_key(tmp_path):
    def interrupted():
        with resumable(tmp_path / "maps", "a") as folder:
            (folder / "2016.tif").write_text("done")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (tmp_path / "maps").exists()
    with resumable(tmp_path / "maps", "a") as folder:
        assert (folder / "2016.tif").read_text() == "done"
    assert names_in(tmp_path) == ["maps"]


def test_a_folder_of_another_key_is_not_gone_on_with(tmp_path):
    (tmp_path / ".maps.a.partial").mkdir()
    with resumable(tmp_path / "maps", "b") as folder:
        assert names_in(folder) == []
    assert names_in(tmp_path) == ["maps"]


def test_the_old_folder_stays_until_a_resumable_one_is_whole(tmp_path):
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps/old").touch()
    with resumable(tmp_path / "maps", "a") as folder:
        (folder / "new").touch()
        assert names_in(tmp_path / "maps") == ["old"]
    assert names_in(tmp_path / "maps") == ["new"]
