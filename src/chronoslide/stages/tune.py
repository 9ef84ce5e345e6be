"""`chronoslide tune`: the search for the settings that `pretrain` leaves open."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from chronoslide.errors import SettingsError
from chronoslide.files import replacing, write_json, write_text
from chronoslide.params import Settings, TuneSettings, read_settings, shown
from chronoslide.patches.storage import read_patches, read_statistics
from chronoslide.search import cost, trials
from chronoslide.search.algorithms import PLACE
from chronoslide.search.networks import Networks
from chronoslide.search.objective import TrialData, networks_for, share_data, train_trial
from chronoslide.search.outcome import Outcome
from chronoslide.search.running import Objective, OnEpoch, work
from chronoslide.search.space import Point, grid_points, overruled, settings_of
from chronoslide.search.study import (
    FAILURE,
    OUTCOME,
    PROCESS,
    OpenStudy,
    bury_the_dead,
    open_storage,
    open_study,
    plan,
    storage_address,
)
from chronoslide.search.worker_processes import work_in_processes
from chronoslide.tracking import StageRun, dvc_hash, stage_run

RESULTS, BEST, TRIALS, IMPORTANCE = "results/search", "best_params.json", "trials.csv", "importance.csv"
TIMINGS = "search/timings.csv"
"""Wall times; beside the study and not among the results, because they differ from run to run."""

_PATCHES = "results/patches/training"
_STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "FAILED"}

New = Literal["never", "always", "if changed"]

log = logging.getLogger(__name__)


def run(root: Path, workers: int | None = None, storage: str | None = None, *, new: New = "never") -> None:
    """Searches until the study has its trials, and writes `results/search`.

    Args:
        root: The repository.
        workers: Processes, if not as many as `params.yaml` says.
        storage: Database, if not the one of `params.yaml`.
        new: Whether a new study is begun beside those that are there: "never" (one that was made for something else is
            refused), "always", or "if changed" (where none was made for these data and settings).

    Raises:
        SettingsError: The storage cannot be used, or its study was made for something else.
        DataError: The patches are missing or broken.
        ModelError: No trial came to its end.
    """
    settings = read_settings(root / "params.yaml")
    tune = _overridden(settings.tune, workers, storage)
    if not tune.trials:
        _write_results(root, trials.no_search(), pd.DataFrame(), {})
        with stage_run(root, "tune", settings):
            log.info("tune: no search (tune.trials is 0); `pretrain` takes params.yaml and the defaults")
        return
    study = _open(root, settings, tune, new=new)
    total, points = _planned(tune, settings.seed)
    bury_the_dead(study)
    plan(study, total, points)
    for name in overruled(tune.space, settings.pretrain):
        log.info("tune: %s is searched, but `pretrain` names it itself in params.yaml, and that wins", name)
    with stage_run(root, "tune", settings, goes_on=study.mark) as run:
        # The order of trials may not depend on it, so the data are read even where nothing is left to do.
        data = _read_data(root, settings, tune)
        networks = networks_for(data)
        log.info(_estimate(study, settings, tune, data, networks, total))
        ends = time.monotonic() + 60 * tune.minutes if tune.minutes else float("inf")
        with tqdm(desc="tune", total=total, unit=" trials", initial=len(trials.ended(study, total))) as bar:
            follow = _follower(study, total, run, bar, data.training.n)
            if tune.workers == 1:
                objective = _objective(settings, tune, data, networks)
                work(study, tune, settings.seed, objective, points, ends, follow)
            else:
                work_in_processes(root, study, tune, ends, lambda: follow(None))
            follow(None)
        _finish(root, settings, tune, study, total, run)


def run_worker(root: Path, storage: str, study_name: str, minutes: float | None) -> None:
    """One of several workers: runs trials of a study that `run` has opened, and writes nothing else."""
    settings = read_settings(root / "params.yaml")
    # Of several workers, so that the sampler keeps their trials apart.
    tune = settings.tune.model_copy(update={"storage": storage, "workers": max(2, settings.tune.workers)})
    study = OpenStudy(open_storage(storage, tune.heartbeat_seconds), study_name)
    ends = time.monotonic() + 60 * minutes if minutes else float("inf")
    data = _read_data(root, settings, tune)
    objective = _objective(settings, tune, data, networks_for(data))
    work(study, tune, settings.seed, objective, _planned(tune, settings.seed)[1], ends)


def _overridden(tune: TuneSettings, workers: int | None, storage: str | None) -> TuneSettings:
    if workers is not None and workers < 1:
        raise SettingsError(f"--workers {workers}: name one or more")
    changes = {"workers": workers, "storage": storage}
    return tune.model_copy(update={name: value for name, value in changes.items() if value is not None})


def _open(root: Path, settings: Settings, tune: TuneSettings, *, new: New) -> OpenStudy:
    _read_patch_sets(root)  # a missing file is told as such before a study is made for it
    address = storage_address(tune.storage, root)
    storage = open_storage(address, tune.heartbeat_seconds)
    return open_study(storage, tune.study, _identity(root, settings, tune), tune.objectives, new=new)


def _identity(root: Path, settings: Settings, tune: TuneSettings) -> dict[str, Any]:
    """What the trials of a study have in common; with another one of these they would not compare."""
    model, optimiser = settings_of({}, settings.pretrain, tune.epochs)
    named = tune.space.model_dump(mode="json", exclude_none=True)
    fixed = {**model.model_dump(mode="json"), **optimiser.model_dump(mode="json")}
    return {
        "training patches": dvc_hash(root / _PATCHES / "train")[:12],
        "validation patches": dvc_hash(root / _PATCHES / "validation")[:12],
        "seed": settings.seed,
        "sampler": tune.sampler,
        "objectives": ", ".join(tune.objectives),
        "patches of a trial": tune.patches,
        **{f"space.{name}": str(value) for name, value in named.items()},
        **{name: value for name, value in fixed.items() if name not in named},
    }


def _planned(tune: TuneSettings, seed: int) -> tuple[int, list[dict[str, Any]] | None]:
    """How many trials there will be, and their points where these are known before."""
    if tune.sampler != "grid":
        return tune.trials, None
    points = grid_points(tune.space, seed)
    return min(tune.trials, len(points)), points


def _read_patch_sets(root: Path) -> tuple[Any, Any, Any]:
    folder = root / _PATCHES
    return read_patches(folder / "train"), read_patches(folder / "validation"), read_statistics(folder)


def _read_data(root: Path, settings: Settings, tune: TuneSettings) -> TrialData:
    return share_data(*_read_patch_sets(root), tune.patches, settings.seed)


def _objective(settings: Settings, tune: TuneSettings, data: TrialData, networks: Networks) -> Objective:
    def train_point(point: Point, on_epoch: OnEpoch) -> Outcome:
        return train_trial(data, networks, *settings_of(point, settings.pretrain, tune.epochs), on_epoch)

    return train_point


def _estimate(
    study: OpenStudy, settings: Settings, tune: TuneSettings, data: TrialData, networks: Networks, total: int
) -> str:
    """Says how long the search will take here: from its own trials if there are any, from a measured step if not."""
    done = trials.ended(study, total)
    left = total - len(done)
    if not left:
        return f"tune: all {total} trials are there"
    timed = [trial for trial in done if trial.state == TrialState.COMPLETE]
    if timed:
        minutes = left * sum(trial.user_attrs[OUTCOME]["seconds"] for trial in timed) / len(timed) / tune.workers / 60
    else:
        base, optimiser = settings_of({}, settings.pretrain, tune.epochs)
        filters = cost.expected_filters(tune.space.filters, base.filters, left)
        measured = {
            one: networks.seconds_per_patch(base.model_copy(update={"filters": round(one)}), optimiser)
            for one in sorted({min(filters), max(filters)})
        }
        patches = data.training.n + data.validation.n // 3
        minutes = cost.estimate_minutes(filters, measured, optimiser.epochs, patches)
    budget = f", the budget is {tune.minutes:g} minutes" if tune.minutes else ""
    return f"tune: {left} of {total} trials to run; they will take at most about {minutes:.1f} minutes here{budget}"


def _follower(
    study: OpenStudy, total: int, run: StageRun, bar: Any, patches_of_epoch: int
) -> Callable[[FrozenTrial | None], None]:
    """A function that shows the state of the search and tells MLflow of each trial that ended, once."""
    logged = set(run.nested())

    def follow(_: FrozenTrial | None) -> None:
        done = trials.ended(study, total)
        for trial in done:
            name = f"trial {trial.user_attrs[PLACE]}"
            if name not in logged:
                _log_trial(run, name, trial, patches_of_epoch)
                logged.add(name)
        best = max((trial.values[0] for trial in done if trial.state == TrialState.COMPLETE), default=None)
        if best is not None:
            bar.set_postfix_str(f"best F1 {best:.3f}", refresh=False)
        bar.update(len(done) - bar.n)

    return follow


def _log_trial(run: StageRun, name: str, trial: FrozenTrial, patches_of_epoch: int) -> None:
    attributes, outcome = trial.user_attrs, trial.user_attrs.get(OUTCOME, {})
    seconds, patches = float(outcome.get("seconds", 0.0)), patches_of_epoch * len(attributes.get("curve", ()))
    figures = {name: float(value) for name, value in outcome.items() if name in trials.FIGURES}
    state = trials.STATES[trial.state]
    if state == "pruned" and trial.values:
        figures["f1"] = trial.values[0]
    run.log_nested(
        name,
        parameters=trial.params,
        metrics={**figures, "seconds": seconds, "patches": patches, "patches_per_second": patches / max(seconds, 1e-9)},
        curve=attributes.get("curve", ()),
        tags={
            "trial": str(attributes[PLACE]),
            "state": state,
            "worker": str(attributes.get(PROCESS, "")),
            **({"failure": str(attributes[FAILURE])} if FAILURE in attributes else {}),
        },
        status=_STATUS[trial.state],
        times=_times(trial),
    )


def _times(trial: FrozenTrial) -> tuple[int, int] | None:
    if trial.datetime_start is None or trial.datetime_complete is None:
        return None
    return int(trial.datetime_start.timestamp() * 1000), int(trial.datetime_complete.timestamp() * 1000)


def _finish(root: Path, settings: Settings, tune: TuneSettings, study: OpenStudy, total: int, run: StageRun) -> None:
    """Writes the results and tells MLflow which trial was the best."""
    done = trials.ended(study, total)
    if len(done) < total:
        log.warning(
            "tune: %d of %d trials ended within tune.minutes or are run elsewhere; `chronoslide tune` goes on",
            len(done), total,
        )  # fmt: skip
    best = trials.best_of(done)
    names = list(tune.space.named())
    importance = trials.importances(study, done, names, settings.seed)
    summary = {
        "study": tune.study, "sampler": tune.sampler, "pruner": tune.pruner, "objectives": list(tune.objectives),
        "epochs_of_a_trial": tune.epochs, "patches_of_a_trial": tune.patches,
    }  # fmt: skip
    found = trials.best_parameters(best, done, summary)
    _write_results(root, found, trials.trial_table(done, names, tune.objectives), importance)
    write_text(root / TIMINGS, trials.timing_table(done).to_csv(index=False, lineterminator="\n"))
    run.tag_nested("best", {name: str(name == f"trial {found['best_trial']}").lower() for name in run.nested()})
    run.log_params({f"best.{name}": value for name, value in best.params.items()})
    seconds = [float(trial.user_attrs.get(OUTCOME, {}).get("seconds", 0.0)) for trial in done]
    run.log_metrics(
        {
            "best_f1": found["f1"],
            "best_trial": found["best_trial"],
            "trials": len(done),
            "pruned": found["pruned"],
            "failed": found["failed"],
            "seconds_of_all_trials": sum(seconds),
            **{f"importance.{name}": share for name, share in importance.items()},
        }
    )
    run.log_files([root / RESULTS, root / TIMINGS])
    values = ", ".join(f"{name} {shown(value)}" for name, value in best.params.items())
    log.info(
        "tune: best of %d trials is trial %d: F1 %.3f with %s", len(done), found["best_trial"], found["f1"], values
    )


def _write_results(root: Path, best: Mapping[str, Any], table: pd.DataFrame, importance: Mapping[str, float]) -> None:
    with replacing(root / RESULTS) as folder:
        folder.mkdir()
        write_json(folder / BEST, best)
        if len(table):
            write_text(folder / TRIALS, table.to_csv(index=False, lineterminator="\n"))
            shares = pd.DataFrame({"parameter": list(importance), "importance": list(importance.values())})
            write_text(folder / IMPORTANCE, shares.to_csv(index=False, lineterminator="\n"))
