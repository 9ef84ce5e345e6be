"""A study in its database: opened or refused, planned, and handed out without giving a place away twice."""

import socket
import subprocess
import threading

import pytest
from optuna.trial import TrialState

from chronoslide.errors import SettingsError
from chronoslide.search import study as study_module
from chronoslide.search.algorithms import PLACE
from chronoslide.search.study import FAILURE, PROCESS, bury_the_dead, claim, open_storage, plan, storage_address
from search.made_up_search import settings, study_at

TUNE = settings()


def places(study, *states):
    return [trial.user_attrs[PLACE] for trial in study.trials() if trial.state in states]


def test_every_place_waits_once_however_often_it_is_planned(address):
    study = study_at(address, TUNE)
    for total in (3, 3, 5):
        plan(study, total, None)
    assert places(study, TrialState.WAITING) == [0, 1, 2, 3, 4]


def test_the_lowest_place_below_the_total_is_taken_first(address):
    study = study_at(address, TUNE)
    plan(study, 3, None)
    assert [claim(study, 2).user_attrs[PLACE] for _ in range(2)] == [0, 1]
    assert claim(study, 2) is None


def test_of_two_plans_made_at_the_same_moment_the_older_trial_counts(address, monkeypatch):
    study = study_at(address, TUNE)
    monkeypatch.setattr(study_module.OpenStudy, "trials", lambda _: [])
    plan(study, 2, None)
    plan(study, 2, None)
    monkeypatch.undo()
    assert sorted(places(study, TrialState.WAITING)) == [0, 0, 1, 1]
    taken = [claim(study, 2) for _ in range(3)]
    assert [trial and trial.user_attrs[PLACE] for trial in taken] == [0, 1, None]
    plan(study, 2, None)
    assert places(study, TrialState.WAITING) == []


def test_many_threads_take_every_place_once(address):
    plan(study_at(address, TUNE), 12, None)
    taken, lock = [], threading.Lock()

    def take():
        study = study_at(address, TUNE)
        while (trial := claim(study, 12)) is not None:
            with lock:
                taken.append(trial.user_attrs[PLACE])

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(12))


def dead_process():
    gone = subprocess.Popen(["true"])
    gone.wait()
    return f"{socket.gethostname()}:{gone.pid}:1"


def test_a_trial_whose_process_is_gone_waits_again_with_its_settings(address):
    study = study_at(address, TUNE)
    plan(study, 1, [{"learning_rate": 0.005}])
    trial = claim(study, 1)
    study.storage.set_trial_user_attr(trial._trial_id, PROCESS, dead_process())
    bury_the_dead(study)
    plan(study, 1, None)
    again = claim(study, 1)
    assert (again.number, again.user_attrs[PLACE], again.user_attrs["deaths"]) == (1, 0, 1)
    assert [trial.state for trial in study.trials()] == [TrialState.FAIL, TrialState.RUNNING]


def test_a_trial_that_is_being_worked_on_is_left_alone(address):
    study = study_at(address, TUNE)
    plan(study, 2, None)
    claim(study, 2)
    other = claim(study, 2)
    study.storage.set_trial_user_attr(other._trial_id, PROCESS, "another-machine:1:1")
    bury_the_dead(study)
    assert places(study, TrialState.RUNNING) == [0, 1]


def test_a_number_that_a_later_process_has_is_not_taken_for_the_old_one(address):
    study = study_at(address, TUNE)
    plan(study, 1, None)
    trial = claim(study, 1)
    host, number, _ = trial.user_attrs[PROCESS].split(":")
    study.storage.set_trial_user_attr(trial._trial_id, PROCESS, f"{host}:{number}:7")
    bury_the_dead(study)
    assert places(study, TrialState.FAIL) == [0]


def test_a_trial_of_a_silent_machine_is_given_to_another_one(address, monkeypatch):
    study = study_at(address, TUNE)
    plan(study, 1, None)
    trial = claim(study, 1)
    study.storage.set_trial_user_attr(trial._trial_id, PROCESS, "another-machine:1:1")
    study.storage.record_heartbeat(trial._trial_id)
    bury_the_dead(study)
    assert places(study, TrialState.RUNNING) == [0]
    monkeypatch.setattr(study.storage, "grace_period", -1)
    bury_the_dead(study)
    plan(study, 1, None)
    assert places(study, TrialState.WAITING) == [0]


def test_a_trial_that_kills_its_process_each_time_is_given_up(address):
    study = study_at(address, TUNE)
    for _ in range(study_module.DEATHS + 2):
        plan(study, 1, None)
        trial = claim(study, 1)
        if trial is not None:
            study.storage.set_trial_user_attr(trial._trial_id, PROCESS, dead_process())
            bury_the_dead(study)
    assert len(study.trials()) == study_module.DEATHS
    assert "died" in study.trials()[-1].user_attrs[FAILURE]


def test_a_study_of_something_else_is_refused_with_the_difference(address):
    study_at(address, TUNE, {"training patches": "abc", "space.filters": "[8, 16]"})
    with pytest.raises(SettingsError) as caught:
        study_at(address, TUNE, {"training patches": "def", "space.filters": "[8, 32]", "space.dropout": "[0.1]"})
    said = str(caught.value)
    assert "space.dropout: nothing then, [0.1] now; space.filters: [8, 16] then, [8, 32] now" in said
    assert "training patches: abc then, def now" in said
    assert "--new" in said


def test_a_new_study_stands_beside_the_old_one_and_is_the_one_from_then_on(address):
    plan(study_at(address, TUNE), 2, None)
    assert study_at(address, TUNE, {"data": "def"}, new="always").name == "hill 2"
    assert study_at(address, TUNE, {"data": "def"}).name == "hill 2"
    assert study_at(address, TUNE, {"data": "def"}).trials() == []
    with pytest.raises(SettingsError, match="'hill 2' was made for something else"):
        study_at(address, TUNE)


def test_a_study_that_others_made_is_refused(address, monkeypatch):
    import optuna

    optuna.create_study(study_name="hill", storage=address)
    monkeypatch.setattr(study_module.time, "sleep", lambda _: None)
    with pytest.raises(SettingsError, match="was not made by `chronoslide tune`"):
        study_at(address, TUNE)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("study.db", "'study.db' is no database address"),
        ("sqlite:////nowhere/at/all/study.db", "sqlite:////nowhere/at/all/study.db cannot be used"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/none", r"postgresql\+psycopg://me:\*\*\*@127.0.0.1:1/none cannot"),
        ("oracle://me@host/none", "cannot be used"),
    ],
)
def test_a_storage_that_cannot_be_reached_is_told_without_its_password(address, words):
    with pytest.raises(SettingsError, match=words) as caught:
        open_storage(address, 60)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_relative_file_belongs_to_the_repository(tmp_path):
    assert storage_address("sqlite:///search/study.db", tmp_path) == f"sqlite:///{tmp_path}/search/study.db"
    assert (tmp_path / "search").is_dir()
    assert storage_address("postgresql://host/name", tmp_path) == "postgresql://host/name"


def test_where_something_changed_a_new_study_is_begun_and_the_old_one_is_found_when_it_changes_back(address):
    """As `dvc repro` asks for it: nobody has to be there to say `--new`."""
    names = [study_at(address, TUNE, {"data": data}, new="if changed").name for data in ("abc", "def", "abc", "def")]
    assert names == ["hill", "hill 2", "hill", "hill 2"]
