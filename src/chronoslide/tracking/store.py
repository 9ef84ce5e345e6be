"""MLflow's store: where it is, our experiment in it, and finding, making and ending runs there."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chronoslide.errors import ChronoslideError
from chronoslide.files import replacing
from chronoslide.processes import is_dead, this_process
from chronoslide.tracking.outbox import Header

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
RECORD = "chronoslide.record"
"""Tag of a run on a server: the id of its record in the outbox, by which nothing is sent twice."""
# MLflow's own waits add up to minutes, for each thing that it is told; these are used where the user has set none.
_WAITS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_CONNECT_SECONDS = 10.0


class TrackingError(ChronoslideError):
    """MLflow's store cannot be reached or used."""


def address_of(root: Path) -> str:
    """The store's address: `MLFLOW_TRACKING_URI`, or a database in the repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"


def is_server(uri: str) -> bool:
    """Whether a store's address names something that can be away, and not files on this machine."""
    return "://" in uri and not uri.startswith(("sqlite:", "file:"))


def is_unreachable(error: BaseException) -> bool:
    """Whether an error says that a server did not answer, and not that it refused what it was told."""
    from requests.exceptions import HTTPError
    from sqlalchemy.exc import InterfaceError, OperationalError

    # What `requests` raises is an OSError.
    away = (OperationalError, InterfaceError, OSError)
    return any(
        _status(each) >= 500 or (isinstance(each, away) and not isinstance(each, HTTPError)) for each in _chain(error)
    )


def reason_of(error: BaseException) -> str:
    """Why a server could not be told something, in a few words."""
    text = " ".join(str(error).split())
    system = re.search(r"\[Errno -?\d+\] ([^'\")]+)", text)
    if system:
        return system[1].strip()
    return "timed out" if "timed out" in text or "imeout" in text else text[:160]


def _chain(error: BaseException) -> Iterator[BaseException]:
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = inner.__cause__ or inner.__context__


def _status(error: BaseException) -> int:
    """The HTTP status that MLflow's client was answered, 0 for errors of another kind."""
    from mlflow.exceptions import RestException
    from requests.exceptions import HTTPError

    if isinstance(error, RestException):
        return int(error.get_http_status_code())  # type: ignore[no-untyped-call]
    if isinstance(error, HTTPError) and error.response is not None:
        return int(error.response.status_code)
    said = re.search(r"failed with error code (\d{3})", str(error))
    return int(said[1]) if said else 0


def prepare(uri: str) -> None:
    """Bounds how long a server is waited for, and asks a database whether it listens at all.

    Raises:
        OSError: The database's machine does not answer; MLflow would try again for minutes.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for name, value in _WAITS.items():
        os.environ.setdefault(name, value)
    place = urlsplit(uri)
    port = place.port or _PORTS.get(place.scheme.split("+")[0])
    if place.scheme.split("+")[0] in _PORTS and place.hostname and port:
        socket.create_connection((place.hostname, port), _CONNECT_SECONDS).close()


def open_store(root: Path) -> tuple[MlflowClient, str]:
    """MLflow's client and the id of our experiment, which is made when it does not exist."""
    uri = address_of(root)
    prepare(uri)
    from mlflow.tracking import MlflowClient

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


def create_run(client: MlflowClient, experiment: str, header: Header) -> Run:
    """Makes a run that tells what goes into it, from which commit, and which process works on it."""
    inputs = header.inputs
    tags = {
        STAGE: inputs.stage,
        INPUTS: inputs.key,
        PROCESS: this_process(),
        RECORD: header.id,
        "mlflow.source.git.commit": header.commit,
        "mlflow.source.name": f"chronoslide {inputs.stage}",
        **{f"dvc.{path}": value for path, value in inputs.data.items()},
        **{f"code.{path}": value for path, value in inputs.code.items()},
    }
    if header.work is not None:
        tags[WORK] = header.work
    if header.parent:
        tags["mlflow.parentRunId"] = header.parent
    return client.create_run(experiment, start_time=header.begun, tags=tags, run_name=header.name)


def bury_the_dead(client: MlflowClient, experiment: str) -> None:
    """Marks runs as killed whose process on this machine is gone: SIGKILL leaves no time to say so oneself."""
    for run in client.search_runs([experiment], "status = 'RUNNING'"):
        if is_dead(run.data.tags.get(PROCESS, "")):
            client.set_terminated(run.info.run_id, "KILLED")
