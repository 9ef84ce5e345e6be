"""Engines beside the trained network. The network is small and learnt nothing, which is enough to compare numbers."""

import sys

import numpy as np
import pytest

from chronoslide.mapping import engines, openvino_engine
from chronoslide.mapping.engines import choose_engine
from chronoslide.mapping.openvino_engine import Quantisation
from chronoslide.models.architectures import build_network
from chronoslide.models.card import ModelCard
from chronoslide.models.prediction import predictor
from chronoslide.models.unet import build_unet
from chronoslide.params import MapSettings, ModelSettings
from chronoslide.patches.scaling import BandStatistics, to_reflectance
from chronoslide.patches.storage import PatchSet

pytestmark = pytest.mark.skipif(not openvino_engine.available(), reason="OpenVINO is not installed")

BANDS = ("red", "nir")
STATISTICS = BandStatistics(BANDS, (0.1, 0.3), (0.05, 0.1))
SETTINGS = ModelSettings(filters=4)
RNG = np.random.default_rng(1)
PATCHES = PatchSet(
    RNG.integers(1, 6_000, (6, 32, 32, 2)).astype(np.uint16), RNG.integers(0, 2, (6, 32, 32)).astype(np.uint8), BANDS
)
IMAGES = to_reflectance(PATCHES.images)


@pytest.fixture(scope="module")
def model():
    return build_unet(2, SETTINGS, STATISTICS, seed=1)


@pytest.fixture(scope="module")
def exported(model):
    return openvino_engine.export(model)


@pytest.fixture
def exported_once(exported, monkeypatch):
    monkeypatch.setattr(openvino_engine, "export", lambda _: exported)


def card(threshold):
    return ModelCard(
        settings=SETTINGS, bands=BANDS, mean=STATISTICS.mean, standard_deviation=STATISTICS.standard_deviation,
        side_pixels=32, threshold=threshold, false_positive_weight=0.5, seed=1, trained_on="noise",
    )  # fmt: skip


def test_the_exported_network_gives_what_the_trained_one_gives(model, exported):
    found = openvino_engine.predictor(exported, "float32")(IMAGES)
    assert found.shape == (6, 32, 32)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, predictor(model)(IMAGES), atol=1e-5)


@pytest.mark.parametrize("architecture", ["unet", "attention_unet", "convnext_unet"])
def test_a_network_trained_in_bfloat16_is_exported_at_full_precision(architecture):
    settings = ModelSettings(filters=4, architecture=architecture)
    plain = build_network(2, settings, STATISTICS, seed=1)
    trained = build_network(2, settings.model_copy(update={"precision": "mixed_bfloat16"}), STATISTICS, seed=1)
    found = openvino_engine.predictor(openvino_engine.export(trained), "float32")(IMAGES)
    np.testing.assert_allclose(found, predictor(plain)(IMAGES), atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_order_of_bands_in_memory_and_asking_ahead_change_no_bit(exported, precision):
    network = openvino_engine.predictor(exported, precision)
    apart = np.moveaxis(np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1)), 1, -1)
    answers = [network.ask(images) for images in (IMAGES, apart, IMAGES[:, ::-1], apart[:, ::-1])]
    together, apart, turned, turned_apart = (answer() for answer in answers)
    np.testing.assert_array_equal(apart, together)
    np.testing.assert_array_equal(turned_apart, turned)
    np.testing.assert_array_equal(network(IMAGES), together)


def test_images_of_another_shape_are_taken(model, exported):
    images = RNG.random((3, 48, 64, 2), dtype=np.float32)
    np.testing.assert_allclose(
        openvino_engine.predictor(exported, "float32")(images), predictor(model)(images), atol=1e-5
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_neither_company_nor_threads_nor_repetition_change_a_bit(exported, precision):
    network = openvino_engine.quantise(exported, IMAGES, Quantisation()) if precision == "int8" else exported
    one, two = (openvino_engine.predictor(network, precision, threads) for threads in (1, 2))
    expected = one(IMAGES)
    np.testing.assert_array_equal(two(IMAGES), expected)
    np.testing.assert_array_equal(two(IMAGES), expected)
    np.testing.assert_array_equal(np.concatenate([two(IMAGES[:1]), two(IMAGES[1:])]), expected)


def test_the_encoder_can_be_kept_out_of_quantising(exported):
    def quantised_inputs(layers):
        operations = openvino_engine.quantise(exported, IMAGES, Quantisation(layers)).get_ops()
        return sum(one.get_type_name() == "FakeQuantize" for one in operations)

    assert 0 < quantised_inputs("decoder") < quantised_inputs("all")


def test_ranges_can_take_in_every_activation(exported):
    # One image is ten times as bright as the others: the mean over the images cuts it off.
    images = np.concatenate([IMAGES, 10 * IMAGES[:1]])

    def greatest_of(ranges):
        operations = openvino_engine.quantise(exported, images, Quantisation("all", ranges)).get_ops()
        first = next(one for one in operations if one.get_type_name() == "FakeQuantize")
        return float(np.max(first.input_value(2).get_node().data))

    assert greatest_of("typical") < 0.5 * greatest_of("widest")


def test_quantising_twice_gives_the_same_bits(exported):
    networks = [openvino_engine.quantise(exported, IMAGES, Quantisation()) for _ in range(2)]
    found = [openvino_engine.predictor(network, "int8")(IMAGES) for network in networks]
    np.testing.assert_array_equal(*found)


def test_the_first_engine_that_agrees_is_chosen_and_the_refused_are_named(model, exported_once):
    # At a threshold in the middle of its answers, an untrained network in lower precision flips many pixels.
    middle = float(np.median(predictor(model)(IMAGES)))
    chosen = choose_engine(model, card(middle), MapSettings(engine="openvino"), PATCHES, PATCHES)
    assert (chosen.name, chosen.precision) == ("openvino", "float32")
    assert [(one.precision, one.quantised) for one in chosen.tried] == [
        ("int8", ("all", "typical")), ("int8", ("all", "widest")), ("int8", ("decoder", "typical")),
        ("bfloat16", None), ("float32", None),
    ]  # fmt: skip
    refusals = [one["refused_because"] for one in chosen.to_json()["tried"]]
    assert "change sides" in refusals[0]
    assert refusals[-1] is None


def test_the_fastest_precision_is_taken_where_it_agrees(model, exported_once):
    far_above = 0.999
    chosen = choose_engine(model, card(far_above), MapSettings(engine="openvino"), PATCHES, PATCHES)
    assert (chosen.name, chosen.precision) == ("openvino", "int8")
    assert chosen.tried[0].agreement.flipped_share == 0.0


def test_a_named_precision_is_the_first_that_is_tried(model, exported_once):
    chosen = choose_engine(model, card(0.999), MapSettings(engine="openvino", precision="float32"), PATCHES, PATCHES)
    assert [one.precision for one in chosen.tried] == ["float32"]


def test_tensorflow_is_taken_when_it_is_named(model):
    chosen = choose_engine(model, card(0.5), MapSettings(engine="tensorflow"), PATCHES, PATCHES)
    assert (chosen.name, chosen.precision) == ("tensorflow", "float32")
    np.testing.assert_array_equal(chosen.predict(IMAGES), predictor(model)(IMAGES))


def test_an_engine_that_cannot_be_made_is_passed_over(model, monkeypatch):
    def fails(_):
        raise RuntimeError("no such\noperation")

    monkeypatch.setattr(openvino_engine, "export", fails)
    chosen = choose_engine(model, card(0.5), MapSettings(engine="openvino", precision="float32"), PATCHES, PATCHES)
    assert chosen.name == "tensorflow"
    assert chosen.tried[0].refusal == "it cannot be made (no such operation)"


def test_without_openvino_auto_is_tensorflow(model, monkeypatch):
    monkeypatch.setattr(openvino_engine, "available", lambda: False)
    chosen = choose_engine(model, card(0.5), MapSettings(), PATCHES, PATCHES)
    assert [one.engine for one in chosen.tried] == ["tensorflow"]


def test_calibration_takes_patches_at_even_distances(monkeypatch):
    monkeypatch.setattr(engines, "CALIBRATION_PATCHES", 3)
    np.testing.assert_array_equal(engines.calibration_images(PATCHES, card(0.5)), IMAGES[[0, 2, 5]])


def test_nothing_calls_home():
    openvino_engine.version()
    assert sys.modules["openvino_telemetry"] is None
