"""The stage `tune` on a small network: results, what is told to MLflow, going on, and what is refused."""

import contextlib
import json

import numpy as np
import pandas as pd
import pytest
import yaml

from chronoslide import cli
from chronoslide.errors import DataError, SettingsError
from chronoslide.params import read_settings
from chronoslide.patches.storage import SAMPLE_COLUMNS, write_patches, write_statistics
from chronoslide.search import networks as networks_module
from chronoslide.search import worker_processes
from chronoslide.stages import pretrain, tune
from search.test_networks import STATISTICS, patches, small_network
from test_params import delivered

SEARCH = {
    "study": "squares", "trials": 4, "epochs": 2, "patches": None, "sampler": "grid", "pruner": "none",
    # The last two learning rates lead nowhere: the loss ceases to be a number.
    "space": {"batch_patches": [4, 8], "learning_rate": [0.05, 1e38]},
}  # fmt: skip


class Recorder:
    """Stands for the run in MLflow and keeps what it is told."""

    def __init__(self):
        self.below, self.files, self.parameters, self.metrics, self.tags = {}, [], {}, {}, {}

    def nested(self):
        return {name: name for name in self.below}

    def log_nested(self, name, **told):
        assert name not in self.below
        self.below[name] = told

    def tag_nested(self, tag, values):
        self.tags |= {(name, f"chronoslide.{tag}"): value for name, value in values.items()}

    def log_params(self, parameters):
        self.parameters |= parameters

    def log_metrics(self, metrics, step=0):
        self.metrics |= metrics

    def log_files(self, paths, folder=None):
        self.files += [path.name for path in paths]


def write_params(root, **changes):
    content = delivered()
    content["tune"] = {**content["tune"], **SEARCH, **changes}
    content["tune"]["space"] = dict.fromkeys(delivered()["tune"]["space"]) | content["tune"]["space"]
    (root / "params.yaml").write_text(yaml.safe_dump(content))


def write_site(root, seed=1):
    folder = root / "results/patches/training"
    for subset, n in (("train", 12), ("validation", 5)):
        samples = pd.DataFrame([("training", 2016, 0, 0, 0)] * n, columns=list(SAMPLE_COLUMNS))
        write_patches(folder / subset, patches(n, seed + n), samples)
    write_statistics(folder, STATISTICS)


@contextlib.contextmanager
def on_small_networks(recorder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks_module, "build_network", small_network)
        patch.setattr(tune, "stage_run", lambda *_, **__: contextlib.nullcontext(recorder))
        yield


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A repository whose search has ended, and what was told to MLflow."""
    root, recorder = tmp_path_factory.mktemp("searched"), Recorder()
    write_params(root)
    write_site(root)
    with on_small_networks(recorder):
        tune.run(root)
    return root, recorder


@pytest.fixture
def again(searched):
    """The same, in a test that goes on with it."""
    root, recorder = searched
    write_params(root)
    with on_small_networks(recorder):
        yield root


def test_the_best_parameters_are_those_of_the_best_trial(searched):
    root, _ = searched
    best = json.loads((root / "results/search/best_params.json").read_text())
    table = pd.read_csv(root / "results/search/trials.csv")
    row = table.loc[table["f1"].idxmax()]
    assert best["parameters"] == {"batch_patches": row["batch_patches"], "learning_rate": 0.05}
    assert (best["best_trial"], best["f1"]) == (row["trial"], row["f1"])
    assert row["f1"] > 0.5


def test_a_loss_that_is_no_number_is_a_failed_trial(searched):
    root, _ = searched
    table = pd.read_csv(root / "results/search/trials.csv").sort_values("learning_rate")
    assert list(table["state"]) == ["complete", "complete", "failed", "failed"]
    assert table["f1"].notna().tolist() == [True, True, False, False]


def test_results_hold_no_wall_time_and_timings_stand_beside(searched):
    root, _ = searched
    for name, content in bytes_of(root / "results/search").items():
        assert b"second" not in content, name
    timings = pd.read_csv(root / "search/timings.csv")
    assert (timings["seconds"] > 0).all()
    assert list(timings["trial"]) == [0, 1, 2, 3]


def test_mlflow_is_told_of_every_trial_once_with_its_curve_and_state(searched):
    _, recorder = searched
    assert sorted(recorder.below) == [f"trial {number}" for number in range(4)]
    states = {told["tags"]["state"]: told for told in recorder.below.values()}
    assert states["complete"]["status"] == "FINISHED"
    assert [row["epoch"] for row in states["complete"]["curve"]] == [1, 2]
    assert states["complete"]["metrics"]["patches"] == 24
    assert states["complete"]["metrics"]["patches_per_second"] > 0
    assert states["failed"]["status"] == "FAILED"
    assert "not a number" in states["failed"]["tags"]["failure"]
    best = [name for (name, tag), value in recorder.tags.items() if tag == "chronoslide.best" and value == "true"]
    assert best == [f"trial {recorder.metrics['best_trial']}"]


def test_the_minutes_are_told_before_the_first_trial(again, caplog):
    write_params(again, study="told")
    with caplog.at_level("INFO"):
        tune.run(again)
    said = [record.getMessage() for record in caplog.records]
    estimate = next(place for place, line in enumerate(said) if "minutes here" in line)
    failure = next(place for place, line in enumerate(said) if "failed" in line)
    assert estimate < failure
    assert "4 of 4 trials to run; they will take at most about" in said[estimate]


def test_a_search_that_has_ended_is_not_repeated(again, caplog):
    tune.run(again)
    before = bytes_of(again / "results/search")
    with caplog.at_level("INFO"):
        tune.run(again)
    assert "all 4 trials are there" in caplog.text
    assert bytes_of(again / "results/search") == before


def test_another_space_is_refused_with_the_difference_unless_a_new_study_is_wanted(again):
    write_params(again, study="other")
    tune.run(again)
    write_params(again, study="other", space={"batch_patches": [4, 6], "learning_rate": [0.05]})
    with pytest.raises(SettingsError, match=r"space.batch_patches: \[4, 8\] then, \[4, 6\] now"):
        tune.run(again)
    tune.run(again, new="always")
    assert json.loads((again / "results/search/best_params.json").read_text())["trials"] == 2


def test_other_patches_are_refused(again, tmp_path):
    write_params(tmp_path, storage=f"sqlite:///{again}/search/study.db")
    write_site(tmp_path, seed=50)
    with pytest.raises(SettingsError, match=r"training patches: .* then, .* now"):
        tune.run(tmp_path)


def test_when_all_trials_fail_the_command_says_so_in_a_line(again, capsys):
    write_params(again, study="hopeless", space={"learning_rate": [1e38]})
    assert cli.main(["tune", "--root", str(again)]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("chronoslide tune: tune: none of 1 trials came to its end")
    assert "not a number" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--storage", "sqlite:////nowhere/at/all/study.db"],
            "tune.storage: sqlite:////nowhere/at/all/study.db cannot",
        ),
        (["--workers", "0"], "--workers 0: name one or more"),
    ],
)
def test_a_mistake_ends_with_code_two_and_a_line(again, capsys, words, said):
    assert cli.main(["tune", "--root", str(again), *words]) == 2
    assert said in capsys.readouterr().err


def test_without_trials_nothing_is_searched_and_the_file_says_so(tmp_path):
    write_params(tmp_path, trials=0)
    with on_small_networks(Recorder()):
        tune.run(tmp_path)
    best = json.loads((tmp_path / "results/search/best_params.json").read_text())
    assert best == {"parameters": {}, "searched": False, "trials": 0}
    assert not (tmp_path / "search").exists()
    assert pretrain._best(tmp_path / "results/search/best_params.json") == {}


def test_patches_that_are_missing_are_told_before_a_study_is_made(tmp_path):
    write_params(tmp_path)
    with on_small_networks(Recorder()), pytest.raises(DataError, match="run `chronoslide patches`"):
        tune.run(tmp_path)
    assert not (tmp_path / "search").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"parameters": 3}', "{}"])
def test_a_broken_result_of_the_search_is_told_by_pretrain(tmp_path, content):
    path = tmp_path / "best_params.json"
    with pytest.raises(DataError, match="run `chronoslide tune`"):
        pretrain._best(path)
    path.write_text(content)
    with pytest.raises(DataError, match="holds no parameters; repeat `chronoslide tune`"):
        pretrain._best(path)


def test_each_worker_gets_its_share_of_the_cores(again, monkeypatch):
    started = []

    class Process:
        def __init__(self, words, env, **_):
            started.append((words, env))

        def poll(self):
            return 0

        wait = poll

    monkeypatch.setattr(worker_processes.subprocess, "Popen", Process)
    monkeypatch.setattr(worker_processes.os, "sched_getaffinity", lambda _: range(6), raising=False)
    tune.run(again, workers=3)
    assert len(started) == 3
    words, environment = started[0]
    assert environment["TF_NUM_INTRAOP_THREADS"] == "2"
    assert words[words.index("--worker") + 1] == "squares"


def test_a_worker_runs_the_trials_of_the_study_it_is_told(again):
    write_params(again, study="shared")
    settings = read_settings(again / "params.yaml")
    study = tune._open(again, settings, settings.tune, new="never")
    tune.run_worker(again, str(study.storage.url), "shared", None)
    assert len(tune.trials.ended(study, 4)) == 4
    assert np.isfinite(tune.trials.best_of(tune.trials.ended(study, 4)).values[0])
