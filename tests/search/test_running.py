"""Whole searches over a made-up hill: the same however often they are interrupted, nothing lost, nothing twice."""

import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from chronoslide.errors import ModelError
from chronoslide.search import trials
from chronoslide.search.algorithms import PLACE
from search.made_up_search import GRID, SPACE, climb, failing, search, settings, study_at

PROGRAM = Path(__file__).with_name("made_up_search.py")


def outcome(study, total):
    return [
        (trial.user_attrs[PLACE], trial.state.name, tuple(trial.params.items()), trial.values)
        for trial in trials.ended(study, total)
    ]


class Killed(BaseException):
    """Ends the process's work as SIGKILL would: nothing is tidied up."""


def interrupted(address, tune, at, monkeypatch):
    """A search that dies in the middle of every trial of `at`, and is begun again each time."""
    left = list(at)

    def dying(point, on_epoch):
        def tell(epoch):
            on_epoch(epoch)
            if left and epoch["epoch"] == 1 and study.trials()[-1].number >= 0 and running(study) == left[0]:
                left.pop(0)
                raise Killed

        return climb(point, tell)

    for _ in range(len(at) + 1):
        study = study_at(address, tune)
        # The trial of an earlier attempt belongs to this process, which lives; call it gone.
        monkeypatch.setattr("chronoslide.search.study.is_dead", lambda _: True)
        try:
            search(address, tune, dying)
        except Killed:
            continue
    assert not left
    return study


def running(study):
    return next(trial.user_attrs[PLACE] for trial in study.trials() if trial.state == TrialState.RUNNING)


@pytest.mark.parametrize(
    "changes",
    [
        {"sampler": "tpe", "pruner": "hyperband"},
        {"sampler": "tpe", "pruner": "median"},
        {"sampler": "cmaes", "pruner": "none"},
        {"sampler": "grid", "pruner": "none", "space": GRID},
        {"sampler": "tpe", "pruner": "none", "objectives": ["f1", "cost"]},
    ],
    ids=lambda changes: "-".join([changes["sampler"], changes["pruner"], *changes.get("objectives", [])]),
)
def test_an_interrupted_search_ends_as_one_that_was_not(folder, monkeypatch, changes):
    tune = settings(trials=7, **changes)
    whole = search(f"sqlite:///{folder}/whole.db", tune)
    broken = interrupted(f"sqlite:///{folder}/broken.db", tune, [1, 5], monkeypatch)
    assert len(broken.trials()) == 7 + 2
    assert outcome(broken, 7) == outcome(whole, 7)
    assert len(outcome(whole, 7)) == 7


def test_trials_are_a_total_that_can_be_raised(address):
    search(address, settings(trials=4))
    study = search(address, settings(trials=6))
    assert [row[0] for row in outcome(study, 6)] == [0, 1, 2, 3, 4, 5]
    assert len(search(address, settings(trials=6)).trials()) == 6


def test_a_search_learns_where_the_hill_is(address):
    study = search(address, settings(trials=16, startup_trials=6, pruner="none"))
    best = trials.best_of(trials.ended(study, 16))
    assert best.values[0] > 0.7
    drawn = [trial.params["false_positive_weight"] for trial in trials.ended(study, 16)]
    assert len(set(drawn)) == 16


def test_hyperband_prunes_and_the_pruned_keep_what_they_reached(address):
    study = search(address, settings(trials=12, epochs=3))
    states = Counter(trial.state for trial in trials.ended(study, 12))
    assert states[TrialState.PRUNED] >= 2
    assert states[TrialState.COMPLETE] >= 2
    pruned = next(trial for trial in trials.ended(study, 12) if trial.state == TrialState.PRUNED)
    assert len(pruned.user_attrs["curve"]) == max(pruned.intermediate_values) < 3


def test_a_loss_that_is_no_number_fails_its_trial_and_the_search_goes_on(address):
    study = search(address, settings(trials=6, pruner="none"), failing)
    states = Counter(trial.state for trial in study.trials())
    assert states[TrialState.FAIL] >= 1
    assert states[TrialState.COMPLETE] >= 1
    assert sum(states.values()) == 6  # a failure is an answer and is not repeated
    assert len(search(address, settings(trials=6, pruner="none"), failing).trials()) == 6


def test_when_all_trials_fail_the_search_says_what_the_last_one_said(address):
    space = {"learning_rate": {"low": 0.01, "high": 0.1}}
    study = search(address, settings(trials=3, space=space), failing)
    with pytest.raises(ModelError, match=r"none of 3 trials came to its end.*the loss is not a number in epoch 1"):
        trials.best_of(trials.ended(study, 3))


def test_a_bug_is_not_called_a_failed_trial(address):
    def broken(point, on_epoch):
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        search(address, settings(trials=2), broken)


def test_when_the_time_is_up_no_trial_is_begun(address):
    study = search(address, settings(trials=5), ends=time.monotonic() - 1)
    assert study.trials() == []


def test_a_trial_that_was_given_to_another_process_is_not_kept(address):
    def overslept(point, on_epoch):
        if len(study.trials()) == 1:
            study.storage.set_trial_state_values(study.trials()[0]._trial_id, TrialState.FAIL)
        return climb(point, on_epoch)

    tune = settings(trials=1)
    study = study_at(address, tune)
    search(address, tune, overslept)
    assert [trial.state for trial in study.trials()] == [TrialState.FAIL, TrialState.COMPLETE]


@contextmanager
def worker(address, trials_wanted, sampler, pruner, seconds):
    """A process that has begun to search; it is gone at the end."""
    words = [sys.executable, str(PROGRAM), address, str(trials_wanted), sampler, pruner, str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        yield process


def test_five_kills_at_random_moments_lose_no_finished_trial(address):
    rng = random.Random(5)
    kept = {}
    for _ in range(5):
        with worker(address, 8, "tpe", "hyperband", 0.05) as process:
            time.sleep(rng.uniform(0.05, 0.5))
            process.kill()
        now = {row[0]: row for row in outcome(study_at(address, settings()), 8)}
        assert kept.items() <= now.items()
        kept = now
    with worker(address, 8, "tpe", "hyperband", 0) as process:
        assert process.wait() == 0
    whole = search(f"{address}.whole", settings(trials=8))
    assert outcome(study_at(address, settings()), 8) == outcome(whole, 8)


def test_two_processes_take_the_27_points_of_the_grid_once_each(address):
    with (
        worker(address, 27, "grid", "none", 0.002) as one,
        worker(address, 27, "grid", "none", 0.002) as other,
    ):
        assert [one.wait(), other.wait()] == [0, 0]
    study = study_at(address, settings(space=GRID, sampler="grid", pruner="none"))
    done = trials.ended(study, 27)
    assert len({tuple(trial.params.items()) for trial in done}) == len(done) == 27
    assert [trial.state for trial in done] == [TrialState.COMPLETE] * 27


def test_a_process_that_is_told_to_stop_leaves_its_trial_to_the_next_one(address):
    with worker(address, 3, "random", "none", 0.5) as process:
        process.terminate()
    study = search(address, settings(trials=3, sampler="random", pruner="none"))
    assert [row[:2] for row in outcome(study, 3)] == [(0, "COMPLETE"), (1, "COMPLETE"), (2, "COMPLETE")]


def test_optuna_reads_the_study_as_its_own(address):
    search(address, settings(trials=4, pruner="none"))
    study = optuna.load_study(study_name="hill", storage=address)
    assert study.best_trial.user_attrs["outcome"]["f1"] == study.best_value
    assert set(study.best_params) == set(SPACE)
