"""What may be tried: spaces that make no sense are refused, and a point becomes settings."""

import pytest
from pydantic import ValidationError

from chronoslide.errors import SettingsError
from chronoslide.params import OpenModelSettings, OpenOptimiserSettings, PretrainSettings, SpaceSettings, read_settings
from chronoslide.search.space import distributions, grid_points, overruled, settings_of
from search.made_up_search import GRID, settings

OPEN = PretrainSettings()
HELD = PretrainSettings(
    model=OpenModelSettings(filters=12), optimiser=OpenOptimiserSettings(learning_rate=0.5, epochs=9)
)


def test_the_grid_of_the_paper_has_27_points_in_the_same_order_for_the_same_seed():
    points = grid_points(SpaceSettings(**GRID), 3)
    assert len({tuple(point.items()) for point in points}) == 27
    assert points == grid_points(SpaceSettings(**GRID), 3)
    assert points != grid_points(SpaceSettings(**GRID), 4)


def test_what_is_null_is_not_searched():
    space = SpaceSettings(filters=None, learning_rate={"low": 1e-5, "high": 1e-2, "log": True}, dropout=[0.0, 0.5])
    assert set(distributions(space)) == {"learning_rate", "dropout"}
    assert distributions(space)["learning_rate"].log


def test_a_point_overrides_what_pretrain_holds_and_the_rest_stays():
    model, optimiser = settings_of({"learning_rate": 0.01, "dropout": 0.2}, HELD, epochs=4)
    assert (model.filters, model.dropout) == (12, 0.2)
    assert (optimiser.learning_rate, optimiser.epochs, optimiser.batch_patches) == (0.01, 4, 32)


def test_of_an_ensemble_one_member_is_tried():
    section = PretrainSettings(model=OpenModelSettings(members=5))
    assert settings_of({}, section, epochs=1)[0].members == 1


def test_settings_that_pretrain_names_itself_are_told():
    space = SpaceSettings(filters=[8, 16], batch_patches=[8, 16], learning_rate=[0.1, 0.2])
    assert overruled(space, HELD) == ["filters", "learning_rate"]
    assert overruled(space, OPEN) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space": {}}, "space is empty; name something to search (architecture, filters, dropout"),
        ({"space": {"filters": []}}, "space: filters: the list is empty"),
        ({"space": {"filters": [8, 8]}}, "filters: a value stands twice in [8, 8]"),
        ({"space": {"filters": [0, 8]}}, "filters: 0 is not possible (Input should be greater than or equal to 1)"),
        ({"space": {"filters": {"low": 32, "high": 8}}}, "space.filters: from 32 to 8 there is nothing to search"),
        ({"space": {"filters": {"low": 8, "high": 32, "steps": 3}}}, "unknown key 'tune.space.filters.steps', did you"),
        ({"space": {"learning_rate": {"low": 0, "high": 1, "log": True}}}, "log needs a range above 0"),
        ({"space": {"learning_rate": [1e-3, -1]}}, "learning_rate: -1 is not possible"),
        ({"space": {"learning_rate": ["fast"]}}, "space.learning_rate.0: Input should be a valid number"),
        ({"space": {"false_positive_weight": {"low": 0.3, "high": 1.3}}}, "false_positive_weight: 1.3 is not possible"),
        ({"space": {"batches": [8]}}, "unknown key 'tune.space.batches', did you mean 'batch_patches'?"),
        ({"sampler": "grid"}, "sampler grid needs a list of values for false_positive_weight, learning_rate"),
        ({"sampler": "cmaes", "space": {"filters": [8, 16]}}, "sampler cmaes needs two or more ranges"),
        ({"objectives": ["cost"]}, "objectives must be [f1] or [f1, cost]"),
        ({"objectives": ["f1", "cost"]}, "several objectives and a pruner exclude each other; set pruner to none"),
        ({"pruner": "median", "trials": -1}, "tune.trials: Input should be greater than or equal to 0"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused_in_one_line(tmp_path, changes, words):
    import yaml

    from test_params import delivered

    content = delivered()
    content["tune"] = {**content["tune"], "space": {"learning_rate": {"low": 0.1, "high": 0.2}}, **changes}
    if "space" not in changes:
        content["tune"]["space"]["false_positive_weight"] = {"low": 0.3, "high": 0.8}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path / "params.yaml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_trials_an_empty_space_is_no_mistake():
    assert settings(trials=0, space={}).space.named() == {}
    with pytest.raises(ValidationError):
        settings(trials=1, space={})
