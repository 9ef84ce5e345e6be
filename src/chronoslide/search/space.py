"""The search space of `params.yaml` in Optuna's words, and a point of it in ours.

The first step of the search: what may be tried. `study.py` keeps what was tried.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from chronoslide.params import ModelSettings, OptimiserSettings, PretrainSettings, SpaceSettings, WholeRange

Point = Mapping[str, Any]
"""A value for each searched setting, by name."""


def distributions(space: SpaceSettings) -> dict[str, BaseDistribution]:
    """Optuna's distribution of each searched setting, in the order of `params.yaml`'s own."""
    found: dict[str, BaseDistribution] = {}
    for name, dimension in space.named().items():
        if isinstance(dimension, tuple):
            found[name] = CategoricalDistribution(dimension)
        elif isinstance(dimension, WholeRange):
            found[name] = IntDistribution(dimension.low, dimension.high, log=dimension.log, step=dimension.step)
        else:
            found[name] = FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    return found


def suggest(trial: optuna.Trial, space: SpaceSettings) -> dict[str, Any]:
    """Asks the sampler for a point."""
    point: dict[str, Any] = {}
    for name, wanted in distributions(space).items():
        if isinstance(wanted, CategoricalDistribution):
            point[name] = trial.suggest_categorical(name, wanted.choices)
        elif isinstance(wanted, IntDistribution):
            point[name] = trial.suggest_int(name, wanted.low, wanted.high, log=wanted.log, step=wanted.step)
        elif isinstance(wanted, FloatDistribution):
            point[name] = trial.suggest_float(name, wanted.low, wanted.high, log=wanted.log)
    return point


def grid_points(space: SpaceSettings, seed: int) -> list[dict[str, Any]]:
    """Every combination of a space of lists, in an order drawn by the seed so that an unfinished grid is no corner."""
    named = space.named()
    lists = {name: dimension for name, dimension in named.items() if isinstance(dimension, tuple)}
    points = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
    return [points[place] for place in np.random.default_rng(seed).permutation(len(points))]


def settings_of(point: Point, section: PretrainSettings, epochs: int) -> tuple[ModelSettings, OptimiserSettings]:
    """The settings that a trial trains with: the point, then what stands in `pretrain`, then the defaults.

    Of an ensemble, one member is tried: what is good for it is good for the others.

    Args:
        point: A point of the space.
        section: `pretrain`; what it leaves open and the point does not name is the default.
        epochs: Of a trial.
    """
    parts = []
    for part in (section.model, section.optimiser):
        values = {name: value for name, value in part.model_dump().items() if value is not None}
        parts.append({**values, **{name: value for name, value in point.items() if name in type(part).model_fields}})
    network, optimiser = {**parts[0], "members": 1}, {**parts[1], "epochs": epochs}
    return ModelSettings.model_validate(network), OptimiserSettings.model_validate(optimiser)


def overruled(space: SpaceSettings, section: PretrainSettings) -> list[str]:
    """Searched settings that `pretrain` names itself, so that their best value will not be used."""
    explicit = {**section.model.model_dump(), **section.optimiser.model_dump()}
    return [name for name in space.named() if explicit[name] is not None]
