"""MLflow is told once, can be traced back, and the champion changes only for a better model."""

import hashlib
import json
import os
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from chronoslide import tracking
from chronoslide.errors import SettingsError
from chronoslide.params import read_settings
from chronoslide.tracking.inputs import Inputs, inputs_of
from chronoslide.tracking.registry import _decide, pinned
from chronoslide.tracking.store import EXPERIMENT, address_of, make_database, open_store

ROOT = Path(__file__).parents[2]
SETTINGS = read_settings(ROOT / "params.yaml")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "results/scenes").mkdir(parents=True)
    (tmp_path / "results/scenes/2013.tif").write_bytes(b"scene")
    stages = {"map": {"cmd": "chronoslide map", "deps": ["results/scenes"], "params": ["map", "seed"]}}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    return tmp_path


def test_the_hash_of_a_folder_is_the_one_that_dvc_writes(tmp_path: Path) -> None:
    for name, content in {"b/2": b"two", "a": b"one", "b-1": b"three"}.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    (tmp_path / "file").write_bytes(b"alone")
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    dvc = Path(os.sys.executable).parent / "dvc"
    subprocess.run([dvc, "init", "--no-scm", "--quiet"], cwd=tmp_path, env=environment, check=True)
    subprocess.run([dvc, "add", "--quiet", "folder", "file"], cwd=tmp_path, env=environment, check=True)
    for name in ("folder", "file"):
        written = yaml.safe_load((tmp_path / f"{name}.dvc").read_text())["outs"][0]["md5"]
        assert tracking.dvc_hash(tmp_path / name) == written


def test_inputs_are_the_parameters_and_hashes_that_dvc_lists(repository: Path) -> None:
    inputs = inputs_of(repository, "map", SETTINGS)
    assert inputs.parameters["map.window_pixels"] == SETTINGS.map.window_pixels
    assert inputs.parameters["seed"] == SETTINGS.seed
    assert not any(name.startswith("patches") for name in inputs.parameters)
    scene = hashlib.md5(b"scene").hexdigest()
    listing = json.dumps([{"md5": scene, "relpath": "2013.tif"}], sort_keys=True).encode()
    assert inputs.data == {"results/scenes": hashlib.md5(listing).hexdigest() + ".dir"}


@pytest.mark.parametrize("path", ["results/scenes", "results/scenes/2013.tif", "results/../results/scenes/more"])
def test_what_lies_in_a_listed_folder_is_watched(repository: Path, path: str) -> None:
    tracking.require_dependency(repository, "map", path, "map.more")


@pytest.mark.parametrize("path", ["results", "results/scenes_too", "../elsewhere"])
def test_what_a_stage_does_not_list_is_refused_with_the_line_to_add(repository: Path, path: str) -> None:
    with pytest.raises(SettingsError, match=rf"map.more: {path} is no dependency of the stage map .*`- {path}`"):
        tracking.require_dependency(repository, "map", path, "map.more")


def test_another_parameter_or_other_data_name_another_run(repository: Path) -> None:
    first = inputs_of(repository, "map", SETTINGS).key
    other_seed = inputs_of(repository, "map", SETTINGS.model_copy(update={"seed": 1})).key
    (repository / "results/scenes/2013.tif").write_bytes(b"another scene")
    other_data = inputs_of(repository, "map", SETTINGS).key
    assert len({first, other_seed, other_data}) == 3


def runs_in(repository: Path) -> list:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{repository / 'mlflow.db'}")
    return client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
class TestRuns:
    """Runs in a real store; opening it takes seconds, so one test walks through a run's life."""

    def test_two_repositories_in_one_process_keep_their_runs_apart(self, repository: Path, tmp_path: Path) -> None:
        for root in (repository, tmp_path / "second"):
            root.mkdir(exist_ok=True)
            open_store(root)
            assert address_of(root) == f"sqlite:///{root / 'mlflow.db'}"
            assert (root / "mlflow.db").exists()
        assert "MLFLOW_TRACKING_URI" not in os.environ

    def test_a_run_is_found_again_a_dead_one_is_buried_and_a_failed_one_says_so(self, repository: Path) -> None:
        with tracking.stage_run(repository, "map", SETTINGS) as run:
            run.log_metrics({"f1": 0.5, "undefined": float("nan"), "none": None}, step=2013)
        first = runs_in(repository)
        assert [(run.info.run_name, run.info.status) for run in first] == [("map", "FINISHED")]
        assert first[0].data.metrics == {"f1": 0.5}
        assert first[0].data.params["seed"] == str(SETTINGS.seed)

        with tracking.stage_run(repository, "map", SETTINGS) as again:
            assert again.known
            again.log_metrics({"f1": 0.9})
        assert [run.data.metrics for run in runs_in(repository)] == [{"f1": 0.5}]
        latest = tracking.latest_runs(again)
        assert [(run.name, run.key, run.address) for run in latest] == [("map", again.inputs.key, "")]

        page = repository / "report.html"
        page.write_text("<p>")
        with tracking.stage_run(repository, "map", SETTINGS.model_copy(update={"seed": 6}), "report") as report:
            assert tracking.attach(report, "map", "no such key", [page], "report") is None
            assert tracking.attach(report, "map", again.inputs.key, [page], "report") == again.run_id
        assert tracking.read_artefact(repository, again.run_id, "report/report.html") == "<p>"
        with pytest.raises(tracking.TrackingError, match="no such run"):
            tracking.read_artefact(repository, again.run_id, "metrics.json")
        again.client.delete_run(report.run_id)

        changed = SETTINGS.model_copy(update={"seed": 7})
        with pytest.raises(RuntimeError), tracking.stage_run(repository, "map", changed):
            raise RuntimeError("the stage failed")
        gone = subprocess.Popen(["true"])
        gone.wait()
        with tracking.stage_run(repository, "map", SETTINGS.model_copy(update={"seed": 8})) as run:
            run.client.set_tag(run.run_id, "chronoslide.process", f"{socket.gethostname()}:{gone.pid}")
            with tracking.stage_run(repository, "map", SETTINGS.model_copy(update={"seed": 9})):
                pass
            assert run.client.get_run(run.run_id).info.status == "KILLED"
        assert sorted(run.info.status for run in runs_in(repository)) == ["FAILED", "FINISHED", "FINISHED", "FINISHED"]

    def test_a_search_is_one_run_however_often_it_is_gone_on_with(self, repository: Path) -> None:
        trial = {"parameters": {"filters": 8}, "metrics": {"f1": 0.5}, "tags": {"trial": "0"}}
        curve = [{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.7}]
        with tracking.stage_run(repository, "map", SETTINGS, goes_on="study 1") as run:
            run.log_nested("trial 0", **trial, curve=curve, status="FINISHED", times=(1_000, 3_000))
            half = {"mlflow.parentRunId": run.run_id}  # the search is killed while it logs the next trial
            run.client.create_run(run.client.get_run(run.run_id).info.experiment_id, tags=half, run_name="trial 1")
        changed = SETTINGS.model_copy(update={"seed": 7})
        with tracking.stage_run(repository, "map", changed, goes_on="study 1") as again:
            assert again.run_id == run.run_id
            assert not again.known
            assert list(again.nested()) == ["trial 0"]
            again.log_params({"best.filters": 8, "seed": 7})
        runs = {each.info.run_name: each for each in runs_in(repository)}
        assert set(runs) == {"map", "trial 0"}
        assert runs["map"].info.status == "FINISHED"
        assert runs["map"].data.params["best.filters"] == "8"
        below = runs["trial 0"]
        assert below.data.tags["mlflow.parentRunId"] == run.run_id
        assert (below.data.params, below.data.metrics) == ({"filters": "8"}, {"loss": 0.7, "f1": 0.5})
        assert below.info.end_time - below.info.start_time == 2_000
        history = again.client.get_metric_history(below.info.run_id, "loss")
        assert [(point.step, point.value) for point in history] == [(1, 0.9), (2, 0.7)]
        assert [each.name for each in tracking.latest_runs(again)] == ["map"]


def version(number: str | int, f1: float, blocks: str) -> SimpleNamespace:
    return SimpleNamespace(version=number, tags={"held_out_f1": str(f1), "held_out_blocks": blocks})


@pytest.mark.parametrize(
    ("champion", "moves", "word"),
    [
        (None, True, "first"),
        (version("1", 0.60, "a"), True, "replaces"),
        (version("1", 0.70, "a"), False, "not better"),
        (version("1", 0.80, "a"), False, "not better"),
        (version("1", 0.80, "b"), True, "does not compare"),
        (version("2", 0.70, "a"), False, "already"),
        (version(2, 0.60, "a"), False, "already"),
    ],
)
def test_the_champion_changes_only_for_a_better_one(champion: object, moves: bool, word: str) -> None:
    decision, moved = _decide("model", "2", 0.70, "a", champion)
    assert moved is moves
    assert word in decision


@pytest.mark.parametrize(
    ("versions", "alias", "word"),
    [
        ({"1": "aaaa", "2": "aaaa", "3": "bbbb"}, "2", "version 2 carries the weights"),
        ({"1": "bbbb"}, None, "no version has the weights"),
        ({}, None, "no version has the weights"),
    ],
)
def test_the_mapper_follows_the_champion_whose_weights_it_carries(
    versions: dict[str, str], alias: str | None, word: str
) -> None:
    moved: dict[str, str] = {}
    client = SimpleNamespace(
        get_model_version_by_alias=lambda *_: SimpleNamespace(version="7", tags={"weights_md5": "aaaa"}),
        search_model_versions=lambda _: [
            SimpleNamespace(version=number, tags={"weights_md5": weights}) for number, weights in versions.items()
        ],
        set_registered_model_alias=lambda name, _, number: moved.update({name: number}),
        set_tag=lambda *_: None,
    )
    run = tracking.StageRun(client, "1", Inputs("evaluate", {}, {}, {}), Path(), known=False)
    assert word in tracking.follow(run, "mapper", "network")
    assert moved == ({"mapper": alias} if alias else {})


def test_pins_reach_what_the_packages_need() -> None:
    pins = dict(pin.split("==") for pin in pinned(("keras",)))
    assert {"keras", "numpy", "h5py", "optree"} <= set(pins)
    assert "dvc" not in pins


def test_a_database_that_was_killed_while_it_was_made_is_made_anew(repository: Path) -> None:
    with subprocess.Popen([os.sys.executable, "-c", ""]) as ended:
        pass
    (repository / f".mlflow.{ended.pid}.part.db").write_bytes(b"half of a database")
    made = []

    class Client:
        def __init__(self, uri: str) -> None:
            made.append(Path(uri.removeprefix("sqlite:///")))

        def search_experiments(self, max_results: int) -> None:
            made[-1].write_bytes(b"whole")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mlflow.tracking.MlflowClient", Client)
        make_database(repository / "mlflow.db")
        make_database(repository / "mlflow.db")
    assert len(made) == 1
    assert made[0] != repository / "mlflow.db"
    assert (repository / "mlflow.db").read_bytes() == b"whole"
    assert not list(repository.glob(".mlflow*"))
