"""Models from strangers: what must not be in a model's folder, because loading it would run somebody's code.

Stands before everything that loads a model. Our own form (`model.json`, `model.weights.h5`) is numbers and text: it is
checked for references that lead out of the file. Other forms (Keras archives, MLflow's folders) can carry programs:
they are refused, unless whoever names them says that they trust them.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import h5py  # type: ignore[import-untyped]

from chronoslide.errors import ModelError

# Made by pickle, directly or inside, or loaded as a library or a program.
_RUNS: Final = (
    ".pickle", ".pkl", ".cloudpickle", ".dill", ".joblib", ".pt", ".pth", ".py", ".pyc", ".so", ".dll", ".dylib",
)  # fmt: skip
_MODULES: Final = (
    "keras.activations", "keras.constraints", "keras.dtype_policies", "keras.initializers", "keras.layers",
    "keras.losses", "keras.metrics", "keras.optimizers", "keras.optimizers.schedules", "keras.random",
    "keras.regularizers", "keras.src.models.functional", "keras.src.models.sequential",
    "chronoslide.models.layers", "chronoslide.models.losses",
)  # fmt: skip
_ROOT: Final = tuple(("keras", name) for name in ("DTypePolicy", "Functional", "Model", "Sequential"))
# They carry programs, or names of files that are read.
_LAYERS: Final = (
    "Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "StringLookup",
    "IntegerLookup", "TextVectorization",
)  # fmt: skip
_LARGEST_CONFIGURATION: Final = 16 * 1024**2
_REMEDY: Final = (
    "a model is safe as model.json with model.weights.h5; say --trust if you know who made this one and how"
)


def require_no_code(folder: Path, trust: bool = False) -> None:
    """Refuses a model that could run code when it is loaded.

    Args:
        folder: A model's folder, or a single file of one; everything below is looked at, nothing is loaded.
        trust: The user vouches for it: nothing is refused.

    Raises:
        ModelError: Naming the file, and why.
    """
    if trust:
        return
    if not folder.exists():
        raise ModelError(f"{folder}: no such model; check its name")
    for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
        reason = _danger(path, folder)
        if reason:
            raise ModelError(f"{path}: {reason}; {_REMEDY}")


def require_plain_weights(path: Path) -> None:
    """Refuses weights that lead out of their file or claim more numbers than it holds.

    HDF5 can link to groups of other files and keep numbers in them, so that loading would read what the user may read
    and whoever sent the weights may not.

    Raises:
        ModelError: The file is not HDF5, or does so.
    """
    try:
        with h5py.File(path, "r") as file:
            reason = next(_strange(file, path.stat().st_size), "")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, RecursionError, MemoryError) as error:
        detail = " ".join(str(error).split())[:160]
        raise ModelError(
            f"{path}: broken, or no HDF5 file ({detail}); repeat the stage that makes this model"
        ) from error
    if reason:
        raise ModelError(f"{path}: {reason}, which our weights never do; use weights of a source that you trust")


def _strange(group: h5py.Group, most_bytes: int, depth: int = 0) -> Iterator[str]:
    if depth > 20:
        yield "groups lie in each other without end"
        return
    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            yield f"{name!r} is a link to another place"
            return
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _strange(item, most_bytes, depth + 1)
        elif isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                yield f"{name!r} keeps its numbers in another file"
            elif item.nbytes > most_bytes:
                yield f"{name!r} claims {item.nbytes} bytes, more than the file has"


def _danger(path: Path, folder: Path) -> str:
    """Why a file of a model is refused; empty if it is not."""
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        return "is a link out of the model's folder"
    if not path.is_file():
        return ""
    if path.suffix.lower() in _RUNS:
        return "is pickled or a program, and would run when the model is loaded"
    if path.name == "saved_model.pb":
        return "is a TensorFlow graph, which can read and write files when it runs"
    if path.suffix == ".keras" or (path.suffix in (".h5", ".hdf5") and not path.name.endswith(".weights.h5")):
        return _danger_of_keras(path)
    if path.suffix == ".npy":
        return _danger_of_array(path)
    return ""


def _danger_of_array(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(512)
    return "holds pickled objects" if b"'O'" in start or b"|O" in start else ""


def _danger_of_keras(path: Path) -> str:
    """Of a Keras archive: layers that carry a program, or that Keras would import from elsewhere."""
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo("config.json").file_size > _LARGEST_CONFIGURATION:
                    return "its config.json is too large to be looked through"
                configuration = json.loads(archive.read("config.json"))
        else:
            with h5py.File(path, "r") as file:
                configuration = json.loads(file.attrs.get("model_config", "{}"))
        return next(_foreign(configuration), "")
    except (OSError, ValueError, KeyError, RuntimeError, RecursionError, zipfile.BadZipFile):
        return "cannot be looked through"


def _foreign(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for item in tree:
            yield from _foreign(item)
    elif isinstance(tree, dict):
        name, module = tree.get("class_name"), tree.get("module")
        if name in _LAYERS:
            yield f"has a layer {name!r}, which carries a program or names files"
        elif isinstance(module, str) and module not in _MODULES and (module, name) not in _ROOT:
            yield f"has a part {name!r} of {module!r}, which Keras would import"
        elif name is not None and isinstance(tree.get("registered_name"), str) and module is None:
            package = tree["registered_name"].partition(">")[0]
            if package != "chronoslide" and ">" in tree["registered_name"]:
                yield f"has a part {name!r} that only somebody's code can make"
        for value in tree.values():
            yield from _foreign(value)
