"""Which engine runs the network: the fastest one that gives what the trained network gives.

Stands between the stored models and the mapping of scenes. Candidates are tried from the fastest to the surest; each is
compared with the trained network on validation patches and refused if it differs by more than the gate allows. What was
decided, and why, is a value that the stage keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from chronoslide.mapping import openvino_engine
from chronoslide.mapping.agreement import Agreement, agreement
from chronoslide.mapping.asking import Predict
from chronoslide.mapping.openvino_engine import Precision, Quantisation
from chronoslide.memory import give_back
from chronoslide.models.card import ModelCard
from chronoslide.params import MapSettings
from chronoslide.patches.storage import PatchSet

if TYPE_CHECKING:
    import keras

EngineName = Literal["openvino", "tensorflow"]

DECISION: Final = "engine.json"
"""Beside the maps: which engine made them, and why."""

CALIBRATION_PATCHES: Final = 64
"""Training patches that the ranges of int8 are taken from."""

# From the fastest to the surest.
_PRECISIONS: Final[tuple[Precision, ...]] = ("int8", "bfloat16", "float32")
_QUANTISATIONS: Final = (
    Quantisation("all", "typical"),
    Quantisation("all", "widest"),
    Quantisation("decoder", "typical"),
)
_THRESHOLD: Final = 0.5
_BATCH: Final = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that was tried.

    Attributes:
        engine: Its name.
        precision: Of its arithmetic.
        quantised: What is in eight bits; None with other precisions.
        agreement: With the trained network; None if it could not be made, or is the trained network.
        refusal: Why it is not used; None if it is.
    """

    engine: EngineName
    precision: Precision
    quantised: Quantisation | None
    agreement: Agreement | None
    refusal: str | None

    def to_json(self) -> dict[str, Any]:
        """As a dictionary for a JSON file."""
        figures = self.agreement
        return {
            "engine": self.engine,
            "precision": self.precision,
            "quantised_layers": self.quantised.layers if self.quantised else None,
            "activation_ranges": self.quantised.ranges if self.quantised else None,
            "refused_because": self.refusal,
            "validation_f1_trained": round(figures.f1_trained, 6) if figures else None,
            "validation_f1": round(figures.f1, 6) if figures else None,
            "flipped_share": round(figures.flipped_share, 6) if figures else None,
        }


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that passed.

    Attributes:
        predict: Reflectance (n, rows, cols, bands) to probability (n, rows, cols).
        name: Of the engine.
        precision: Of its arithmetic.
        tried: All candidates in the order in which they were tried; the last one is used.
        network: In OpenVINO's form; None with TensorFlow.
        folder: Of the stored network that TensorFlow runs, adapted to a scene or not; None if it was not read from one.
        adapted: The same engine with the network adapted to a stored scene; None where the settings want none.
    """

    predict: Predict
    name: EngineName
    precision: Precision
    tried: tuple[Candidate, ...]
    network: Any = None
    folder: Path | None = None
    adapted: Callable[[Path], Engine] | None = None

    def for_scene(self, scene: Path) -> Engine:
        """What maps a stored scene."""
        return self if self.adapted is None else self.adapted(scene)

    def to_json(self) -> dict[str, Any]:
        """The decision as a dictionary for a JSON file."""
        return {
            "engine": self.name,
            "precision": self.precision,
            "tried": [candidate.to_json() for candidate in self.tried],
        }


def choose_engine(
    model: keras.Model, card: ModelCard, settings: MapSettings, training: PatchSet, validation: PatchSet
) -> Engine:
    """The first engine among those that the settings allow which agrees with the trained network.

    Args:
        model: The trained network.
        card: Its description; pixels are judged at its threshold, at 0.5 if it has none.
        settings: `engine` and `precision`.
        training: Patches that int8 is calibrated on; some, at even distances, are used.
        validation: Patches that the engines are compared on.

    Returns:
        The engine. TensorFlow in float32 is the trained network itself and always passes.
    """
    from chronoslide.models.prediction import predictor
    from chronoslide.models.training import reflectance_of

    trained = predictor(model)
    images = reflectance_of(validation, card.statistics)
    labels = np.asarray(validation.labels)
    expected = _all(trained, images)
    threshold = _THRESHOLD if card.threshold is None else card.threshold
    tried: list[Candidate] = []
    for precision, quantised, make in _openvino_candidates(model, card, settings, training):
        try:
            network = make()
            predict = openvino_engine.predictor(network, precision)
            found = agreement(expected, _all(predict, images), labels, threshold)
            tried.append(Candidate("openvino", precision, quantised, found, found.refusal))
        except (ImportError, RuntimeError, ValueError) as error:  # what OpenVINO and NNCF raise
            reason = f"it cannot be made ({' '.join(str(error).split())[:200]})"
            tried.append(Candidate("openvino", precision, quantised, None, reason))
            continue
        if found.refusal is None:
            give_back()
            return Engine(predict, "openvino", precision, tuple(tried), network)
    tried.append(Candidate("tensorflow", "float32", None, None, None))
    return Engine(trained, "tensorflow", "float32", tuple(tried))


def settled_engine(model: keras.Model, settings: MapSettings) -> Predict:
    """The network on an engine that was settled before, without patches to compare it on.

    Args:
        model: The trained network.
        settings: `engine` and `precision`. Eight bits need patches for their ranges and "auto" needs some to choose by;
            both give float32. Where OpenVINO cannot be used, TensorFlow takes its place.
    """
    from chronoslide.models.prediction import predictor

    if settings.engine == "tensorflow" or _tensorflow_is_better():
        return predictor(model)
    bfloat16 = settings.precision == "bfloat16" and openvino_engine.has_bfloat16()
    return openvino_engine.predictor(openvino_engine.export(model), "bfloat16" if bfloat16 else "float32")


def _openvino_candidates(
    model: keras.Model, card: ModelCard, settings: MapSettings, training: PatchSet
) -> Iterator[tuple[Precision, Quantisation | None, Callable[[], Any]]]:
    """The precisions to try, with several ways of eight bits, and how OpenVINO's network for each is made.

    There are none where TensorFlow is wanted or better.
    """
    if settings.engine == "tensorflow" or (settings.engine == "auto" and _tensorflow_is_better()):
        return
    wanted = _PRECISIONS if settings.precision == "auto" else _PRECISIONS[_PRECISIONS.index(settings.precision) :]
    exported: list[Any] = []

    def make(precision: Precision, quantised: Quantisation | None) -> Any:
        if precision == "bfloat16" and not openvino_engine.has_bfloat16():
            raise RuntimeError("this processor has no arithmetic in bfloat16")
        if not exported:
            exported.append(openvino_engine.export(model))
        network = exported[0]
        if quantised is not None:
            network = openvino_engine.quantise(network, calibration_images(training, card), quantised)
        return network

    for precision in wanted:
        for quantised in _QUANTISATIONS if precision == "int8" else (None,):
            yield precision, quantised, partial(make, precision, quantised)


def calibration_images(training: PatchSet, card: ModelCard) -> NDArray[np.float32]:
    """Reflectance (n, side, side, bands) of at most `CALIBRATION_PATCHES` training patches at even distances."""
    from chronoslide.models.training import reflectance_of

    chosen = np.unique(np.linspace(0, training.n - 1, min(training.n, CALIBRATION_PATCHES)).astype(np.intp))
    return reflectance_of(training.take(chosen), card.statistics)


def _tensorflow_is_better() -> bool:
    """Whether OpenVINO is missing, or TensorFlow has a GPU, or Keras runs on another backend than TensorFlow."""
    import keras

    if not openvino_engine.available() or keras.backend.backend() != "tensorflow":
        return True
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _all(predict: Predict, images: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = [predict(images[first : first + _BATCH]) for first in range(0, len(images), _BATCH)]
    return np.concatenate(parts) if parts else np.zeros(images.shape[:3], np.float32)
