"""MLflow's store: where it is, our experiment in it, and finding, making and ending runs there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from chronoslide.errors import ChronoslideError
from chronoslide.files import replacing
from chronoslide.processes import is_dead, this_process
from chronoslide.tracking.inputs import Inputs, git_commit

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

EXPERIMENT = "chronoslide"
INPUTS = "chronoslide.inputs"
"""Tag of a run: the hash of what went into it."""
STAGE = "chronoslide.stage"
PROCESS = "chronoslide.process"
WORK = "chronoslide.work"
"""Tag of a run that may be interrupted and gone on with: names the work."""


class TrackingError(ChronoslideError):
    """MLflow's store cannot be reached or used."""


def address_of(root: Path) -> str:
    """The store's address: `MLFLOW_TRACKING_URI`, or a database in the repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"


def open_store(root: Path) -> tuple[MlflowClient, str]:
    """MLflow's client and the id of our experiment, which is made when it does not exist."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.tracking import MlflowClient

    uri = address_of(root)
    if uri.startswith("sqlite:///") and "?" not in uri:
        make_database(Path(uri.removeprefix("sqlite:///")))
    point_mlflow_at(uri)
    client = MlflowClient(uri)
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    found = client.get_experiment_by_name(name)
    if found is not None:
        return client, str(found.experiment_id)
    beside = (root / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
    return client, str(client.create_experiment(name, artifact_location=beside))


def point_mlflow_at(uri: str) -> None:
    """Lets those of MLflow's functions that take no client use this store, and leaves the environment as it was.

    MLflow's own `set_tracking_uri` also sets `MLFLOW_TRACKING_URI`, by which `address_of` would send the runs of a
    second repository, opened by the same process or by one that it starts, to the store of the first.
    """
    import mlflow

    named = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(uri)
    if named is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = named


def make_database(path: Path) -> None:
    """Makes MLflow's database whole or not at all: one that was killed between its migrations never opens again."""
    from mlflow.tracking import MlflowClient

    if path.exists():
        return
    with suppress(FileExistsError), replacing(path) as temporary:
        if path.exists():
            raise FileExistsError  # another process was quicker
        MlflowClient(f"sqlite:///{temporary}").search_experiments(max_results=1)


def finished_run(client: MlflowClient, experiment: str, name: str, key: str) -> Run | None:
    """The finished run of a name on inputs with this hash, or None."""
    wanted = f"tags.`{INPUTS}` = '{key}' and tags.`mlflow.runName` = '{name}' and status = 'FINISHED'"
    runs = client.search_runs([experiment], wanted, max_results=1)
    return runs[0] if runs else None


def taken_up(client: MlflowClient, experiment: str, work: str) -> Run | None:
    """The run that was opened for the same work, running again."""
    runs = client.search_runs([experiment], f"tags.`{WORK}` = '{work}'", max_results=1)
    if not runs:
        return None
    run_id = runs[0].info.run_id
    client.set_tag(run_id, PROCESS, this_process())
    client.update_run(run_id, "RUNNING")
    return runs[0]


def create_run(
    client: MlflowClient, experiment: str, root: Path, name: str, inputs: Inputs, work: str | None = None
) -> Run:
    """Makes a run that tells what goes into it, from which commit, and which process works on it."""
    tags = {
        STAGE: inputs.stage,
        INPUTS: inputs.key,
        PROCESS: this_process(),
        "mlflow.source.git.commit": git_commit(root),
        "mlflow.source.name": f"chronoslide {inputs.stage}",
        **{f"dvc.{path}": value for path, value in inputs.data.items()},
        **{f"code.{path}": value for path, value in inputs.code.items()},
    }
    if work is not None:
        tags[WORK] = work
    parent = os.environ.get("MLFLOW_RUN_ID")  # set by `mlflow run`
    if parent:
        tags["mlflow.parentRunId"] = parent
    run = client.create_run(experiment, tags=tags, run_name=name)
    for parameter, value in inputs.parameters.items():
        client.log_param(run.info.run_id, parameter, value)
    return run


def bury_the_dead(client: MlflowClient, experiment: str) -> None:
    """Marks runs as killed whose process on this machine is gone: SIGKILL leaves no time to say so oneself."""
    for run in client.search_runs([experiment], "status = 'RUNNING'"):
        if is_dead(run.data.tags.get(PROCESS, "")):
            client.set_terminated(run.info.run_id, "KILLED")
