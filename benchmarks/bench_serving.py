"""Serving: seconds until ready, round trips, memory over many requests, many clients, bad requests.

Both models are registered in a store of their own with a network of random weights (speed does not depend on them), and
served by `mlflow models serve --env-manager local`, as a user does. Answers are compared with the offline mapper's.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.measure import ROOT, Measure
from chronoslide import client
from chronoslide.models.card import ModelCard
from chronoslide.models.storage import save_model
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings

FILTERS = 16
BANDS = ("blue", "green", "red", "red_edge", "nir")
SCENE = (1000, 1320)
SMALL = (128, 128)
COMMAND = "python -m benchmarks serving"
REQUESTS = int(os.environ.get("CHRONOSLIDE_BENCH_REQUESTS", "200"))
CLIENT_SECONDS = float(os.environ.get("CHRONOSLIDE_BENCH_SECONDS", "120"))
BAD = int(os.environ.get("CHRONOSLIDE_FUZZ", "300"))


def serving() -> list[Measure]:
    """All of it, one server after the other."""
    load = os.getloadavg()[0]
    print(f"load of the machine when this begins: {load:.1f}")
    sys.path.insert(0, str(ROOT / "tests"))  # the small store, the server and the bad requests are the tests'
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as folder:
        registry = _register(Path(folder))
        return [*_network(registry), *_mapper(registry), Measure("serving_load_at_begin", (load,), "1", COMMAND)]


def _register(root: Path) -> Path:
    """A store with a five-band network of random weights, and its mapper, with the settings of `params.yaml`."""
    served: Any = importlib.import_module("served")
    settings = ModelSettings(filters=FILTERS)
    card = ModelCard(
        settings=settings, bands=BANDS, mean=(0.03, 0.05, 0.06, 0.12, 0.25),
        standard_deviation=(0.02, 0.03, 0.04, 0.05, 0.1), side_pixels=128, threshold=0.6, false_positive_weight=0.6,
        seed=1, trained_on="nothing, its weights are random",
    )  # fmt: skip

    def write_network(folder: Path) -> Path:
        save_model(folder, build_unet(len(BANDS), settings, card.statistics, seed=1), card)
        return folder

    served.write_network = write_network
    return Path(served.write_registry(root))


def _network(registry: Path) -> list[Measure]:
    """The network alone: a patch in JSON, there and back."""
    served: Any = importlib.import_module("served")
    server = served.serve(registry, "models:/chronoslide-transferred@champion")
    try:
        ready = server.wait()
        patch = np.round(_reflectance(SMALL)[np.newaxis], 4)
        client.probabilities(patch, server.address)
        walls = tuple(_timed(lambda: client.probabilities(patch, server.address)) for _ in range(30))
    finally:
        server.stop()
    return [
        Measure("serving_network_ready_s", (ready,), "s", COMMAND),
        Measure("serving_patch_json_s", walls, "s", COMMAND),
    ]


def _mapper(registry: Path) -> list[Measure]:
    served: Any = importlib.import_module("served")
    server = served.serve(registry, "models:/chronoslide-mapper@champion")
    try:
        ready = server.wait()
        patch, scene = _geotiff(SMALL), _geotiff(SCENE)
        client.map_scene(patch, server.address)
        patches = tuple(_timed(lambda: client.map_scene(patch, server.address)) for _ in range(30))
        scenes = tuple(_timed(lambda: client.map_scene(scene, server.address)) for _ in range(5))
        return [
            Measure("serving_mapper_ready_s", (ready,), "s", COMMAND),
            Measure("serving_patch_geotiff_s", patches, "s", COMMAND),
            Measure("serving_scene_1320x1000x5_s", scenes, "s", COMMAND),
            *_memory(server, [_geotiff((256, 256), seed) for seed in range(4)]),
            *_clients(server, registry),
            *_bad_requests(server, patch),
        ]
    finally:
        server.stop()


def _memory(server: Any, images: list[bytes]) -> list[Measure]:
    """Resident memory of the server after each of many requests; the curve is printed."""
    curve = []
    for number in range(REQUESTS):
        client.map_scene(images[number % len(images)], server.address, probability=True)
        curve.append(_resident(server))
    steps = [curve[index] for index in range(0, len(curve), max(1, len(curve) // 10))] + [curve[-1]]
    print("memory of the server over", REQUESTS, "requests [GB]:", " ".join(f"{value:.3f}" for value in steps))
    grown = curve[-1] - curve[len(curve) // 4]
    return [
        Measure("serving_memory_after_requests_gb", (curve[-1],), "GB", COMMAND),
        Measure("serving_memory_growth_last_three_quarters_gb", (grown,), "GB", COMMAND),
    ]


def _clients(server: Any, registry: Path) -> list[Measure]:
    """Eight clients that ask without pause; every answer is held against the offline mapper's."""
    images = [_geotiff((192, 192), seed) for seed in range(8)]
    expected = [_offline(registry, image) for image in images]
    end = time.monotonic() + CLIENT_SECONDS
    walls: list[float] = []
    failed, wrong, lock = [0], [0], threading.Lock()

    def ask(number: int) -> None:
        while time.monotonic() < end:
            begin = time.perf_counter()
            try:
                answer = client.map_scene(images[number], server.address)
            except Exception as error:
                print(f"client {number}: {error}")
                with lock:
                    failed[0] += 1
                continue
            with lock:
                walls.append(time.perf_counter() - begin)
                wrong[0] += answer.landslides != expected[number]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    return [
        Measure("serving_8_clients_answers", (float(len(walls)),), "1", COMMAND),
        Measure("serving_8_clients_failed", (float(failed[0]),), "1", COMMAND),
        Measure("serving_8_clients_wrong", (float(wrong[0]),), "1", COMMAND),
        Measure("serving_8_clients_round_trip_s", tuple(walls), "s", COMMAND),
    ]


def _bad_requests(server: Any, patch: bytes) -> list[Measure]:
    """Bad requests by the hundred, and whether the server is as before."""
    fuzz: Any = importlib.import_module("fuzz")
    before = _resident(server)
    complaints: list[str] = []
    walls = []
    for bad in fuzz.bad_requests(BAD, seed=0):
        begin = time.perf_counter()
        status, body = fuzz.send(server.address, bad)
        walls.append(time.perf_counter() - begin)
        complaints += [said for said in [fuzz.complaint(bad, status, body)] if said]
    print("\n".join(complaints) or f"{BAD} bad requests: no complaint")
    client.map_scene(patch, server.address)
    return [
        Measure("serving_bad_requests", (float(BAD),), "1", COMMAND),
        Measure("serving_bad_requests_complaints", (float(len(complaints)),), "1", COMMAND),
        Measure("serving_bad_requests_slowest_s", (max(walls),), "s", COMMAND),
        Measure("serving_bad_requests_memory_growth_gb", (_resident(server) - before,), "GB", COMMAND),
    ]


def _offline(registry: Path, image: bytes) -> dict[str, Any]:
    """What the mapper says without a server, in the form that JSON gives back."""
    from chronoslide.serving.answer import feature_collection
    from chronoslide.serving.request import read_image
    from chronoslide.serving.scene_mapper import Options, SceneMapper
    from chronoslide.serving.storage import read_package

    mapper = _MAPPERS.setdefault(str(registry), SceneMapper(read_package(registry / "results/mapper")))
    answer: dict[str, Any] = json.loads(
        json.dumps(feature_collection(mapper.map(read_image(image, BANDS), Options()), "scene"))
    )
    return answer


_MAPPERS: dict[str, Any] = {}


def _resident(server: Any) -> float:
    """Of the process that answers [GB]."""
    top = psutil.Process(server.process.pid)
    return max(process.memory_info().rss for process in [top, *top.children(recursive=True)]) / 1e9


def _timed(action: Any) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _reflectance(shape: tuple[int, int], seed: int = 0) -> Any:
    from scipy import ndimage

    noise = np.random.default_rng(seed).standard_normal((*shape, len(BANDS)))
    smooth = ndimage.gaussian_filter(noise, (4, 4, 0))
    return np.clip(0.15 + 0.05 * smooth / smooth.std(), 0.01, 0.9).astype(np.float32)


def _geotiff(shape: tuple[int, int], seed: int = 0) -> bytes:
    """A scene as the stages store it: uint16, deflated."""
    served: Any = importlib.import_module("served")
    stored = np.rint(_reflectance(shape, seed) * 10_000).astype(np.uint16)
    return bytes(served.geotiff(stored, bands=BANDS, compress="deflate", predictor=2))
