"""A search whose trials take no network: F1 is a smooth hill over two settings, climbed epoch by epoch.

Usage, as one worker that may be killed: python made_up_search.py STORAGE TRIALS SAMPLER PRUNER SECONDS
"""

import math
import sys
import time

from chronoslide.errors import ModelError
from chronoslide.params import TuneSettings
from chronoslide.search.outcome import Outcome
from chronoslide.search.running import work
from chronoslide.search.space import grid_points
from chronoslide.search.study import bury_the_dead, open_storage, open_study, plan

SEED = 11
SPACE = {
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "false_positive_weight": {"low": 0.2, "high": 0.8},
}
GRID = {"filters": [8, 16, 32], "batch_patches": [8, 16, 32], "learning_rate": [1e-3, 1e-4, 1e-5]}


def settings(**changes):
    return TuneSettings(**{"trials": 8, "epochs": 3, "startup_trials": 3, "space": SPACE, **changes})


def climb(point, on_epoch=None, seconds=0.0, epochs=3):
    """The hill's top is at a learning rate of 1e-3 and a beta of 0.6."""
    distance = (math.log10(point.get("learning_rate", 1e-3)) + 3) ** 2
    distance += 4 * (point.get("false_positive_weight", 0.6) - 0.6) ** 2
    distance += (math.log2(point.get("filters", 32)) - 5) ** 2 / 50
    f1 = 0.8 * math.exp(-distance)
    for epoch in range(1, epochs + 1):
        time.sleep(seconds)
        if on_epoch is not None:
            reached = f1 * epoch / epochs
            on_epoch({"epoch": epoch, "val_f1": reached, "val_loss": 1 - reached, "val_precision": 0, "val_recall": 0})
    return Outcome(f1, 0.5, 1 - f1, f1, f1, epochs, point.get("filters", 32) / 100)


def failing(point, on_epoch):
    """As `climb`; learning rates above 2e-3 lose their way."""
    if point["learning_rate"] > 2e-3:
        raise ModelError("training: the loss is not a number in epoch 1")
    return climb(point, on_epoch)


def study_at(address, tune, identity=None, name="hill", **changes):
    identity = {"data": "abc"} if identity is None else identity
    return open_study(open_storage(address, tune.heartbeat_seconds), name, identity, tune.objectives, **changes)


def search(address, tune, objective=climb, **changes):
    """Runs a whole search, or goes on with it, and returns the study."""
    study = study_at(address, tune)
    work(study, tune, SEED, objective, points_of(tune), **changes)
    return study


def points_of(tune):
    return grid_points(tune.space, SEED) if tune.sampler == "grid" else None


def main(address, trials, sampler, pruner, seconds):
    space = GRID if sampler == "grid" else SPACE
    tune = settings(trials=int(trials), sampler=sampler, pruner=pruner, space=space, workers=2)
    study = study_at(address, tune)
    bury_the_dead(study)
    points = points_of(tune)
    plan(study, tune.trials, points)
    print("begun", flush=True)
    work(study, tune.model_copy(update={"workers": 1}), SEED, lambda p, e: climb(p, e, float(seconds)), points)


if __name__ == "__main__":
    main(*sys.argv[1:])
