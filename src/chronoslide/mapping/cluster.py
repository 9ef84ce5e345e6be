"""Maps over several machines: Dask's workers read and map the batches of a scene, this process joins them.

Does the middle step of `strips` elsewhere. Every worker is sent the network once and loads it once; a worker that comes
later is sent it, too. The batches that a lost worker had are given to others by Dask. Batches are the same as on one
machine and are joined in the same order, so the map has the same bytes. Scenes are not sent: workers open them by path.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chronoslide.errors import ClusterError
from chronoslide.grid import Grid
from chronoslide.mapping.asking import Predict
from chronoslide.mapping.carried_network import CarriedNetwork
from chronoslide.mapping.strips import (
    Batch,
    MappedBatch,
    Progress,
    Strip,
    blend_batches,
    map_batch,
    plan_batches,
    read_batch,
)
from chronoslide.params import MapSettings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.scenes.scene import open_scene

try:
    distributed: Any = importlib.import_module("distributed")
except ImportError as error:
    raise ClusterError(
        "maps over a cluster need Dask's scheduler; install it: pip install 'chronoslide[cluster]'"
    ) from error

CONNECT_SECONDS: Final = 20.0
"""How long a scheduler may take to answer, and to have a first worker."""

PATIENCE_SECONDS: Final = 120.0
"""How long a map waits for workers when all were lost."""

_LOOK_SECONDS: Final = 5.0
# For each thread of the workers: one batch is mapped, others wait there, so that no worker waits for this process.
_BATCHES_A_THREAD: Final = 3


class NetworkOnWorker(distributed.WorkerPlugin):  # type: ignore[misc]  # Dask's classes are not typed
    """The network in a worker's process: comes as bytes, is loaded when the first batch asks for it.

    Args:
        network: What to load.
    """

    def __init__(self, network: CarriedNetwork) -> None:
        self._network = network
        self._predict: Predict | None = None
        self._one_at_a_time: Any = None

    def setup(self, worker: Any) -> None:
        """Is called by a worker that takes up the network.

        Raises:
            ModelError: Its libraries are not those that the network was chosen with.
        """
        self._network.require_same_versions(f"worker {worker.address}")
        self._one_at_a_time = threading.Lock()

    def predict(self, reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reflectance (n, rows, cols, bands) to probability (n, rows, cols); meanwhile other threads read scenes."""
        with self._one_at_a_time:
            if self._predict is None:
                self._predict = self._network.load()
            return self._predict(reflectance)


def _map_there(name: str, path: Path, batch: Batch, statistics: BandStatistics, settings: MapSettings) -> MappedBatch:
    """In a worker: reads a batch of a scene and maps it."""
    network: NetworkOnWorker = distributed.get_worker().plugins[name]
    with open_scene(path, settings.window_pixels) as scene:
        read = read_batch(scene, batch, statistics, settings)
    return map_batch(read, network.predict)


class Cluster:
    """Workers that have a network. Made by `open_cluster`."""

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._address = address
        self._networks = 0

    def _name(self) -> str:
        return f"chronoslide {self._client.id} {self._networks}"

    def take(self, network: CarriedNetwork) -> None:
        """Sends all workers a network, in place of the one before.

        Raises:
            ModelError: A worker's libraries are not those that the network was chosen with.
            ClusterError: A worker cannot take it up, for instance because this package is not installed there.
        """
        self.give_up()
        self._networks += 1
        try:
            self._client.register_plugin(NetworkOnWorker(network), name=self._name())
        except (ImportError, AttributeError, OSError) as error:
            raise ClusterError(
                f"{self._address}: a worker cannot load Chronoslide ({error}); install it on all machines"
            ) from error

    def give_up(self) -> None:
        """Takes the network away from the workers."""
        if self._networks:
            self._client.unregister_worker_plugin(self._name())

    def strips(
        self,
        path: Path,
        grid: Grid,
        statistics: BandStatistics,
        settings: MapSettings,
        first_row: int = 0,
        progress: Progress | None = None,
    ) -> Iterator[Strip]:
        """The same strips as `probability_strips` gives, mapped by the workers.

        Args:
            path: Of a stored scene; the workers must find the same scene there.
            grid: Of the scene.
            statistics: Of the training patches.
            settings: Windows, overlap, batch.
            first_row: Rows above it are left out.
            progress: Called after each batch.

        Raises:
            DataError: A worker cannot read the scene.
            ClusterError: The scheduler was lost, no worker was left, or a batch brought down one worker after another.
        """
        batches = plan_batches(grid.shape, settings, first_row)
        mapped = self._in_order(batches, path, statistics, settings)
        yield from blend_batches(mapped, grid.shape, settings, first_row, progress)

    def _in_order(
        self, batches: list[Batch], path: Path, statistics: BandStatistics, settings: MapSettings
    ) -> Iterator[tuple[Batch, MappedBatch]]:
        waiting: deque[tuple[Batch, Any]] = deque()
        try:
            for batch in batches:
                task = self._client.submit(_map_there, self._name(), path, batch, statistics, settings, pure=False)
                waiting.append((batch, task))
                while len(waiting) >= _BATCHES_A_THREAD * max(1, self._threads()):
                    yield self._result(*waiting.popleft())
            while waiting:
                yield self._result(*waiting.popleft())
        finally:
            for _, task in waiting:
                task.release()

    def _result(self, batch: Batch, task: Any) -> tuple[Batch, MappedBatch]:
        alone_since: float | None = None
        while True:
            try:
                found: MappedBatch = task.result(timeout=_LOOK_SECONDS)
            except TimeoutError:
                alone_since = None if self._threads() else (alone_since or time.monotonic())
                if alone_since is not None and time.monotonic() - alone_since > PATIENCE_SECONDS:
                    raise ClusterError(
                        f"{self._address}: all workers are gone; start some, then repeat: the map goes on where it "
                        "stopped"
                    ) from None
            except distributed.KilledWorker as error:
                raise ClusterError(
                    f"{self._address}: several workers died of the windows at row {batch.row} (out of memory?); give "
                    "them more memory or lower map.batch_windows, then repeat: the map goes on where it stopped"
                ) from error
            except (CancelledError, OSError) as error:
                raise ClusterError(
                    f"{self._address}: the scheduler was lost ({error}); repeat: the map goes on where it stopped"
                ) from error
            else:
                task.release()
                return batch, found

    def _threads(self) -> int:
        return sum(worker["nthreads"] for worker in self._client.scheduler_info(n_workers=-1)["workers"].values())


@contextmanager
def open_cluster(address: str) -> Iterator[Cluster]:
    """Connects to Dask's scheduler; at the end the workers have no network any more and go on.

    Args:
        address: As `tcp://host:8786`.

    Raises:
        ClusterError: No scheduler answers, or it has no workers.
    """
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(f"{address}: no Dask scheduler answers ({error}); start one: dask scheduler") from error
    try:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise ClusterError(f"{address}: the scheduler has no workers; start some: dask worker {address}") from error
        cluster = Cluster(client, address)
        try:
            yield cluster
        finally:
            cluster.give_up()
    finally:
        client.close()
