"""The only place that speaks to MLflow: runs, curves, files, registered models, the champion.

Metrics files are the truth and MLflow is told of them. A run is identified by the hash of what went into it (the
parameters of its stage, the DVC hashes of its data, its code), kept as the tag `chronoslide.inputs`. A stage that is
repeated on the same inputs finds its run again and logs nothing twice; a metrics file names its run by that hash,
because it stays the same when the run is repeated and MLflow's own id does not.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from chronoslide.errors import ChronoslideError
from chronoslide.files import replacing
from chronoslide.models.card import WEIGHTS
from chronoslide.params import Settings
from chronoslide.runs import FinishedRun

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

EXPERIMENT = "chronoslide"
CHAMPION = "champion"
STORED_MODEL = "stored_model"
"""Folder of a run's artefacts that holds the network as `models.storage` keeps it."""
_INPUTS = "chronoslide.inputs"
_STAGE = "chronoslide.stage"
_PROCESS = "chronoslide.process"
_WORK = "chronoslide.work"
_TRIAL = "chronoslide.trial"
_WHOLE = "chronoslide.whole"
_DEAD = "dead"  # ended, but nobody has asked with which code


class TrackingError(ChronoslideError):
    """MLflow's store cannot be reached or used."""


@dataclass(frozen=True)
class Inputs:
    """What goes into a stage's run.

    Attributes:
        stage: Name of the stage.
        parameters: The parameters that the stage lists in `dvc.yaml`, flattened to dotted names.
        data: DVC hash of each data dependency that the stage lists in `dvc.yaml`.
        code: DVC hash of each code dependency.
    """

    stage: str
    parameters: Mapping[str, Any]
    data: Mapping[str, str]
    code: Mapping[str, str]

    @property
    def key(self) -> str:
        """Hash of all of it; names the run."""
        content = [self.stage, dict(self.parameters), dict(self.data), dict(self.code)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def inputs_of(root: Path, stage: str, settings: Settings) -> Inputs:
    """Collects the inputs of a stage as `dvc.yaml` lists them.

    Args:
        root: The repository.
        stage: Name of a stage in `dvc.yaml`.
        settings: The settings in use.
    """
    described = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    everything = settings.model_dump(mode="json")
    parameters: dict[str, Any] = {}
    for name in described.get("params", []):
        value: Any = everything
        for part in name.split("."):
            value = value[part]
        parameters |= _flatten({name: value})
    hashes = {path: dvc_hash(root / path) for path in described.get("deps", []) if (root / path).exists()}
    code = {path: value for path, value in hashes.items() if path.startswith("src/")}
    data = {path: value for path, value in hashes.items() if path not in code}
    return Inputs(stage, parameters, data, code)


def dvc_hash(path: Path) -> str:
    """The hash that DVC gives a file (MD5) or folder (MD5 of its sorted list of files, `.dir`)."""
    if path.is_file():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    files = sorted(
        (item for item in path.rglob("*") if item.is_file() and not _ignored(item.relative_to(path))),
        key=lambda item: item.relative_to(path).as_posix(),
    )
    entries = [{"md5": dvc_hash(item), "relpath": item.relative_to(path).as_posix()} for item in files]
    listing = json.dumps(entries, sort_keys=True).encode()
    return hashlib.md5(listing, usedforsecurity=False).hexdigest() + ".dir"


def _ignored(path: Path) -> bool:
    """What DVC does not see: compiled code, and (by `.dvcignore`) what a killed process left."""
    return any(
        part == "__pycache__" or (part.startswith(".") and {".part", ".old", ".lock"} & set(Path(part).suffixes))
        for part in path.parts
    )


def git_commit(root: Path) -> str:
    """The commit that is checked out, with `+` behind it when tracked files differ from it; `unknown` outside git."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stdout.strip()


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
    _tags: dict[str, str] = field(default_factory=dict)

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
            _STAGE: self.inputs.stage,
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

    def register(
        self, model: Any, name: str, *, bands: Sequence[str], side: int, description: str, weights: Path
    ) -> None:
        """Logs a Keras model with signature and input example, and registers it.

        Args:
            model: The network; reflectance in, probability out; of Keras' own layers, so that no code travels with it.
            name: Of the registered model.
            bands: Its bands in order.
            side: Rows and columns of a patch.
            description: What the version is, in a sentence.
            weights: The stored weights; their hash ties the version to the file.
        """
        weights_hash = dvc_hash(weights)
        if version_of(self.client, name, weights_hash) is not None:
            return
        import mlflow
        import numpy as np
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        signature = ModelSignature(
            inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, side, side, len(bands)), name="reflectance")]),
            outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, side, side, 1), name="probability")]),
        )
        with mlflow.start_run(run_id=self.run_id), _without_custom_objects():
            info = mlflow.tensorflow.log_model(
                model,
                name="model",
                signature=signature,
                # Dark, unvegetated ground: what matters is the form, and real patches may not be passed on.
                input_example=np.full((1, side, side, len(bands)), 0.1, dtype=np.float32),
                pip_requirements=pinned(("keras", "tensorflow", "numpy", "mlflow")),
                registered_model_name=name,
                metadata={"bands": list(bands), "inputs": self.inputs.key, "weights_md5": weights_hash},
            )
        self._describe(name, str(info.registered_model_version), description, weights_hash, bands)

    def register_code(
        self,
        script: Path,
        name: str,
        *,
        signature: ModelSignature,
        artefact: tuple[str, Path],
        bands: Sequence[str],
        description: str,
        weights: Path,
        requirements: Sequence[str],
    ) -> None:
        """Logs a model that MLflow loads by running a script, without a pickle, and registers it.

        A version is made for each state of the run's inputs: the same weights with other settings are another model.

        Args:
            script: Calls `mlflow.models.set_model`.
            name: Of the registered model.
            signature: What goes in.
            artefact: A folder that the script is given, and its name.
            bands: The bands it takes, in order.
            description: What the version is, in a sentence.
            weights: The stored weights; their hash ties the version to the file.
            requirements: The packages it needs; they and what they need are pinned to the versions in use.
        """
        versions = self.client.search_model_versions(f"name = '{name}'")
        if any(version.tags.get("inputs") == self.inputs.key for version in versions):
            return
        import mlflow

        weights_hash = dvc_hash(weights)
        with mlflow.start_run(run_id=self.run_id), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*An input example was not provided", category=UserWarning)
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(script),
                artifacts={artefact[0]: str(artefact[1])},
                signature=signature,
                code_paths=[str(Path(__file__).parent)],
                pip_requirements=pinned(requirements),
                registered_model_name=name,
                model_config={"model_version": weights_hash[:8]},
                metadata={"bands": list(bands), "inputs": self.inputs.key, "weights_md5": weights_hash},
            )
        self._describe(name, str(info.registered_model_version), description, weights_hash, bands)

    def _describe(self, name: str, version: str, description: str, weights_hash: str, bands: Sequence[str]) -> None:
        """Ties a version to what it was made of."""
        self.client.update_model_version(name, version, description=description)
        tags = {
            "inputs": self.inputs.key,
            "weights_md5": weights_hash,
            "git_commit": git_commit(self.root),
            "bands": ",".join(bands),
            **{f"dvc.{path}": value for path, value in self.inputs.data.items()},
        }
        for key, value in tags.items():
            self.client.set_model_version_tag(name, version, key, value)


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
        client, experiment = _open_store(root)
        _bury_the_dead(client, experiment)
        found = _finished(client, experiment, name, inputs.key) if goes_on is None else None
        begun = None if goes_on is None else _taken_up(client, experiment, goes_on)
        run = found or begun or _create(client, experiment, root, name, inputs, goes_on)
    except MlflowException as error:
        raise TrackingError(
            f"MLflow's store {_store(root)} cannot be used ({str(error).splitlines()[0]}); "
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
    found = _finished(run.client, experiment, name, key)
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
        client, _ = _open_store(root)
        with TemporaryDirectory() as folder:
            return Path(client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")
    except (MlflowException, OSError) as error:
        raise TrackingError(
            f"{run_id}: MLflow's store {_store(root)} holds no such run, or the run no {name}; name a finished run of "
            "the stage `evaluate`, or correct MLFLOW_TRACKING_URI"
        ) from error


def latest_runs(client: MlflowClient, root: Path) -> tuple[FinishedRun, ...]:
    """The latest finished run of each name, in the order in which they ended."""
    experiment = client.get_experiment_by_name(os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT))
    if experiment is None:
        return ()
    server = _store(root) if _store(root).startswith("http") else ""
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
        latest[info.run_name] = FinishedRun(info.run_name, info.run_id, run.data.tags.get(_INPUTS, ""), minutes, page)
    return tuple(latest.values())


def version_of(client: MlflowClient, name: str, weights_hash: str) -> str | None:
    """The registered version that has these weights, or None."""
    versions = client.search_model_versions(f"name = '{name}'")
    same = [int(version.version) for version in versions if version.tags.get("weights_md5") == weights_hash]
    return str(max(same)) if same else None


def promote(run: StageRun, name: str, weights: Path, f1: float, held_out: str) -> str:
    """Moves the alias `champion` to the version with these weights if it is better on the held-out blocks.

    Args:
        run: The run that measured it.
        name: Of the registered model.
        weights: The stored weights of the candidate.
        f1: Its pooled F1 on the held-out blocks.
        held_out: Hash of the held-out blocks and their labels; figures on other blocks do not compare.

    Returns:
        The decision in a sentence; it is also kept as tag of the version and of the run.
    """
    from mlflow.exceptions import MlflowException

    client = run.client
    candidate = version_of(client, name, dvc_hash(weights))
    if candidate is None:
        return f"{name}: this model is not registered in {_store(run.root)}, the alias stays"
    client.set_model_version_tag(name, candidate, "held_out_f1", f"{f1:.6f}")
    client.set_model_version_tag(name, candidate, "held_out_blocks", held_out)
    try:
        champion = client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException:
        champion = None
    decision, moves = _decide(name, candidate, f1, held_out, champion)
    if moves:
        client.set_registered_model_alias(name, CHAMPION, candidate)
    client.set_model_version_tag(name, candidate, "champion_decision", decision)
    run.tag(**{f"champion_decision.{name}": decision})
    return decision


@contextmanager
def _without_custom_objects() -> Iterator[None]:
    """Hides the layers that Keras knows beside its own: MLflow would pickle them all beside the model."""
    import keras

    known = keras.saving.get_custom_objects()
    kept = dict(known)
    known.clear()
    try:
        yield
    finally:
        known.update(kept)


def follow(run: StageRun, name: str, leader: str) -> str:
    """Moves the alias `champion` of a model that carries another one's weights to where that one's champion is.

    Args:
        run: The run that promoted the other one.
        name: Of the registered model that follows.
        leader: Of the registered model that is followed.

    Returns:
        The decision in a sentence; it is also kept as tag of the run.
    """
    from mlflow.exceptions import MlflowException

    client = run.client
    try:
        wanted = client.get_model_version_by_alias(leader, CHAMPION)
    except MlflowException:
        return f"{name}: {leader} has no champion, the alias stays"
    version = version_of(client, name, wanted.tags.get("weights_md5", ""))
    if version is None:
        decision = f"{name}: no version has the weights of {leader} version {wanted.version}, the alias stays"
    else:
        client.set_registered_model_alias(name, CHAMPION, version)
        decision = f"{name} version {version} carries the weights of the champion, {leader} version {wanted.version}"
    run.tag(**{f"champion_decision.{name}": decision})
    return decision


def fetch_model(root: Path, address: str) -> Path:
    """The stored files of a registered model, in a temporary folder that MLflow makes.

    Args:
        root: The repository whose store is asked, unless `MLFLOW_TRACKING_URI` names one.
        address: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Returns:
        A mapper's folder, or the folder of a stored network.

    Raises:
        TrackingError: The store cannot be reached, or has no such model or no files of it.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    if _store(root).startswith("sqlite:") and not Path(_store(root).removeprefix("sqlite:///")).exists():
        raise TrackingError(
            f"{address}: no runs in {_store(root)}; name the repository by --root, a server by MLFLOW_TRACKING_URI, or "
            "the folder of a stored model"
        )
    mlflow.set_tracking_uri(_store(root))
    client = MlflowClient(_store(root))
    place = address.removeprefix("models:/")
    try:
        if "@" in place:
            version = client.get_model_version_by_alias(*place.split("@", 1))
        else:
            version = client.get_model_version(*place.split("/", 1))
        files = Path(download_artifacts(f"models:/{version.name}/{version.version}"))
        if (files / "artifacts").is_dir():
            return next(path for path in (files / "artifacts").iterdir() if path.is_dir())
        if version.run_id is None:
            raise TrackingError(f"{address}: its run is not known, so neither are its stored files; name a folder")
        stored = Path(download_artifacts(run_id=version.run_id, artifact_path=STORED_MODEL))
        return next(path.parent for path in stored.rglob(WEIGHTS) if dvc_hash(path) == version.tags.get("weights_md5"))
    except StopIteration as error:
        raise TrackingError(
            f"{address}: the stored files are missing or not those that were registered; register the model again"
        ) from error
    except (MlflowException, OSError, TypeError) as error:
        raise TrackingError(
            f"{address}: cannot be fetched from {_store(root)} ({str(error).splitlines()[0]}); name a registered model "
            "as models:/NAME@ALIAS or models:/NAME/VERSION, or the folder of a stored one"
        ) from error


def _decide(name: str, candidate: str, f1: float, held_out: str, champion: Any) -> tuple[str, bool]:
    new = f"{name} version {candidate} (F1 {f1:.4f} on the held-out blocks)"
    if champion is None:
        return f"{new} is the first champion", True
    if str(champion.version) == candidate:  # MLflow gives a number or a text, by store
        return f"{new} is the champion already", False
    if champion.tags.get("held_out_blocks") != held_out:
        return (
            f"{new} replaces version {champion.version}, whose figure is of other held-out blocks and does not compare",
            True,
        )
    best = float(champion.tags["held_out_f1"])
    if f1 > best:
        return f"{new} replaces version {champion.version} (F1 {best:.4f})", True
    return f"{new} is not better than the champion, version {champion.version} (F1 {best:.4f}), which stays", False


def _store(root: Path) -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlflow.db'}"


def _open_store(root: Path) -> tuple[MlflowClient, str]:
    """MLflow's client and the id of our experiment, which is made when it does not exist."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from mlflow.tracking import MlflowClient

    uri = _store(root)
    if uri.startswith("sqlite:///") and "?" not in uri:
        _make_database(Path(uri.removeprefix("sqlite:///")))
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    found = client.get_experiment_by_name(name)
    if found is not None:
        return client, str(found.experiment_id)
    beside = (root / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
    return client, str(client.create_experiment(name, artifact_location=beside))


def _make_database(path: Path) -> None:
    """Makes MLflow's database whole or not at all: one that was killed between its migrations never opens again."""
    from mlflow.tracking import MlflowClient

    if path.exists():
        return
    with suppress(FileExistsError), replacing(path) as temporary:
        if path.exists():
            raise FileExistsError  # another process was quicker
        MlflowClient(f"sqlite:///{temporary}").search_experiments(max_results=1)


def _finished(client: MlflowClient, experiment: str, name: str, key: str) -> Run | None:
    wanted = f"tags.`{_INPUTS}` = '{key}' and tags.`mlflow.runName` = '{name}' and status = 'FINISHED'"
    runs = client.search_runs([experiment], wanted, max_results=1)
    return runs[0] if runs else None


def _taken_up(client: MlflowClient, experiment: str, work: str) -> Run | None:
    """The run that was opened for the same work, running again."""
    runs = client.search_runs([experiment], f"tags.`{_WORK}` = '{work}'", max_results=1)
    if not runs:
        return None
    run_id = runs[0].info.run_id
    client.set_tag(run_id, _PROCESS, f"{socket.gethostname()}:{os.getpid()}")
    client.update_run(run_id, "RUNNING")
    return runs[0]


def _create(
    client: MlflowClient, experiment: str, root: Path, name: str, inputs: Inputs, work: str | None = None
) -> Run:
    tags = {
        _STAGE: inputs.stage,
        _INPUTS: inputs.key,
        _PROCESS: f"{socket.gethostname()}:{os.getpid()}:{_start_of(os.getpid())}",
        "mlflow.source.git.commit": git_commit(root),
        "mlflow.source.name": f"chronoslide {inputs.stage}",
        **{f"dvc.{path}": value for path, value in inputs.data.items()},
        **{f"code.{path}": value for path, value in inputs.code.items()},
    }
    if work is not None:
        tags[_WORK] = work
    parent = os.environ.get("MLFLOW_RUN_ID")  # set by `mlflow run`
    if parent:
        tags["mlflow.parentRunId"] = parent
    run = client.create_run(experiment, tags=tags, run_name=name)
    for parameter, value in inputs.parameters.items():
        client.log_param(run.info.run_id, parameter, value)
    return run


def _bury_the_dead(client: MlflowClient, experiment: str) -> None:
    """Marks runs as killed whose process on this machine is gone: SIGKILL leaves no time to say so oneself."""
    for run in client.search_runs([experiment], "status = 'RUNNING'"):
        host, process, start = [*run.data.tags.get(_PROCESS, "").split(":"), "", ""][:3]
        if host == socket.gethostname() and process.isdigit() and not _alive(int(process), start):
            client.set_terminated(run.info.run_id, "KILLED")


def _alive(process: int, start: str) -> bool:
    """Whether the process with this number that started then is still there; the kernel uses numbers again."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    now = _start_of(process)
    return now != _DEAD and (not start or not now or now == start)


def _start_of(process: int) -> str:
    """When a process started, in ticks since the machine did; empty where Linux' /proc does not tell."""
    try:
        state, *numbers = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return _DEAD if state == "Z" else numbers[18]


def _flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def pinned(names: Sequence[str]) -> list[str]:
    """Packages and all that they need, pinned to the versions in use, in alphabetical order.

    Finding out by import what a model needs would take MLflow half a minute, and leave the rest unpinned.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    waiting = [Requirement(name) for name in names]
    seen: set[tuple[str, frozenset[str]]] = set()
    versions: dict[str, str] = {}
    while waiting:
        wanted = waiting.pop()
        name, extras = str(canonicalize_name(wanted.name)), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # what another package replaces, or what this platform does not have
        versions[name] = found.version
        for line in found.requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append(needed)
    return [f"{name}=={version}" for name, version in sorted(versions.items())]
