import json
import shutil

import numpy as np
import pytest

from chronoslide.errors import ModelError
from chronoslide.models.architectures import freeze_encoder
from chronoslide.models.card import CARD, WEIGHTS, ModelCard, read_card, require_bands
from chronoslide.models.prediction import predictor
from chronoslide.models.storage import load_model, save_model
from chronoslide.models.unet import build_unet
from chronoslide.params import ModelSettings

CARD_OF_SMALL = ModelCard(
    settings=ModelSettings(filters=2),
    bands=("red", "nir"),
    mean=(0.1, 0.25),
    standard_deviation=(0.05, 0.1),
    side_pixels=16,
    threshold=0.42,
    threshold_f1=0.7,
    false_positive_weight=0.7,
    seed=11,
    trained_on="nothing yet",
)
IMAGES = np.random.default_rng(0).normal(0.15, 0.05, (3, 16, 16, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A model whose weights, statistics of normalisation included, are not those it is built with."""
    model = build_unet(2, CARD_OF_SMALL.settings, CARD_OF_SMALL.statistics, seed=1)
    model(IMAGES, training=True)
    folder = tmp_path_factory.mktemp("models") / "pretrained"
    save_model(folder, model, CARD_OF_SMALL, {"history.csv": "epoch\n1\n"})
    return model, folder


@pytest.fixture
def copied(stored, tmp_path):
    return shutil.copytree(stored[1], tmp_path / "model")


def test_a_model_comes_back_as_it_was(stored):
    model, folder = stored
    loaded, card = load_model(folder)
    assert card == CARD_OF_SMALL
    np.testing.assert_array_equal(predictor(loaded)(IMAGES), predictor(model)(IMAGES))


def test_the_folder_holds_text_and_weights_and_what_was_put_beside(stored):
    assert sorted(path.name for path in stored[1].iterdir()) == ["history.csv", CARD, WEIGHTS]
    content = json.loads((stored[1] / CARD).read_text())
    assert list(content) == sorted(content)
    assert content["bands"] == ["red", "nir"]


def test_the_same_model_makes_the_same_bytes_also_when_its_encoder_is_frozen(stored, tmp_path):
    loaded, card = load_model(stored[1])
    freeze_encoder(loaded)
    save_model(tmp_path / "again", loaded, card)
    for name in (CARD, WEIGHTS):
        assert (tmp_path / "again" / name).read_bytes() == (stored[1] / name).read_bytes()


def test_an_older_model_is_replaced_as_a_whole(stored, copied):
    (copied / "leftover.txt").write_text("old")
    save_model(copied, stored[0], CARD_OF_SMALL)
    assert sorted(path.name for path in copied.iterdir()) == [CARD, WEIGHTS]


def test_a_card_can_be_read_alone_and_gives_the_statistics(stored):
    statistics = read_card(stored[1]).statistics
    assert (statistics.bands, statistics.mean) == (("red", "nir"), (0.1, 0.25))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lambda folder: shutil.rmtree(folder), "model.json: no such file"),
        (lambda folder: (folder / CARD).unlink(), "model.json: no such file"),
        (lambda folder: (folder / WEIGHTS).unlink(), "model.weights.h5: no such file"),
        (lambda folder: (folder / CARD).write_text("{"), "model.json: not JSON"),
        (lambda folder: (folder / CARD).write_bytes(b"\xff\xfe"), "model.json: not JSON"),
        (lambda folder: (folder / CARD).write_text("[]"), "model.json: "),
        (lambda folder: (folder / WEIGHTS).write_bytes(b"not HDF5"), "model.weights.h5: broken"),
        (lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:9000]), "h5: broken"),
        (lambda folder: _change(folder, filters=3), "model.weights.h5: broken, or not the weights of the network"),
        (lambda folder: _change(folder, top={"bands": []}), "model.json: bands: "),
        (lambda folder: _change(folder, top={"mean": [0.1]}), "model.json: band statistics: "),
        (lambda folder: _change(folder, top={"standard_deviation": [0.1, None]}), "model.json: standard_deviation"),
        (lambda folder: _change(folder, top={"form": 2}), "model.json: form: "),
        (lambda folder: _change(folder, top={"tresholds": 2}), "unknown key 'tresholds', did you mean 'threshold'"),
    ],
)
def test_a_broken_model_is_refused_in_one_line_that_names_the_file(copied, harm, complaint):
    harm(copied)
    with pytest.raises(ModelError) as raised:
        load_model(copied)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bands_must_be_those_of_the_model_in_their_order():
    require_bands(CARD_OF_SMALL, ["red", "nir"])
    for bands in (["nir", "red"], ["red"], ["red", "nir", "blue"]):
        with pytest.raises(ModelError, match=r"trained on the bands \['red', 'nir'\] and is given"):
            require_bands(CARD_OF_SMALL, bands)


def test_weights_on_other_bands_than_the_card_names_are_another_model(copied):
    three = {"bands": ["red", "nir", "blue"], "mean": [0.1] * 3, "standard_deviation": [0.1] * 3}
    _change(copied, top=three)
    with pytest.raises(ModelError, match=r"h5: weights of a network on 2 bands, and model.json names 3 \(red, nir, bl"):
        load_model(copied)


def _change(folder, filters=None, top=None):
    content = json.loads((folder / CARD).read_text()) | (top or {})
    content["settings"]["filters"] = filters or content["settings"]["filters"]
    (folder / CARD).write_text(json.dumps(content))
