"""What is told of the trials of a search: the best one, the Pareto front, the table, what mattered."""

from types import SimpleNamespace

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from chronoslide.errors import ModelError
from chronoslide.search.algorithms import PLACE
from chronoslide.search.study import FAILURE, OUTCOME
from chronoslide.search.trials import best_of, best_parameters, ended, importances, pareto_front, trial_table


def trial(place, f1=None, cost=None, rate=0.1, other=0.5, state=TrialState.COMPLETE, **attributes):
    values = None if f1 is None else [f1] if cost is None else [f1, cost]
    return create_trial(
        values=values,
        state=state,
        params={"rate": rate, "other": other},
        distributions={"rate": FloatDistribution(0, 1), "other": FloatDistribution(0, 1)},
        user_attrs={PLACE: place, OUTCOME: {"f1": f1, "cost": cost}, **attributes},
    )


PRUNED = trial(
    3,
    state=TrialState.PRUNED,
    curve=[
        {"val_f1": 0.1, "val_loss": 0.9, "val_precision": 0.2, "val_recall": 0.3},
        {"val_f1": 0.4, "val_loss": 0.6, "val_precision": 0.5, "val_recall": 0.7},
    ],
)
FAILED = trial(4, state=TrialState.FAIL, **{FAILURE: "no memory"})


def test_on_the_front_is_who_no_other_beats_in_f1_and_cost():
    trials = [trial(0, 0.8, 5.0), trial(1, 0.7, 2.0), trial(2, 0.7, 3.0), trial(3, 0.8, 5.0), FAILED]
    assert pareto_front(trials) == {0, 1, 3}


def test_the_earlier_of_two_equally_good_trials_is_the_best():
    trials = [trial(0, 0.2), trial(1, 0.6), trial(2, 0.6), PRUNED, FAILED]
    best = best_of(trials)
    assert best.user_attrs[PLACE] == 1
    told = best_parameters(best, trials, {"study": "a"})
    assert told | {"parameters": None} == {
        "study": "a", "searched": True, "parameters": None, "best_trial": 1, "f1": 0.6, "trials": 5, "complete": 3,
        "pruned": 1, "failed": 1,
    }  # fmt: skip


def test_without_a_whole_trial_the_last_failure_is_told():
    with pytest.raises(ModelError, match=r"none of 2 trials .* said: no memory"):
        best_of([PRUNED, FAILED])


def test_a_pruned_trial_stands_in_the_table_with_what_it_had_reached():
    table = trial_table([trial(0, 0.8, 5.0), PRUNED, FAILED], ["rate"], ["f1", "cost"])
    assert table["state"].tolist() == ["complete", "pruned", "failed"]
    assert table.loc[1, ["f1", "loss", "precision", "recall", "epochs"]].tolist() == [0.4, 0.6, 0.5, 0.7, 2]
    assert table["pareto"].tolist() == [True, False, False]
    assert "pareto" not in trial_table([trial(0, 0.8)], ["rate"], ["f1"])
    assert trial_table([], ["rate"], ["f1"]).empty


def test_trials_of_later_places_and_those_that_died_do_not_count():
    died = trial(1, state=TrialState.FAIL)
    waiting = trial(2, state=TrialState.WAITING)
    study = SimpleNamespace(trials=lambda: [trial(5, 0.9), PRUNED, trial(0, 0.1), died, waiting, FAILED])
    assert [one.user_attrs[PLACE] for one in ended(study, 5)] == [0, 3, 4]


def test_the_setting_that_f1_follows_explains_nearly_all_of_it():
    trials = [trial(n, rate, rate=rate, other=(7 * n % 12) / 12) for n, rate in enumerate(i / 12 for i in range(12))]
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    shares = importances(SimpleNamespace(as_optuna=lambda: study), trials, ["rate", "other"], seed=1)
    assert list(shares) == ["rate", "other"]
    assert shares["rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "trials",
    [
        [trial(n, n / 3, rate=n / 3) for n in range(3)],
        [trial(n, 0.5, rate=n / 9) for n in range(9)],
        [trial(n, n / 9) for n in range(9)],
    ],
    ids=["three trials", "all equally good", "nothing varied"],
)
def test_too_little_to_compare_has_no_importances(trials):
    assert importances(SimpleNamespace(as_optuna=None), trials, ["rate", "other"], seed=1) == {}
