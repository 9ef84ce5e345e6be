"""Scenes mapped from file to file: the same bytes as in memory, also when the map was interrupted."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chronoslide.errors import DataError, StorageError
from chronoslide.mapping.map_writer import unobserved_share, write_map
from chronoslide.mapping.scene_probability import map_scene
from chronoslide.mapping.strips import probability_strips
from chronoslide.rasters import write_raster
from chronoslide.scenes.scene import open_scene
from mapping.mapped_scene import MAP, STATISTICS, scene_of, smooth, store

SHAPE = (210, 140)
TAGS = {"year": "2016", "trained_on": 'A "site" <simulated> & more'}


def write(path, scene, predict=smooth, key="k", progress=None):
    write_map(path, scene, predict, STATISTICS, MAP, key=key, tags=TAGS, progress=progress)


@pytest.fixture(scope="module")
def scene_path(tmp_path_factory):
    return store(tmp_path_factory.mktemp("scene") / "2016.tif", scene_of(*SHAPE))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The map made in memory and written at once."""
    scene = scene_of(*SHAPE)
    path = tmp_path_factory.mktemp("expected") / "2016.tif"
    probability = map_scene(scene, smooth, STATISTICS, MAP)
    write_raster(path, probability, scene.grid, bands=["landslide probability"], nodata=float("nan"), tags=TAGS)
    return path.read_bytes()


def test_a_map_from_file_to_file_has_the_bytes_of_one_made_in_memory(tmp_path, scene_path, expected):
    with open_scene(scene_path) as scene:
        write(tmp_path / "map.tif", scene)
    assert (tmp_path / "map.tif").read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["map.tif"]


@given(st.integers(1, 75), st.integers(1, 75), st.integers(0, 16), st.integers(1, 5), st.data())
@settings(deadline=None, max_examples=30)
def test_a_map_that_begins_later_gives_the_same_rows(rows, cols, overlap, batch, data):
    first_row = data.draw(st.integers(0, rows))
    lattice = MAP.model_copy(update={"overlap_pixels": overlap, "batch_windows": batch})
    scene = scene_of(rows, cols)
    whole = map_scene(scene, smooth, STATISTICS, lattice)
    strips = list(probability_strips(scene, smooth, STATISTICS, lattice, first_row))
    row = first_row
    for strip in strips:
        assert strip.first_row == row
        np.testing.assert_array_equal(strip.probability, whole[row : row + len(strip.probability)])
        row += len(strip.probability)
    assert row == rows


class _InterruptionError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 9, 23, 39])
def test_an_interrupted_map_goes_on_where_it_stopped(tmp_path, scene_path, expected, after):
    sent = []

    def stops(done, count):
        if done >= after:
            raise _InterruptionError

    with open_scene(scene_path) as scene:
        with pytest.raises(_InterruptionError):
            write(tmp_path / "map.tif", scene, progress=stops)
        assert not (tmp_path / "map.tif").exists()
        write(tmp_path / "map.tif", scene, lambda images: sent.append(len(images)) or smooth(images))
    assert (tmp_path / "map.tif").read_bytes() == expected
    if after == 39:
        assert sum(sent) < 30  # of 54: most windows were not sent through again


def test_half_a_row_that_a_killed_process_left_is_cut_off(tmp_path, scene_path, expected):
    def stops(done, count):
        if done >= 20:
            raise _InterruptionError

    with open_scene(scene_path) as scene:
        with pytest.raises(_InterruptionError):
            write(tmp_path / "map.tif", scene, progress=stops)
        with (tmp_path / "map.tif.rows").open("ab") as rows:
            rows.write(b"\x7f" * 201)
        write(tmp_path / "map.tif", scene)
    assert (tmp_path / "map.tif").read_bytes() == expected


def test_rows_of_another_key_are_thrown_away(tmp_path, scene_path, expected):
    def stops(done, count):
        if done >= 20:
            raise _InterruptionError

    with open_scene(scene_path) as scene:
        with pytest.raises(_InterruptionError):
            write(tmp_path / "map.tif", scene, lambda images: 0.5 * smooth(images), "other weights", stops)
        write(tmp_path / "map.tif", scene)
    assert (tmp_path / "map.tif").read_bytes() == expected


def test_two_processes_do_not_write_the_same_map(tmp_path, scene_path):
    with (tmp_path / "map.tif.rows").open("wb") as rows, open_scene(scene_path) as scene:
        fcntl.flock(rows, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match="another process"):
            write(tmp_path / "map.tif", scene)


def test_a_scene_that_breaks_off_is_named(tmp_path, scene_path):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(scene_path.read_bytes()[:-30_000])
    with open_scene(broken) as scene, pytest.raises(DataError, match=r"broken\.tif"):
        write(tmp_path / "map.tif", scene)


def test_the_unobserved_share_is_that_of_the_scene(tmp_path, scene_path):
    scene = scene_of(*SHAPE)
    write(tmp_path / "map.tif", scene)
    assert unobserved_share(tmp_path / "map.tif") == pytest.approx((~scene.valid).mean())


def test_a_map_that_is_killed_at_random_ends_with_the_same_bytes(tmp_path, scene_path, expected):
    """CHRONOSLIDE_KILLS=10 kills as often as the project promises."""
    kills = int(os.environ.get("CHRONOSLIDE_KILLS", "3"))
    target = tmp_path / "map.tif"
    rng = np.random.default_rng(int(os.environ.get("CHRONOSLIDE_KILL_SEED", "1")))
    words = [sys.executable, str(Path(__file__).with_name("map_slowly.py")), str(scene_path), str(target)]
    killed, grown = 0, 0
    while killed < kills:
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            process.stdout.readline()  # it has begun to map
            time.sleep(rng.uniform(0.0, 0.25))
            process.send_signal(signal.SIGKILL)
        rows = tmp_path / "map.tif.rows"
        grown = max(grown, rows.stat().st_size if rows.exists() else 0)
        killed += 1
        if target.exists():  # it was faster than the signal
            assert target.read_bytes() == expected
            target.unlink()
    assert grown > 64
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    assert target.read_bytes() == expected
    assert [path.name for path in tmp_path.iterdir()] == ["map.tif"]
