"""Mixtures: what an epoch draws from which set, and in which units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronoslide.patches.mixture import Mixture, Source, shares
from chronoslide.patches.scaling import BandStatistics, band_statistics, to_reflectance
from chronoslide.patches.storage import PatchSet

BANDS = ("red", "nir")
AREA = BandStatistics(BANDS, (0.04, 0.2), (0.03, 0.1))


def patch_set(n, level, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.normal(level, level / 5, (n, 16, 16, 2)).clip(0, 65_535).astype(np.uint16)
    return PatchSet(images, np.broadcast_to((np.arange(n) % 2).astype(np.uint8)[:, None, None], (n, 16, 16)), BANDS)


def source(patches, weight=1.0):
    statistics = band_statistics(patches.images, np.ones(patches.labels.shape, bool), BANDS)
    return Source("a set", patches, statistics, weight)


def standardised(images, statistics):
    return (to_reflectance(images) - np.float32(statistics.mean)) / np.float32(statistics.standard_deviation)


def test_a_network_sees_each_set_standardised_by_its_own_statistics():
    dark, bright = source(patch_set(3, 100)), source(patch_set(4, 30_000, seed=1))
    images, labels = Mixture([dark, bright], 6, AREA, seed=0).batch(np.array([2, 5, 3]))
    for seen, (own, index) in zip(images, ((dark, 2), (bright, 2), (bright, 0)), strict=True):
        expected = standardised(own.patches.images[index], own.statistics)
        np.testing.assert_allclose(standardised(seen, AREA), expected, atol=2e-4)
    assert labels[:, 0, 0].tolist() == [0, 0, 0]
    assert (images < 0).any()  # values that whole numbers above 0 could not hold


def test_with_the_networks_own_statistics_nothing_is_changed():
    patches = patch_set(3, 900)
    images, _ = Mixture([Source("like", patches, AREA, 1.0)], 3, AREA, seed=0).batch(np.arange(3))
    np.testing.assert_allclose(images, patches.images, atol=0.01)


def test_an_epoch_draws_by_weight_without_repetition_where_a_set_is_large_enough():
    large, small = source(patch_set(50, 1000), 3.0), source(patch_set(2, 1000), 1.0)
    mixture = Mixture([large, small], 20, AREA, seed=0)
    order = mixture.order(np.random.default_rng(1))
    assert mixture.counts == (15, 5)
    assert len(np.unique(order[order < 50])) == 15
    assert sorted(np.unique(order[order >= 50], return_counts=True)[1]) == [2, 3]  # two patches, five draws
    assert not np.array_equal(order, mixture.order(np.random.default_rng(2)))
    np.testing.assert_array_equal(order, mixture.order(np.random.default_rng(1)))


def test_what_is_judged_by_is_always_the_same_draw():
    mixture = Mixture([source(patch_set(9, 1000))], 4, AREA, seed=3)
    for first, second in zip(mixture.whole(), mixture.whole(), strict=True):
        np.testing.assert_array_equal(first, second)


@given(st.integers(1, 500), st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_shares_add_up_and_lie_within_one_of_the_exact_ones(total, weights):
    counts = shares(total, weights)
    assert sum(counts) == total
    for count, weight in zip(counts, weights, strict=True):
        assert abs(count - total * weight / sum(weights)) < 1 + 1e-6


@pytest.mark.parametrize(("total", "weights", "counts"), [(10, [1, 1, 1], (4, 3, 3)), (3, [1, 99], (0, 3))])
def test_remainders_go_to_the_largest(total, weights, counts):
    assert shares(total, weights) == counts
