"""A stage's run in MLflow: opened once for the same inputs, told of figures, curves and files, ended as it ended.

Where `MLFLOW_TRACKING_URI` names a server, the run is also written down in the outbox, and the stage goes on without
the server when that does not answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from chronoslide.errors import StorageError
from chronoslide.params import Settings
from chronoslide.tracking import operations, outbox
from chronoslide.tracking.inputs import Inputs, inputs_of
from chronoslide.tracking.operations import Target
from chronoslide.tracking.outbox import Header, Record
from chronoslide.tracking.store import (
    TrackingError,
    address_of,
    bury_the_dead,
    create_run,
    finished_run,
    is_server,
    is_unreachable,
    open_store,
    reason_of,
    taken_up,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

log = logging.getLogger(__name__)

T = TypeVar("T")

_SEND = "`chronoslide sync-runs` sends it when the server answers"


@dataclass
class StageRun:
    """One run, open while its stage works.

    Attributes:
        client: MLflow's client; None while the server is away.
        run_id: MLflow's id, or `unsent-` and the record's id of a run that the server does not know.
        inputs: What went into the run.
        root: The repository.
        known: Whether this run had already finished before: then nothing is logged again.
        commit: That was checked out.
        record: What the run was told, where the store is a server.
    """

    client: MlflowClient | None
    run_id: str
    inputs: Inputs
    root: Path
    known: bool
    commit: str = ""
    record: Record | None = None
    _below: dict[str, str] = field(default_factory=dict)

    def tell(
        self,
        operation: str,
        live: Callable[[Target], T],
        arguments: Mapping[str, Any],
        files: Mapping[str, Path] | None = None,
    ) -> T | None:
        """Writes an operation down where the store is a server, and carries it out if that answers.

        Args:
            operation: Its name, by which `sending` carries it out later.
            live: Carries it out.
            arguments: Of the operation, plain values.
            files: Of the operation.

        Returns:
            What `live` returned, None if the server was not told.
        """
        if self.record is not None:
            try:
                self.record.add(operation, arguments, files)
            except StorageError:
                if self.client is None:
                    raise
                self.record = None  # the server still listens
        return self.ask(live)

    def ask(self, live: Callable[[Target], T]) -> T | None:
        """Carries something out in the store; None where a server is away, which it may turn out to be only now."""
        if self.client is None:
            return None
        address = address_of(self.root)
        try:
            return live(Target(self.client, self.run_id, self.inputs, self.commit, address))
        except Exception as error:
            # A run that was known has been told before; one without a record cannot be told later.
            if not is_server(address) or (self.record is None and not self.known):
                raise
            self.client = None
            if self.record is None:
                log.warning("MLflow's server %s broke off (%s)", address, reason_of(error))
                return None
            self.record.break_off()
            log.warning(
                "MLflow's server %s broke off (%s); the run is kept in %s/, %s",
                address, reason_of(error), outbox.OUTBOX, _SEND,
            )  # fmt: skip
            return None

    def log_metrics(self, metrics: Mapping[str, float | None], step: int = 0) -> None:
        """Logs numbers; None and NaN (undefined ratios) are left out, because MLflow cannot compare them."""
        values = operations.defined(metrics)
        if values and not self.known:
            self.tell("metrics", lambda run: operations.metrics(run, values, step), {"values": values, "step": step})

    def log_curve(self, rows: Sequence[Mapping[str, float]], step: str, prefix: str = "") -> None:
        """Logs a series: one dictionary a step, whose entry `step` says which."""
        for row in rows:
            self.log_metrics({prefix + name: value for name, value in row.items() if name != step}, int(row[step]))

    def log_files(self, paths: Sequence[Path], folder: str | None = None) -> None:
        """Keeps files and folders as the run's artefacts; a folder goes into `folder`, or under its own name."""
        if self.known:
            return
        there = [path for path in paths if path.exists()]
        self.tell("files", lambda run: operations.files(run, there, folder), {"folder": folder}, numbered(there))

    def log_table(self, path: Path) -> None:
        """Keeps a CSV table such that MLflow shows it beside the same table of other runs."""
        if not self.known:
            self.tell("table", lambda run: operations.table(run, path), {}, {"path": path})

    def log_params(self, parameters: Mapping[str, Any]) -> None:
        """Logs what was used in fact, beside the parameters of `params.yaml`; one that was logged before stays."""
        values = operations.plain_params(parameters)
        self.tell("params", lambda run: operations.params(run, values), {"values": values})

    def nested(self) -> dict[str, str]:
        """Names of the runs below this one, each with MLflow's id (empty while the server does not know it)."""
        found = self.ask(operations.below)
        if found is not None:
            self._below = found
            return found
        told = outbox.names_told(self.record.read().operations) if self.record is not None else []
        return {**dict.fromkeys(told, ""), **self._below}

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
        arguments: dict[str, Any] = {
            "name": name,
            "parameters": operations.plain_params(parameters),
            "figures": operations.defined(metrics),
            "curve": [
                (int(row["epoch"]), operations.defined({key: value for key, value in row.items() if key != "epoch"}))
                for row in curve
            ],
            "named": dict(tags),
            "status": status,
            "times": times or (outbox.now(), outbox.now()),
        }
        self.tell("nested", lambda run: operations.nested(run, **arguments), arguments)

    def tag_nested(self, tag: str, values: Mapping[str, str]) -> None:
        """Sets a tag `chronoslide.<tag>` of runs below this one, by their names."""
        arguments = {"tag": tag, "values": dict(values)}
        self.tell("nested_tag", lambda run: operations.nested_tag(run, tag, values), arguments)

    def tag(self, **tags: str) -> None:
        """Sets tags `chronoslide.<name>`."""
        self.tell("tags", lambda run: operations.tags(run, tags), {"values": tags})

    def end(self, status: str) -> None:
        """Ends the run; its record has done its duty if the server has heard everything."""
        if self.known:
            return
        ended = outbox.now()
        if self.record is not None:
            self.record.end(status, ended)
        self.ask(lambda run: operations.end(run, status, ended))
        if self.record is not None and self.client is not None:
            self.record.discard()


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
        TrackingError: MLflow's store cannot be used. A server that is away is no error: the run is kept instead.
    """
    inputs = inputs_of(root, stage, settings)
    header = outbox.header_of(root, name or stage, inputs, goes_on)
    opened = (is_server(address_of(root)) and _kept_run(root, header)) or _stored_run(root, header)
    try:
        if not opened.known:
            opened.log_params(inputs.parameters)
        yield opened
    except BaseException as error:
        opened.end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        raise
    opened.end("FINISHED")


def _kept_run(root: Path, header: Header) -> StageRun | None:
    """The run of the outbox on the same inputs or of the same work, None where there is none."""
    inputs = header.inputs
    if header.work is not None:
        record, known = outbox.record_of_work(root, header.work), False
    else:
        record, known = outbox.finished_record(root, header.name, inputs.key), True
    if record is None:
        return None
    if not known:
        record.take_up()
        record.break_off()  # whatever the server heard: the record is sent
    log.warning("%s: its run waits in %s/; %s", header.name, outbox.OUTBOX, _SEND)
    return StageRun(None, f"unsent-{record.header.id}", inputs, root, known, header.commit, record)


def _stored_run(root: Path, header: Header) -> StageRun:
    """The run in the store, finished or new; where a server is away or earlier runs wait for it, one in the outbox."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    address, inputs = address_of(root), header.inputs
    record: Record | None = None
    try:
        client, experiment = open_store(root)
        bury_the_dead(client, experiment)
        if header.work is None:
            found = finished_run(client, experiment, header.name, inputs.key)
            if found is not None:
                return StageRun(client, found.info.run_id, inputs, root, True, header.commit)
        if is_server(address):
            outbox.drop_told(root)
            record = outbox.open_record(root, header)
            earlier = len(outbox.waiting(root))
            if earlier:
                return _unsent(
                    root, header, record, f"{earlier} earlier runs wait in {outbox.OUTBOX}/, this one waits behind them"
                )
        begun = None if header.work is None else taken_up(client, experiment, header.work)
        run = begun or create_run(client, experiment, header)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if not is_server(address) or not is_unreachable(error):
            raise TrackingError(
                f"MLflow's store {address} cannot be used ({reason_of(error)}); "
                "start the server or correct MLFLOW_TRACKING_URI"
            ) from error
        record = record or outbox.open_record(root, header)
        kept = f"MLflow's server {address} cannot be reached ({reason_of(error)}), the run is kept in {outbox.OUTBOX}/"
        return _unsent(root, header, record, kept)
    return StageRun(client, run.info.run_id, inputs, root, False, header.commit, record)


def _unsent(root: Path, header: Header, record: Record, why: str) -> StageRun:
    record.break_off()
    log.warning("%s: %s; %s", header.name, why, _SEND)
    return StageRun(None, f"unsent-{record.header.id}", header.inputs, root, False, header.commit, record)


def numbered(paths: Sequence[Path]) -> dict[str, Path]:
    """Files of an operation by their place, as it is told of them in order."""
    return {str(number): path for number, path in enumerate(paths)}
