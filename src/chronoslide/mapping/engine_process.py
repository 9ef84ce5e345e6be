"""Choosing an engine in a process of its own, so that the one which maps never holds TensorFlow and the patches.

Stands between the stored models and the mapping of scenes, around `engines`. The trained network, its export, its
calibration and the comparison need a gigabyte that mapping does not: a child process has it for some seconds and hands
over the network in OpenVINO's form. Where TensorFlow itself was chosen, it is loaded here after all.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Final

from chronoslide.errors import ModelError
from chronoslide.mapping import openvino_engine
from chronoslide.mapping.engines import Candidate, Engine, EngineName, choose_engine
from chronoslide.mapping.openvino_engine import Precision
from chronoslide.models.card import require_bands
from chronoslide.params import MapSettings
from chronoslide.patches.storage import read_patches

_NETWORK: Final = "network.xml"


def choose_engine_apart(model: Path, settings: MapSettings, patches: Path) -> Engine:
    """The same engine as `choose_engine` gives, without what choosing it leaves in memory.

    Args:
        model: The folder of a stored network.
        settings: `engine` and `precision`.
        patches: A folder with the patches `train` and `validation`.

    Raises:
        ModelError: The model is missing or broken, or the process that chose was killed.
        DataError: The patches are missing or broken.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A fresh interpreter: TensorFlow does not outlive a fork, and nothing of this process is needed there.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
            try:
                name, precision, tried = child.submit(_choose, model, settings, patches, Path(folder)).result()
            except BrokenProcessPool as error:
                raise ModelError(
                    f"{model}: the process that was to choose an engine was killed; free some memory, then repeat"
                ) from error
        if name == "openvino":
            network = openvino_engine.read(Path(folder) / _NETWORK)
            return Engine(openvino_engine.predictor(network, precision), name, precision, tried, network)
    from chronoslide.models.prediction import predictor
    from chronoslide.models.storage import load_model

    return Engine(predictor(load_model(model)[0]), name, precision, tried)


def _choose(
    model: Path, settings: MapSettings, patches: Path, folder: Path
) -> tuple[EngineName, Precision, tuple[Candidate, ...]]:
    """In the child: chooses, and writes the network into the folder if it is one of OpenVINO's."""
    from chronoslide.models.storage import load_model

    training, validation = read_patches(patches / "train"), read_patches(patches / "validation")
    network, card = load_model(model)
    for part in (training, validation):
        require_bands(card, part.bands)  # engines are compared on them
    engine = choose_engine(network, card, settings, training, validation)
    if engine.network is not None:
        openvino_engine.save(engine.network, folder / _NETWORK)
    return engine.name, engine.precision, engine.tried
