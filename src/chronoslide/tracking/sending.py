"""Sends the runs of the outbox to the server: each whole, once, and in the order in which they were made.

A run is found on the server by the tag that names its record, so sending may be interrupted anywhere and goes on.
Models are registered, and the champion chosen, by the functions that a stage calls, so by what the server knows then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chronoslide.files import replacing
from chronoslide.processes import is_dead
from chronoslide.tracking import finished_runs, operations, outbox, registry
from chronoslide.tracking.operations import Target
from chronoslide.tracking.outbox import Operation, Record, Told
from chronoslide.tracking.store import (
    RECORD,
    TrackingError,
    address_of,
    create_run,
    is_unreachable,
    open_store,
    reason_of,
    taken_up,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SENT = "sent.csv"
"""In the outbox: which id a run got on which server."""


@dataclass(frozen=True)
class Sent:
    """A run that the server has got.

    Attributes:
        name: Of the run.
        status: FINISHED, FAILED or KILLED.
        record: Id under which it was kept.
        run_id: MLflow's id.
        operations: How many things it was told.
    """

    name: str
    status: str
    record: str
    run_id: str
    operations: int


def send_runs(root: Path, read_network: Callable[[Path], Any]) -> tuple[list[Sent], int]:
    """Sends the waiting runs to the store that `MLFLOW_TRACKING_URI` names.

    Args:
        root: The repository.
        read_network: Makes the network that is registered from the folder of a stored one.

    Returns:
        What was sent, and how many runs were left because their stages still work.

    Raises:
        TrackingError: The server is away or refuses a run; what was not sent stays.
        StorageError: Another process is sending.
    """
    waiting = len(outbox.waiting(root))
    if not waiting:
        return [], 0
    address = address_of(root)
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        raise TrackingError(
            f"{waiting} runs wait in {outbox.OUTBOX}/, but MLFLOW_TRACKING_URI is not set; let it name the server"
        )
    sent: list[Sent] = []
    working = 0
    with replacing(root / outbox.OUTBOX / SENT) as table:  # its lock lets one process send at a time
        kept = root / outbox.OUTBOX / SENT
        table.write_bytes(kept.read_bytes() if kept.exists() else b"record,run_id,name,server\n")
        failure: TrackingError | None = None
        try:
            client, experiment = open_store(root)
            for record in outbox.waiting(root):
                told = record.read()
                if told.end is None and not is_dead(told.process):
                    working += 1
                    continue
                sent.append(_send(root, client, experiment, record, told, read_network))
                with table.open("a", encoding="utf-8") as lines:
                    lines.write(f"{sent[-1].record},{sent[-1].run_id},{sent[-1].name},{address}\n")
                record.discard()
        except Exception as error:
            failure = _failure(root, error, address)
            if failure is None:
                raise
            failure.__cause__ = error
    if failure is not None:
        raise failure
    return sent, working


def _failure(root: Path, error: Exception, address: str) -> TrackingError | None:
    from mlflow.exceptions import MlflowException

    left = f"{len(outbox.waiting(root))} runs stay in {outbox.OUTBOX}/ and nothing is lost"
    if is_unreachable(error):
        return TrackingError(f"MLflow's server {address} cannot be reached ({reason_of(error)}); {left}, repeat later")
    if isinstance(error, MlflowException):
        return TrackingError(
            f"MLflow's server {address} refuses a run ({reason_of(error)}); {left}, correct MLFLOW_TRACKING_URI or "
            "mend the server, then repeat"
        )
    return None


def _send(
    root: Path, client: MlflowClient, experiment: str, record: Record, told: Told, read_network: Callable[[Path], Any]
) -> Sent:
    header = record.header
    found = client.search_runs([experiment], f"tags.`{RECORD}` = '{header.id}'", max_results=1)
    begun = None if found or header.work is None else taken_up(client, experiment, header.work)
    run = (found[0] if found else None) or begun or create_run(client, experiment, header)
    run_id = run.info.run_id
    target = Target(client, run_id, header.inputs, header.commit, address_of(root))
    done = record.done(run_id)
    for number, operation in enumerate(told.operations[done:], start=done + 1):
        _carry_out(target, operation, read_network)
        record.set_done(run_id, number)
    # A run without an end is one of a killed process.
    status, ended = told.end or ("KILLED", told.last)
    operations.end(target, status, ended)
    return Sent(header.name, status, header.id, run_id, len(told.operations))


def _carry_out(target: Target, operation: Operation, read_network: Callable[[Path], Any]) -> None:
    arguments, held = dict(operation.arguments), operation.files
    in_order = [held[key] for key in sorted(held, key=lambda key: (len(key), key))]
    match operation.name:
        case "params":
            operations.params(target, **arguments)
        case "metrics":
            operations.metrics(target, **arguments)
        case "files":
            operations.files(target, in_order, **arguments)
        case "table":
            operations.table(target, held["path"])
        case "tags":
            operations.tags(target, **arguments)
        case "nested":
            if arguments["name"] not in operations.below(target):
                operations.nested(target, **arguments)
        case "nested_tag":
            operations.nested_tag(target, **arguments)
        case "attach":
            finished_runs.attach_to(target, paths=in_order, **arguments)
        case "register_network":
            registry.log_network(target, read_network(held["model"]), **arguments)
        case "register_code":
            from mlflow.models import ModelSignature

            signature = ModelSignature.from_dict(arguments.pop("signature"))
            script = held["code"] / arguments.pop("script")
            registry.log_code(target, script, held["code"], held["artefact"], signature=signature, **arguments)
        case "promote":
            registry.move_champion(target, **arguments)
        case "follow":
            registry.follow_champion(target, **arguments)
