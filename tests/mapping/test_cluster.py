"""Maps over a real Dask scheduler with workers on this machine: the same bytes, whatever becomes of the workers."""

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chronoslide.errors import ClusterError, DataError, ModelError
from chronoslide.mapping import openvino_engine
from chronoslide.mapping.carried_network import CarriedNetwork, carry
from chronoslide.mapping.engines import Engine
from chronoslide.mapping.map_writer import write_map, write_strips
from chronoslide.models.card import ModelCard
from chronoslide.models.prediction import predictor
from chronoslide.models.storage import save_model
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings
from chronoslide.scenes.scene import open_scene
from mapping.mapped_scene import BANDS, MAP, STATISTICS, scene_of, store

pytest.importorskip("distributed", reason="Dask's scheduler is not installed: pip install 'chronoslide[cluster]'")
pytestmark = pytest.mark.skipif(not openvino_engine.available(), reason="OpenVINO is not installed")

SETTINGS = ModelSettings(filters=4)
SECONDS = 60


@contextmanager
def process(*words: str):
    """A process of Dask whose log can be waited for; it is ended at the end, if it did not end before."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "DASK_LOGGING__DISTRIBUTED": "info",
    }
    running = subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def line(running, pattern: str) -> re.Match[str]:
    seen = []
    for text in running.stdout:
        seen.append(text)
        if found := re.search(pattern, text):
            return found
    raise AssertionError("".join(seen))


def started_worker(stack: ExitStack, address: str):
    words = ["distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard", "--nthreads", "2"]
    worker = stack.enter_context(process(*words, "--host", "127.0.0.1", "--memory-limit", "0"))
    line(worker, r"Registered to")
    return worker


@pytest.fixture(scope="module")
def address():
    words = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with process(*words) as scheduler:
        yield line(scheduler, r"Scheduler at:\s+(tcp://\S+)").group(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stored network, a scene, and the map that one process makes of it."""
    folder = tmp_path_factory.mktemp("cluster")
    model = build_unet(2, SETTINGS, STATISTICS, seed=1)
    card = ModelCard(
        settings=SETTINGS, bands=BANDS, mean=STATISTICS.mean, standard_deviation=STATISTICS.standard_deviation,
        side_pixels=32, threshold=0.5, false_positive_weight=0.5, seed=1, trained_on="noise",
    )  # fmt: skip
    save_model(folder / "model", model, card)
    openvino_engine.save(openvino_engine.export(model), folder / "exported.xml")
    store(folder / "2016.tif", scene_of(210, 140))
    with open_scene(folder / "2016.tif") as scene:
        predict = chosen(folder).predict
        write_map(folder / "expected.tif", scene, predict, STATISTICS, MAP, key="k", tags={"year": "2016"})
    return folder


def chosen(folder: Path) -> Engine:
    network = openvino_engine.read(folder / "exported.xml")
    return Engine(openvino_engine.predictor(network, "float32"), "openvino", "float32", (), network)


def carried(folder: Path) -> CarriedNetwork:
    return carry(chosen(folder), folder / "model", "none")


def write(cluster, scene_path: Path, target: Path, progress=None):
    with open_scene(scene_path) as scene:
        grid = scene.grid

    def strips(first_row):
        return cluster.strips(scene_path, grid, STATISTICS, MAP, first_row, progress)

    write_strips(target, grid, strips, key="k", tags={"year": "2016"})


def test_a_worker_that_is_killed_in_the_middle_changes_no_byte(address, folder, tmp_path):
    from chronoslide.mapping.cluster import open_cluster

    with ExitStack() as stack:
        lost, _ = (started_worker(stack, address) for _ in range(2))
        with open_cluster(address) as cluster:
            cluster.take(carried(folder))

            def kill_one(done, count):
                if done >= count // 3 and lost.poll() is None:
                    lost.kill()
                    lost.wait()

            write(cluster, folder / "2016.tif", tmp_path / "map.tif", kill_one)
        assert lost.returncode == -signal.SIGKILL
    assert (tmp_path / "map.tif").read_bytes() == (folder / "expected.tif").read_bytes()


def test_what_a_worker_cannot_do_is_told_and_a_worker_that_comes_later_takes_over(
    address, folder, tmp_path, monkeypatch
):
    from chronoslide.mapping import cluster as clusters

    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(clusters, "_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(clusters, "PATIENCE_SECONDS", 0.5)
    with pytest.raises(ClusterError, match="no workers; start some: dask worker"), clusters.open_cluster(address):
        pass
    with ExitStack() as stack:
        first = started_worker(stack, address)
        with clusters.open_cluster(address) as cluster:
            network = carried(folder)
            with pytest.raises(ModelError, match=r"numpy is \S+ there and 1\.0 here"):
                cluster.take(replace(network, versions={**network.versions, "numpy": "1.0"}))
            cluster.take(network)
            with pytest.raises(DataError, match="nowhere"):
                list(cluster.strips(tmp_path / "nowhere.tif", scene_of(40, 40).grid, STATISTICS, MAP))

            def kill(done, count):
                first.kill()
                first.wait()

            with pytest.raises(ClusterError, match="all workers are gone"):
                write(cluster, folder / "2016.tif", tmp_path / "map.tif", kill)
            started_worker(stack, address)
            write(cluster, folder / "2016.tif", tmp_path / "map.tif")
    assert (tmp_path / "map.tif").read_bytes() == (folder / "expected.tif").read_bytes()


def test_no_scheduler_is_told_in_one_line(monkeypatch):
    from chronoslide.mapping import cluster as clusters

    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 0.5)
    with pytest.raises(ClusterError, match="no Dask scheduler answers"), clusters.open_cluster("tcp://127.0.0.1:9"):
        pass


def test_a_network_of_tensorflow_is_carried_as_it_is_stored(folder):
    from chronoslide.models.storage import load_model

    model, _ = load_model(folder / "model")
    images = np.random.default_rng(1).random((2, 32, 32, 2), dtype=np.float32)
    network = carry(Engine(predictor(model), "tensorflow", "float32", ()), folder / "model", "none")
    np.testing.assert_array_equal(network.load()(images), predictor(model)(images))
