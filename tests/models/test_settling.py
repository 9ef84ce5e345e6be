"""What stands in params.yaml wins, then comes the search, then the default; and it is said."""

import pytest

from chronoslide.errors import SettingsError
from chronoslide.models.settling import settle
from chronoslide.params import OpenModelSettings, OpenOptimiserSettings, PretrainSettings

SECTION = PretrainSettings(
    model=OpenModelSettings(filters=12),
    optimiser=OpenOptimiserSettings(epochs=24, learning_rate=None, batch_patches=4, schedule="cosine"),
)
BEST = {"filters": 8, "learning_rate": 0.003, "batch_patches": 32, "false_positive_weight": 0.6}


def test_explicit_values_win_over_the_search_and_the_search_over_defaults():
    settled = settle(SECTION, BEST)
    assert (settled.model.filters, settled.model.dropout) == (12, 0.0)
    assert (settled.optimiser.batch_patches, settled.optimiser.learning_rate) == (4, 0.003)
    assert (settled.optimiser.false_positive_weight, settled.optimiser.focal_gamma) == (0.6, 1.0)
    assert (settled.optimiser.epochs, settled.optimiser.schedule) == (24, "cosine")


def test_it_is_said_what_was_taken_from_where():
    assert settle(SECTION, BEST).sentence() == (
        "filters 12, batch_patches 4 from params.yaml; learning_rate 0.003, false_positive_weight 0.6 from the search; "
        "architecture unet, dropout 0, focal_gamma 1 from the default"
    )


def test_without_a_search_the_open_places_take_the_defaults():
    settled = settle(PretrainSettings(), {})
    assert settled.values == {
        "architecture": "unet", "filters": 32, "dropout": 0.0, "batch_patches": 32, "learning_rate": 0.001,
        "false_positive_weight": 0.7, "focal_gamma": 1.0,
    }  # fmt: skip
    assert set(settled.sources.values()) == {"the default"}


def test_a_best_that_no_search_can_have_found_is_refused():
    with pytest.raises(SettingsError, match=r"best_params.json: learning_rate: .*repeat the search"):
        settle(PretrainSettings(), {"learning_rate": -1})
