"""A worker of the search: takes places, trains their trials, reports every epoch, and tells the study how they ended.

It stands between the study and the training of one trial. It may be killed at any moment.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any

import optuna
from optuna.exceptions import OptunaError
from optuna.trial import FrozenTrial, TrialState

from chronoslide.errors import ModelError
from chronoslide.params import PretrainSettings, TuneSettings
from chronoslide.search.algorithms import PLACE, make_pruner, make_sampler
from chronoslide.search.networks import Networks
from chronoslide.search.objective import Outcome, TrialData, train_trial
from chronoslide.search.space import settings_of, suggest
from chronoslide.search.study import FAILURE, OpenStudy, bury_the_dead, claim, heartbeat, plan

log = logging.getLogger(__name__)


def work(
    study: OpenStudy,
    settings: TuneSettings,
    section: PretrainSettings,
    data: TrialData,
    networks: Networks,
    points: list[dict[str, Any]] | None,
    ends: float = math.inf,
    on_trial: Callable[[FrozenTrial], None] | None = None,
) -> None:
    """Runs trials until none waits any more or the time is up.

    Args:
        study: The study.
        settings: `tune` of `params.yaml`.
        section: `pretrain` of `params.yaml`, for what is not searched.
        data: What all trials share.
        networks: That fit the data.
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
        run_trial(study, trial, settings, section, data, networks)
        if on_trial is not None:
            on_trial(study.storage.get_trial(trial._trial_id))


def run_trial(
    study: OpenStudy,
    claimed: FrozenTrial,
    settings: TuneSettings,
    section: PretrainSettings,
    data: TrialData,
    networks: Networks,
) -> None:
    """Trains one trial and tells the study how it ended; a loss that is no number fails it and nothing else."""
    place = int(claimed.user_attrs[PLACE])
    optuna_study = study.with_sampler(make_sampler(settings, data.seed, place))
    pruner = make_pruner(settings)
    trial = optuna.trial.Trial(optuna_study, claimed._trial_id)
    curve: list[dict[str, float]] = []
    started = time.perf_counter()

    def on_epoch(epoch: dict[str, float]) -> None:
        curve.append({name: value if math.isfinite(value) else 0.0 for name, value in epoch.items()})
        if len(settings.objectives) > 1:
            return
        trial.report(curve[-1]["val_f1"], int(epoch["epoch"]))
        if pruner.prune(optuna_study, study.storage.get_trial(claimed._trial_id)):
            raise optuna.TrialPruned

    with heartbeat(study, claimed):
        point = suggest(trial, settings.space)
        model, optimiser = settings_of(point, section, settings.epochs)
        state, outcome = TrialState.COMPLETE, None
        try:
            outcome = train_trial(data, networks, model, optimiser, on_epoch)
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
        _keep_figures(trial, curve, outcome, time.perf_counter() - started, len(curve) * data.training.n)
        try:
            values = None if outcome is None else [getattr(outcome, name) for name in settings.objectives]
            optuna_study.tell(trial, values, state)
        except (ValueError, OptunaError) as error:
            # This process slept so long that its place was given to another one.
            log.warning("tune: trial %d is not kept (%s)", place, error)


def _keep_figures(
    trial: optuna.Trial, curve: list[dict[str, float]], outcome: Outcome | None, seconds: float, patches: int
) -> None:
    trial.set_user_attr("curve", curve)
    trial.set_user_attr("seconds", round(seconds, 3))
    trial.set_user_attr("patches", patches)
    if outcome is not None:
        for name in ("f1", "threshold", "loss", "precision", "recall", "best_epoch", "cost"):
            trial.set_user_attr(name, getattr(outcome, name))


def _out_of_memory(error: Exception) -> bool:
    """TensorFlow's own exception, told by its name so that this module need not load it."""
    return type(error).__name__ == "ResourceExhaustedError"
