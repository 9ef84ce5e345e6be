"""A trained network on disk: `model.json`, which says what it is and what it was made for, and `model.weights.h5`.

A `.keras` file holds time stamps and is never the same twice; these two files are, so DVC sees whether a model changed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import keras

from chronoslide.errors import DataError, ModelError
from chronoslide.files import replacing, write_json, write_text
from chronoslide.models.architectures import build_network
from chronoslide.models.card import CARD, WEIGHTS, ModelCard, read_card
from chronoslide.models.safety import require_plain_weights

_FIRST_KERNEL = "layers/conv2d/vars/0"
"""Where Keras keeps the kernel of the first convolution, (3, 3, bands, filters)."""


def save_model(folder: Path, model: keras.Model, card: ModelCard, beside: Mapping[str, str] | None = None) -> None:
    """Writes a model as a folder, whole or not at all; the same weights and card give the same bytes.

    Args:
        folder: Is replaced, with everything in it.
        model: The network.
        card: Its description.
        beside: Further text files of the folder, by name, for example `history.csv`.

    Raises:
        StorageError: It cannot be written.
    """
    with replacing(folder) as temporary:
        temporary.mkdir()
        with warnings.catch_warnings():  # Keras 3.15 copies TensorFlow's variables in a way NumPy 2 calls outdated
            warnings.filterwarnings("ignore", message="__array__ implementation", category=DeprecationWarning)
            model.save_weights(temporary / WEIGHTS)
        write_json(temporary / CARD, card.model_dump(mode="json"))
        for name, text in (beside or {}).items():
            write_text(temporary / name, text)


def load_model(folder: Path) -> tuple[keras.Model, ModelCard]:
    """Reads a model that `save_model` wrote.

    Raises:
        ModelError: The folder or one of its files is missing or broken, or they do not belong together.
    """
    card = read_card(folder)
    path = folder / WEIGHTS
    if not path.is_file():
        raise ModelError(f"{path}: no such file; repeat the stage that makes this model")
    require_plain_weights(path)
    _require_bands_of_card(path, card)
    try:
        model = build_network(len(card.bands), card.settings, card.statistics, seed=card.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns when it leaves layers at random weights
            model.load_weights(path)
    except DataError as error:
        raise ModelError(f"{folder / CARD}: {error}") from error
    # HDF5 tells of a broken file in many ways, and Keras of one of another network.
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RuntimeError,
        MemoryError,
        UserWarning,
    ) as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelError(
            f"{path}: broken, or not the weights of the network in {CARD} ({reason}); "
            "repeat the stage that makes this model"
        ) from error
    return model, card


def _require_bands_of_card(path: Path, card: ModelCard) -> None:
    """Refuses weights of a network that takes another number of bands than the card names."""
    try:
        with h5py.File(path, "r") as file:
            shape = file[_FIRST_KERNEL].shape
    except (OSError, KeyError, AttributeError, ValueError, TypeError, RuntimeError):
        return  # whatever is wrong, Keras says it
    if len(shape) == 4 and shape[2] != len(card.bands):
        raise ModelError(
            f"{path}: weights of a network on {shape[2]} bands, and {CARD} names {len(card.bands)} "
            f"({', '.join(card.bands)}): another model; put the weights back that belong to it, or train it again"
        )
