"""`chronoslide pretrain`: the network, trained on the training area outside."""

from __future__ import annotations

from pathlib import Path

from chronoslide.dataset import read_dataset
from chronoslide.models.fitting import fit
from chronoslide.models.unet import build_unet
from chronoslide.params import read_settings
from chronoslide.patches.storage import read_patches, read_statistics
from chronoslide.stages.training_run import keep, patches_text, show_epochs
from chronoslide.tracking import stage_run

MODEL = "pretrained"


def run(root: Path) -> None:
    """Writes `results/models/pretrained` and registers `chronoslide-pretrained`.

    Raises:
        DataError: The patches are missing or broken.
        ModelError: There is nothing to train on, or the loss ceases to be a number.
    """
    settings = read_settings(root / "params.yaml")
    dataset = read_dataset(root / "data")
    folder = root / "results/patches/training"
    training, validation = (read_patches(folder / subset) for subset in ("train", "validation"))
    statistics = read_statistics(folder)
    with (
        stage_run(root, "pretrain", settings) as run,
        show_epochs("pretrain", settings.pretrain.optimiser.epochs) as on_epoch,
    ):
        fitted = fit(
            build_unet(len(training.bands), settings.pretrain.model, statistics, settings.seed),
            training,
            validation,
            settings.pretrain.model,
            settings.pretrain.optimiser,
            statistics,
            settings.seed,
            patches_text(dataset, "training area", training),
            on_epoch,
        )
        keep(root / "results/models" / MODEL, fitted, run, f"chronoslide-{MODEL}")
