"""The stage `pretrain` with patch sets made by others, on a small network."""

import contextlib
import json
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import yaml

from chronoslide.errors import ModelError, SettingsError
from chronoslide.mapping import engine_process
from chronoslide.models import storage
from chronoslide.models.card import read_card
from chronoslide.params import MapSettings
from chronoslide.stages import pretrain, training_run
from made_chip_sets import pairs
from search.test_networks import small_network
from stages.test_tune import Recorder, write_site
from test_params import delivered


class Run(Recorder):
    """Also keeps curves."""

    def __init__(self):
        super().__init__()
        self.curves = {}

    def tag(self, **tags):
        self.tags |= tags

    def log_curve(self, rows, step, prefix=""):
        self.curves[prefix] = [row[step] for row in rows]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A root with patches of a training area in red and nir, two sources, and a recorder in MLflow's place."""
    write_site(tmp_path)
    (tmp_path / "results/search").mkdir(parents=True)
    (tmp_path / "results/search/best_params.json").write_text('{"parameters": {}}')
    for name in ("first", "second"):
        pairs(tmp_path / "sources" / name, "npy", chips=6, bands=2)
    listed = {"stages": {"pretrain": {"cmd": "chronoslide pretrain", "deps": ["results/search", "sources/first"]}}}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(listed))
    run = Run()
    monkeypatch.setattr(pretrain, "training_run", lambda *_, **__: contextlib.nullcontext(run))
    monkeypatch.setattr(pretrain, "read_dataset", lambda _: SimpleNamespace(name="Valley", provenance="simulated"))
    monkeypatch.setattr(pretrain, "build_network", small_network)
    monkeypatch.setattr(training_run, "in_plain_layers", lambda model: model)
    monkeypatch.setattr(training_run, "register_network", lambda *_, **__: None)
    return SimpleNamespace(root=tmp_path, run=run)


def settings(repository, *sources):
    content = delivered()
    content["pretrain"]["optimiser"] |= {"epochs": 2, "batch_patches": 4}
    content["pretrain"] |= {"sources": list(sources), "source_epochs": 3, "source_patches": 5}
    (repository.root / "params.yaml").write_text(yaml.safe_dump(content))


def files(repository):
    folder = repository.root / "results/models/pretrained"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


SOURCE = {"path": "sources/first", "bands": ["nir", "red"]}


def numbers(repository):
    """All arrays of the stored weights, in the order of their places."""
    found = {}
    with h5py.File(repository.root / "results/models/pretrained/model.weights.h5") as file:
        file.visititems(lambda place, item: found.update({place: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return [found[place] for place in sorted(found)]


def test_the_network_is_trained_on_sources_first_repeatably_and_tells_so(repository):
    settings(repository)
    pretrain.run(repository.root)
    alone = files(repository)
    assert sorted(alone) == ["history.csv", "model.json", "model.weights.h5"]
    settings(repository, SOURCE)
    pretrain.run(repository.root)
    after = files(repository)
    assert sorted(set(after) - set(alone)) == ["sources.json", "sources_history.csv"]
    assert after["model.weights.h5"] != alone["model.weights.h5"]
    assert after["sources_history.csv"].count(b"\n") == 1 + 3
    (told,) = json.loads(after["sources.json"])["sources"]
    assert (told["patches"], told["standardised_by"]) == ({"training": 5, "validation": 1}, "own")
    assert told["statistics"]["bands"] == ["red", "nir"]
    card = read_card(repository.root / "results/models/pretrained")
    assert card.trained_on.endswith("12 patches; begun from weights trained on first (5 patches)")
    # What the network standardises with stays the training area's.
    assert list(card.mean) == json.loads(alone["model.json"])["mean"]
    assert repository.run.metrics["sources.first.patches_of_an_epoch"] == 5
    assert repository.run.curves == {"": [1, 2], "sources.": [1, 2, 3]}
    weights = numbers(repository)
    pretrain.run(repository.root)
    for first, second in zip(weights, numbers(repository), strict=True):
        np.testing.assert_array_equal(first, second)  # the files differ: Keras numbers the small network's layers
    assert {**files(repository), "model.weights.h5": b""} == {**after, "model.weights.h5": b""}


def test_a_source_that_dvc_does_not_watch_is_refused_with_the_line_to_add(repository):
    settings(repository, SOURCE, {**SOURCE, "path": "sources/second"})
    with pytest.raises(SettingsError, match=r"pretrain.sources\[1\]: sources/second .*add `- sources/second` to"):
        pretrain.run(repository.root)


def test_a_source_without_a_band_of_the_area_is_refused(repository):
    settings(repository, {**SOURCE, "bands": ["blue", "red"]})
    with pytest.raises(SettingsError, match=r"has no band 'nir'.*it has blue, red.*takes red, nir.*another model"):
        pretrain.run(repository.root)


def test_a_model_on_other_bands_than_the_patches_is_not_mapped_with(tmp_path, monkeypatch):
    write_site(tmp_path)
    monkeypatch.setattr(storage, "load_model", lambda _: (None, SimpleNamespace(bands=("red", "green", "blue"))))
    with pytest.raises(ModelError, match=r"trained on the bands \['red', 'green', 'blue'\] and is given \['r"):
        engine_process._choose(tmp_path, MapSettings(), tmp_path / "results/patches/training", tmp_path, ())
