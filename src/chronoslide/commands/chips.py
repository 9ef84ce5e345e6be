"""`chronoslide chips TRAIN TEST`: trains and tests on folders of image and mask chips made by others."""

from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path

from chronoslide.errors import DataError
from chronoslide.files import write_json
from chronoslide.labels import UNOBSERVED
from chronoslide.mapping import openvino_engine
from chronoslide.mapping.symmetries import over_symmetries
from chronoslide.models.architectures import build_network
from chronoslide.models.fitting import count_patches, fit, predict_patches
from chronoslide.models.metrics import average_precision
from chronoslide.models.storage import save_model
from chronoslide.models.training import history_table
from chronoslide.params import ModelSettings, read_settings
from chronoslide.patches.chips import held_out_chips, read_chips, training_and_validation
from chronoslide.patches.scaling import band_statistics
from chronoslide.stages.training_run import HISTORY, show_epochs

_log = logging.getLogger(__name__)


def run(root: Path, train_folder: Path, test_folder: Path, output: Path | None = None) -> None:
    """Writes the model and `metrics.json`; the test chips are looked at once, at the end.

    A set with a split of its own keeps it: of the first folder its training and validation chips are used, of the
    second its test chips.

    Raises:
        DataError: A folder does not hold images and masks that belong together.
        ModelError: The loss ceases to be a number.
    """
    settings = read_settings(root / "params.yaml")
    output = output or root / "results/chips"
    bands, side = settings.chips.bands, settings.chips.side_pixels
    chips = read_chips(train_folder, bands, side)
    test = held_out_chips(read_chips(test_folder, bands, side))
    if test is None:
        raise DataError(f"{test_folder}: has no chips for testing; name a set with a part 'test', or without parts")
    training, validation = training_and_validation(chips, settings.chips.validation_share, settings.seed, train_folder)
    statistics = band_statistics(training.images, training.labels != UNOBSERVED, training.bands)
    network = as_the_processor_can(settings.chips.model)
    around = partial(over_symmetries, symmetries=settings.chips.symmetries)
    with show_epochs("chips", settings.chips.optimiser.epochs * network.members) as on_epoch:
        fitted = fit(
            build_network(len(training.bands), network, statistics, settings.seed),
            training,
            validation,
            network,
            settings.chips.optimiser,
            statistics,
            settings.seed,
            f"{training.n} chips of {train_folder.name}",
            on_epoch,
            around,
        )
    probability = predict_patches(fitted.model, test, statistics, around)
    counts = count_patches(probability, test, fitted.threshold.value)
    at_half = count_patches(probability, test, 0.5)
    metrics = {
        "bands": list(settings.chips.bands),
        "chips": {"train": training.n, "validation": validation.n, "test": test.n},
        "symmetries": settings.chips.symmetries,
        "threshold": fitted.threshold.value,
        "validation_f1": fitted.threshold.f1,
        "test": {
            **counts.ratios(),
            "tp": counts.tp,
            "fp": counts.fp,
            "fn": counts.fn,
            "tn": counts.tn,
            "f1_at_half": at_half.f1,
            "average_precision": average_precision(probability, test.labels),
        },
    }
    history = history_table(fitted.histories).to_csv(index=False, lineterminator="\n")
    save_model(output, fitted.model, fitted.card, {HISTORY: history})
    write_json(output / "metrics.json", metrics)
    print(json.dumps(json.loads((output / "metrics.json").read_text())["test"], indent=2))
    print(f"The model and its figures: {output}")


def as_the_processor_can(network: ModelSettings) -> ModelSettings:
    """In float32 where bfloat16 is wanted of a processor that would take several times as long for it."""
    if network.precision == "float32" or not openvino_engine.available() or openvino_engine.has_bfloat16():
        return network
    _log.warning("chips: this processor has no arithmetic in bfloat16, so float32 is taken")
    return network.model_copy(update={"precision": "float32"})
