import pytest

from chronoslide.mapping.costs import Rates, cost_of_mapping

RATES = Rates(core_seconds_per_megapixel=2.0, model_share=0.9, scene_bytes_per_pixel=6.0, map_bytes_per_pixel=0.5)


def test_a_range_of_mountains_at_five_metres():
    cost = cost_of_mapping(90_000, 5.0, RATES)
    assert cost.megapixels == 3_600  # 40,000 pixels a square kilometre
    assert cost.core_hours == pytest.approx(2.0)
    assert (cost.scene_gigabytes, cost.map_gigabytes) == pytest.approx((21.6, 1.8))
    assert cost.wall_hours(8) == pytest.approx(0.25)


def test_test_time_augmentation_repeats_what_the_network_does_and_nothing_else():
    # 0.9 of the time four times, 0.1 of it once.
    assert cost_of_mapping(90_000, 5.0, RATES, symmetries="flips").core_hours == pytest.approx(2.0 * 3.7)


def test_half_the_pixel_and_seven_years():
    assert cost_of_mapping(90_000, 2.5, RATES, scenes=7).megapixels == 4 * 7 * 3_600
