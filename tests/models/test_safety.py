"""A model of a stranger is loaded without running anything, or refused."""

import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from chronoslide.errors import ModelError
from chronoslide.models.card import CARD, WEIGHTS, ModelCard
from chronoslide.models.safety import require_no_code, require_plain_weights
from chronoslide.models.storage import load_model, save_model
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    card = ModelCard(
        settings=ModelSettings(filters=1), bands=("red",), mean=(0.1,), standard_deviation=(0.1,), side_pixels=16,
        threshold=0.5, false_positive_weight=0.5, seed=1, trained_on="nothing",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "ours"
    save_model(folder, build_unet(1, card.settings, card.statistics, 1), card, {"history.csv": "epoch\n"})
    return folder


@pytest.fixture
def folder(stored, tmp_path):
    return shutil.copytree(stored, tmp_path / "model")


def keras_archive(path: Path, configuration: object) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(configuration))


def test_our_own_model_and_a_keras_archive_of_plain_layers_pass(folder):
    keras_archive(folder / "model.keras", json.loads(build_unet(1, ModelSettings(filters=1), None, 1).to_json()))
    require_no_code(folder)
    require_plain_weights(folder / WEIGHTS)


@pytest.mark.parametrize(
    "name", ["objects.pkl", "data/global_custom_objects.cloudpickle", "code/layers.py", "a.joblib"]
)
def test_a_pickle_or_a_program_is_refused_and_not_touched(folder, tmp_path, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(Touch(tmp_path / "escaped")))
    with pytest.raises(ModelError, match=rf"{Path(name).name}: .*--trust"):
        require_no_code(folder)
    require_no_code(folder, trust=True)
    assert not (tmp_path / "escaped").exists()


def test_a_pickled_array_is_refused(folder):
    np.save(folder / "plain.npy", np.zeros(3))
    require_no_code(folder)
    np.save(folder / "objects.npy", np.array([Touch(folder / "escaped")], dtype=object), allow_pickle=True)
    with pytest.raises(ModelError, match=r"objects\.npy: holds pickled objects"):
        require_no_code(folder)


@pytest.mark.parametrize(
    "part",
    [
        {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "elsewhere"}},
        {"module": "os", "class_name": "system", "config": {}},
        {"module": "keras.utils", "class_name": "get_file", "config": {}},
        {"class_name": "Anything", "registered_name": "somebody>Anything", "config": {}},
    ],
)
def test_a_keras_archive_that_carries_a_program_is_refused(folder, part):
    keras_archive(folder / "model.keras", {"class_name": "Functional", "config": {"layers": [part]}})
    with pytest.raises(ModelError, match=r"model\.keras: has a (layer|part)"):
        require_no_code(folder)


def test_an_archive_that_cannot_be_looked_through_a_graph_and_a_link_out_of_the_folder_are_refused(folder, tmp_path):
    for name in ("model.keras", "saved_model.pb"):
        (folder / name).write_bytes(b"?")
        with pytest.raises(ModelError, match=name):
            require_no_code(folder)
        (folder / name).unlink()
    (tmp_path / "secret").write_text("secret")
    (folder / "notes.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match=r"notes\.txt: is a link"):
        require_no_code(folder)


def test_a_configuration_with_a_program_is_refused_as_an_unknown_key(folder):
    content = json.loads((folder / CARD).read_text())
    for change in ({"class_name": "Lambda"}, {"module": "os"}):
        (folder / CARD).write_text(json.dumps(content | change))
        with pytest.raises(ModelError, match="unknown key"):
            load_model(folder)
    content["settings"]["architecture"] = "os.system"
    (folder / CARD).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"settings\.architecture"):
        load_model(folder)


def first_array(group: h5py.Group) -> str:
    names: list[str] = []
    group.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names[0]


def a_link(file: h5py.File, name: str, elsewhere: Path) -> None:
    file[name] = h5py.ExternalLink(str(elsewhere), "secret")


def a_soft_link(file: h5py.File, name: str, elsewhere: Path) -> None:
    file[name] = h5py.SoftLink("/elsewhere")


def numbers_of_another_file(file: h5py.File, name: str, elsewhere: Path) -> None:
    file.create_dataset(name, (4,), dtype="f4", external=[(str(elsewhere), 0, 16)])


def too_many_numbers(file: h5py.File, name: str, elsewhere: Path) -> None:
    file.create_dataset(name, (10**12,), dtype="f4", chunks=(1024,))


@pytest.mark.parametrize("harm", [a_link, a_soft_link, numbers_of_another_file, too_many_numbers])
def test_weights_that_lead_out_of_their_file_or_claim_too_much_are_refused(folder, tmp_path, harm):
    with h5py.File(tmp_path / "elsewhere.h5", "w") as elsewhere:
        elsewhere["secret"] = np.arange(4, dtype=np.float32)
    with h5py.File(folder / WEIGHTS, "a") as file:
        name = first_array(file)
        del file[name]
        harm(file, name, tmp_path / "elsewhere.h5")
    with pytest.raises(ModelError, match=r"model\.weights\.h5: .*(link|another file|claims)"):
        load_model(folder)
