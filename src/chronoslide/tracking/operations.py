"""What a run can be told, each thing by itself and so that being told twice changes nothing.

A stage tells them as it works; `sending` tells them again from a run's record, where a server has missed them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chronoslide.tracking.inputs import Inputs
from chronoslide.tracking.store import STAGE

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_TABLES = "mlflow.loggedArtifacts"
_WHOLE = "chronoslide.whole"


@dataclass(frozen=True)
class Target:
    """A run in a store that answers.

    Attributes:
        client: MLflow's client.
        run_id: MLflow's id.
        inputs: What went into the run.
        commit: That was checked out.
        address: Of the store.
    """

    client: MlflowClient
    run_id: str
    inputs: Inputs
    commit: str
    address: str


def params(target: Target, values: Mapping[str, str]) -> None:
    """Parameters; one that was told before stays."""
    from mlflow.entities import Param

    told = target.client.get_run(target.run_id).data.params
    new = [Param(name, value) for name, value in values.items() if name not in told]
    for start in range(0, len(new), 100):  # as many as MLflow takes at once
        target.client.log_batch(target.run_id, params=new[start : start + 100])


def metrics(target: Target, values: Mapping[str, float], step: int) -> None:
    """Numbers of one step."""
    from mlflow.entities import Metric

    # A fixed time keeps the curves in order by their step alone, and lets MLflow see what it was told before.
    entries = [Metric(name, value, 0, step) for name, value in values.items()]
    for start in range(0, len(entries), 1000):
        target.client.log_batch(target.run_id, metrics=entries[start : start + 1000])


def files(target: Target, paths: Sequence[Path], folder: str | None) -> None:
    """Artefacts; a folder goes into `folder`, or under its own name."""
    for path in paths:
        if path.is_dir():
            target.client.log_artifacts(target.run_id, str(path), folder or path.name)
        elif path.exists():
            target.client.log_artifact(target.run_id, str(path), folder)


def table(target: Target, path: Path) -> None:
    """A CSV table such that MLflow shows it beside the same table of other runs."""
    import pandas as pd

    name = f"{path.stem}.json"
    # MLflow would append to a table that is there; an interruption may have left one without its tag.
    if name not in {artefact.path for artefact in target.client.list_artifacts(target.run_id)}:
        content = pd.read_csv(path)
        target.client.log_table(target.run_id, content.astype(object).where(content.notna(), None), name)
        return
    shown = json.loads(target.client.get_run(target.run_id).data.tags.get(_TABLES, "[]"))
    entry = {"path": name, "type": "table"}
    if entry not in shown:
        target.client.set_tag(target.run_id, _TABLES, json.dumps([*shown, entry]))


def tags(target: Target, values: Mapping[str, str]) -> None:
    """Tags `chronoslide.<name>`."""
    for name, value in values.items():
        target.client.set_tag(target.run_id, f"chronoslide.{name}", value)


def below(target: Target) -> dict[str, str]:
    """Names of the runs below one, each with MLflow's id; one that a death left half told is removed."""
    experiment = target.client.get_run(target.run_id).info.experiment_id
    wanted = f"tags.`mlflow.parentRunId` = '{target.run_id}'"
    found: dict[str, str] = {}
    for run in target.client.search_runs([experiment], wanted, max_results=50_000):
        if _WHOLE in run.data.tags:
            found[run.info.run_name] = run.info.run_id
        else:
            target.client.delete_run(run.info.run_id)
    return found


def nested(
    target: Target,
    name: str,
    *,
    parameters: Mapping[str, str],
    figures: Mapping[str, float],
    curve: Sequence[tuple[int, Mapping[str, float]]],
    named: Mapping[str, str],
    status: str,
    times: tuple[int, int],
) -> None:
    """A run below one, as a whole; for a name that `below` does not list."""
    experiment = target.client.get_run(target.run_id).info.experiment_id
    all_tags = {
        STAGE: target.inputs.stage,
        "mlflow.parentRunId": target.run_id,
        **{f"chronoslide.{tag}": value for tag, value in named.items()},
    }
    run = target.client.create_run(experiment, start_time=times[0], tags=all_tags, run_name=name)
    inner = Target(target.client, run.info.run_id, target.inputs, target.commit, target.address)
    params(inner, parameters)
    for step, values in curve:
        metrics(inner, values, step)
    metrics(inner, figures, 0)
    target.client.set_terminated(run.info.run_id, status, end_time=times[1])
    target.client.set_tag(run.info.run_id, _WHOLE, "true")


def nested_tag(target: Target, tag: str, values: Mapping[str, str]) -> None:
    """A tag `chronoslide.<tag>` of the runs below one, by their names."""
    for name, run_id in below(target).items():
        if name in values:
            target.client.set_tag(run_id, f"chronoslide.{tag}", values[name])


def end(target: Target, status: str, ended: int) -> None:
    """The run's end [ms since 1970]."""
    target.client.set_terminated(target.run_id, status, end_time=ended)


def plain_params(values: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as MLflow keeps them, as text."""
    return {name: str(value) for name, value in values.items()}


def defined(values: Mapping[str, float | None]) -> dict[str, float]:
    """Without None and NaN (undefined ratios), because MLflow cannot compare them."""
    return {name: float(value) for name, value in values.items() if value is not None and value == value}
