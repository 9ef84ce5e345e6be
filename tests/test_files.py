import errno
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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


def a_dead_process():
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        return ended.pid


def killed_while_writing(path, moment):
    """Lets a process replace `path` and kill itself at a moment of it."""
    program = f"""
import os, signal, sys
from pathlib import Path
from chronoslide import files

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

path = Path(sys.argv[1])
swap, rename = files._swap_in, Path.rename
def swap_and_die(temporary, path):
    if {moment!r} == "before the swap":
        die()
    if {moment!r} == "between the renames":
        Path.rename = lambda self, target: die() if target == path else rename(self, target)
    swap(temporary, path)
    die()
files._swap_in = swap_and_die
with files.replacing(path) as temporary:
    temporary.mkdir()
    (temporary / "scene.tif").write_text("new")
    if {moment!r} == "while writing":
        die()
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("moment", "left", "lost"),
    [
        ("while writing", "part", False),
        ("before the swap", "part", False),
        ("between the renames", "old", True),
        ("after the swap", None, False),
    ],
)
def test_what_a_killed_process_left_is_tidied_up_and_an_old_folder_comes_back(tmp_path, moment, left, lost):
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "scene.tif").write_text("old")
    killed_while_writing(folder, moment)
    names = names_in(tmp_path)
    assert any(name.endswith(f".{left}") for name in names) == (left is not None)
    assert folder.exists() != lost

    def fail():
        with replacing(folder):
            assert (folder / "scene.tif").read_text() == ("new" if moment == "after the swap" else "old")
            raise DataError("broken tile")

    with pytest.raises(DataError):
        fail()
    assert (folder / "scene.tif").exists()
    assert names_in(tmp_path) == ["maps"]


def test_tidying_up_leaves_other_results_and_hidden_files_alone(tmp_path):
    dead = a_dead_process()
    others = [
        f".maps2.{dead}.part",
        f".maps.{dead}.part.tif",
        ".maps.part",
        ".maps.old",
        ".mapsx",
        f".maps.{dead}.older",
    ]
    for name in [*others, f".maps.{dead}.part"]:
        (tmp_path / name).write_text("")
    with replacing(tmp_path / "maps") as temporary:
        temporary.mkdir()
    assert names_in(tmp_path) == sorted([*others, "maps"])


def test_a_leftover_that_is_a_link_is_removed_and_not_followed(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "scene.tif").write_text("kept")
    (tmp_path / f".maps.{a_dead_process()}.part").symlink_to(kept)
    write_text(tmp_path / "maps", "new")
    assert names_in(tmp_path) == ["kept", "maps"]
    assert (kept / "scene.tif").read_text() == "kept"


def test_a_link_to_a_folder_is_followed_and_a_link_to_a_file_is_replaced(tmp_path):
    disk = tmp_path / "disk"
    (disk / "data").mkdir(parents=True)
    (disk / "file").write_text("in the cache")
    (tmp_path / "data").symlink_to(disk / "data")
    (tmp_path / "file").symlink_to(disk / "file")
    with replacing(tmp_path / "data") as temporary:
        temporary.mkdir()
        (temporary / "scene.tif").write_text("new")
    write_text(tmp_path / "file", "new")
    assert (tmp_path / "data").is_symlink()
    assert (disk / "data/scene.tif").read_text() == "new"
    assert not (tmp_path / "file").is_symlink()
    assert (disk / "file").read_text() == "in the cache"
    assert (names_in(disk), names_in(tmp_path)) == (["data", "file"], ["data", "disk", "file"])


def test_a_second_writer_is_refused_by_the_name_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr("chronoslide.files._PATIENCE_SECONDS", 0.1)
    path = tmp_path / "result.txt"
    with replacing(path) as temporary:
        temporary.write_text("first")
        with pytest.raises(StorageError, match=rf"result\.txt: process {os.getpid()} on .* is writing it") as caught:
            write_text(path, "second")
    assert "\n" not in str(caught.value)
    assert path.read_text() == "first"
    assert names_in(tmp_path) == ["result.txt"]


def test_writers_at_the_same_time_write_one_after_the_other(tmp_path):
    path = tmp_path / "deep" / "folder"

    def write(number):
        with replacing(path) as temporary:
            temporary.mkdir()
            for name in range(20):
                (temporary / str(name)).write_text(str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert len({file.read_text() for file in path.iterdir()}) == 1
    assert len(names_in(path)) == 20
    assert names_in(path.parent) == ["folder"]


def test_where_the_file_system_has_no_locks_results_are_written_all_the_same(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("chronoslide.files.fcntl.flock", no_locks)
    left = tmp_path / f".result.{a_dead_process()}.part.txt"
    left.write_text("half")
    write_text(tmp_path / "result.txt", "whole")
    assert names_in(tmp_path) == [left.name, "result.txt"]  # whose it is cannot be known there
