"""A server that is away loses no run: it is kept, found again, and sent once, by the rules of the registry."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from pathlib import Path

import pytest
import yaml

from chronoslide import cli, tracking
from chronoslide.models.card import WEIGHTS
from chronoslide.models.plain import in_plain_layers
from chronoslide.models.storage import load_model, save_model
from chronoslide.params import read_settings
from chronoslide.serving.storage import PACKAGE, read_package, weights_md5
from chronoslide.tracking import outbox, sending
from chronoslide.tracking.inputs import Inputs
from chronoslide.tracking.outbox import header_of, open_record
from chronoslide.tracking.store import is_server, is_unreachable, prepare, reason_of
from free_ports import free_port
from served import CARD_OF_SERVED, write_network, write_registry

ROOT = Path(__file__).parents[2]
SETTINGS = read_settings(ROOT / "params.yaml")
NOBODY = Inputs("map", {"seed": 5}, {}, {})


class Server:
    """`mlflow server` on a port of its own, which can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder, self.process = free_port(), folder, None
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if self.process is not None:
            return
        words = ["server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        words += ["--backend-store-uri", f"sqlite:///{self.folder / 'server.db'}"]
        words += ["--artifacts-destination", str(self.folder / "artefacts")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("mlflow"), *words],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**environment, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        ends = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                assert time.monotonic() < ends, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def runs(self) -> dict[str, list]:
        from mlflow.tracking import MlflowClient

        client = MlflowClient(self.address)
        found: dict[str, list] = {}
        experiment = client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
        for run in client.search_runs([experiment.experiment_id]):
            found.setdefault(run.info.run_name, []).append(run)
        return found

    def steps(self, run_id: str, name: str) -> list[tuple[int, float]]:
        from mlflow.tracking import MlflowClient

        return [(point.step, point.value) for point in MlflowClient(self.address).get_metric_history(run_id, name)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    made.stop()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """With a server that is away; each test has an experiment of its own on the server that it starts."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    root = tmp_path / "repository"
    root.mkdir()
    stages = {name: {"cmd": "chronoslide", "params": ["seed"]} for name in ("map", "tune", "transfer", "evaluate")}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    return root


def with_seed(seed: int):
    return SETTINGS.model_copy(update={"seed": seed})


def trial(run, number: int) -> None:
    run.log_nested(
        f"trial {number}",
        parameters={"filters": 8},
        metrics={"f1": 0.5},
        curve=[{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.7}],
        tags={"trial": str(number)},
        status="FINISHED",
        times=(1_000, 3_000),
    )


def sync(root: Path, capsys) -> tuple[int, str, str]:
    code = cli.main(["sync-runs", "--root", str(root)])
    return (code, *capsys.readouterr())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
class TestServer:
    """A real `mlflow server`, which takes seconds to start, so tests walk through several things."""

    def test_a_run_is_kept_while_the_server_is_away_and_sent_once(
        self, repository: Path, server: Server, capsys, caplog, monkeypatch
    ) -> None:
        (repository / "areas.csv").write_text("year,area\n2013,4.5\n2014,\n")
        with tracking.stage_run(repository, "map", SETTINGS) as run:
            run.log_metrics({"f1": 0.5, "undefined": float("nan")}, step=2013)
            run.log_metrics({"f1": 0.6}, step=2014)
            run.log_files([repository / "areas.csv"], "tables")
            run.log_table(repository / "areas.csv")
            run.tag(note="kept")
        said = [record.message for record in caplog.records if record.name.startswith("chronoslide")]
        assert len(said) == 1
        assert "Connection refused" in said[0]
        assert "chronoslide sync-runs" in said[0]
        (repository / "areas.csv").unlink()  # what is kept does not need the result any longer
        assert [each.name for each in tracking.latest_runs(run)] == ["map"]
        with tracking.stage_run(repository, "map", SETTINGS) as again:
            assert again.known
            assert again.run_id == run.run_id

        code, out, err = sync(repository, capsys)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "1 runs stay in unsent/ and nothing is lost" in err

        server.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
        with monkeypatch.context() as patched:
            # Interrupted after the third thing, before that is written down.
            told = []

            def interrupted(record, run_id, number):
                told.append(number)
                if number == 3:
                    raise KeyboardInterrupt
                outbox.write_text(record.folder / "done.json", json.dumps({"run_id": run_id, "operations": number}))

            patched.setattr(outbox.Record, "set_done", interrupted)
            assert sync(repository, capsys)[0] == 130
            assert told == [1, 2, 3]
        code, out, err = sync(repository, capsys)
        assert (code, err) == (0, "")
        assert "sent: map (FINISHED" in out
        [sent] = server.runs()["map"]
        assert sent.data.params == {"seed": str(SETTINGS.seed)}
        assert server.steps(sent.info.run_id, "f1") == [(2013, 0.5), (2014, 0.6)]
        assert sent.data.tags["chronoslide.note"] == "kept"
        assert sent.info.status == "FINISHED"
        assert json.loads(tracking.read_artefact(repository, sent.info.run_id, "areas.json"))["data"] == [
            [2013, 4.5],
            [2014, None],
        ]
        assert tracking.read_artefact(repository, sent.info.run_id, "tables/areas.csv").startswith("year,area")
        assert f"{run.record.header.id},{sent.info.run_id},map" in (repository / "unsent/sent.csv").read_text()
        assert sync(repository, capsys)[:2] == (0, "no run waits in unsent/\n")

        with tracking.stage_run(repository, "map", SETTINGS) as known:  # the server knows it now
            assert known.known
            assert known.run_id == sent.info.run_id

    def test_a_run_that_breaks_off_is_finished_on_the_server(
        self, repository: Path, server: Server, capsys, caplog, monkeypatch
    ) -> None:
        server.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
        with tracking.stage_run(repository, "tune", SETTINGS, goes_on="study 1") as run:
            run.log_metrics({"loss": 0.9}, step=1)
            assert run.nested() == {}
            trial(run, 0)
            server.stop()
            run.log_metrics({"loss": 0.7}, step=2)
            trial(run, 1)
            assert sorted(run.nested()) == ["trial 0", "trial 1"]
            run.tag_nested("best", {"trial 0": "false", "trial 1": "true"})
            run.log_params({"best.filters": 8})
        assert sum("broke off" in record.message for record in caplog.records) == 1
        with tracking.stage_run(repository, "tune", with_seed(7), goes_on="study 1") as gone_on:
            assert sorted(gone_on.nested()) == ["trial 0", "trial 1"]
            trial(gone_on, 2)
        with pytest.raises(RuntimeError), tracking.stage_run(repository, "map", SETTINGS):
            raise RuntimeError("the stage failed")

        server.start()
        with tracking.stage_run(repository, "map", with_seed(8)):  # waits behind the others
            pass
        assert len(outbox.waiting(repository)) == 3
        code, out, _ = sync(repository, capsys)
        assert (code, out.splitlines()[-1]) == (0, "3 runs sent")
        runs = server.runs()
        assert {name: [run.info.status for run in found] for name, found in runs.items()} == {
            "tune": ["FINISHED"],
            "trial 0": ["FINISHED"],
            "trial 1": ["FINISHED"],
            "trial 2": ["FINISHED"],
            "map": ["FINISHED", "FAILED"],
        }
        search, best = runs["tune"][0], runs["trial 1"][0]
        assert search.info.run_id == run.run_id
        assert server.steps(run.run_id, "loss") == [(1, 0.9), (2, 0.7)]
        assert search.data.params == {"seed": str(SETTINGS.seed), "best.filters": "8"}
        assert best.data.tags["mlflow.parentRunId"] == run.run_id
        assert best.data.tags["chronoslide.best"] == "true"
        assert (best.info.start_time, best.info.end_time) == (1_000, 3_000)
        assert server.steps(best.info.run_id, "loss") == [(1, 0.9), (2, 0.7)]

    def test_models_are_registered_by_the_rule_of_the_champion(
        self, repository: Path, server: Server, capsys, monkeypatch
    ) -> None:
        from mlflow.tracking import MlflowClient

        def train(seed: int, f1: float):
            folder = write_network(repository / f"model {seed}")
            if seed != 1:
                model, card = load_model(folder)
                model.trainable_variables[0].assign(model.trainable_variables[0] + 0.01)
                save_model(folder, model, card)
            model, card = load_model(folder)
            with warnings.catch_warnings():  # MLflow's and Keras' own
                warnings.simplefilter("ignore")
                with tracking.stage_run(repository, "transfer", with_seed(seed)) as run:
                    run.log_files([folder], tracking.STORED_MODEL)
                    tracking.register_network(
                        run, in_plain_layers(model), "net", bands=card.bands, side=card.side_pixels,
                        description="random weights", weights=folder / WEIGHTS,
                    )  # fmt: skip
                with tracking.stage_run(repository, "evaluate", with_seed(seed)) as run:
                    return tracking.promote(run, "net", folder / WEIGHTS, f1, "blocks")

        assert "chosen when `chronoslide sync-runs`" in train(1, 0.7)
        assert "chosen when" in train(2, 0.6)
        server.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code, out, _ = sync(repository, capsys)
        assert (code, out.splitlines()[-1]) == (0, "4 runs sent")
        client = MlflowClient(server.address)
        versions = {int(each.version): each for each in client.search_model_versions("name = 'net'")}
        assert sorted(versions) == [1, 2]
        assert str(client.get_model_version_by_alias("net", "champion").version) == "1"
        assert "not better than the champion" in versions[2].tags["champion_decision"]
        assert versions[1].tags["weights_md5"] == tracking.dvc_hash(repository / "model 1" / WEIGHTS)
        assert tracking.fetch_model(repository, "models:/net@champion").joinpath(WEIGHTS).exists()


@pytest.mark.slow
def test_a_mapper_that_was_packaged_without_the_server_is_registered_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    with warnings.catch_warnings():  # MLflow's and Keras' own
        warnings.simplefilter("ignore")
        write_registry(tmp_path)
    shutil.rmtree(tmp_path / "results")
    # Sent to a database, which needs no server to be started.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    with warnings.catch_warnings():  # MLflow's and Keras' own
        warnings.simplefilter("ignore")
        assert cli.main(["sync-runs", "--root", str(tmp_path)]) == 0
    client = MlflowClient(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert str(client.get_model_version_by_alias("chronoslide-transferred", "champion").version) == "1"
    mapper = tracking.fetch_model(tmp_path, "models:/chronoslide-mapper/1")
    assert read_package(mapper).card.bands == CARD_OF_SERVED.bands

    for weights in (tmp_path / "mlartifacts").rglob(WEIGHTS):  # somebody changes what is stored, and covers it up
        with weights.open("ab") as file:
            file.write(b"\0")
    for package in (tmp_path / "mlartifacts").rglob(PACKAGE):
        content = json.loads(package.read_text())
        package.write_text(json.dumps({**content, "weights_md5": weights_md5(package.parent)}))
    for name in ("chronoslide-mapper", "chronoslide-transferred"):
        with pytest.raises(tracking.TrackingError, match="not those that were registered"):
            tracking.fetch_model(tmp_path, f"models:/{name}/1")


def test_a_record_that_was_killed_while_it_wrote_is_read_up_to_there(tmp_path: Path) -> None:
    record = open_record(tmp_path, header_of(tmp_path, "map", NOBODY, None))
    record.add("tags", {"values": {"a": "b"}})
    with (record.folder / "record.jsonl").open("a") as lines:
        lines.write('\n{"operation": "tags", "argu')
    assert [(each.name, each.arguments) for each in record.read().operations] == [("tags", {"values": {"a": "b"}})]
    assert outbox.waiting(tmp_path) == []  # its process, this one, may still tell the server
    record.break_off()
    assert [each.header.id for each in outbox.waiting(tmp_path)] == [record.header.id]


def test_what_a_killed_process_told_the_server_is_not_sent_again_what_it_could_not_tell_is(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    dead = f"{socket.gethostname()}:{ended.pid}:1"
    told, missed = (open_record(tmp_path, header_of(tmp_path, name, NOBODY, None)) for name in ("told", "missed"))
    for record in (told, missed):
        record.add("taken up", {"process": dead})
    missed.break_off()
    assert {record.header.name for record in outbox.waiting(tmp_path)} == {"told", "missed"}
    outbox.drop_told(tmp_path)
    assert [record.header.name for record in outbox.records(tmp_path)] == ["missed"]


def test_files_are_held_as_they_were(tmp_path: Path) -> None:
    record = open_record(tmp_path, header_of(tmp_path, "map", NOBODY, None))
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "a.txt").write_text("first")
    (folder / "b.py").write_text("first")
    record.add("files", {"folder": None}, {"0": folder})
    (folder / "b.py").write_text("edited in place")
    (folder / "a.txt").unlink()
    [operation] = record.read().operations
    held = operation.files["0"]
    assert held.name == "results"
    assert {path.name: path.read_text() for path in held.iterdir()} == {"a.txt": "first", "b.py": "first"}


def test_runs_wait_until_a_server_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert sending.send_runs(tmp_path, lambda _: None) == ([], 0)
    open_record(tmp_path, header_of(tmp_path, "map", NOBODY, None)).break_off()
    code, out, err = sync(tmp_path, capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "1 runs wait in unsent/, but MLFLOW_TRACKING_URI is not set" in err


def test_a_database_that_does_not_listen_is_known_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConnectionRefusedError) as caught:
        prepare(f"postgresql+psycopg://somebody:secret@127.0.0.1:{free_port()}/runs")
    assert is_unreachable(caught.value)
    assert reason_of(caught.value) == "Connection refused"


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("sqlite:////tmp/mlflow.db", False),
        ("file:///tmp/mlruns", False),
        ("mlruns", False),
        ("http://127.0.0.1:5000", True),
        ("postgresql://127.0.0.1/runs", True),
    ],
)
def test_a_store_on_this_machine_is_no_server(address: str, server: bool) -> None:
    assert is_server(address) is server


def test_an_answer_that_refuses_is_not_taken_for_a_server_that_is_away() -> None:
    from mlflow.exceptions import MlflowException, RestException

    assert not is_unreachable(RestException({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"}))
    assert not is_unreachable(MlflowException("API request to endpoint /api failed with error code 403 != 200."))
    assert is_unreachable(MlflowException("API request to endpoint /api failed with error code 503 != 200."))
    assert is_unreachable(RestException({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"}))
