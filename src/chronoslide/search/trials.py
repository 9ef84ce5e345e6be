"""What a search found: the table of its trials, the best one, the Pareto front, and which settings mattered.

The last step of the search, from the study to `results/search`. Only `timing_table` holds wall times; it
stands beside the results, not among them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState

from chronoslide.errors import ModelError
from chronoslide.search.algorithms import PLACE
from chronoslide.search.study import FAILURE, OUTCOME, PROCESS, OpenStudy

FIGURES = ("f1", "loss", "precision", "recall", "threshold", "best_epoch", "epochs", "cost")
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
"""The words for how a trial ended, in tables and in MLflow."""


def ended(study: OpenStudy, total: int) -> list[FrozenTrial]:
    """The trials that count, by place: not those that died and were repeated, nor what still waits or runs."""
    found = [
        trial
        for trial in study.trials()
        if trial.user_attrs.get(PLACE, total) < total
        and (trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or FAILURE in trial.user_attrs)
        and trial.state.is_finished()
    ]
    return sorted(found, key=lambda trial: trial.user_attrs[PLACE])


def best_of(trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The trial of the highest F1; the earlier of two equal ones.

    Raises:
        ModelError: None of them ended properly.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete:
        failures = [str(trial.user_attrs[FAILURE]) for trial in trials if FAILURE in trial.user_attrs]
        said = f"; the last one that failed said: {failures[-1]}" if failures else ""
        raise ModelError(
            f"tune: none of {len(trials)} trials came to its end, so there is no best one{said}; "
            "change tune.space, tune.epochs or tune.minutes and repeat with --new"
        )
    return max(complete, key=lambda trial: (trial.values[0], -trial.user_attrs[PLACE]))


def pareto_front(trials: Sequence[FrozenTrial]) -> set[int]:
    """Places of the trials that no other one beats: as good in F1 and cost, and better in one of them."""

    def beats(one: FrozenTrial, other: FrozenTrial) -> bool:
        gains = (one.values[0] - other.values[0], other.values[1] - one.values[1])
        return bool(min(gains) >= 0 and max(gains) > 0)

    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return {trial.user_attrs[PLACE] for trial in complete if not any(beats(other, trial) for other in complete)}


def trial_table(trials: Sequence[FrozenTrial], names: Sequence[str], objectives: Sequence[str]) -> pd.DataFrame:
    """A row a trial, in the order of places.

    Args:
        trials: As `ended` gives them.
        names: The searched settings, which are columns.
        objectives: With two, a column says who is on the Pareto front.
    """
    front = pareto_front(trials) if len(objectives) > 1 else set()
    rows = []
    for trial in trials:
        row: dict[str, Any] = {"trial": trial.user_attrs[PLACE], "state": STATES[trial.state]}
        row |= {name: trial.params.get(name) for name in names}
        figures = {**trial.user_attrs.get(OUTCOME, {}), "epochs": len(trial.user_attrs.get("curve", ()))}
        row |= {name: figures.get(name) for name in FIGURES}
        if trial.state == TrialState.PRUNED:  # what it had reached
            last = trial.user_attrs["curve"][-1]
            row |= {"f1": last["val_f1"], "loss": last["val_loss"]}
            row |= {"precision": last["val_precision"], "recall": last["val_recall"]}
        if len(objectives) > 1:
            row["pareto"] = trial.user_attrs[PLACE] in front
        rows.append(row)
    table = pd.DataFrame(rows)
    if not len(table):
        return table
    rounded = [name for name in ("f1", "loss", "precision", "recall", "threshold", "cost") if name in table]
    whole = dict.fromkeys([name for name in ("best_epoch", "epochs") if name in table], "Int64")
    return table.astype({**dict.fromkeys(rounded, "float64"), **whole}).round(6)


def best_parameters(best: FrozenTrial, trials: Sequence[FrozenTrial], summary: Mapping[str, Any]) -> dict[str, Any]:
    """What `best_params.json` holds; `parameters` is what `pretrain` reads."""
    count = {name: sum(trial.state == state for trial in trials) for state, name in STATES.items()}
    return {
        **summary,
        "searched": True,
        "parameters": dict(best.params),
        "best_trial": best.user_attrs[PLACE],
        "f1": round(best.values[0], 6),
        "trials": len(trials),
        **count,
    }


def no_search() -> dict[str, Any]:
    """`best_params.json` where no search was wanted."""
    return {"searched": False, "parameters": {}, "trials": 0}


def importances(study: OpenStudy, trials: Sequence[FrozenTrial], names: Sequence[str], seed: int) -> dict[str, float]:
    """The share of the variance of F1 that each setting explains (functional ANOVA of Hutter et al. 2014).

    Empty where too few trials came to their end, or all of them are equally good.
    """
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    varied = [name for name in names if len({trial.params[name] for trial in complete}) > 1]
    if len(complete) < 4 or not varied or len({trial.values[0] for trial in complete}) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = optuna.importance.get_param_importances(
            study.as_optuna(),
            evaluator=FanovaImportanceEvaluator(seed=seed),
            params=varied,
            target=lambda trial: trial.values[0],
        )
    return {name: round(float(share), 6) for name, share in sorted(shares.items(), key=lambda item: -item[1])}


def timing_table(done: Sequence[FrozenTrial]) -> pd.DataFrame:
    """When each trial began and ended, in which process; a row a trial. Differs from run to run."""
    rows = [
        {
            "trial": trial.user_attrs[PLACE],
            "state": STATES[trial.state],
            "worker": str(trial.user_attrs.get(PROCESS, "")).rpartition(":")[0],
            "begun": trial.datetime_start,
            "ended": trial.datetime_complete,
            "seconds": trial.user_attrs.get(OUTCOME, {}).get("seconds"),
            "epochs": len(trial.user_attrs.get("curve", ())),
        }
        for trial in done
    ]
    return pd.DataFrame(rows)
