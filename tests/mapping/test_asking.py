"""A network that is asked ahead gives what it gives when it is asked one by one."""

import threading

import numpy as np
import pytest

from chronoslide.mapping import openvino_engine
from chronoslide.mapping.asking import ask
from chronoslide.mapping.strips import probability_strips
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.models.unet import build_unet
from mapping.mapped_scene import MAP, STATISTICS, scene_of, smooth
from mapping.test_engines import SETTINGS

IMAGES = np.random.default_rng(3).random((5, 32, 32, 2), dtype=np.float32)


class Ahead:
    """Answers only when it is fetched, and counts what was begun and fetched."""

    def __init__(self):
        self.begun, self.fetched, self.most = 0, 0, 0

    def __call__(self, reflectance):
        return self.ask(reflectance)()

    def ask(self, reflectance):
        self.begun += 1
        self.most = max(self.most, self.begun - self.fetched)
        kept = reflectance.copy()

        def fetch():
            self.fetched += 1
            return smooth(kept)

        return fetch


def strips(predict):
    found = probability_strips(scene_of(70, 100), predict, STATISTICS, MAP)
    return np.concatenate([strip.probability for strip in found])


def test_a_plain_function_has_answered_when_it_was_asked():
    np.testing.assert_array_equal(ask(smooth, IMAGES)(), smooth(IMAGES))


def test_a_scene_keeps_two_batches_under_way_and_comes_out_the_same():
    ahead = Ahead()
    np.testing.assert_array_equal(strips(ahead), strips(smooth))
    assert ahead.begun == ahead.fetched
    assert ahead.most == 2


def test_all_symmetries_are_begun_before_the_first_is_fetched():
    ahead = Ahead()
    averaged = over_symmetries(ahead, "flips")
    answer = ask(averaged, IMAGES)
    assert (ahead.begun, ahead.fetched) == (4, 0)
    np.testing.assert_array_equal(answer(), over_symmetries(smooth, "flips")(IMAGES))


@pytest.fixture(scope="module")
def network():
    if not openvino_engine.available():
        pytest.skip("OpenVINO is not installed")
    return openvino_engine.predictor(openvino_engine.export(build_unet(2, SETTINGS, STATISTICS, seed=1)), "float32", 2)


def test_openvino_answers_what_was_asked_ahead_whatever_the_order_of_fetching(network):
    parts = [IMAGES[:3], IMAGES[3:4], IMAGES[4:]]
    answers = [network.ask(part.copy()) for part in parts]
    for part, answer in reversed(list(zip(parts, answers, strict=True))):
        np.testing.assert_array_equal(answer(), network(part))


def test_images_may_change_once_they_were_handed_over(network):
    images = IMAGES.copy()
    expected = network(images)
    answer = network.ask(images)
    images[:] = 0
    np.testing.assert_array_equal(answer(), expected)


def test_a_request_that_fails_is_told_instead_of_waited_for(network, monkeypatch):
    monkeypatch.setattr(openvino_engine, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(threading.Semaphore, "release", _fail)
    with pytest.raises(RuntimeError, match="broken answer"):
        network(IMAGES)


def _fail(*_):
    raise RuntimeError("broken answer")
