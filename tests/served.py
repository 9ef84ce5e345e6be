"""A small mapper and small scenes for the tests of the service: programs, not files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from chronoslide import client, tracking
from chronoslide.files import write_json
from chronoslide.mapping.engines import DECISION
from chronoslide.models.card import CARD, WEIGHTS, ModelCard
from chronoslide.models.plain import in_plain_layers
from chronoslide.models.storage import load_model, save_model
from chronoslide.models.unet import build_unet
from chronoslide.params import InventorySettings, MapSettings, ModelSettings, read_settings
from chronoslide.serving.storage import write_package
from free_ports import free_port

ROOT = Path(__file__).parents[1]
BANDS = ("green", "red", "nir")
SHAPE = (80, 96)
TRANSFORM = Affine(5.0, 0.0, 400_000.0, 0.0, -5.0, 3_100_000.0)
MAP = MapSettings(window_pixels=64, overlap_pixels=16, batch_windows=2)
INVENTORY = InventorySettings(minimum_area_m2=200.0)
CARD_OF_SERVED = ModelCard(
    settings=ModelSettings(filters=2),
    bands=BANDS,
    mean=(0.06, 0.08, 0.25),
    standard_deviation=(0.03, 0.04, 0.1),
    side_pixels=32,
    threshold=0.5,
    threshold_f1=0.7,
    false_positive_weight=0.6,
    seed=11,
    trained_on="nothing, its weights are random",
)


def reflectance(shape: tuple[int, int] = SHAPE, seed: int = 0) -> NDArray[np.float32]:
    """Smooth hills of reflectance (rows, cols, bands)."""
    from scipy import ndimage

    noise = np.random.default_rng(seed).standard_normal((*shape, len(BANDS)))
    smooth = ndimage.gaussian_filter(noise, (4, 4, 0))
    smooth /= smooth.std()
    return np.clip(0.15 + 0.05 * smooth, 0.01, 0.9).astype(np.float32)


def geotiff(
    values: NDArray[np.generic],
    *,
    crs: str | None = "EPSG:32645",
    transform: Affine = TRANSFORM,
    bands: tuple[str, ...] | None = BANDS,
    driver: str = "GTiff",
    **profile: object,
) -> bytes:
    """(rows, cols, bands) as the bytes of a raster file."""
    rows, cols, count = values.shape
    with MemoryFile() as memory:
        with memory.open(
            driver=driver, height=rows, width=cols, count=count, dtype=values.dtype, crs=crs, transform=transform,
            **profile,
        ) as target:  # fmt: skip
            target.write(np.moveaxis(values, -1, 0))
            if bands:
                target.descriptions = bands
        return bytes(memory.read())


def scene_bytes(shape: tuple[int, int] = SHAPE, seed: int = 0) -> bytes:
    """A scene as it is stored: uint16, 10,000 x reflectance, a corner without observation."""
    stored = np.rint(reflectance(shape, seed) * 10_000).astype(np.uint16)
    stored[:8, :8] = 0
    return geotiff(stored, nodata=0, compress="deflate")


def write_network(folder: Path) -> Path:
    """A network of random weights whose threshold makes landslides of about an eighth of a scene."""
    model = build_unet(len(BANDS), CARD_OF_SERVED.settings, CARD_OF_SERVED.statistics, seed=3)
    model(reflectance((64, 64), seed=1)[np.newaxis], training=True)
    save_model(folder, model, CARD_OF_SERVED)
    from chronoslide.models.prediction import predictor

    typical = predictor(model)(reflectance()[np.newaxis])
    card = json.loads((folder / CARD).read_text())
    card["threshold"] = round(float(np.quantile(typical, 0.88)), 4)
    (folder / CARD).write_text(json.dumps(card))
    return folder


def write_mapper(folder: Path) -> Path:
    """The same as a packaged mapper."""
    network = write_network(folder / "network")
    write_package(folder / "mapper", network, MAP, INVENTORY)
    return folder / "mapper"


def elevation_bytes(shape: tuple[int, int] = SHAPE) -> bytes:
    """A slope that falls to the south, 1 m a pixel."""
    heights = np.repeat(np.arange(shape[0], 0, -1, dtype=np.float32)[:, np.newaxis], shape[1], axis=1)
    return geotiff(heights[..., np.newaxis], bands=("elevation",))


def write_registry(root: Path) -> Path:
    """A repository whose store has the network and its mapper registered, both champions."""
    from chronoslide.stages import package

    shutil.copyfile(ROOT / "dvc.yaml", root / "dvc.yaml")
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["inventory"]["minimum_mean_probability"] = 0.0  # random weights are sure of nothing
    (root / "params.yaml").write_text(yaml.safe_dump(content))
    folder = write_network(root / "results/models/transferred")
    model, card = load_model(folder)
    settings = read_settings(root / "params.yaml")
    write_json(root / "results/maps/transferred" / DECISION, {"engine": "openvino", "precision": "float32"})
    with warnings.catch_warnings():  # MLflow's and Keras' own
        warnings.simplefilter("ignore")
        with tracking.stage_run(root, "transfer", settings) as run:
            run.log_files([folder], tracking.STORED_MODEL)
            tracking.register_network(
                run,
                in_plain_layers(model), "chronoslide-transferred", bands=card.bands, side=card.side_pixels,
                description="random weights", weights=folder / WEIGHTS,
            )  # fmt: skip
            tracking.promote(run, "chronoslide-transferred", folder / WEIGHTS, 0.5, "blocks")
        package.run(root)
        tracking.follow(run, "chronoslide-mapper", "chronoslide-transferred")
    return root


@dataclass
class Served:
    """A model that `mlflow models serve` serves.

    Attributes:
        address: Of the server.
        process: The command, leader of its process group.
        log: What it and the server print.
    """

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, seconds: float = 120.0) -> float:
        """Waits until it answers, and returns how long that took [s]."""
        begin = time.monotonic()
        while not client.is_ready(self.address):
            if self.process.poll() is not None or time.monotonic() > begin + seconds:
                raise AssertionError(f"no server at {self.address}: {self.log.read_text()[-3000:]}")
            time.sleep(0.1)
        return time.monotonic() - begin

    def stop(self) -> None:
        """Ends the command and the server."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def serve(root: Path, model: str, **environment: str) -> Served:
    """`mlflow models serve --env-manager local`, on a port that is free."""
    port = free_port()
    programs = Path(sys.executable).parent
    log = root / f"{port}.log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHONPATH"))}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [programs / "mlflow", "models", "serve", "-m", model, "--env-manager", "local", "-p", str(port)],
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=root,
            env={
                **inherited,
                "PATH": f"{programs}:{os.environ['PATH']}",
                "MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
                **environment,
            },
        )
    return Served(f"http://127.0.0.1:{port}", process, log)
