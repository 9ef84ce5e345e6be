"""The served mapper on disk: a stored network and, in `mapper.json`, the settings that it maps with.

Stands between the experiment and the service: what maps and inventories were made with goes into one folder, and who
has the folder needs nothing else of the repository. Same model and settings, same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from chronoslide.errors import ModelError
from chronoslide.files import replacing, write_json
from chronoslide.models.card import CARD, WEIGHTS, ModelCard, read_card
from chronoslide.params import InventorySettings, MapSettings, one_line

PACKAGE = "mapper.json"


class Package(BaseModel):
    """What `mapper.json` holds.

    Attributes:
        form: Of this file; another number is refused.
        map: As in `params.yaml`.
        inventory: As in `params.yaml`.
        weights_md5: Of the weights beside it; other weights are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: int = 1
    map: MapSettings
    inventory: InventorySettings
    weights_md5: str


@dataclass(frozen=True, slots=True)
class Packaged:
    """A mapper's folder, read and checked.

    Attributes:
        folder: Where the network lies.
        card: What it is.
        map: From scene to probability.
        inventory: From probability to landslides.
        version: The first eight digits of the weights' MD5; inventories and identities carry it.
    """

    folder: Path
    card: ModelCard
    map: MapSettings
    inventory: InventorySettings
    version: str


def write_package(folder: Path, model: Path, map_settings: MapSettings, inventory: InventorySettings) -> Package:
    """Writes the folder of a mapper, whole or not at all.

    Args:
        folder: Is replaced.
        model: The folder of a stored network.
        map_settings: As in `params.yaml`.
        inventory: As in `params.yaml`.

    Raises:
        ModelError: The network is missing or broken, or no threshold was chosen for it and the settings name none.
        StorageError: The folder cannot be written.
    """
    read_card(model).threshold_in_use(inventory.threshold)
    package = Package(map=map_settings, inventory=inventory, weights_md5=weights_md5(model))
    with replacing(folder) as temporary:
        temporary.mkdir()
        for name in (CARD, WEIGHTS):
            shutil.copyfile(model / name, temporary / name)
        write_json(temporary / PACKAGE, package.model_dump(mode="json"))
    return package


def read_package(folder: Path) -> Packaged:
    """Reads the folder of a mapper.

    Raises:
        ModelError: A file is missing or broken, or the weights are not those that the folder was made with.
    """
    path = folder / PACKAGE
    try:
        package = Package.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{path}: no such file; run `chronoslide package`") from error
    except ValidationError as error:
        raise ModelError(f"{path}: {one_line(error, Package)}; repeat `chronoslide package`") from error
    except ValueError as error:
        raise ModelError(f"{path}: not JSON ({error}); repeat `chronoslide package`") from error
    found = weights_md5(folder)
    if found != package.weights_md5:
        raise ModelError(
            f"{folder / WEIGHTS}: other weights (MD5 {found}) than the mapper was made with ({package.weights_md5}); "
            "repeat `chronoslide package`"
        )
    return unpackaged(folder, package.map, package.inventory)


def unpackaged(folder: Path, map_settings: MapSettings, inventory: InventorySettings) -> Packaged:
    """The same from a stored network and settings from elsewhere.

    Raises:
        ModelError: The network is missing or broken.
    """
    return Packaged(folder, read_card(folder), map_settings, inventory, weights_md5(folder)[:8])


def weights_md5(folder: Path) -> str:
    """The MD5 of a stored network's weights, as DVC and the registry have it.

    Raises:
        ModelError: There are none.
    """
    path = folder / WEIGHTS
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); repeat the stage that makes it") from error
