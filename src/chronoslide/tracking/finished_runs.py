"""Runs that have finished: found by what went into them, given the report that was made of them, and read again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from chronoslide.runs import FinishedRun
from chronoslide.tracking import operations, outbox
from chronoslide.tracking.operations import Target
from chronoslide.tracking.runs import StageRun, numbered
from chronoslide.tracking.store import (
    EXPERIMENT,
    INPUTS,
    TrackingError,
    address_of,
    finished_run,
    is_server,
    open_store,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_TRIAL = "chronoslide.trial"


def attach(run: StageRun, name: str, key: str, paths: Sequence[Path], folder: str) -> str | None:
    """Keeps files or folders as artefacts of a run that has finished, as the report is kept with the evaluation.

    Args:
        run: The open run, whose stage made the files; a run that is known already has attached them.
        name: Of the finished run.
        key: Hash of what went into the finished run.
        paths: Files and folders.
        folder: Of the artefacts.

    Returns:
        The id of the finished run, None if neither the store nor the outbox holds it.
    """
    kept = outbox.finished_record(run.root, name, key)
    found = run.ask(lambda target: find_finished(target, name, key))
    if found is None and kept is None:
        return None
    if not run.known:
        arguments = {"name": name, "key": key, "folder": folder}
        run.tell("attach", lambda target: attach_to(target, name, key, paths, folder), arguments, numbered(paths))
    return found or f"unsent-{kept.header.id}" if kept else found


def find_finished(target: Target, name: str, key: str) -> str | None:
    """MLflow's id of the finished run with a name on inputs with this hash, or None."""
    experiment = target.client.get_run(target.run_id).info.experiment_id
    found = finished_run(target.client, experiment, name, key)
    return None if found is None else str(found.info.run_id)


def attach_to(target: Target, name: str, key: str, paths: Sequence[Path], folder: str) -> None:
    """Keeps files or folders as artefacts of a finished run, if there is one."""
    found = find_finished(target, name, key)
    if found is not None:
        operations.files(replace(target, run_id=found), paths, folder)


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


def latest_runs(run: StageRun) -> tuple[FinishedRun, ...]:
    """The latest finished run of each name, in the order in which they ended; of a server also those it is yet to get.

    Args:
        run: The open run, whose store is asked.
    """
    stored = run.ask(lambda target: list(_finished_in_store(target.client, run.root))) or []
    latest: dict[str, FinishedRun] = {}
    for each in (*stored, *_finished_in_outbox(run.root)):
        latest.pop(each.name, None)
        latest[each.name] = each
    return tuple(latest.values())


def _finished_in_store(client: MlflowClient, root: Path) -> Iterator[FinishedRun]:
    experiment = client.get_experiment_by_name(os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT))
    if experiment is None:
        return
    server = address_of(root) if address_of(root).startswith("http") else ""
    runs = client.search_runs([experiment.experiment_id], "status = 'FINISHED'", order_by=["attributes.end_time ASC"])
    for run in runs:
        info = run.info
        if _TRIAL in run.data.tags:
            continue  # the trials of a search stand in its own table
        page = f"{server}/#/experiments/{experiment.experiment_id}/runs/{info.run_id}" if server else ""
        minutes = (info.end_time - info.start_time) / 60_000
        yield FinishedRun(info.run_name, info.run_id, run.data.tags.get(INPUTS, ""), minutes, page)


def _finished_in_outbox(root: Path) -> Iterator[FinishedRun]:
    for record in outbox.waiting(root) if is_server(address_of(root)) else ():
        header, end = record.header, record.read().end
        if end is not None and end[0] == "FINISHED":
            minutes = (end[1] - header.begun) / 60_000
            yield FinishedRun(header.name, f"unsent-{header.id}", header.inputs.key, minutes)
