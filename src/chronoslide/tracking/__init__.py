"""The only place that speaks to MLflow: runs, curves, files, registered models, the champion.

Metrics files are the truth and MLflow is told of them. A run is identified by the hash of what went into it (the
parameters of its stage, the DVC hashes of its data, its code), kept as the tag `chronoslide.inputs`. A stage that is
repeated on the same inputs finds its run again and logs nothing twice; a metrics file names its run by that hash,
because it stays the same when the run is repeated and MLflow's own id does not.

A store on a server may be away. What a run is told is then kept in the outbox (`outbox`), as operations (`operations`)
that can be told again (`sending`) by the same functions.
"""

from chronoslide.tracking.finished_runs import attach, latest_runs, read_artefact
from chronoslide.tracking.inputs import dvc_hash, git_commit, inputs_of, require_dependency
from chronoslide.tracking.registry import STORED_MODEL, fetch_model, follow, promote, register_code, register_network
from chronoslide.tracking.runs import StageRun, stage_run
from chronoslide.tracking.sending import send_runs
from chronoslide.tracking.store import TrackingError

__all__ = [
    "STORED_MODEL",
    "StageRun",
    "TrackingError",
    "attach",
    "dvc_hash",
    "fetch_model",
    "follow",
    "git_commit",
    "inputs_of",
    "latest_runs",
    "promote",
    "read_artefact",
    "register_code",
    "register_network",
    "require_dependency",
    "send_runs",
    "stage_run",
]
