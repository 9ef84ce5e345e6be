import numpy as np
import pytest

from chronoslide.mapping.agreement import Agreement, agreement


def test_flips_are_counted_among_observed_pixels():
    trained = np.array([[[0.6, 0.4, 0.9, 0.5]]], dtype=np.float32)
    engine = np.array([[[0.4, 0.6, 0.8, 0.1]]], dtype=np.float32)
    labels = np.array([[[1, 0, 1, 255]]], dtype=np.uint8)
    found = agreement(trained, engine, labels, 0.5)
    assert found.f1_trained == 1.0
    assert found.f1 == pytest.approx(0.5)  # one hit, one miss, one false alarm
    assert found.flipped_share == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("f1", "flipped", "words"),
    [
        (0.80, 0.0, None),
        (0.799, 0.0019, None),
        (0.85, 0.0021, "change sides"),
        (0.797, 0.0, "falls from 0.8000 to 0.7970"),
        (float("nan"), 0.0, "falls from"),
    ],
)
def test_an_engine_is_refused_for_flips_or_for_lost_accuracy(f1, flipped, words):
    refusal = Agreement(0.8, f1, flipped).refusal
    assert (refusal is None) if words is None else (words in refusal)


def test_two_maps_without_landslides_agree():
    nothing = np.zeros((1, 4, 4), dtype=np.float32)
    assert agreement(nothing, nothing, nothing.astype(np.uint8), 0.5).refusal is None
