"""A stage's run in MLflow: opened once for the same inputs, told of figures, curves and files, ended as it ended."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from chronoslide.params import Settings
from chronoslide.runs import FinishedRun
from chronoslide.tracking.inputs import Inputs, inputs_of
from chronoslide.tracking.store import (
    EXPERIMENT,
    INPUTS,
    STAGE,
    TrackingError,
    address_of,
    bury_the_dead,
    create_run,
    finished_run,
    open_store,
    taken_up,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_TRIAL = "chronoslide.trial"
_WHOLE = "chronoslide.whole"


@dataclass
class StageRun:
    """One run in MLflow, open while its stage works.

    Attributes:
        client: MLflow's client.
        run_id: MLflow's id.
        inputs: What went into the run.
        root: The repository.
        known: Whether this run had already finished before: then nothing is logged again.
    """

    client: MlflowClient
    run_id: str
    inputs: Inputs
    root: Path
    known: bool

    def log_metrics(self, metrics: Mapping[str, float | None], step: int = 0) -> None:
        """Logs numbers; None and NaN (undefined ratios) are left out, because MLflow cannot compare them."""
        if self.known:
            return
        from mlflow.entities import Metric

        defined = {name: float(value) for name, value in metrics.items() if value is not None and value == value}
        # A fixed time keeps the curves in order by their step alone.
        entries = [Metric(name, value, 0, step) for name, value in defined.items()]
        if entries:
            self.client.log_batch(self.run_id, metrics=entries)

    def log_curve(self, rows: Sequence[Mapping[str, float]], step: str, prefix: str = "") -> None:
        """Logs a series: one dictionary a step, whose entry `step` says which."""
        for row in rows:
            self.log_metrics({prefix + name: value for name, value in row.items() if name != step}, int(row[step]))

    def log_files(self, paths: Sequence[Path], folder: str | None = None) -> None:
        """Keeps files and folders as the run's artefacts; a folder goes into `folder`, or under its own name."""
        if self.known:
            return
        for path in paths:
            if path.is_dir():
                self.client.log_artifacts(self.run_id, str(path), folder or path.name)
            elif path.exists():
                self.client.log_artifact(self.run_id, str(path), folder)

    def log_table(self, path: Path) -> None:
        """Keeps a CSV table such that MLflow shows it beside the same table of other runs."""
        if self.known:
            return
        import pandas as pd

        table = pd.read_csv(path)
        self.client.log_table(self.run_id, table.astype(object).where(table.notna(), None), f"{path.stem}.json")

    def log_params(self, parameters: Mapping[str, Any]) -> None:
        """Logs what was used in fact, beside the parameters of `params.yaml`; one that was logged before stays."""
        logged = self.client.get_run(self.run_id).data.params
        for name, value in parameters.items():
            if name not in logged:
                self.client.log_param(self.run_id, name, value)

    def nested(self) -> dict[str, str]:
        """Names of the runs below this one, each with MLflow's id; one that a death left half logged is removed."""
        experiment = self.client.get_run(self.run_id).info.experiment_id
        below = f"tags.`mlflow.parentRunId` = '{self.run_id}'"
        found: dict[str, str] = {}
        for run in self.client.search_runs([experiment], below, max_results=50_000):
            if _WHOLE in run.data.tags:
                found[run.info.run_name] = run.info.run_id
            else:
                self.client.delete_run(run.info.run_id)
        return found

    def log_nested(
        self,
        name: str,
        *,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        curve: Sequence[Mapping[str, float]],
        tags: Mapping[str, str],
        status: str,
        times: tuple[int, int] | None = None,
    ) -> None:
        """Logs a run below this one as a whole, for work that was done elsewhere, for example a trial of a search.

        Args:
            name: Of the run; call it once for each name, as `nested` tells.
            parameters: Of the run.
            metrics: Its figures at the end.
            curve: Its figures by `epoch`.
            tags: Set as `chronoslide.<name>`.
            status: FINISHED, FAILED or KILLED.
            times: When it began and ended [ms since 1970].
        """
        experiment = self.client.get_run(self.run_id).info.experiment_id
        all_tags = {
            STAGE: self.inputs.stage,
            "mlflow.parentRunId": self.run_id,
            **{f"chronoslide.{tag}": value for tag, value in tags.items()},
        }
        begun, ended = times or (None, None)
        run = self.client.create_run(experiment, start_time=begun, tags=all_tags, run_name=name)
        below = StageRun(self.client, run.info.run_id, self.inputs, self.root, known=False)
        below.log_params(parameters)
        below.log_curve(curve, step="epoch")
        below.log_metrics(metrics)
        self.client.set_terminated(run.info.run_id, status, end_time=ended)
        self.client.set_tag(run.info.run_id, _WHOLE, "true")

    def tag(self, **tags: str) -> None:
        """Sets tags `chronoslide.<name>`."""
        for name, value in tags.items():
            self.client.set_tag(self.run_id, f"chronoslide.{name}", value)


@contextmanager
def stage_run(
    root: Path, stage: str, settings: Settings, name: str | None = None, goes_on: str | None = None
) -> Iterator[StageRun]:
    """Opens the run of a stage: the finished one on the same inputs if there is one, a new one otherwise.

    Args:
        root: The repository.
        stage: Name of the stage in `dvc.yaml`.
        settings: The settings in use.
        name: Of the run, if it is not the stage's (a stage that trains two models has two runs).
        goes_on: Names work that may be interrupted and gone on with (a search): its run is taken up again, whatever
            its state and its inputs, and is never `known`.

    Yields:
        The open run. It ends as FINISHED, or as FAILED if the block raises.

    Raises:
        TrackingError: MLflow's store cannot be reached.
    """
    from mlflow.exceptions import MlflowException

    inputs = inputs_of(root, stage, settings)
    name = name or stage
    try:
        client, experiment = open_store(root)
        bury_the_dead(client, experiment)
        found = finished_run(client, experiment, name, inputs.key) if goes_on is None else None
        begun = None if goes_on is None else taken_up(client, experiment, goes_on)
        run = found or begun or create_run(client, experiment, root, name, inputs, goes_on)
    except MlflowException as error:
        raise TrackingError(
            f"MLflow's store {address_of(root)} cannot be used ({str(error).splitlines()[0]}); "
            "start the server or correct MLFLOW_TRACKING_URI"
        ) from error
    opened = StageRun(client, run.info.run_id, inputs, root, known=found is not None)
    try:
        yield opened
    except BaseException as error:
        if not opened.known:
            client.set_terminated(opened.run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    if not opened.known:
        client.set_terminated(opened.run_id, "FINISHED")


def attach(run: StageRun, name: str, key: str, paths: Sequence[Path], folder: str) -> str | None:
    """Keeps files or folders as artefacts of a run that has finished, as the report is kept with the evaluation.

    Args:
        run: The open run, whose stage made the files; a run that is known already has attached them.
        name: Of the finished run.
        key: Hash of what went into the finished run.
        paths: Files and folders.
        folder: Of the artefacts.

    Returns:
        MLflow's id of the finished run, None if the store does not hold it.
    """
    experiment = run.client.get_run(run.run_id).info.experiment_id
    found = finished_run(run.client, experiment, name, key)
    if found is None:
        return None
    target = str(found.info.run_id)
    replace(run, run_id=target).log_files(paths, folder)
    return target


def read_artefact(root: Path, run_id: str, name: str) -> str:
    """The text of a file that a run keeps.

    Raises:
        TrackingError: The store holds no such run, or the run no such file.
    """
    from mlflow.exceptions import MlflowException

    try:
        client, _ = open_store(root)
        with TemporaryDirectory() as folder:
            return Path(client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")
    except (MlflowException, OSError) as error:
        raise TrackingError(
            f"{run_id}: MLflow's store {address_of(root)} holds no such run, or the run no {name}; name a finished run "
            "of the stage `evaluate`, or correct MLFLOW_TRACKING_URI"
        ) from error


def latest_runs(client: MlflowClient, root: Path) -> tuple[FinishedRun, ...]:
    """The latest finished run of each name, in the order in which they ended."""
    experiment = client.get_experiment_by_name(os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT))
    if experiment is None:
        return ()
    server = address_of(root) if address_of(root).startswith("http") else ""
    latest: dict[str, FinishedRun] = {}
    for run in client.search_runs(
        [experiment.experiment_id], "status = 'FINISHED'", order_by=["attributes.end_time ASC"]
    ):
        info = run.info
        if _TRIAL in run.data.tags:
            continue  # the trials of a search stand in its own table
        page = f"{server}/#/experiments/{experiment.experiment_id}/runs/{info.run_id}" if server else ""
        minutes = (info.end_time - info.start_time) / 60_000
        latest.pop(info.run_name, None)
        latest[info.run_name] = FinishedRun(info.run_name, info.run_id, run.data.tags.get(INPUTS, ""), minutes, page)
    return tuple(latest.values())
