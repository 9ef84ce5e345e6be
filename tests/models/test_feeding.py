"""Batches made ready ahead are the same batches, and the waiting for them is counted."""

import numpy as np
import pytest

from chronoslide.models.feeding import Feeding


def test_batches_and_their_random_numbers_are_those_without_the_thread():
    def batches(rng):
        for place in rng.permutation(20):
            yield int(place), rng.standard_normal(3)

    expected, rng = np.random.default_rng(1), np.random.default_rng(1)
    feeding = Feeding()
    for _ in range(2):  # the second pass goes on with the state in which the first one left the generator
        for (place, noise), (its_place, its_noise) in zip(feeding.ahead(batches(rng)), batches(expected), strict=True):
            assert place == its_place
            np.testing.assert_array_equal(noise, its_noise)


def test_the_share_of_the_step_is_what_waiting_leaves(monkeypatch):
    clock = iter([0.0, 1.0, 4.0, 4.0, 5.0, 7.0, 7.0])  # asked, given, done; asked, given, done; asked in vain
    monkeypatch.setattr("chronoslide.models.feeding.time.perf_counter", lambda: next(clock))
    feeding = Feeding()
    assert feeding.step_share == 1.0
    assert list(feeding.ahead(["first", "second"])) == ["first", "second"]
    assert (feeding.waited_seconds, feeding.worked_seconds) == (2.0, 5.0)
    assert feeding.step_share == pytest.approx(5 / 7)


def test_what_goes_wrong_in_making_a_batch_is_raised():
    def batches():
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(Feeding().ahead(batches()))
