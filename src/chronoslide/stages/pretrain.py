"""`chronoslide pretrain`: the network, trained on the training area outside."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from chronoslide.dataset import read_dataset
from chronoslide.errors import DataError
from chronoslide.models.architectures import build_network
from chronoslide.models.fitting import fit
from chronoslide.models.settling import settle
from chronoslide.params import read_settings
from chronoslide.patches.storage import read_patches, read_statistics
from chronoslide.stages.training_run import keep, patches_text, show_epochs
from chronoslide.tracking import stage_run

MODEL = "pretrained"
BEST = "results/search/best_params.json"

log = logging.getLogger(__name__)


def run(root: Path) -> None:
    """Writes `results/models/pretrained` and registers `chronoslide-pretrained`.

    What `params.yaml` leaves open (null) comes from the search, and from the defaults where none was made.

    Raises:
        DataError: The patches or the search's result are missing or broken.
        ModelError: There is nothing to train on, or the loss ceases to be a number.
    """
    settings = read_settings(root / "params.yaml")
    dataset = read_dataset(root / "data")
    folder = root / "results/patches/training"
    training, validation = (read_patches(folder / subset) for subset in ("train", "validation"))
    statistics = read_statistics(folder)
    settled = settle(settings.pretrain, _best(root / BEST))
    log.info("pretrain: %s", settled.sentence())
    with (
        stage_run(root, "pretrain", settings) as run,
        show_epochs("pretrain", settled.optimiser.epochs) as on_epoch,
    ):
        run.log_params({f"used.{name}": value for name, value in settled.values.items()})
        run.tag(**{f"from.{name}": source for name, source in settled.sources.items()})
        fitted = fit(
            build_network(len(training.bands), settled.model, statistics, settings.seed),
            training,
            validation,
            settled.model,
            settled.optimiser,
            statistics,
            settings.seed,
            patches_text(dataset, "training area", training),
            on_epoch,
        )
        keep(root / "results/models" / MODEL, fitted, run, f"chronoslide-{MODEL}")


def _best(path: Path) -> dict[str, Any]:
    """The best parameters of the search, none where none was made."""
    try:
        parameters = json.loads(path.read_text(encoding="utf-8"))["parameters"]
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; run `chronoslide tune` (with tune.trials: 0 to skip it)") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: holds no parameters; repeat `chronoslide tune`") from error
    if not isinstance(parameters, dict):
        raise DataError(f"{path}: holds no parameters; repeat `chronoslide tune`")
    return parameters
