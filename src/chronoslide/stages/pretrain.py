"""`chronoslide pretrain`: the network, trained on the training area outside, after patch sets of others if there are.

Patch sets come first and the training area last, not both at once: a mixed batch would give batch normalisation the
statistics of neither, the last steps would not be those of the sensor that is mapped, and without sources, or with
them, the training on the area is the same, so that what they are worth can be told.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from chronoslide.dataset import read_dataset
from chronoslide.errors import DataError
from chronoslide.files import json_text
from chronoslide.models.architectures import build_network
from chronoslide.models.fitting import fit
from chronoslide.models.settling import Settled, settle
from chronoslide.models.training import history_table, train_members
from chronoslide.params import PretrainSettings, read_settings
from chronoslide.patches.scaling import BandStatistics
from chronoslide.patches.source_reading import ReadSource, counts, described, mixtures, read_sources
from chronoslide.patches.storage import read_patches, read_statistics
from chronoslide.stages.training_run import keep, log_epochs, patches_text, show_epochs, training_run
from chronoslide.tracking import StageRun, require_dependency

MODEL = "pretrained"
BEST = "results/search/best_params.json"
SOURCES, SOURCES_HISTORY = "sources.json", "sources_history.csv"

log = logging.getLogger(__name__)


def run(root: Path) -> None:
    """Writes `results/models/pretrained` and registers `chronoslide-pretrained`.

    What `params.yaml` leaves open (null) comes from the search, and from the defaults where none was made.

    Raises:
        DataError: The patches or the search's result are missing or broken.
        SettingsError: A patch set of `pretrain.sources` lacks a band or is not listed in `dvc.yaml`.
        ModelError: There is nothing to train on, or the loss ceases to be a number.
    """
    settings = read_settings(root / "params.yaml")
    dataset = read_dataset(root / "data")
    folder = root / "results/patches/training"
    training, validation = (read_patches(folder / subset) for subset in ("train", "validation"))
    statistics = read_statistics(folder)
    settled = settle(settings.pretrain, _best(root / BEST))
    log.info("pretrain: %s", settled.sentence())
    for number, source in enumerate(settings.pretrain.sources):
        require_dependency(root, "pretrain", source.path, f"pretrain.sources[{number}]")
    with training_run(root, "pretrain", settings) as run:
        run.log_params({f"used.{name}": value for name, value in settled.values.items()})
        run.tag(**{f"from.{name}": source for name, source in settled.sources.items()})
        model = build_network(len(training.bands), settled.model, statistics, settings.seed)
        trained_on = patches_text(dataset, "training area", training)
        beside: dict[str, str] = {}
        if settings.pretrain.sources:
            sources = read_sources(root, settings.pretrain.sources, statistics, training.side, settings.seed)
            beside = _train_on_sources(model, sources, settings.pretrain, settled, statistics, settings.seed, run)
            trained_on += f"; begun from weights trained on {described(sources)}"
        with show_epochs("pretrain", settled.optimiser.epochs * settled.model.members) as on_epoch:
            fitted = fit(
                model,
                training,
                validation,
                settled.model,
                settled.optimiser,
                statistics,
                settings.seed,
                trained_on,
                on_epoch,
            )
        keep(root / "results/models" / MODEL, fitted, run, f"chronoslide-{MODEL}", beside)


def _train_on_sources(
    model: keras.Model,
    sources: Sequence[ReadSource],
    section: PretrainSettings,
    settled: Settled,
    statistics: BandStatistics,
    seed: int,
    run: StageRun,
) -> dict[str, str]:
    """Trains the network on patch sets made by others; returns what is kept beside it, text by file name."""
    for source in sources:
        fitted = ", ".join(f"{count} {done}" for done, count in source.chip_set.fitted.items())
        log.info("pretrain: %s: %s; chips %s", source.name, source.chip_set.units.name, fitted)
        for note in source.chip_set.notes:
            log.warning("pretrain: %s", note)
    training, validation = mixtures(sources, section.source_patches, statistics, seed)
    optimiser = settled.optimiser.model_copy(
        update={"epochs": section.source_epochs, "epoch_patches": 0, "sampling": "even"}
    )
    with show_epochs("pretrain on sources", optimiser.epochs * settled.model.members) as on_epoch:
        histories = train_members(model, training, validation, optimiser, statistics, seed, on_epoch)
    run.log_metrics(counts(sources, training))
    log_epochs(histories, run, "sources.")
    return {
        SOURCES: json_text({"sources": [source.to_json() for source in sources]}),
        SOURCES_HISTORY: history_table(histories).to_csv(index=False, lineterminator="\n"),
    }


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
