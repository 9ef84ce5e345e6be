"""Registered models: with signature and pinned environment, tied to their weights; and which one is the champion."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chronoslide.models.card import WEIGHTS
from chronoslide.tracking import operations
from chronoslide.tracking.inputs import dvc_hash
from chronoslide.tracking.operations import Target
from chronoslide.tracking.runs import StageRun
from chronoslide.tracking.store import TrackingError, address_of, point_mlflow_at, prepare, reason_of

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
STORED_MODEL = "stored_model"
"""Folder of a run's artefacts that holds the network as `models.storage` keeps it."""


def register_network(
    run: StageRun, model: Any, name: str, *, bands: Sequence[str], side: int, description: str, weights: Path
) -> None:
    """Logs a Keras model with signature and input example, and registers it.

    Args:
        run: The run that made it.
        model: The network; reflectance in, probability out; of Keras' own layers, so that no code travels with it.
        name: Of the registered model.
        bands: Its bands in order.
        side: Rows and columns of a patch.
        description: What the version is, in a sentence.
        weights: The stored weights; their hash ties the version to the file.
    """
    arguments: dict[str, Any] = {
        "name": name, "bands": list(bands), "side": side, "description": description, "weights_hash": dvc_hash(weights)
    }  # fmt: skip
    run.tell(
        "register_network", lambda target: log_network(target, model, **arguments), arguments, {"model": weights.parent}
    )


def log_network(
    run: Target, model: Any, name: str, *, bands: Sequence[str], side: int, description: str, weights_hash: str
) -> None:
    """Carries out `register_network` in a store that answers."""
    version = version_of(run.client, name, weights_hash) or _begun(run, name)
    if version is not None:
        _describe(run, name, version, description, weights_hash, bands)
        return
    import mlflow
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, side, side, len(bands)), name="reflectance")]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, side, side, 1), name="probability")]),
    )
    with mlflow.start_run(run_id=run.run_id), _without_custom_objects(), warnings.catch_warnings():
        # MLflow tries the example as a list of its named inputs, and Keras expects the one input alone.
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
        info = mlflow.tensorflow.log_model(
            model,
            name="model",
            signature=signature,
            # Dark, unvegetated ground: what matters is the form, and real patches may not be passed on.
            input_example=np.full((1, side, side, len(bands)), 0.1, dtype=np.float32),
            pip_requirements=pinned(("keras", "tensorflow", "numpy", "mlflow")),
            registered_model_name=name,
            metadata={"bands": list(bands), "inputs": run.inputs.key, "weights_md5": weights_hash},
        )
    _describe(run, name, str(info.registered_model_version), description, weights_hash, bands)


def register_code(
    run: StageRun,
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
        run: The run that made it.
        script: Calls `mlflow.models.set_model`.
        name: Of the registered model.
        signature: What goes in.
        artefact: A folder that the script is given, and its name.
        bands: The bands it takes, in order.
        description: What the version is, in a sentence.
        weights: The stored weights; their hash ties the version to the file.
        requirements: The packages it needs; they and what they need are pinned to the versions in use.
    """
    arguments: dict[str, Any] = {
        "name": name, "artefact": artefact[0], "bands": list(bands), "description": description,
        "weights_hash": dvc_hash(weights), "requirements": pinned(requirements),
    }  # fmt: skip
    code = Path(__file__).parents[1]
    run.tell(
        "register_code",
        lambda target: log_code(target, script, code, artefact[1], signature=signature, **arguments),
        {**arguments, "signature": signature.to_dict(), "script": script.relative_to(code).as_posix()},
        {"code": code, "artefact": artefact[1]},
    )


def log_code(
    run: Target,
    script: Path,
    code: Path,
    folder: Path,
    *,
    signature: ModelSignature,
    name: str,
    artefact: str,
    bands: Sequence[str],
    description: str,
    weights_hash: str,
    requirements: Sequence[str],
) -> None:
    """Carries out `register_code` in a store that answers."""
    versions = run.client.search_model_versions(f"name = '{name}'")
    same = [str(version.version) for version in versions if version.tags.get("inputs") == run.inputs.key]
    version = max(same, key=int, default=None) or _begun(run, name)
    if version is not None:
        _describe(run, name, version, description, weights_hash, bands)
        return
    import mlflow

    with mlflow.start_run(run_id=run.run_id), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*An input example was not provided", category=UserWarning)
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(script),
            artifacts={artefact: str(folder)},
            signature=signature,
            code_paths=[str(code)],
            pip_requirements=list(requirements),
            registered_model_name=name,
            model_config={"model_version": weights_hash[:8], "weights_md5": weights_hash},
            metadata={"bands": list(bands), "inputs": run.inputs.key, "weights_md5": weights_hash},
        )
    _describe(run, name, str(info.registered_model_version), description, weights_hash, bands)


def _begun(run: Target, name: str) -> str | None:
    """The version that this run has made, but was interrupted before it described it."""
    versions = run.client.search_model_versions(f"name = '{name}'")
    return next((str(version.version) for version in versions if version.run_id == run.run_id), None)


def _describe(run: Target, name: str, version: str, description: str, weights_hash: str, bands: Sequence[str]) -> None:
    """Ties a version to what it was made of; a version of another run stays as that run described it."""
    if run.client.get_model_version(name, version).run_id != run.run_id:
        return
    run.client.update_model_version(name, version, description=description)
    tags = {
        "inputs": run.inputs.key,
        "weights_md5": weights_hash,
        "git_commit": run.commit,
        "bands": ",".join(bands),
        **{f"dvc.{path}": value for path, value in run.inputs.data.items()},
    }
    for key, value in tags.items():
        run.client.set_model_version_tag(name, version, key, value)


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
    arguments: dict[str, Any] = {"name": name, "weights_hash": dvc_hash(weights), "f1": f1, "held_out": held_out}
    told = run.tell("promote", lambda target: move_champion(target, **arguments), arguments)
    return told or f"{name}: the champion is chosen when `chronoslide sync-runs` has reached the server"


def move_champion(run: Target, name: str, weights_hash: str, f1: float, held_out: str) -> str:
    """Carries out `promote` in a store that answers."""
    from mlflow.exceptions import MlflowException

    client = run.client
    candidate = version_of(client, name, weights_hash)
    if candidate is None:
        return f"{name}: this model is not registered in {run.address}, the alias stays"
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
    operations.tags(run, {f"champion_decision.{name}": decision})
    return decision


def follow(run: StageRun, name: str, leader: str) -> str:
    """Moves the alias `champion` of a model that carries another one's weights to where that one's champion is.

    Args:
        run: The run that promoted the other one.
        name: Of the registered model that follows.
        leader: Of the registered model that is followed.

    Returns:
        The decision in a sentence; it is also kept as tag of the run.
    """
    arguments = {"name": name, "leader": leader}
    told = run.tell("follow", lambda target: follow_champion(target, name, leader), arguments)
    return told or f"{name}: follows {leader} when `chronoslide sync-runs` has reached the server"


def follow_champion(run: Target, name: str, leader: str) -> str:
    """Carries out `follow` in a store that answers."""
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
    operations.tags(run, {f"champion_decision.{name}": decision})
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
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    if address_of(root).startswith("sqlite:") and not Path(address_of(root).removeprefix("sqlite:///")).exists():
        raise TrackingError(
            f"{address}: no runs in {address_of(root)}; name the repository by --root, a server by "
            "MLFLOW_TRACKING_URI, or the folder of a stored model"
        )
    place = address.removeprefix("models:/")
    try:
        prepare(address_of(root))
        point_mlflow_at(address_of(root))
        client = MlflowClient(address_of(root))
        if "@" in place:
            version = client.get_model_version_by_alias(*place.split("@", 1))
        else:
            version = client.get_model_version(*place.split("/", 1))
        files = Path(download_artifacts(f"models:/{version.name}/{version.version}"))
        registered = version.tags.get("weights_md5")
        if (files / "artifacts").is_dir():
            folders = [path for path in (files / "artifacts").iterdir() if path.is_dir()]
            return next(path for path in folders if dvc_hash(path / WEIGHTS) == registered)
        if version.run_id is None:
            raise TrackingError(f"{address}: its run is not known, so neither are its stored files; name a folder")
        stored = Path(download_artifacts(run_id=version.run_id, artifact_path=STORED_MODEL))
        return next(path.parent for path in stored.rglob(WEIGHTS) if dvc_hash(path) == registered)
    except StopIteration as error:
        raise TrackingError(
            f"{address}: the stored files are missing or not those that were registered; register the model again"
        ) from error
    except (MlflowException, OSError, TypeError) as error:
        raise TrackingError(
            f"{address}: cannot be fetched from {address_of(root)} ({reason_of(error)}); name a registered "
            "model as models:/NAME@ALIAS or models:/NAME/VERSION, or the folder of a stored one"
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
