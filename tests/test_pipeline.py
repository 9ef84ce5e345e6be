"""The main job on the smoke profile: simulate, `dvc repro`, MLflow, and what a second run must not do."""

import json
import sqlite3
from pathlib import Path

import pytest
import yaml

from repository import Repository

pytestmark = pytest.mark.slow
MODELS = {"pretrained", "transferred", "from_scratch"}


def test_the_pipeline_writes_a_map_of_every_year_and_model(smoke: Repository) -> None:
    folder = smoke.root / "results/maps"
    maps = {path.relative_to(folder).as_posix() for path in folder.glob("*/*.tif")}
    assert maps == {f"{model}/{year}.tif" for model in MODELS for year in (2015, 2016, 2017)}


def test_the_metrics_have_the_promised_form(smoke: Repository) -> None:
    metrics = json.loads((smoke.root / "reports/metrics.json").read_text())
    assert metrics["data"]["provenance"] == "simulated"
    assert metrics["protocol"] == "blocks"
    assert set(metrics["years"]) == {"2015", "2016", "2017"}
    for year in metrics["years"].values():
        assert set(year) == MODELS | {"ndvi_threshold"}
        for figures in year.values():
            assert {
                "precision", "recall", "f1", "iou", "mcc", "loss", "tp", "fp", "fn", "unobserved_km2"
            } <= set(figures)  # fmt: skip
    assert set(metrics["held_out_2016"]) == MODELS | {"ndvi_threshold"}
    for inventory in metrics["inventories"].values():
        for kind in ("manual", "predicted"):
            assert {"count", "area_m2", "min_m2", "max_m2"} <= set(inventory[kind])
    assert isinstance(metrics["mean_f1"], float)


def test_a_second_repro_does_nothing(smoke: Repository) -> None:
    assert "Data and pipelines are up to date" in smoke.run("dvc", "repro").stdout


def test_mlflow_holds_a_finished_run_of_every_training_and_the_registered_models(smoke: Repository) -> None:
    with sqlite3.connect(smoke.root / "mlflow.db") as store:
        nested = "select run_uuid from tags where key = 'mlflow.parentRunId'"
        runs = dict(store.execute(f"select name, status from runs where run_uuid not in ({nested})"))
        trials = store.execute(f"select count(*) from runs where run_uuid in ({nested})").fetchone()
        registered = {name for (name,) in store.execute("select distinct name from model_versions")}
        champions = {name for (name,) in store.execute("select name from registered_model_aliases")}
    store.close()
    stages = set(yaml.safe_load((smoke.root / "dvc.yaml").read_text())["stages"])
    assert set(runs) == stages | {"transfer from scratch"}
    assert set(runs.values()) == {"FINISHED"}
    assert trials == (3,)
    assert registered == {"chronoslide-pretrained", "chronoslide-transferred", "chronoslide-mapper"}
    assert champions == registered


def test_repeating_a_stage_gives_the_same_bytes_and_no_twin_run(smoke: Repository, tmp_path: Path) -> None:
    repeated = smoke.copy(tmp_path / "repeated")
    repeated.run("dvc", "repro", "--quiet", "--force", "--single-item", "pretrain", "inventory")
    locks = [yaml.safe_load((each.root / "dvc.lock").read_text())["stages"] for each in (smoke, repeated)]
    assert locks[0] == locks[1]
    counts = []
    for each in (smoke, repeated):
        with sqlite3.connect(each.root / "mlflow.db") as store:
            counts.append(store.execute("select count(*) from runs").fetchone())
        store.close()
    assert counts[0] == counts[1]


def test_an_experiment_repeats_only_what_depends_on_its_parameter(smoke: Repository, tmp_path: Path) -> None:
    changed = smoke.copy(tmp_path / "changed")
    changed.git("add", "--all")
    changed.git("commit", "--quiet", "--message", "results")
    said = changed.run("dvc", "exp", "run", "--set-param", "inventory.minimum_area_m2=400").stdout
    assert "Running stage 'inventory'" in said
    assert "Running stage 'transfer'" not in said
    assert "reports/metrics.json" in changed.run("dvc", "metrics", "diff").stdout


def test_data_go_to_a_remote_and_come_back(smoke: Repository, tmp_path: Path) -> None:
    pushed = smoke.copy(tmp_path / "pushed")
    pushed.run("dvc", "remote", "add", "--default", "local", str(tmp_path / "remote"))
    pushed.run("dvc", "push", "--quiet")
    for folder in ("data", "results"):
        (pushed.root / folder).rename(tmp_path / folder)
    (pushed.root / ".dvc/cache").rename(tmp_path / "cache")
    pushed.run("dvc", "pull", "--quiet")
    assert (pushed.root / "data/dataset.yaml").read_bytes() == (smoke.root / "data/dataset.yaml").read_bytes()
    assert "up to date" in pushed.run("dvc", "status").stdout
