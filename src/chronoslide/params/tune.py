"""The section `tune`: the search for what `pretrain` leaves open."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chronoslide.params.base import Count, Positive, Section
from chronoslide.params.space import SpaceSettings


class TuneSettings(Section):
    """The search for the best settings of `pretrain`.

    Attributes:
        study: Name under which the storage keeps the search.
        trials: In total, earlier ones of the same study included; 0 skips the search.
        epochs: Of a trial at most.
        patches: Training patches of a trial at most, drawn by the seed; null takes all.
        objectives: "f1" is pooled over the validation patches at the threshold that suits them best; "cost" is the
            arithmetic of training [10^12 multiply-adds], which unlike seconds is the same on every machine. With both,
            the trials that no other one beats in both are the Pareto front, and the best is the one of highest F1.
        sampler: "tpe" (multivariate), "grid" (every combination once), "random" or "cmaes" (ranges only).
        startup_trials: Of "tpe": as many are drawn at random before it begins to learn.
        pruner: What ends a hopeless trial early.
        minutes: Wall time after which no trial is begun any more; null has no limit. Where it ends a search, the
            result depends on the machine.
        workers: Processes on this machine, which share its cores.
        storage: Database of the study, as Optuna's address; a relative SQLite file belongs to the repository.
        heartbeat_seconds: A trial whose machine was silent three times as long is given to another worker.
        space: What is searched.
    """

    study: Annotated[str, Field(min_length=1)] = "search"
    trials: Annotated[int, Field(ge=0)] = 0
    epochs: Count = 6
    patches: Count | None = None
    objectives: Annotated[tuple[Literal["f1", "cost"], ...], Field(min_length=1)] = ("f1",)
    sampler: Literal["tpe", "grid", "random", "cmaes"] = "tpe"
    startup_trials: Count = 5
    pruner: Literal["hyperband", "median", "none"] = "hyperband"
    minutes: Positive | None = None
    workers: Count = 1
    storage: str = "sqlite:///search/study.db"
    heartbeat_seconds: Count = 60
    space: SpaceSettings = SpaceSettings()

    @model_validator(mode="after")
    def _possible(self) -> TuneSettings:
        named = self.space.named()
        ranges = sorted(name for name, dimension in named.items() if not isinstance(dimension, tuple))
        lists = sorted(set(named) - set(ranges))
        if self.trials and not named:
            known = ", ".join(SpaceSettings.model_fields)
            raise ValueError(f"space is empty; name something to search ({known}), or set trials to 0")
        if self.objectives[0] != "f1" or len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"objectives must be [f1] or [f1, cost], got {list(self.objectives)}")
        if len(self.objectives) > 1 and self.pruner != "none":
            raise ValueError("several objectives and a pruner exclude each other; set pruner to none")
        if self.sampler == "grid" and ranges:
            raise ValueError(f"sampler grid needs a list of values for {', '.join(ranges)}; name them, or take tpe")
        if self.sampler == "cmaes" and (lists or len(ranges) < 2):
            raise ValueError(
                "sampler cmaes needs two or more ranges with low and high and no list"
                f"{' (here ' + ', '.join(lists) + ')' if lists else ''}; change space, or take tpe"
            )
        if self.sampler == "cmaes" and len(self.objectives) > 1:
            raise ValueError("sampler cmaes knows one objective; set objectives to [f1], or take tpe")
        return self
