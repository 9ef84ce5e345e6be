"""A worker of the search: takes places, trains their trials, reports every epoch, and tells the study how they ended.

It stands between the study and the training of one trial. It may be killed at any moment.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from chronoslide.errors import ModelError
from chronoslide.params import TuneSettings
from chronoslide.search.algorithms import PLACE, draw, is_hopeless
from chronoslide.search.outcome import Outcome
from chronoslide.search.space import Point, suggest
from chronoslide.search.study import FAILURE, OUTCOME, OpenStudy, bury_the_dead, claim, heartbeat, plan, teaches

OnEpoch = Callable[[dict[str, float]], None]
Objective = Callable[[Point, OnEpoch], Outcome]
"""Trains with the settings of a point, tells each epoch's figures, and returns what came of it."""

log = logging.getLogger(__name__)


def work(
    study: OpenStudy,
    settings: TuneSettings,
    seed: int,
    objective: Objective,
    points: list[dict[str, Any]] | None,
    ends: float = math.inf,
    on_trial: Callable[[FrozenTrial], None] | None = None,
) -> None:
    """Runs trials until none waits any more or the time is up.

    Args:
        study: The study.
        settings: `tune` of `params.yaml`.
        seed: Of the sampler.
        objective: What a trial does.
        points: What is tried at each place, where that is known before (a grid).
        ends: When no trial may be begun any more, as `time.monotonic` counts.
        on_trial: Told each trial that ended here.
    """
    total = settings.trials if points is None else min(settings.trials, len(points))
    while time.monotonic() < ends:
        bury_the_dead(study)
        plan(study, total, points)
        trial = claim(study, total)
        if trial is None:
            return
        try:
            run_trial(study, trial, settings, seed, objective)
        except UpdateFinishedTrialError:
            # This process slept so long that its trial was taken for dead and its place given to another one.
            log.warning("tune: trial %d is not kept, it was silent for too long", trial.user_attrs[PLACE])
        if on_trial is not None:
            on_trial(study.storage.get_trial(trial._trial_id))


def run_trial(study: OpenStudy, claimed: FrozenTrial, settings: TuneSettings, seed: int, objective: Objective) -> None:
    """Trains one trial and tells the study how it ended; a loss that is no number fails it and nothing else."""
    place = int(claimed.user_attrs[PLACE])
    optuna_study = study.as_optuna()
    trial = optuna.trial.Trial(optuna_study, _with_point(study, claimed, settings, seed)._trial_id)
    curve: list[dict[str, float]] = []
    started = time.perf_counter()

    def on_epoch(epoch: dict[str, float]) -> None:
        curve.append({name: value if math.isfinite(value) else 0.0 for name, value in epoch.items()})
        if len(settings.objectives) > 1:
            return  # Optuna prunes by one objective only
        trial.report(curve[-1]["val_f1"], int(epoch["epoch"]))
        if settings.pruner == "none" or epoch["epoch"] >= settings.epochs:  # then nothing is left to be saved
            return
        pruned, kept = is_hopeless(_others(study, claimed), study.storage.get_trial(claimed._trial_id), settings)
        for name, value in kept.items():
            study.storage.set_trial_system_attr(claimed._trial_id, name, value)
        if pruned:
            raise optuna.TrialPruned

    with heartbeat(study, claimed):
        point = suggest(trial, settings.space)
        state, outcome = TrialState.COMPLETE, None
        try:
            outcome = objective(point, on_epoch)
        except optuna.TrialPruned:
            state = TrialState.PRUNED
        except (ModelError, MemoryError) as error:
            state = TrialState.FAIL
            trial.set_user_attr(FAILURE, str(error) or type(error).__name__)
            log.warning("tune: trial %d failed: %s", place, error)
        except Exception as error:
            if not _out_of_memory(error):
                raise
            state = TrialState.FAIL
            trial.set_user_attr(FAILURE, "not enough memory")
            log.warning("tune: trial %d failed: not enough memory; the search goes on", place)
        _keep_figures(trial, curve, outcome, time.perf_counter() - started)
        values = None if outcome is None else [getattr(outcome, name) for name in settings.objectives]
        optuna_study.tell(trial, values, state)


def _with_point(study: OpenStudy, claimed: FrozenTrial, settings: TuneSettings, seed: int) -> FrozenTrial:
    """Gives a trial its point, unless it has one from the grid or from the trial that died before it."""
    if claimed.system_attrs.get("fixed_params"):
        return claimed
    place = int(claimed.user_attrs[PLACE])
    point, kept = draw(_others(study, claimed), settings, seed, place)
    for name, value in {**kept, "fixed_params": point}.items():
        study.storage.set_trial_system_attr(claimed._trial_id, name, value)
    return claimed


def _others(study: OpenStudy, claimed: FrozenTrial) -> list[FrozenTrial]:
    return [trial for trial in study.trials() if trial.number != claimed.number and teaches(trial)]


def _keep_figures(trial: optuna.Trial, curve: list[dict[str, float]], outcome: Outcome | None, seconds: float) -> None:
    trial.set_user_attr("curve", curve)
    figures = {} if outcome is None else asdict(outcome)
    trial.set_user_attr(OUTCOME, {**figures, "seconds": round(seconds, 3)})


def _out_of_memory(error: Exception) -> bool:
    """TensorFlow's own exception, told by its name so that this module need not load it."""
    return type(error).__name__ == "ResourceExhaustedError"
