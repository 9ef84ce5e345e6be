"""Choosing engines in a process of its own, so that the one which maps never holds TensorFlow and the patches.

Stands between the stored models and the mapping of scenes, around `engines`. The trained network, its export, its
calibration and the comparison need a gigabyte that mapping does not: a child process has it for some seconds and hands
over the network in OpenVINO's form. Where TensorFlow itself was chosen, it is loaded here after all. One child chooses
for all models, since starting TensorFlow takes it longer than a choice.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from chronoslide.errors import ModelError
from chronoslide.mapping import openvino_engine
from chronoslide.mapping.engines import Candidate, Engine, EngineName, choose_engine
from chronoslide.mapping.openvino_engine import Precision
from chronoslide.mapping.scene_adaptation import adapted_to, windows_of
from chronoslide.memory import use_one_heap
from chronoslide.models.card import require_bands
from chronoslide.params import MapSettings
from chronoslide.patches.storage import read_patches

_NETWORK: Final = "network.xml"

_Choice = tuple[EngineName, Precision, tuple[Candidate, ...]]


def choose_engines_apart(
    models: Sequence[Path], settings: MapSettings, patches: Path, scenes: Sequence[Path] = ()
) -> Iterator[Engine]:
    """The engines that `choose_engine` gives, one for each model, without what choosing them leaves in memory.

    All are chosen, by one process, before the first is given; then there is one in memory at a time.

    Args:
        models: Folders of stored networks.
        settings: `engine`, `precision` and `adaptation`.
        patches: A folder with the patches `train` and `validation`.
        scenes: Stored scenes that the networks are adapted to, if the settings want it.

    Yields:
        In the order of the models; what one gives for a scene must be asked before the next one is taken.

    Raises:
        ModelError: A model is missing or broken, or the process that chose was killed.
        DataError: The patches are missing or broken.
    """
    use_one_heap()
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / str(number) for number in range(len(models))]
        choices = []
        # A fresh interpreter: TensorFlow does not outlive a fork, and nothing of this process is needed there.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
            for model, place in zip(models, places, strict=True):
                try:
                    choices.append(child.submit(_choose, model, settings, patches, place, scenes).result())
                except BrokenProcessPool as error:
                    raise ModelError(
                        f"{model}: the process that was to choose an engine was killed; free some memory, then repeat"
                    ) from error
        for model, place, choice in zip(models, places, choices, strict=True):
            engine = _opened(model, place / _NETWORK, *choice)
            if settings.adaptation:
                engine = replace(engine, adapted=partial(_opened_for_scene, place, choice))
            yield engine


def _opened(model: Path, network: Path, name: EngineName, precision: Precision, tried: tuple[Candidate, ...]) -> Engine:
    if name == "openvino":
        read = openvino_engine.read(network)
        return Engine(openvino_engine.predictor(read, precision), name, precision, tried, read)
    from chronoslide.models.prediction import predictor
    from chronoslide.models.storage import load_model

    return Engine(predictor(load_model(model)[0]), name, precision, tried, folder=model)


def _opened_for_scene(place: Path, choice: _Choice, scene: Path) -> Engine:
    return _opened(place / scene.stem, place / scene.stem / _NETWORK, *choice)


def _choose(model: Path, settings: MapSettings, patches: Path, folder: Path, scenes: Sequence[Path]) -> _Choice:
    """In the child: chooses, and writes the network into the folder if it is one of OpenVINO's.

    A network that is adapted to a scene is written into a folder of the scene's name, whatever the engine.
    """
    from chronoslide.models.storage import load_model, save_model

    training, validation = read_patches(patches / "train"), read_patches(patches / "validation")
    network, card = load_model(model)
    for part in (training, validation):
        require_bands(card, part.bands)  # engines are compared on them
    engine = choose_engine(network, card, settings, training, validation)
    folder.mkdir()
    if engine.network is not None:
        openvino_engine.save(engine.network, folder / _NETWORK)
    for scene in scenes if settings.adaptation else ():
        images = windows_of(scene, card.statistics, settings)
        own = adapted_to(network, images, settings.adaptation)
        if engine.network is None:
            save_model(folder / scene.stem, own, card)
            continue
        (folder / scene.stem).mkdir()
        exported = openvino_engine.export(own)
        quantised = engine.tried[-1].quantised
        if quantised is not None and len(images):
            exported = openvino_engine.quantise(exported, images, quantised)
        openvino_engine.save(exported, folder / scene.stem / _NETWORK)
    return engine.name, engine.precision, engine.tried
