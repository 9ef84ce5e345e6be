"""Samplers and pruners that draw from the seed and a trial's place alone, not from how often a search was begun.

Between the space and the study. Optuna's own would repeat their draws when an interrupted search goes on with the same
seed, and would count trials that died. A trial's *place* (0, 1, ...) is what it has in an uninterrupted search; a trial
that died is repeated under another number of Optuna's, but at the same place. So what samplers and pruners may learn
from is laid before them in a study in memory, in the order of places and without the dead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from chronoslide.params import TuneSettings
from chronoslide.search.space import suggest

PLACE = "place"
DIRECTIONS = {"f1": StudyDirection.MAXIMIZE, "cost": StudyDirection.MINIMIZE}


def draw(
    known: Sequence[FrozenTrial], settings: TuneSettings, seed: int, place: int
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Draws the point of a place.

    Args:
        known: The trials of other places: ended ones, and running ones where workers work side by side.
        settings: Sampler and space.
        seed: Of the search.
        place: Of the new trial.

    Returns:
        The point, and what the sampler wants to be kept with its trial (CMA-ES keeps its state there).
    """
    memory = _in_memory(known, settings, _sampler(settings, seed, place))
    asked = memory.ask()
    point = suggest(asked, settings.space)
    return point, memory.get_trials(deepcopy=False)[asked.number].system_attrs


def is_hopeless(
    known: Sequence[FrozenTrial], current: FrozenTrial, settings: TuneSettings
) -> tuple[bool, Mapping[str, Any]]:
    """Whether a trial should end now.

    Args:
        known: The trials of other places.
        current: The trial with the values of its epochs.
        settings: Which pruner.

    Returns:
        The answer, and what the pruner wants to be kept with the trial (Hyperband keeps what it compared).
    """
    memory = _in_memory([*known, current], settings, RandomSampler(seed=0))
    place = current.user_attrs[PLACE]
    itself = next(trial for trial in memory.get_trials() if trial.user_attrs[PLACE] == place)
    pruned = make_pruner(settings).prune(memory, itself)
    after = memory.get_trials(deepcopy=False)[itself.number].system_attrs
    return pruned, {key: value for key, value in after.items() if current.system_attrs.get(key) != value}


def _in_memory(known: Sequence[FrozenTrial], settings: TuneSettings, sampler: BaseSampler) -> Study:
    """A study of these trials in the order of their places."""
    memory = optuna.create_study(
        directions=[DIRECTIONS[objective] for objective in settings.objectives],
        sampler=sampler,
        pruner=NopPruner(),  # a pruner's brackets would also part what the sampler learns from
    )
    for trial in sorted(known, key=lambda trial: int(trial.user_attrs[PLACE])):
        memory.add_trial(
            optuna.trial.create_trial(
                state=trial.state,
                values=trial.values if trial.state == TrialState.COMPLETE else None,
                params=trial.params,
                distributions=trial.distributions,
                intermediate_values=trial.intermediate_values,
                system_attrs={key: value for key, value in trial.system_attrs.items() if key != "fixed_params"},
                user_attrs={PLACE: trial.user_attrs[PLACE]},
            )
        )
    return memory


def _sampler(settings: TuneSettings, seed: int, place: int) -> BaseSampler:
    drawn = int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
    match settings.sampler:
        case "tpe":
            return TPESampler(
                multivariate=True,
                n_startup_trials=settings.startup_trials,
                constant_liar=True,  # keeps workers apart; a single one sees no running trial but its own
                seed=drawn,
            )
        case "cmaes":
            start = int(np.random.SeedSequence([seed]).generate_state(1)[0])  # it adds the trial's number itself
            return CmaEsSampler(seed=start, independent_sampler=RandomSampler(seed=drawn))
        case _:  # the grid's points are known before
            return RandomSampler(seed=drawn)


def make_pruner(settings: TuneSettings) -> BasePruner:
    """The pruner; Hyperband's first look is after a third of a trial's epochs."""
    match settings.pruner:
        case "hyperband":
            return _HyperbandByPlace(
                min_resource=max(1, settings.epochs // 3), max_resource=settings.epochs, reduction_factor=3
            )
        case "median":
            return MedianPruner(
                n_startup_trials=settings.startup_trials, n_warmup_steps=settings.epochs // 3, n_min_trials=2
            )
        case _:
            return NopPruner()


class _HyperbandByPlace(HyperbandPruner):
    """Hyperband whose brackets follow a trial's place; its own follow Optuna's number and the study's name."""

    def _get_bracket_id(self, study: Study, trial: FrozenTrial) -> int:  # noqa: ARG002
        place = trial.user_attrs.get(PLACE, trial.number)
        stand_ins: Any = (SimpleNamespace(study_name="search"), SimpleNamespace(number=place))
        return super()._get_bracket_id(*stand_ins)
