"""Samplers and pruners that draw from the seed and a trial's place alone, not from how often a search was begun.

Between the space and the study. Optuna's own would repeat their draws when an interrupted search goes on with the same
seed, and count trials that died. A trial's *place* (0, 1, ...) is what it has in an uninterrupted search; a trial that
died is repeated under another number of Optuna's, but at the same place.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from chronoslide.params import TuneSettings

PLACE = "place"


def make_sampler(settings: TuneSettings, seed: int, place: int) -> BaseSampler:
    """The sampler of one trial; what it learns from earlier trials, it reads from the study.

    Args:
        settings: Which sampler.
        seed: Of the search.
        place: Of the trial.
    """
    drawn = int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
    match settings.sampler:
        case "tpe":
            return TPESampler(
                multivariate=True,
                n_startup_trials=settings.startup_trials,
                constant_liar=settings.workers > 1,  # keeps workers apart; alone, it would see nothing but itself
                seed=drawn,
            )
        case "cmaes":
            start = int(np.random.SeedSequence([seed]).generate_state(1)[0])
            return _ByPlace(CmaEsSampler(seed=start, independent_sampler=RandomSampler(seed=drawn)))
        case _:  # the grid's points are known before and need none
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


class _ByPlace(BaseSampler):
    """Tells CMA-ES a trial's place as its number, which it adds to its seed."""

    def __init__(self, inner: BaseSampler) -> None:
        self._inner = inner

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        placed = copy.copy(trial)
        placed.number = trial.user_attrs.get(PLACE, trial.number)
        return self._inner.sample_relative(study, placed, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._inner.after_trial(study, trial, state, values)
