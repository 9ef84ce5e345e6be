"""A network as plain bytes with all that it takes to run it elsewhere: what a cluster's machines are sent.

Stands between the chosen engine and machines that have neither the model's folder nor the patches. A machine whose
libraries have other versions is refused, because its numbers could differ.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

import chronoslide
from chronoslide.errors import ModelError
from chronoslide.mapping import openvino_engine
from chronoslide.mapping.asking import Predict
from chronoslide.mapping.engines import Engine, EngineName
from chronoslide.mapping.openvino_engine import Precision
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.models.card import CARD, WEIGHTS

_NETWORK: Final = "network.xml"
_LIBRARIES: Final = {
    "openvino": ("numpy", "rasterio", "openvino"),
    "tensorflow": ("numpy", "rasterio", "keras", "tensorflow"),
}


@dataclass(frozen=True, slots=True)
class CarriedNetwork:
    """A network to be sent.

    Attributes:
        engine: Which runs it.
        precision: Of its arithmetic.
        symmetries: Test-time augmentation.
        files: Contents by name: OpenVINO's two files, or a stored network's.
        versions: Of the libraries that its numbers depend on, where the engine was chosen.
    """

    engine: EngineName
    precision: Precision
    symmetries: Literal["none", "flips", "all"]
    files: Mapping[str, bytes]
    versions: Mapping[str, str]

    def require_same_versions(self, where: str) -> None:
        """Refuses a machine on which the network could give other numbers.

        Raises:
            ModelError: A library is missing there or has another version.
        """
        for library, found in versions_of(self.engine).items():
            if found != self.versions[library]:
                raise ModelError(
                    f"{where}: {library} is {found} there and {self.versions[library]} here; "
                    "install the same requirements.lock on all machines"
                )

    def load(self) -> Predict:
        """The network, ready to run in this process; one thread at a time may call it."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.files.items():
                (Path(folder) / name).write_bytes(content)
            if self.engine == "openvino":
                network = openvino_engine.read(Path(folder) / _NETWORK)
                predict: Predict = openvino_engine.predictor(network, self.precision)
            else:
                from chronoslide.models.prediction import predictor
                from chronoslide.models.storage import load_model

                predict = predictor(load_model(Path(folder))[0])
        return over_symmetries(predict, self.symmetries)


def carry(engine: Engine, model: Path, symmetries: Literal["none", "flips", "all"]) -> CarriedNetwork:
    """The chosen engine's network in the form in which it is sent.

    Args:
        engine: As chosen.
        model: The folder of the stored network that it was chosen for.
        symmetries: Test-time augmentation.
    """
    if engine.network is None:
        files = {name: ((engine.folder or model) / name).read_bytes() for name in (CARD, WEIGHTS)}
    else:
        with tempfile.TemporaryDirectory() as folder:
            openvino_engine.save(engine.network, Path(folder) / _NETWORK)
            files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    return CarriedNetwork(engine.name, engine.precision, symmetries, files, versions_of(engine.name))


def versions_of(engine: EngineName) -> dict[str, str]:
    """Versions here of what an engine's numbers depend on, this package's first."""
    found = {"chronoslide": chronoslide.__version__}
    for library in _LIBRARIES[engine]:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "missing"
    return found
